//! What the redaction engine does for every byte of a record; what is judged stays in Python (`redaction.engine`).
//!
//! Records are walked along the tree of fields that Python has worked out, written again in the compact form, and
//! searched for candidates by the patterns of its detectors. A record that is not sure to be read as Python reads it is
//! left to it, as a whole: no rule exists twice.

mod candidates;
mod fold;
mod item;
mod json;
mod look;
mod shape;
mod sieve;
mod single;
mod sure;
mod tree;
mod walk;

use std::collections::{HashMap, HashSet};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use regex_automata::Span;

use crate::candidates::{Detectors, Finder};
use crate::fold::Fold;
use crate::item::{Field, Writer};
use crate::json::{decode, Unusual};
use crate::look::{Leaf, Leaves, Looking, Scratch};
use crate::shape::{edited, Answer, Ask, Edit, Pair, Shaped, Shaping, Sure};
use crate::sieve::{Befores, Seen, Sieve, Sieves};
use crate::sure::{Outcome, Sures};
use crate::tree::{Flags, Tree, VALUE, WHOLE};
use crate::walk::{Limits, Tell, Walk};

/// One policy, compiled. Not for several threads at once without Python's lock, which no call gives up.
#[pyclass]
struct Engine {
    tree: Tree,
    sures: Sures,
    befores: Befores,
    before: Vec<(u32, u32)>,
    limits: Limits,
    fold: Fold,
    sieves: Sieves,
    sign: Seen,
    wrapping: Sieve,
    wrappings: Finder,
    detectors: Detectors,
    /// What stands before a value that is a version.
    version: Vec<u8>,
}

#[pymethods]
impl Engine {
    /// `limits`: levels of nesting, bytes, values; `fold`: the view of each code point; `groups`: patterns which match where
    /// something may be, and the detectors of each by their numbers, with where these may find something; `wrapping`: which
    /// matches in texts that have to be looked into, and one of `signs` wherever it does; `version`: what stands before a
    /// value that is a version.
    #[new]
    fn new(
        limits: (usize, usize, usize),
        fold: Vec<u8>,
        groups: Vec<(String, Vec<(usize, String)>)>,
        signs: Vec<String>,
        wrapping: &str,
        version: Vec<u8>,
    ) -> PyResult<Self> {
        let (patterns, detectors): (Vec<String>, Vec<_>) = groups.into_iter().unzip();
        let all = patterns.iter().chain(&signs).map(String::as_str);
        let (max_depth, max_bytes, max_values) = limits;
        Ok(Engine {
            tree: Tree::default(),
            sures: Sures::default(),
            befores: Befores::new(),
            before: Vec::new(),
            limits: Limits {
                max_depth,
                max_bytes,
                max_values,
            },
            fold: Fold::new(fold, b'?'),
            sieves: Sieves::new(all).map_err(PyValueError::new_err)?,
            sign: ((1 << signs.len()) - 1) << patterns.len(),
            wrapping: Sieve::new(wrapping).map_err(PyValueError::new_err)?,
            wrappings: Finder::new(wrapping).map_err(PyValueError::new_err)?,
            detectors: Detectors::new(&detectors).map_err(PyValueError::new_err)?,
            version,
        })
    }

