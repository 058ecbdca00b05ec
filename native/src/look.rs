//! The second walk, over what is to go out: every text and long number, with what stands before it, as detectors see it.

use std::ops::Range;

use crate::fold::Fold;
use crate::json::{decode, Number, Quoted, Unusual, Usual};
use crate::sieve::{Befores, Seen, Sieve, Sieves, IN_LIST};
use crate::walk::{Place, Visitor};

/// cc=1, a@b.co; of a number, seven digits: a telephone number in a field of that name.
const SHORTEST: usize = 4;
const SHORTEST_NUMBER: usize = 7;

/// A text or number of a record in which there may be something. `at`: where it stands in the body, with its quotes;
/// `line`: where in the lines, with what stands before it, which ends at `start`, and its newline.
pub struct Leaf {
    pub record: u32,
    pub node: u32,
    pub at: Range<usize>,
    pub in_list: bool,
    pub is_number: bool,
    pub line: Range<usize>,
    pub start: usize,
    pub seen: Seen,
}

/// Such texts of many records, and their lines.
#[derive(Default)]
pub struct Leaves {
    pub leaves: Vec<Leaf>,
    pub lines: Vec<u8>,
}

impl Leaves {
    pub fn shorten(&mut self, leaves: usize) {
        self.leaves.truncate(leaves);
        let length = self.leaves.last().map_or(0, |leaf| leaf.line.end);
        self.lines.truncate(length);
    }
}

pub struct Looking<'a> {
    pub record: u32,
    pub found: &'a mut Leaves,
    pub fold: &'a Fold,
    pub befores: &'a Befores,
    /// By field, what stands before a text and before a number.
    pub before: &'a [(u32, u32)],
    pub sieves: &'a mut Sieves,
    /// The bits of the patterns of which one matches wherever a text has to be looked into; and the one that tells.
    pub sign: Seen,
    pub wrapping: &'a mut Sieve,
    pub scratch: &'a mut Scratch,
}

#[derive(Default)]
pub struct Scratch {
    decoded: Vec<u8>,
    folded: Vec<u8>,
}

impl Looking<'_> {
    fn search(&mut self, place: Place, before: u32, text: &[u8], is_number: bool) -> Usual<()> {
        let mut seen = self.sieves.look(before, self.befores, text)?;
        if seen == 0 {
            return Ok(());
        }
        let Leaves { leaves, lines } = self.found;
        let begin = lines.len();
        lines.extend_from_slice(self.befores.get(before));
        let start = lines.len();
        lines.extend_from_slice(text);
        lines.push(b'\n');
        if seen & self.sign != 0
            && !self
                .wrapping
                .matches_after(&lines[begin..], start - begin)?
        {
            seen &= !self.sign;
        }
        if seen == 0 {
            lines.truncate(begin);
            return Ok(());
        }
        leaves.push(Leaf {
            record: self.record,
            node: place.node,
            at: place.at,
            in_list: place.in_list,
            is_number,
            line: begin..lines.len(),
            start,
            seen,
        });
        Ok(())
    }
}

impl Visitor for Looking<'_> {
    fn text(&mut self, place: Place, quoted: &Quoted) -> Usual<()> {
        let before = if place.in_list {
            IN_LIST
        } else {
            self.before[place.node as usize]
        }
        .0;
        let mut decoded = std::mem::take(&mut self.scratch.decoded);
        let raw = if quoted.is_plain {
            quoted.raw
        } else {
            decoded.clear();
            decode(quoted.raw, &mut decoded)?;
            &decoded
        };
        let mut folded = std::mem::take(&mut self.scratch.folded);
        folded.clear();
        // All of the record is known to be UTF-8.
        self.fold
            .write(std::str::from_utf8(raw).map_err(|_| Unusual)?, &mut folded);
        if folded.len() >= SHORTEST {
            self.search(place, before, &folded, false)?;
        }
        self.scratch.decoded = decoded;
        self.scratch.folded = folded;
        Ok(())
    }

    fn number(&mut self, place: Place, number: &Number) -> Usual<()> {
        if number.whole_digits < SHORTEST_NUMBER {
            return Ok(());
        }
        let before = if place.in_list {
            IN_LIST
        } else {
            self.before[place.node as usize]
        }
        .1;
        let text = number.text.strip_suffix(b".0").unwrap_or(number.text);
        self.search(place, before, text, true)
    }

    fn word(&mut self, _place: Place, _word: &'static [u8]) -> Usual<()> {
        Ok(())
    }
}
