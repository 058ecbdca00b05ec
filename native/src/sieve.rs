//! In which texts one of some patterns matches: linear in the text, whatever the pattern.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex_automata::hybrid::dfa::{Cache, OverlappingState, DFA};
use regex_automata::hybrid::LazyStateID;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};
use regex_syntax::hir::{Class, Hir, HirKind};
use regex_syntax::ParserBuilder;

use crate::json::{Unusual, Usual};

/// At most: an automaton keeps the states that it has met, and is slow where they don't fit.
const CACHE_BYTES: usize = 16 << 20;

/// Compiled patterns: a policy is compiled again where fields have been forgotten.
static AUTOMATA: LazyLock<Mutex<HashMap<String, DFA>>> = LazyLock::new(Mutex::default);
/// At most so many, then begin anew.
const MOST_KEPT: usize = 256;

/// Compile a pattern over bytes.
pub fn automaton(pattern: &str) -> Result<DFA, String> {
    kept(&AUTOMATA, pattern, compiled)
}

/// Give what was made of a pattern, or make it.
pub fn kept<T: Clone>(
    all: &Mutex<HashMap<String, T>>,
    pattern: &str,
    compile: impl Fn(&str) -> Result<T, String>,
) -> Result<T, String> {
    let mut all = all.lock().map_err(|error| error.to_string())?;
    if let Some(known) = all.get(pattern) {
        return Ok(known.clone());
    }
    let made = compile(pattern)?;
    if all.len() >= MOST_KEPT {
        all.clear();
    }
    all.insert(pattern.to_owned(), made.clone());
    Ok(made)
}

fn compiled(pattern: &str) -> Result<DFA, String> {
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

/// Count the digits that each match of a pattern holds at least.
fn fewest_digits(pattern: &str) -> Result<usize, String> {
    fn fewest(hir: &Hir) -> usize {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Unicode(_)) => 0,
            HirKind::Literal(literal) => literal
                .0
                .iter()
                .filter(|byte| byte.is_ascii_digit())
                .count(),
            HirKind::Class(Class::Bytes(class)) => usize::from(
                class
                    .ranges()
                    .iter()
                    .all(|range| range.start() >= b'0' && range.end() <= b'9'),
            ),
            HirKind::Repetition(repeated) => repeated.min as usize * fewest(&repeated.sub),
            HirKind::Capture(capture) => fewest(&capture.sub),
            HirKind::Concat(parts) => parts.iter().map(fewest).sum(),
            HirKind::Alternation(others) => others.iter().map(fewest).min().unwrap_or(0),
        }
    }
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
    Ok(fewest(
        &parser.parse(pattern).map_err(|error| error.to_string())?,
    ))
}

fn digits_in(text: &[u8]) -> usize {
    text.iter().filter(|byte| byte.is_ascii_digit()).count()
}

/// An automaton, and where it is behind what stands before each text, as far as that has been asked for. `number`: among the
/// patterns; `digits`: how many each match of it holds at least.
struct Chain {
    number: usize,
    digits: usize,
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

/// What stands before texts in JSON, by number, as detectors see it; and how many digits it holds.
pub struct Befores {
    all: Vec<(Box<[u8]>, usize)>,
}

/// Of a text, and of a number, in a list.
pub const IN_LIST: (u32, u32) = (0, 1);

impl Befores {
    pub fn new() -> Self {
        let all = vec![(b"\"".as_slice().into(), 0), (b"[".as_slice().into(), 0)];
        Befores { all }
    }

    pub fn add(&mut self, before: &[u8]) -> u32 {
        self.all.push((before.into(), digits_in(before)));
        u32::try_from(self.all.len() - 1).expect("fewer than 2^32 fields")
    }

    pub fn get(&self, number: u32) -> &[u8] {
        &self.all[number as usize].0
    }
}

/// Several patterns, which go through a text side by side: the steps of one do not wait for those of another. Each is small,
/// since the states of one for all would be the product of theirs. What holds too few digits is not searched for numbers.
pub struct Sieves {
    chains: Vec<Chain>,
}

/// At most so many.
const MOST: usize = 12;

/// Which of the patterns match, one bit for each.
pub type Seen = u16;

impl Sieves {
    pub fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let chains: Result<Vec<Chain>, String> = patterns
            .enumerate()
            .map(|(number, pattern)| {
                let dfa = automaton(pattern)?;
                let cache = dfa.create_cache();
                Ok(Chain {
                    number,
                    digits: fewest_digits(pattern)?,
                    dfa,
                    cache,
                    after: Vec::new(),
                    clears: 0,
                })
            })
            .collect();
        let mut chains = chains?;
        if chains.len() > MOST {
            return Err(format!("{} patterns", chains.len()));
        }
        chains.sort_by_key(|chain| chain.digits);
        Ok(Sieves { chains })
    }

    /// Look at a text; `before`: the number of what stands before it.
    pub fn look(&mut self, before: u32, befores: &Befores, text: &[u8]) -> Usual<Seen> {
        let (before_text, digits) = &befores.all[before as usize];
        let digits = digits + digits_in(text);
        let some = self.chains.partition_point(|chain| chain.digits <= digits);
        let chains = &mut self.chains[..some];
        let place = before as usize;
        match some {
            0 => Ok(0),
            1 => run::<1>(chains, place, before_text, text),
            2 => run::<2>(chains, place, before_text, text),
            3 => run::<3>(chains, place, before_text, text),
            4 => run::<4>(chains, place, before_text, text),
            5 => run::<5>(chains, place, before_text, text),
            6 => run::<6>(chains, place, before_text, text),
            7 => run::<7>(chains, place, before_text, text),
            8 => run::<8>(chains, place, before_text, text),
            9 => run::<9>(chains, place, before_text, text),
            10 => run::<10>(chains, place, before_text, text),
            11 => run::<11>(chains, place, before_text, text),
            _ => run::<MOST>(chains, place, before_text, text),
        }
    }
}

fn run<const N: usize>(
    chains: &mut [Chain],
    place: usize,
    before: &[u8],
    text: &[u8],
) -> Usual<Seen> {
    let chains: &mut [Chain; N] = chains.try_into().map_err(|_| Unusual)?;
    let mut states = [LazyStateID::default(); N];
    let mut seen: Seen = 0;
    for number in 0..N {
        let after = chains[number].after(place, before)?;
        states[number] = after.state;
        seen |= Seen::from(after.matches) << chains[number].number;
    }
    for &byte in text {
        for number in 0..N {
            states[number] = chains[number].next(states[number], byte)?;
        }
        if states.iter().any(LazyStateID::is_tagged) {
            for (state, chain) in states.iter().zip(chains.iter()) {
                seen |= Seen::from(state.is_match()) << chain.number;
            }
        }
    }
    for number in 0..N {
        let matches = chains[number].matches_at_end(states[number])?;
        seen |= Seen::from(matches) << chains[number].number;
    }
    Ok(seen)
}
