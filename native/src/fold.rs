//! The view of a text: ASCII, one byte for each character, by a table that Python made.

pub struct Fold {
    /// By code point; what lies beyond is `other`.
    table: Vec<u8>,
    other: u8,
}

impl Fold {
    pub fn new(table: Vec<u8>, other: u8) -> Self {
        Fold { table, other }
    }

    pub fn write(&self, text: &str, out: &mut Vec<u8>) {
        if text.is_ascii() {
            out.extend(text.bytes().map(|byte| self.table[usize::from(byte)]));
        } else {
            out.extend(
                text.chars()
                    .map(|char| *self.table.get(char as usize).unwrap_or(&self.other)),
            );
        }
    }
}
