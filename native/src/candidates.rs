//! Where detectors may find something: the candidates of each in the texts in which one of its group has been seen.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use regex_automata::hybrid::dfa;
use regex_automata::hybrid::regex::{Cache, Regex};
use regex_automata::util::syntax;
use regex_automata::{Input, Span};

use crate::json::{Unusual, Usual};
use crate::sieve::{kept, Seen};

/// A pattern whose matches are found one after the other: of those that begin first, the one that the pattern names first.
pub struct Finder {
    regex: Arc<Regex>,
    cache: Cache,
}

/// At most, in each direction.
const CACHE_BYTES: usize = 8 << 20;

static REGEXES: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);

fn compiled(pattern: &str) -> Result<Arc<Regex>, String> {
    Regex::builder()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
        .dfa(dfa::Config::new().cache_capacity(CACHE_BYTES))
        .build(pattern)
        .map(Arc::new)
        .map_err(|error| error.to_string())
}

impl Finder {
    pub fn new(pattern: &str) -> Result<Self, String> {
        let regex = kept(&REGEXES, pattern, compiled)?;
        let cache = regex.create_cache();
        Ok(Finder { regex, cache })
    }

    /// Give the first match within a part of a text, from a place on.
    pub fn next(&mut self, text: &[u8], from: usize, end: usize) -> Usual<Option<Span>> {
        let input = Input::new(text).range(from..end);
        let found = self.regex.try_search(&mut self.cache, &input);
        Ok(found.map_err(|_| Unusual)?.map(|found| found.span()))
    }
}

/// Detectors by their numbers, in groups, as Python has put them.
pub struct Detectors {
    groups: Vec<Vec<(usize, Finder)>>,
}

impl Detectors {
    pub fn new(groups: &[Vec<(usize, String)>]) -> Result<Self, String> {
        let compiled = |group: &Vec<(usize, String)>| {
            let finders = group
                .iter()
                .map(|(number, candidate)| Ok::<_, String>((*number, Finder::new(candidate)?)));
            finders.collect()
        };
        Ok(Detectors {
            groups: groups.iter().map(compiled).collect::<Result<_, String>>()?,
        })
    }

    pub fn count(&self) -> usize {
        self.groups
            .iter()
            .flatten()
            .map(|(number, _)| number + 1)
            .max()
            .unwrap_or(0)
    }

    /// Add all candidates within a line; `groups`: one bit for each that was seen in it.
    pub fn add(
        &mut self,
        text: &[u8],
        line: Span,
        groups: Seen,
        found: &mut [Vec<(usize, usize)>],
    ) -> Usual<()> {
        for (place, group) in self.groups.iter_mut().enumerate() {
            if groups & (1 << place) == 0 {
                continue;
            }
            for (number, finder) in group {
                let mut position = line.start;
                while let Some(span) = finder.next(text, position, line.end)? {
                    found[*number].push((span.start, span.end));
                    position = span.end;
                }
            }
        }
        Ok(())
    }
}