    /// Add a field, the root first; gives its number. `sure`: the texts of which the verdict is known, and what is written in
    /// their place: True for all digits but the last four hidden, None if the field is dropped.
    fn add(
        &mut self,
        parent: Option<u32>,
        name: &[u8],
        flags: Flags,
        before_text: &[u8],
        before_number: &[u8],
        sure: Option<(String, Bound<'_, PyAny>)>,
    ) -> PyResult<u32> {
        let sure = sure.map(|(pattern, written)| {
            let outcome = match written.cast::<PyBytes>() {
                Ok(bytes) => Outcome::Write(bytes.as_bytes().into()),
                Err(_) if written.is_none() => Outcome::Drop,
                Err(_) => Outcome::KeepLastFour,
            };
            (pattern, outcome)
        });
        self.sures.add(sure).map_err(PyValueError::new_err)?;
        let before = (
            self.befores.add(before_text),
            self.befores.add(before_number),
        );
        self.before.push(before);
        Ok(self.tree.add(parent, name, flags))
    }

    fn set_flags(&mut self, node: u32, flags: Flags) {
        self.tree.nodes[node as usize].flags = flags;
    }

    /// Give how often each field came with a value, and was redacted for sure, since this was asked for.
    fn take_counts(&mut self) -> Vec<(u32, u64, u64)> {
        let mut taken = Vec::new();
        for (number, node) in (0..).zip(&mut self.tree.nodes) {
            if node.seen > 0 {
                taken.push((
                    number,
                    std::mem::take(&mut node.seen),
                    std::mem::take(&mut node.redacted),
                ));
            }
        }
        taken
    }

    /// Parse records, and write them again. Gives
    ///
    /// - their bodies, None for those that Python has to read;
    /// - the values on which a rule has a say: (record, field, value, whether in a list), of which only field and record
    ///   count where the value is an ellipsis: the verdict is sure, and needs no answer;
    /// - the texts that may tell what stands beside them: (record, text, the number of the pair);
    /// - the pairs that have to be judged, whatever these tell: (record, number);
    /// - the values that may say that a record is dropped: (record, field, value);
    /// - what `finish` takes.
    #[allow(clippy::type_complexity)]
    fn shape<'py>(
        &mut self,
        py: Python<'py>,
        payloads: Vec<Bound<'py, PyBytes>>,
    ) -> PyResult<(
        Bound<'py, PyList>,
        Bound<'py, PyList>,
        Bound<'py, PyList>,
        Vec<(u32, usize)>,
        Bound<'py, PyList>,
        Shape,
    )> {
        let (mut judged, drops) = (Vec::new(), PyList::empty(py));
        let (bodies, asks, tells) = (PyList::empty(py), PyList::empty(py), PyList::empty(py));
        let mut shape = Shape::default();
        let mut shaped = Shaped::default();
        for (record, payload) in (0..).zip(&payloads) {
            let text = payload.as_bytes();
            shaped.clear();
            let seen = shaped.seen.len();
            let is_usual =
                text.len() <= self.limits.max_bytes && std::str::from_utf8(text).is_ok() && {
                    let visitor = Shaping {
                        shaped: &mut shaped,
                        sures: &mut self.sures,
                    };
                    let mut walk = Walk::new(&mut self.tree, &self.limits, visitor, text);
                    let is_usual = walk.record().is_ok();
                    if is_usual {
                        let first_pair = shape.pairs.len();
                        tell(&tells, record, &walk.tells, text, first_pair)?;
                        for (field, at) in &walk.drops {
                            drops.append((record, field, value(py, &text[at.clone()])?))?;
                        }
                        judged.extend(walk.pairs.iter().map(|pair| (record, first_pair + pair)));
                    }
                    is_usual
                };
            if !is_usual {
                shaped.seen.truncate(seen);
                bodies.append(py.None())?;
                continue;
            }
            shape.seen.push((record, shaped.seen.len()));
            bodies.append(PyBytes::new(py, &shaped.body))?;
            if shaped.asks.is_empty() && shaped.pairs.is_empty() {
                continue;
            }
            let first_ask = asks.len();
            for ask in &shaped.asks {
                let value = match ask.sure {
                    Sure::No => value(py, &shaped.body[ask.value.clone()])?,
                    Sure::Drop | Sure::Written => py.Ellipsis().into_bound(py),
                };
                asks.append((record, ask.node, value, ask.in_list))?;
            }
            for number in 0..shaped.pairs.len() {
                shape.pairs.push((shape.asked.len(), number));
            }
            shape.asked.push(Asked {
                record,
                body: shaped.body.clone(),
                asks: std::mem::take(&mut shaped.asks),
                first_ask,
                pairs: std::mem::take(&mut shaped.pairs),
            });
        }
        shape.all_seen = shaped.seen;
        Ok((bodies, asks, tells, judged, drops, shape))
    }

