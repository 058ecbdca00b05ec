//! In which texts one of some patterns matches: linear in the text, whatever the pattern.

use regex_automata::hybrid::dfa::{Cache, OverlappingState, DFA};
use regex_automata::hybrid::LazyStateID;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

use crate::json::{Unusual, Usual};

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

/// One pattern.
pub struct Sieve {
    dfa: DFA,
    cache: Cache,
}

impl Sieve {
    pub fn new(pattern: &str) -> Result<Self, String> {
        let dfa = automaton(pattern)?;
        let cache = dfa.create_cache();
        Ok(Sieve { dfa, cache })
    }

    /// Tell whether a match in a line ends after a place, where what stands before the text does.
    pub fn matches_after(&mut self, line: &[u8], place: usize) -> Usual<bool> {
        let input = Input::new(line);
        let mut state = OverlappingState::start();
        loop {
            self.dfa
                .try_search_overlapping_fwd(&mut self.cache, &input, &mut state)
                .map_err(|_| Unusual)?;
            match state.get_match() {
                None => return Ok(false),
                Some(half) if half.offset() > place => return Ok(true),
                Some(_) => {}
            }
        }
    }
}

/// Where an automaton is behind what stands before a text. `matches`: it has matched there already.
#[derive(Clone, Copy)]
struct After {
    state: LazyStateID,
    matches: bool,
}

/// An automaton, and where it is behind what stands before each text, as far as that has been asked for.
struct Chain {
    dfa: DFA,
    cache: Cache,
    after: Vec<Option<After>>,
    /// States are good until the cache is cleared.
    clears: usize,
}

impl Chain {
    fn after(&mut self, number: usize, before: &[u8]) -> Usual<After> {
        if self.clears != self.cache.clear_count() {
            self.clears = self.cache.clear_count();
            self.after.clear();
        }
        if let Some(&Some(after)) = self.after.get(number) {
            return Ok(after);
        }
        let mut state = self
            .dfa
            .start_state_forward(&mut self.cache, &Input::new(b""))
            .map_err(|_| Unusual)?;
        let mut matches = false;
        for &byte in before {
            state = self.next(state, byte)?;
            matches |= state.is_match();
        }
        let after = After { state, matches };
        if self.clears == self.cache.clear_count() {
            if self.after.len() <= number {
                self.after.resize(number + 1, None);
            }
            self.after[number] = Some(after);
        }
        Ok(after)
    }

    #[inline]
    fn next(&mut self, state: LazyStateID, byte: u8) -> Usual<LazyStateID> {
        self.dfa
            .next_state(&mut self.cache, state, byte)
            .map_err(|_| Unusual)
    }

    fn matches_at_end(&mut self, state: LazyStateID) -> Usual<bool> {
        let end = self.next(state, b'\n')?;
        let behind = self
            .dfa
            .next_eoi_state(&mut self.cache, end)
            .map_err(|_| Unusual)?;
        Ok(end.is_match() || behind.is_match())
    }
}

/// What stands before texts in JSON, by number, as detectors see it.
pub struct Befores {
    all: Vec<Box<[u8]>>,
}

/// Of a text, and of a number, in a list.
pub const IN_LIST: (u32, u32) = (0, 1);

impl Befores {
    pub fn new() -> Self {
        let all = vec![b"\"".as_slice().into(), b"[".as_slice().into()];
        Befores { all }
    }

    pub fn add(&mut self, before: &[u8]) -> u32 {
        self.all.push(before.into());
        u32::try_from(self.all.len() - 1).expect("fewer than 2^32 fields")
    }

    pub fn get(&self, number: u32) -> &[u8] {
        &self.all[number as usize]
    }
}

/// Several patterns, which go through a text side by side: the steps of one do not wait for those of another.
pub struct Sieves {
    chains: Vec<Chain>,
}

/// At most so many.
const MOST: usize = 6;

/// Which of the patterns match, one bit for each.
pub type Seen = u8;

impl Sieves {
    pub fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let chains: Result<Vec<Chain>, String> = patterns
            .map(|pattern| {
                let dfa = automaton(pattern)?;
                let cache = dfa.create_cache();
                Ok(Chain {
                    dfa,
                    cache,
                    after: Vec::new(),
                    clears: 0,
                })
            })
            .collect();
        let chains = chains?;
        if chains.len() > MOST {
            return Err(format!("{} patterns", chains.len()));
        }
        Ok(Sieves { chains })
    }

    /// Look at a text; `before`: the number of what stands before it.
    pub fn look(&mut self, before: u32, befores: &Befores, text: &[u8]) -> Usual<Seen> {
        match self.chains.len() {
            1 => self.run::<1>(before, befores, text),
            2 => self.run::<2>(before, befores, text),
            3 => self.run::<3>(before, befores, text),
            4 => self.run::<4>(before, befores, text),
            5 => self.run::<5>(before, befores, text),
            _ => self.run::<MOST>(before, befores, text),
        }
    }

    fn run<const N: usize>(&mut self, before: u32, befores: &Befores, text: &[u8]) -> Usual<Seen> {
        let chains: &mut [Chain; N] = self.chains.as_mut_slice().try_into().map_err(|_| Unusual)?;
        let mut states = [LazyStateID::default(); N];
        let mut seen: Seen = 0;
        for number in 0..N {
            let after = chains[number].after(before as usize, befores.get(before))?;
            states[number] = after.state;
            seen |= Seen::from(after.matches) << number;
        }
        for &byte in text {
            for number in 0..N {
                states[number] = chains[number].next(states[number], byte)?;
            }
            if states.iter().any(LazyStateID::is_tagged) {
                for (number, state) in states.iter().enumerate() {
                    seen |= Seen::from(state.is_match()) << number;
                }
            }
        }
        for number in 0..N {
            seen |= Seen::from(chains[number].matches_at_end(states[number])?) << number;
        }
        Ok(seen)
    }
}
