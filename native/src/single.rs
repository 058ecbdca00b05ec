//! Whether a payload is one document, or may hold several: the same rule as `consumer.decoding.auto.Auto.passes`.

use memchr::{memchr, memchr_iter};

/// Tells that it is one document, whole or broken; false: not sure.
pub fn is_single(data: &[u8]) -> bool {
    if data.first() != Some(&b'{') {
        return false;
    }
    let last = data.len() - 1;
    let Some(first) = memchr(b'}', data) else {
        return true;
    };
    // A record may end with a newline.
    if first + 1 >= last {
        return true;
    }
    if let Some(newline) = memchr(b'\n', &data[..last]) {
        if data[..newline].iter().rev().find(|byte| !is_white(**byte)) == Some(&b'}') {
            return false;
        }
    }
    // Stands in one object only within a text.
    memchr_iter(b'}', data).all(|brace| {
        let next = data[brace + 1..].iter().find(|byte| !is_white(**byte));
        next != Some(&b'{')
    })
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
