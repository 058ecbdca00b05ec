//! The second walk, over what is to go out: every text and long number with what stands before it, as detectors see it.

use std::ops::Range;

use crate::fold::Fold;
use crate::json::{decode, Number, Quoted, Usual};
use crate::walk::{Place, Visitor};

/// cc=1, a@b.co; of a number, seven digits: a telephone number in a field of that name.
const SHORTEST: usize = 4;
const SHORTEST_NUMBER: usize = 7;

/// What stands before a text and before a number of a field, as detectors see it.
pub type Before = (Box<[u8]>, Box<[u8]>);

/// A text or number of a record. `at`: where it stands in the body, with its quotes.
pub struct Leaf {
    pub record: u32,
    pub node: u32,
    pub at: Range<usize>,
    pub in_list: bool,
    pub is_number: bool,
}

/// All leaves of many records, and their lines.
#[derive(Default)]
pub struct Leaves {
    pub leaves: Vec<Leaf>,
    pub lines: Vec<u8>,
    /// Where each line ends, its newline included.
    pub ends: Vec<usize>,
    /// Where what stands before each text ends.
    pub starts: Vec<usize>,
}

impl Leaves {
    pub fn shorten(&mut self, leaves: usize) {
        self.leaves.truncate(leaves);
        self.ends.truncate(leaves);
        self.starts.truncate(leaves);
        self.lines.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

pub struct Looking<'a> {
    pub record: u32,
    pub found: &'a mut Leaves,
    pub fold: &'a Fold,
    pub before: &'a [Before],
    pub scratch: &'a mut Vec<u8>,
}

impl Looking<'_> {
    fn end(&mut self, place: Place, is_number: bool) {
        self.found.lines.push(b'\n');
        self.found.ends.push(self.found.lines.len());
        let Place {
            node, at, in_list, ..
        } = place;
        self.found.leaves.push(Leaf {
            record: self.record,
            node,
            at,
            in_list,
            is_number,
        });
    }
}

impl Visitor for Looking<'_> {
    fn text(&mut self, place: Place, quoted: &Quoted) -> Usual<()> {
        let raw = if quoted.is_plain {
            quoted.raw
        } else {
            self.scratch.clear();
            decode(quoted.raw, self.scratch)?;
            &*self.scratch
        };
        // All of the record is known to be UTF-8.
        let text = std::str::from_utf8(raw).map_err(|_| crate::json::Unusual)?;
        if text.len() < SHORTEST || (!text.is_ascii() && text.chars().count() < SHORTEST) {
            return Ok(());
        }
        let lines = &mut self.found.lines;
        if place.in_list {
            lines.push(b'"');
        } else {
            lines.extend_from_slice(&self.before[place.node as usize].0);
        }
        self.found.starts.push(lines.len());
        self.fold.write(text, lines);
        self.end(place, false);
        Ok(())
    }

    fn number(&mut self, place: Place, number: &Number) -> Usual<()> {
        if number.whole_digits < SHORTEST_NUMBER {
            return Ok(());
        }
        let lines = &mut self.found.lines;
        if place.in_list {
            lines.push(b'[');
        } else {
            lines.extend_from_slice(&self.before[place.node as usize].1);
        }
        self.found.starts.push(lines.len());
        lines.extend_from_slice(number.text.strip_suffix(b".0").unwrap_or(number.text));
        self.end(place, true);
        Ok(())
    }

    fn word(&mut self, _place: Place, _word: &'static [u8]) -> Usual<()> {
        Ok(())
    }
}
