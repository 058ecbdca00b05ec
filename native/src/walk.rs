//! One walk over a record along the tree of fields: whatever is not sure to be read alike everywhere ends it.

use std::ops::Range;

use crate::json::{Number, Quoted, Reader, Unusual, Usual};
use crate::tree::{
    Flags, Tree, ACCOUNT, APART, BANK, DROPS, ID, NAMES, PAIRS, ROOT, SCHEME, SCHEMES, TYPES,
    VALUE, WHOLE,
};

pub struct Limits {
    pub max_depth: usize,
    pub max_bytes: usize,
    pub max_values: usize,
}

/// Where a scalar stands: at which field, from where to where, and whether in a list.
pub struct Place {
    pub node: u32,
    pub flags: Flags,
    pub at: Range<usize>,
    pub in_list: bool,
}

/// A text that may tell what stands beside it. `at`: between its quotes. `pair`: none where it is the first of two texts in
/// a list.
pub struct Tell {
    pub at: Range<usize>,
    pub pair: Option<usize>,
}

/// A text that is the name of what stands in an object. `at`: between its quotes. `within`: where the object is.
pub struct Name {
    pub at: Range<usize>,
    pub within: Range<usize>,
}

/// What is done along the way. Commas, colons and brackets are given as they are, keys with their quotes.
pub trait Visitor {
    fn mark(&mut self, _mark: u8) {}
    fn key(&mut self, _quoted: &[u8]) {}
    /// What comes next is the value of a field that may be part of a pair; and it has come.
    fn begin_member(&mut self, _node: u32) {}
    fn end_member(&mut self, _is_container: bool) {}
    /// The last members are those of one object; they may be a pair, or not. Gives its number in the record.
    fn pair(&mut self, _node: u32, _members: usize) -> usize {
        0
    }
    fn no_pair(&mut self, _members: usize) {}
    fn text(&mut self, place: Place, quoted: &Quoted) -> Usual<()>;
    fn number(&mut self, place: Place, number: &Number) -> Usual<()>;
    fn word(&mut self, place: Place, word: &'static [u8]) -> Usual<()>;
}

pub struct Walk<'a, V> {
    pub tree: &'a mut Tree,
    pub limits: &'a Limits,
    pub visitor: V,
    pub tells: Vec<Tell>,
    pub names: Vec<Name>,
    /// The scalars that may say that the record is dropped: their fields, and where they stand.
    pub drops: Vec<(u32, Range<usize>)>,
    /// Those that have to be judged, whatever the texts tell.
    pub pairs: Vec<usize>,
    reader: Reader<'a>,
    values: usize,
    /// Lists that have begun, and not ended.
    lists: usize,
}

/// Longer texts, in UTF-8, name nothing.
const LONGEST_NAME: usize = 256;
/// What says something of what stands beside it.
const TELLING: Flags = NAMES | TYPES;
/// What says something of what stands beside it, or of which something may be said.
const PARTS: Flags = TELLING | VALUE | BANK | ACCOUNT | SCHEME | ID;

impl<'a, V: Visitor> Walk<'a, V> {
    pub fn new(tree: &'a mut Tree, limits: &'a Limits, visitor: V, text: &'a [u8]) -> Self {
        Walk {
            tree,
            limits,
            visitor,
            tells: Vec::new(),
            names: Vec::new(),
            drops: Vec::new(),
            pairs: Vec::new(),
            reader: Reader::new(text),
            values: 0,
            lists: 0,
        }
    }

    pub fn record(&mut self) -> Usual<()> {
        self.reader.skip_space();
        if self.reader.peek() != b'{' {
            return Err(Unusual);
        }
        self.object(ROOT, 1)?;
        self.reader.skip_space();
        if self.reader.position == self.reader.text.len() {
            Ok(())
        } else {
            Err(Unusual)
        }
    }

    fn count(&mut self) -> Usual<()> {
        self.values += 1;
        if self.values > self.limits.max_values {
            Err(Unusual)
        } else {
            Ok(())
        }
    }

