//! In which of many lines one of some patterns matches: linear in the text, whatever the pattern.

use regex_automata::hybrid::dfa::{Cache, OverlappingState, DFA};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

pub struct Sieve {
    dfa: DFA,
    cache: Cache,
}

/// At most: an automaton keeps the states that it has met, and is slow where they don't fit.
const CACHE_BYTES: usize = 16 << 20;

/// Compile a pattern over bytes.
pub fn automaton(pattern: &str) -> Result<DFA, String> {
    DFA::builder()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
        .configure(
            DFA::config()
                .match_kind(MatchKind::All)
                .cache_capacity(CACHE_BYTES),
        )
        .build(pattern)
        .map_err(|error| error.to_string())
}

impl Sieve {
    pub fn new(pattern: &str) -> Result<Self, String> {
        let dfa = automaton(pattern)?;
        let cache = dfa.create_cache();
        Ok(Sieve { dfa, cache })
    }

    /// Mark the lines in which it matches. `ends`: where each ends, its newline included.
    pub fn mark(&mut self, lines: &[u8], ends: &[usize], marks: &mut [bool]) -> Result<(), String> {
        let mut position = 0;
        while position < lines.len() {
            let input = Input::new(lines).range(position..).earliest(true);
            let found = self
                .dfa
                .try_search_fwd(&mut self.cache, &input)
                .map_err(|error| error.to_string())?;
            let Some(half) = found else { break };
            let number = ends.partition_point(|&end| end < half.offset());
            marks[number] = true;
            position = ends[number];
        }
        Ok(())
    }

    /// Mark the lines in which a match ends after a place, where what stands before a text does.
    pub fn mark_after(
        &mut self,
        lines: &[u8],
        ends: &[usize],
        places: &[usize],
        marks: &mut [bool],
    ) -> Result<(), String> {
        let mut position = 0;
        'lines: while position < lines.len() {
            let input = Input::new(lines).range(position..);
            let mut state = OverlappingState::start();
            loop {
                self.dfa
                    .try_search_overlapping_fwd(&mut self.cache, &input, &mut state)
                    .map_err(|error| error.to_string())?;
                let Some(half) = state.get_match() else {
                    break 'lines;
                };
                let number = ends.partition_point(|&end| end < half.offset());
                if half.offset() > places[number] {
                    marks[number] = true;
                    position = ends[number];
                    break;
                }
            }
        }
        Ok(())
    }
}
