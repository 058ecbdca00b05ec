//! The first walk: a record is written again in the compact form, and values are found on which a rule has a say.

use std::ops::Range;

use crate::json::{decode, encode, Number, Quoted, Usual};
use crate::sure::{write, Outcome, Sures};
use crate::tree::ASKS;
use crate::walk::{Place, Visitor};

/// A value on which a rule has a say; places are those in the record's body.
pub struct Ask {
    pub node: u32,
    /// Where its field begins, with the key; of a list's item, itself.
    pub field: usize,
    pub value: Range<usize>,
    pub in_list: bool,
    pub sure: Sure,
}

/// What is known of the answer.
#[derive(Clone, Copy, PartialEq)]
pub enum Sure {
    No,
    Drop,
    /// It stands in the body already.
    Written,
}

/// A field of an object in which one may tell of another. `ask`: the one on its value, if there is one. `is_closed`: there
/// is none, nor a pair, within its value.
#[derive(Default)]
pub struct Member {
    pub node: u32,
    pub field: usize,
    pub value: Range<usize>,
    pub ask: Option<usize>,
    pub is_container: bool,
    pub is_closed: bool,
    pairs: usize,
}

/// Such an object. `at`: how many asks of the record come before its end.
pub struct Pair {
    pub node: u32,
    pub at: usize,
    pub members: Vec<Member>,
}

#[derive(Default)]
pub struct Shaped {
    pub body: Vec<u8>,
    pub asks: Vec<Ask>,
    pub pairs: Vec<Pair>,
    /// Of all objects that have begun, and not ended.
    members: Vec<Member>,
    /// Which of them have begun, and not ended.
    open: Vec<usize>,
    /// The fields that came with a value on which no rule has a say, once for each.
    pub seen: Vec<u32>,
    field: usize,
    scratch: Vec<u8>,
}

pub struct Shaping<'a> {
    pub shaped: &'a mut Shaped,
    pub sures: &'a mut Sures,
}

impl Shaped {
    /// Forget the record.
    pub fn clear(&mut self) {
        self.body.clear();
        self.asks.clear();
        self.pairs.clear();
        self.members.clear();
        self.open.clear();
    }
}

impl Shaping<'_> {
    fn scalar(&mut self, place: &Place, start: usize, sure: Sure) {
        let Shaped {
            body,
            asks,
            seen,
            field,
            ..
        } = self.shaped;
        if place.flags & ASKS == 0 {
            seen.push(place.node);
            return;
        }
        let field = if place.in_list { start } else { *field };
        asks.push(Ask {
            node: place.node,
            field,
            value: start..body.len(),
            in_list: place.in_list,
            sure,
        });
    }

    /// Write a plain text; where the verdict on it is sure, what becomes of it.
    fn plain(&mut self, place: &Place, raw: &[u8]) -> Sure {
        let body = &mut self.shaped.body;
        if place.flags & ASKS != 0 {
            if let Some(outcome) = self.sures.outcome(place.node, raw) {
                write(outcome, raw, body);
                return if matches!(outcome, Outcome::Drop) {
                    Sure::Drop
                } else {
                    Sure::Written
                };
            }
        }
        body.push(b'"');
        body.extend_from_slice(raw);
        body.push(b'"');
        Sure::No
    }
}

impl Visitor for Shaping<'_> {
    fn mark(&mut self, mark: u8) {
        self.shaped.body.push(mark);
    }

    fn key(&mut self, quoted: &[u8]) {
        let Shaped { body, field, .. } = self.shaped;
        *field = body.len();
        body.extend_from_slice(quoted);
        body.push(b':');
    }

    fn begin_member(&mut self, node: u32) {
        let Shaped {
            body,
            asks,
            pairs,
            members,
            open,
            field,
            ..
        } = self.shaped;
        open.push(members.len());
        members.push(Member {
            node,
            field: *field,
            value: body.len()..body.len(),
            ask: Some(asks.len()),
            is_container: false,
            is_closed: false,
            pairs: pairs.len(),
        });
    }

    fn end_member(&mut self, is_container: bool) {
        let Shaped {
            body,
            asks,
            pairs,
            members,
            open,
            ..
        } = self.shaped;
        if let Some(member) = open.pop().and_then(|number| members.get_mut(number)) {
            member.value.end = body.len();
            member.is_container = is_container;
            member.is_closed = member.ask == Some(asks.len()) && member.pairs == pairs.len();
            if is_container || member.ask == Some(asks.len()) {
                member.ask = None;
            }
        }
    }

    fn pair(&mut self, node: u32, members: usize) -> usize {
        let Shaped {
            asks,
            pairs,
            members: all,
            ..
        } = self.shaped;
        let members = all.split_off(all.len() - members);
        pairs.push(Pair {
            node,
            at: asks.len(),
            members,
        });
        pairs.len() - 1
    }

    fn no_pair(&mut self, members: usize) {
        let all = &mut self.shaped.members;
        all.truncate(all.len() - members);
    }

    fn text(&mut self, place: Place, quoted: &Quoted) -> Usual<()> {
        let start = self.shaped.body.len();
        let mut sure = Sure::No;
        if quoted.is_plain {
            sure = self.plain(&place, quoted.raw);
        } else {
            let Shaped { body, scratch, .. } = self.shaped;
            scratch.clear();
            decode(quoted.raw, scratch)?;
            encode(scratch, body);
        }
        self.scalar(&place, start, sure);
        Ok(())
    }

    fn number(&mut self, place: Place, number: &Number) -> Usual<()> {
        let start = self.shaped.body.len();
        self.shaped.body.extend_from_slice(number.text);
        self.scalar(&place, start, Sure::No);
        Ok(())
    }

    fn word(&mut self, place: Place, word: &'static [u8]) -> Usual<()> {
        let start = self.shaped.body.len();
        self.shaped.body.extend_from_slice(word);
        if word != b"null" || place.flags & ASKS != 0 {
            self.scalar(&place, start, Sure::No);
        }
        Ok(())
    }
}

/// What becomes of the value of an ask.
#[derive(Clone, Copy)]
pub enum Answer<'a> {
    Keep,
    Drop,
    Write(&'a [u8]),
}

/// What is written anew, or left out. `field`: where it begins if it is dropped.
pub struct Edit<'a> {
    pub field: usize,
    pub value: Range<usize>,
    pub answer: Answer<'a>,
}

/// Write a body with edits, which are in order.
pub fn edited(body: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut position = 0;
    for edit in edits {
        match edit.answer {
            Answer::Keep => {}
            Answer::Write(value) => {
                out.extend_from_slice(&body[position..edit.value.start]);
                out.extend_from_slice(value);
                position = edit.value.end;
            }
            Answer::Drop => {
                out.extend_from_slice(&body[position..edit.field]);
                position = edit.value.end;
                // One comma goes with it: the one behind, or of the last the one before.
                if body[position] == b',' {
                    position += 1;
                } else if out.last() == Some(&b',') {
                    out.pop();
                }
            }
        }
    }
    out.extend_from_slice(&body[position..]);
    out
}
