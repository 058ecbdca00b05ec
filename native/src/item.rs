//! From a document as compact JSON to the JSON of `DynamoDB`, as `consumer.dynamodb` writes it: a number 1 is `{"N":"1"}`.

use std::ops::Range;

use crate::json::{Reader, Unusual, Usual};

/// `DynamoDB`: attributes are nested so deep at most.
const MOST_NESTING: usize = 32;

pub struct Writer<'a> {
    reader: Reader<'a>,
    pub out: Vec<u8>,
}

/// A field of the document itself: where its name stands, without quotes, and its value.
pub struct Field {
    pub name: Range<usize>,
    pub value: Range<usize>,
}

impl<'a> Writer<'a> {
    pub fn new(body: &'a [u8]) -> Self {
        Writer {
            reader: Reader::new(body),
            out: Vec::with_capacity(2 * body.len()),
        }
    }

    /// Write all of it; gives its fields.
    pub fn document(&mut self, fields: &mut Vec<Field>) -> Usual<()> {
        self.members(1, Some(fields))?;
        if self.reader.position == self.reader.text.len() {
            Ok(())
        } else {
            Err(Unusual)
        }
    }

    fn members(&mut self, depth: usize, mut fields: Option<&mut Vec<Field>>) -> Usual<()> {
        self.reader.expect(b'{')?;
        self.out.push(b'{');
        if self.reader.take(b"}") {
            self.out.push(b'}');
            return Ok(());
        }
        loop {
            let key = self.reader.position;
            let name = self.reader.quoted()?;
            // An escaped name may be one that is looked for, or empty.
            if !name.is_plain || name.raw.is_empty() {
                return Err(Unusual);
            }
            self.out
                .extend_from_slice(&self.reader.text[key..self.reader.position]);
            self.reader.expect(b':')?;
            self.out.push(b':');
            let begin = self.reader.position;
            self.value(depth)?;
            if let Some(fields) = fields.as_mut() {
                fields.push(Field {
                    name: key + 1..begin - 2,
                    value: begin..self.reader.position,
                });
            }
            if !self.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    fn elements(&mut self, depth: usize) -> Usual<()> {
        self.reader.expect(b'[')?;
        self.out.push(b'[');
        if self.reader.take(b"]") {
            self.out.push(b']');
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
    }

    fn goes_on(&mut self, close: u8) -> Usual<bool> {
        let mark = self.reader.peek();
        if mark != b',' && mark != close {
            return Err(Unusual);
        }
        self.reader.position += 1;
        self.out.push(mark);
        Ok(mark == b',')
    }

    /// `depth`: how many attributes are around it, itself included.
    fn value(&mut self, depth: usize) -> Usual<()> {
        match self.reader.peek() {
            b'"' => {
                let begin = self.reader.position;
                self.reader.quoted()?;
                self.out.extend_from_slice(b"{\"S\":");
                self.out
                    .extend_from_slice(&self.reader.text[begin..self.reader.position]);
            }
            b'{' | b'[' if depth > MOST_NESTING => return Err(Unusual),
            b'{' => {
                self.out.extend_from_slice(b"{\"M\":");
                self.members(depth + 1, None)?;
            }
            b'[' => {
                self.out.extend_from_slice(b"{\"L\":");
                self.elements(depth + 1)?;
            }
            b't' => {
                self.reader.word(b"true")?;
                self.out.extend_from_slice(b"{\"BOOL\":true");
            }
            b'f' => {
                self.reader.word(b"false")?;
                self.out.extend_from_slice(b"{\"BOOL\":false");
            }
            b'n' => {
                self.reader.word(b"null")?;
                self.out.extend_from_slice(b"{\"NULL\":true");
            }
            _ => {
                let number = self.reader.number()?.text;
                let is_zero = number.iter().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
                self.out.extend_from_slice(b"{\"N\":\"");
                self.out
                    .extend_from_slice(if is_zero { b"0" } else { number });
                self.out.push(b'"');
            }
        }
        self.out.push(b'}');
        Ok(())
    }
}