    /// Count what was seen but in the records given up, and write the bodies that the answers change: for each value, in
    /// order, None to keep it, False to drop its field, or what is written in its place. `extras`: the same for members of
    /// pairs on which there was no ask: (pair, member, answer). Gives (record, body).
    #[allow(clippy::type_complexity)]
    fn finish<'py>(
        &mut self,
        py: Python<'py>,
        shape: &Shape,
        answers: Vec<Bound<'py, PyAny>>,
        extras: Vec<(usize, usize, Bound<'py, PyAny>)>,
        given_up: HashSet<u32>,
    ) -> PyResult<Vec<(u32, Bound<'py, PyBytes>)>> {
        let mut start = 0;
        for &(record, end) in &shape.seen {
            if !given_up.contains(&record) {
                for &node in &shape.all_seen[start..end] {
                    self.tree.nodes[node as usize].seen += 1;
                }
            }
            start = end;
        }
        let mut more: Vec<Vec<Edit>> = shape.asked.iter().map(|_| Vec::new()).collect();
        for (pair, member, answer) in &extras {
            let &(place, number) = shape.pairs.get(*pair).ok_or_else(none_such)?;
            let pair = &shape.asked[place].pairs[number];
            let member = pair.members.get(*member).ok_or_else(none_such)?;
            more[place].push(Edit {
                field: member.field,
                value: member.value.clone(),
                answer: read(answer),
            });
        }
        let mut written = Vec::new();
        for (asked, mut edits) in shape.asked.iter().zip(more) {
            if given_up.contains(&asked.record) {
                continue;
            }
            for (ask, number) in asked.asks.iter().zip(asked.first_ask..) {
                let answer = match ask.sure {
                    Sure::No => read(answers.get(number).ok_or_else(none_such)?),
                    Sure::Drop => Answer::Drop,
                    Sure::Written => Answer::Keep,
                };
                if ask.sure != Sure::No {
                    let node = &mut self.tree.nodes[ask.node as usize];
                    node.seen += 1;
                    node.redacted += 1;
                }
                if !matches!(answer, Answer::Keep) {
                    edits.push(Edit {
                        field: ask.field,
                        value: ask.value.clone(),
                        answer,
                    });
                }
            }
            if !edits.is_empty() {
                edits.sort_by_key(|edit| edit.value.start);
                written.push((asked.record, PyBytes::new(py, &edited(&asked.body, &edits))));
            }
        }
        Ok(written)
    }

    /// Search bodies. Gives
    ///
    /// - those that Python has to read;
    /// - the texts that may name what stands beside them: (record, text, where their object begins, and ends);
    /// - what `candidates` takes.
    #[allow(clippy::type_complexity)]
    fn look<'py>(
        &mut self,
        py: Python<'py>,
        bodies: Vec<Bound<'py, PyBytes>>,
    ) -> PyResult<(Vec<u32>, Bound<'py, PyList>, Found)> {
        let mut unusual = Vec::new();
        let names = PyList::empty(py);
        let mut found = Leaves::default();
        let mut scratch = Scratch::default();
        for (record, body) in (0..).zip(&bodies) {
            let text = body.as_bytes();
            let before = found.leaves.len();
            let visitor = Looking {
                record,
                found: &mut found,
                fold: &self.fold,
                befores: &self.befores,
                before: &self.before,
                sieves: &mut self.sieves,
                sign: self.sign,
                wrapping: &mut self.wrapping,
                scratch: &mut scratch,
            };
            let mut walk = Walk::new(&mut self.tree, &self.limits, visitor, text);
            if walk.record().is_ok() {
                for name in &walk.names {
                    let said = std::str::from_utf8(&text[name.at.clone()])?;
                    names.append((record, said, name.within.start, name.within.end))?;
                }
            } else {
                found.shorten(before);
                unusual.push(record);
            }
        }
        Ok((unusual, names, Found(found)))
    }

    /// Give the texts in which there may be something. `versions`: the objects in which a value is a version, by record: (start,
    /// end). Gives
    ///
    /// - the texts: (record, field, start, end, whether in a list, whether a number, whether a version, text);
    /// - their lines as one, with what stands before each, and where each ends, its newline included;
    /// - the numbers of those that have to be looked into;
    /// - by detector, its candidates: (start, end) in the lines.
    #[allow(clippy::type_complexity)]
    fn candidates<'py>(
        &mut self,
        py: Python<'py>,
        found: &Found,
        bodies: Vec<Bound<'py, PyBytes>>,
        versions: HashMap<u32, Vec<(usize, usize)>>,
    ) -> PyResult<(
        Bound<'py, PyList>,
        Bound<'py, PyBytes>,
        Vec<usize>,
        Vec<usize>,
        Vec<Vec<(usize, usize)>>,
    )> {
        let texts = PyList::empty(py);
        let mut lines = Vec::with_capacity(found.0.lines.len());
        let (mut ends, mut wrapped) = (Vec::new(), Vec::new());
        let mut of_detectors = vec![Vec::new(); self.detectors.count()];
        for leaf in &found.0.leaves {
            let is_within =
                |&(start, end): &(usize, usize)| start < leaf.at.start && leaf.at.end < end;
            let flags = self.tree.nodes[leaf.node as usize].flags;
            let is_version = flags & VALUE != 0
                && flags & WHOLE == 0
                && versions
                    .get(&leaf.record)
                    .is_some_and(|those| those.iter().any(is_within));
            let begin = lines.len();
            if is_version {
                lines.extend_from_slice(&self.version);
                lines.extend_from_slice(&found.0.lines[leaf.start..leaf.line.end]);
            } else {
                lines.extend_from_slice(&found.0.lines[leaf.line.clone()]);
            }
            let start = lines.len() - (leaf.line.end - leaf.start);
            let line = Span::from(begin..lines.len());
            self.detectors
                .add(&lines, line, leaf.seen, &mut of_detectors)
                .map_err(|Unusual| none_such())?;
            if leaf.seen & self.sign != 0 {
                let mut position = begin;
                while let Some(span) = self
                    .wrappings
                    .next(&lines, position, line.end)
                    .map_err(|Unusual| none_such())?
                {
                    position = span.end;
                    if position > start {
                        wrapped.push(ends.len());
                        break;
                    }
                }
            }
            ends.push(lines.len());
            let body = bodies.get(leaf.record as usize).ok_or_else(none_such)?;
            texts.append(told(py, leaf, is_version, body.as_bytes())?)?;
        }
        let lines = PyBytes::new(py, &lines);
        Ok((texts, lines, ends, wrapped, of_detectors))
    }
}