    /// Read what opens an object or a list; tells whether there is anything in it.
    fn opens(&mut self, open: u8, close: u8) -> Usual<bool> {
        self.reader.expect(open)?;
        self.visitor.mark(open);
        self.reader.skip_space();
        if self.reader.peek() != close {
            return Ok(true);
        }
        self.reader.position += 1;
        self.visitor.mark(close);
        Ok(false)
    }

    /// Read what follows a value; tells whether another one does.
    fn goes_on(&mut self, close: u8) -> Usual<bool> {
        self.reader.skip_space();
        let mark = self.reader.peek();
        if mark != b',' && mark != close {
            return Err(Unusual);
        }
        self.reader.position += 1;
        self.visitor.mark(mark);
        if mark == b',' {
            self.reader.skip_space();
        }
        Ok(mark == b',')
    }

    fn object(&mut self, node: u32, depth: usize) -> Usual<()> {
        if depth > self.limits.max_depth || self.tree.nodes[node as usize].flags & APART != 0 {
            return Err(Unusual);
        }
        self.tree.objects += 1;
        let object = self.tree.objects;
        let begin = self.reader.position;
        if !self.opens(b'{', b'}')? {
            return Ok(());
        }
        let mut parts = 0;
        let mut own = Vec::new();
        let mut members = 0;
        let mut previous = None;
        loop {
            let start = self.reader.position;
            let child = self.key(node, previous)?;
            previous = Some(child);
            let field = &mut self.tree.nodes[child as usize];
            if field.met_in == object || field.flags & APART != 0 {
                return Err(Unusual);
            }
            field.met_in = object;
            let flags = field.flags;
            parts |= flags;
            self.visitor
                .key(&self.reader.text[start..self.reader.position]);
            self.reader.skip_space();
            self.reader.expect(b':')?;
            self.count()?;
            self.reader.skip_space();
            if flags & TELLING != 0 && self.reader.peek() == b'"' {
                own.push((self.reader.position, flags & NAMES != 0));
            }
            if flags & PARTS == 0 {
                self.value(child, depth, false)?;
            } else {
                members += 1;
                let is_container = matches!(self.reader.peek(), b'{' | b'[');
                self.visitor.begin_member(child);
                self.value(child, depth, false)?;
                self.visitor.end_member(is_container);
            }
            if !self.goes_on(b'}')? {
                break;
            }
        }
        let about = self.tree.nodes[node as usize].flags;
        if about & PAIRS != 0 {
            for (start, _) in own.iter().filter(|(_, is_name)| *is_name) {
                if let Some(at) = self.short(*start)? {
                    let within = begin..self.reader.position;
                    self.names.push(Name { at, within });
                }
            }
        }
        let at_a_bank = parts & BANK != 0 && parts & ACCOUNT != 0;
        let of_a_scheme = about & SCHEMES != 0
            && parts & (ID | VALUE) != 0
            && (parts & SCHEME != 0 || !own.is_empty());
        if (parts & VALUE == 0 || own.is_empty()) && !at_a_bank && !of_a_scheme {
            self.visitor.no_pair(members);
            return Ok(());
        }
        let pair = self.visitor.pair(node, members);
        if at_a_bank || of_a_scheme {
            self.pairs.push(pair);
        }
        for (start, _) in own {
            self.tell(start, Some(pair))?;
        }
        Ok(())
    }

    /// Read the name of a field: mostly the one that came last time, too, which needs no looking up.
    #[inline]
    fn key(&mut self, node: u32, previous: Option<u32>) -> Usual<u32> {
        let nodes = &mut self.tree.nodes;
        let likely = previous.map_or(nodes[node as usize].first, |field| {
            nodes[field as usize].next
        });
        if likely != ROOT && self.reader.take(&nodes[likely as usize].quoted) {
            return Ok(likely);
        }
        let key = self.reader.quoted()?;
        if !key.is_plain {
            return Err(Unusual);
        }
        let children = &nodes[node as usize].children;
        let child = *children.get(key.raw).ok_or(Unusual)?;
        match previous {
            None => nodes[node as usize].first = child,
            Some(field) => nodes[field as usize].next = child,
        }
        Ok(child)
    }

