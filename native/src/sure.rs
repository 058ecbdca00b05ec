//! Values of which a rule's verdict is known without asking: Python says which texts these are, and what becomes of them.

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::{Anchored, Input};
use rustc_hash::FxHashMap;

use crate::sieve::automaton;

#[derive(Clone)]
pub enum Outcome {
    Drop,
    Write(Box<[u8]>),
    /// Every digit becomes `*` but the last four, with which the text ends.
    KeepLastFour,
}

struct Whole {
    dfa: DFA,
    cache: Cache,
}

/// By field, the pattern that a text has to match as a whole, and what becomes of it.
#[derive(Default)]
pub struct Sures {
    of_node: Vec<Option<(usize, Outcome)>>,
    wholes: Vec<Whole>,
    by_pattern: FxHashMap<String, usize>,
}

const FOUR: usize = 4;

impl Sures {
    /// Add what is sure of the next field.
    pub fn add(&mut self, sure: Option<(String, Outcome)>) -> Result<(), String> {
        let sure = match sure {
            None => None,
            Some((pattern, outcome)) => Some((self.compiled(pattern)?, outcome)),
        };
        self.of_node.push(sure);
        Ok(())
    }

    fn compiled(&mut self, pattern: String) -> Result<usize, String> {
        if let Some(&known) = self.by_pattern.get(&pattern) {
            return Ok(known);
        }
        let dfa = automaton(&format!(r"\A(?:{pattern})\z"))?;
        let cache = dfa.create_cache();
        self.wholes.push(Whole { dfa, cache });
        self.by_pattern.insert(pattern, self.wholes.len() - 1);
        Ok(self.wholes.len() - 1)
    }

    /// Tell what becomes of a text, if that is sure.
    pub fn outcome(&mut self, node: u32, text: &[u8]) -> Option<&Outcome> {
        let (number, outcome) = self.of_node[node as usize].as_ref()?;
        let Whole { dfa, cache } = &mut self.wholes[*number];
        let input = Input::new(text).anchored(Anchored::Yes).earliest(true);
        dfa.try_search_fwd(cache, &input).ok()??;
        Some(outcome)
    }
}

/// Write what becomes of a text that is not dropped, with its quotes.
pub fn write(outcome: &Outcome, text: &[u8], out: &mut Vec<u8>) {
    match outcome {
        Outcome::Drop => {}
        Outcome::Write(written) => out.extend_from_slice(written),
        Outcome::KeepLastFour => {
            out.push(b'"');
            let (hidden, kept) = text.split_at(text.len().saturating_sub(FOUR));
            out.extend(
                hidden
                    .iter()
                    .map(|&byte| if byte.is_ascii_digit() { b'*' } else { byte }),
            );
            out.extend_from_slice(kept);
            out.push(b'"');
        }
    }
}