/// What `look` has found.
#[pyclass]
struct Found(Leaves);

fn none_such() -> PyErr {
    PyValueError::new_err("no such ask, pair, member or text")
}

fn read<'a>(answer: &'a Bound<'_, PyAny>) -> Answer<'a> {
    if answer.is_none() {
        return Answer::Keep;
    }
    answer
        .cast::<PyBytes>()
        .map_or(Answer::Drop, |bytes| Answer::Write(bytes.as_bytes()))
}

fn tell(
    tells: &Bound<'_, PyList>,
    record: u32,
    texts: &[Tell],
    of: &[u8],
    first_pair: usize,
) -> PyResult<()> {
    for each in texts {
        let text = std::str::from_utf8(&of[each.at.clone()])?;
        tells.append((record, text, each.pair.map(|pair| first_pair + pair)))?;
    }
    Ok(())
}

fn told<'py>(
    py: Python<'py>,
    leaf: &Leaf,
    is_version: bool,
    body: &[u8],
) -> PyResult<Bound<'py, PyTuple>> {
    let raw = &body[leaf.at.clone()];
    let text = if leaf.is_number {
        let number = std::str::from_utf8(raw)?;
        PyString::new(py, number.strip_suffix(".0").unwrap_or(number)).into_any()
    } else {
        value(py, raw)?
    };
    (
        leaf.record,
        leaf.node,
        leaf.at.start,
        leaf.at.end,
        leaf.in_list,
        leaf.is_number,
        is_version,
        text,
    )
        .into_pyobject(py)
}

/// Give a scalar as Python has it.
fn value<'py>(py: Python<'py>, written: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let text = std::str::from_utf8(written)?;
    Ok(match written[0] {
        b'"' => {
            let raw = &text[1..text.len() - 1];
            if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
                PyString::new(py, raw).into_any()
            } else {
                let mut decoded = Vec::with_capacity(raw.len());
                decode(raw.as_bytes(), &mut decoded)
                    .map_err(|_| PyValueError::new_err("not a text"))?;
                PyString::new(py, std::str::from_utf8(&decoded)?).into_any()
            }
        }
        b't' => PyBool::new(py, true).to_owned().into_any(),
        b'f' => PyBool::new(py, false).to_owned().into_any(),
        b'n' => py.None().into_bound(py),
        _ if text.contains('.') => PyFloat::new(py, text.parse()?).into_any(),
        _ => PyInt::new(py, text.parse::<i64>()?).into_any(),
    })
}

/// A record with asks or pairs. `first_ask`: the number of its first among those of all.
struct Asked {
    record: u32,
    body: Vec<u8>,
    asks: Vec<Ask>,
    first_ask: usize,
    pairs: Vec<Pair>,
}

/// What `finish` needs of some records.
#[pyclass]
#[derive(Default)]
struct Shape {
    asked: Vec<Asked>,
    /// Of each pair, in which of these records it is, and which of its own.
    pairs: Vec<(usize, usize)>,
    /// The fields that came with a value, of all records; of each, where they end.
    all_seen: Vec<u32>,
    seen: Vec<(u32, usize)>,
}

/// A field of a pair, its value, the number of the ask on it, and whether it is an object or a list.
type Told<'py> = (u32, Bound<'py, PyAny>, Option<usize>, bool);