    /// Note the text that begins at a quote.
    fn tell(&mut self, start: usize, pair: Option<usize>) -> Usual<()> {
        if let Some(at) = self.short(start)? {
            self.tells.push(Tell { at, pair });
        }
        Ok(())
    }

    /// Give where the text stands that begins at a quote, if it is short enough for a name.
    fn short(&self, start: usize) -> Usual<Option<Range<usize>>> {
        let mut reader = Reader {
            text: self.reader.text,
            position: start,
        };
        let quoted = reader.quoted()?;
        if quoted.raw.len() > LONGEST_NAME {
            return Ok(None);
        }
        if !quoted.is_plain {
            return Err(Unusual);
        }
        Ok(Some(start + 1..reader.position - 1))
    }

    fn list(&mut self, node: u32, depth: usize, is_item: bool) -> Usual<()> {
        if depth > self.limits.max_depth {
            return Err(Unusual);
        }
        if !self.opens(b'[', b']')? {
            return Ok(());
        }
        let first = self.reader.position;
        self.lists += 1;
        let mut items = 0;
        loop {
            self.count()?;
            items += 1;
            self.value(node, depth, true)?;
            if !self.goes_on(b']')? {
                break;
            }
        }
        self.lists -= 1;
        // `["password", "hunter2"]`
        if is_item && items == 2 && self.reader.text[first] == b'"' {
            self.tell(first, None)?;
        }
        Ok(())
    }

    fn value(&mut self, node: u32, depth: usize, in_list: bool) -> Usual<()> {
        let flags = self.tree.nodes[node as usize].flags;
        let start = self.reader.position;
        let place = |end: usize| Place {
            node,
            flags,
            at: start..end,
            in_list,
        };
        if flags & DROPS != 0 && self.lists == 0 {
            self.note_drop(node, start)?;
        }
        match self.reader.peek() {
            b'"' => {
                let quoted = self.reader.quoted()?;
                self.visitor.text(place(self.reader.position), &quoted)
            }
            b'{' | b'[' if flags & WHOLE != 0 => Err(Unusual),
            b'{' => self.object(node, depth + 1),
            b'[' => self.list(node, depth + 1, in_list),
            b'-' | b'0'..=b'9' => {
                let number = self.reader.number()?;
                self.visitor.number(place(self.reader.position), &number)
            }
            b't' => self.constant(b"true", node, flags, start, in_list),
            b'f' => self.constant(b"false", node, flags, start, in_list),
            b'n' => self.constant(b"null", node, flags, start, in_list),
            _ => Err(Unusual),
        }
    }

    /// Note a scalar that begins here.
    fn note_drop(&mut self, node: u32, start: usize) -> Usual<()> {
        let mut reader = Reader {
            text: self.reader.text,
            position: start,
        };
        match reader.peek() {
            b'"' => {
                reader.quoted()?;
            }
            b't' => {
                reader.word(b"true")?;
            }
            b'f' => {
                reader.word(b"false")?;
            }
            b'n' => {
                reader.word(b"null")?;
            }
            b'{' | b'[' => return Ok(()),
            _ => {
                reader.number()?;
            }
        }
        self.drops.push((node, start..reader.position));
        Ok(())
    }

    fn constant(
        &mut self,
        word: &'static [u8],
        node: u32,
        flags: Flags,
        start: usize,
        in_list: bool,
    ) -> Usual<()> {
        let word = self.reader.word(word)?;
        let at = start..self.reader.position;
        self.visitor.word(
            Place {
                node,
                flags,
                at,
                in_list,
            },
            word,
        )
    }
}
