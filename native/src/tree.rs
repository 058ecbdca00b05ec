//! The tree of field paths, as `redaction.engine.field_tree` has worked it out.

use rustc_hash::FxHashMap;

/// What is said of a field.
pub type Flags = u16;

/// A scalar here is to be judged in Python.
pub const ASKS: Flags = 1;
/// Objects and lists here are to be judged as a whole.
pub const WHOLE: Flags = 2;
/// A record with this field takes Python's way.
pub const APART: Flags = 4;
/// It may be the name of the value beside it, or say its type; it may be such a value.
pub const NAMES: Flags = 8;
pub const TYPES: Flags = 16;
pub const VALUE: Flags = 32;
/// It may be a bank, or an account at one.
pub const BANK: Flags = 64;
pub const ACCOUNT: Flags = 128;
/// Of objects: some hold an `Id` beside what says of what kind it is, as in ISO 20022. And such a field, by its name.
pub const SCHEMES: Flags = 256;
pub const SCHEME: Flags = 512;
pub const ID: Flags = 1024;
/// Of objects: in some, a field may be the name of a value.
pub const PAIRS: Flags = 2048;
/// What stands here, but for within lists, may say that the record is dropped.
pub const DROPS: Flags = 4096;

pub const ROOT: u32 = 0;

pub struct Node {
    pub children: FxHashMap<Box<[u8]>, u32>,
    /// Its name between quotes.
    pub quoted: Box<[u8]>,
    /// What came last as the first field of an object here, and after this field; the root is never one, and stands for none.
    pub first: u32,
    pub next: u32,
    pub flags: Flags,
    /// The last object in which it was met: twice in one is a duplicate key.
    pub met_in: u64,
    pub seen: u64,
    pub redacted: u64,
}

#[derive(Default)]
pub struct Tree {
    pub nodes: Vec<Node>,
    pub objects: u64,
}

impl Tree {
    /// Add a field below another one; the root is below none. Gives its number.
    pub fn add(&mut self, parent: Option<u32>, name: &[u8], flags: Flags) -> u32 {
        let number = u32::try_from(self.nodes.len()).expect("fewer than 2^32 fields");
        self.nodes.push(Node {
            children: FxHashMap::default(),
            quoted: [b"\"", name, b"\""].concat().into(),
            first: ROOT,
            next: ROOT,
            flags,
            met_in: 0,
            seen: 0,
            redacted: 0,
        });
        if let Some(parent) = parent {
            self.nodes[parent as usize]
                .children
                .insert(name.into(), number);
        }
        number
    }
}