#[pymethods]
impl Shape {
    /// Give what stands in an object that may be a pair: the field of the object, how many of all asks come before its end,
    /// and its members: field, value, the number of the ask on it, whether an object or a list, which is
    /// given as it is written. A value is an ellipsis where it is dropped, or something else has a say within it.
    fn members<'py>(&self, py: Python<'py>, pair: usize) -> PyResult<(u32, usize, Vec<Told<'py>>)> {
        let &(place, number) = self.pairs.get(pair).ok_or_else(none_such)?;
        let asked = &self.asked[place];
        let pair = &asked.pairs[number];
        let mut members = Vec::with_capacity(pair.members.len());
        for member in &pair.members {
            let sure = member.ask.map_or(Sure::No, |ask| asked.asks[ask].sure);
            members.push(if member.is_container && member.is_closed {
                let written = PyBytes::new(py, &asked.body[member.value.clone()]);
                (member.node, written.into_any(), None, true)
            } else if member.is_container || sure == Sure::Drop {
                (
                    member.node,
                    py.Ellipsis().into_bound(py),
                    None,
                    member.is_container,
                )
            } else {
                let ask = member
                    .ask
                    .filter(|_| sure == Sure::No)
                    .map(|ask| asked.first_ask + ask);
                (
                    member.node,
                    value(py, &asked.body[member.value.clone()])?,
                    ask,
                    false,
                )
            });
        }
        Ok((pair.node, asked.first_ask + pair.at, members))
    }
}

/// Writes documents as the JSON of `DynamoDB`.
#[pyclass(frozen)]
struct Items {
    names: Vec<Vec<u8>>,
    max_bytes: usize,
}

#[pymethods]
impl Items {
    /// `names`: of the fields that are asked for beside; `max_bytes`: documents that are larger are Python's.
    #[new]
    fn new(names: Vec<Vec<u8>>, max_bytes: usize) -> Self {
        Items { names, max_bytes }
    }

    /// Write documents that are compact JSON. Gives for each its attributes, and its fields of these names, objects and lists as
    /// they are written; None for one that is Python's.
    #[allow(clippy::type_complexity)]
    fn write<'py>(
        &self,
        py: Python<'py>,
        bodies: Vec<Bound<'py, PyBytes>>,
    ) -> PyResult<Vec<Option<(Bound<'py, PyBytes>, Bound<'py, PyDict>)>>> {
        let mut all = Vec::with_capacity(bodies.len());
        let mut fields: Vec<Field> = Vec::new();
        for body in &bodies {
            let text = body.as_bytes();
            fields.clear();
            let mut writer = Writer::new(text);
            if text.len() > self.max_bytes || writer.document(&mut fields).is_err() {
                all.push(None);
                continue;
            }
            let asked_for = PyDict::new(py);
            for Field { name, value: at } in &fields {
                let name = &text[name.clone()];
                if self.names.iter().any(|each| each == name) {
                    let written = &text[at.clone()];
                    let said = match written[0] {
                        b'{' | b'[' => PyBytes::new(py, written).into_any(),
                        _ => value(py, written)?,
                    };
                    asked_for.set_item(std::str::from_utf8(name)?, said)?;
                }
            }
            all.push(Some((PyBytes::new(py, &writer.out), asked_for)));
        }
        Ok(all)
    }
}

/// Gives the numbers of those payloads that may hold several documents, or none.
#[pyfunction]
fn not_single(payloads: Vec<Bound<'_, PyBytes>>) -> Vec<usize> {
    let texts = payloads.iter().enumerate();
    texts
        .filter(|(_, each)| !single::is_single(each.as_bytes()))
        .map(|(number, _)| number)
        .collect()
}

#[pymodule]
fn redaction_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("ASKS", tree::ASKS)?;
    module.add("WHOLE", tree::WHOLE)?;
    module.add("APART", tree::APART)?;
    module.add("NAMES", tree::NAMES)?;
    module.add("TYPES", tree::TYPES)?;
    module.add("VALUE", tree::VALUE)?;
    module.add("BANK", tree::BANK)?;
    module.add("ACCOUNT", tree::ACCOUNT)?;
    module.add("SCHEMES", tree::SCHEMES)?;
    module.add("SCHEME", tree::SCHEME)?;
    module.add("ID", tree::ID)?;
    module.add("PAIRS", tree::PAIRS)?;
    module.add("DROPS", tree::DROPS)?;
    module.add_class::<Items>()?;
    module.add_function(wrap_pyfunction!(not_single, module)?)?;
    module.add_class::<Engine>()
}
