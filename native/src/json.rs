//! Strict JSON (RFC 8259): what two parsers may read differently, or what Python writes in another way, is left to it.

/// Python has to read the record: it may be wrong, or unusual.
pub struct Unusual;

pub type Usual<T> = Result<T, Unusual>;

/// A double keeps fifteen digits, and comes back as it was; one more character is the point. Of those with more, some do.
const EXACT_CHARS: usize = 16;
const MOST_CHARS: usize = 20;
/// No integer of so many digits is beyond 64 bits.
const INTEGER_DIGITS: usize = 18;

pub struct Reader<'a> {
    pub text: &'a [u8],
    pub position: usize,
}

/// A number, as its text is written again.
pub struct Number<'a> {
    pub text: &'a [u8],
    /// Its digits before the point.
    pub whole_digits: usize,
}

/// What stands between quotes, as it came: plain, or with escapes.
pub struct Quoted<'a> {
    pub raw: &'a [u8],
    pub is_plain: bool,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Reader { text, position: 0 }
    }

    #[inline]
    pub fn peek(&self) -> u8 {
        // No JSON holds a zero byte outside of strings.
        *self.text.get(self.position).unwrap_or(&0)
    }

    #[inline]
    pub fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.position += 1;
        }
    }

    #[inline]
    pub fn expect(&mut self, byte: u8) -> Usual<()> {
        if self.peek() == byte {
            self.position += 1;
            Ok(())
        } else {
            Err(Unusual)
        }
    }

    pub fn word(&mut self, word: &'static [u8]) -> Usual<&'static [u8]> {
        if self.text[self.position..].starts_with(word) {
            self.position += word.len();
            Ok(word)
        } else {
            Err(Unusual)
        }
    }

    /// Read a string, from its opening quote on.
    #[inline]
    pub fn quoted(&mut self) -> Usual<Quoted<'a>> {
        self.expect(b'"')?;
        let start = self.position;
        let mut is_plain = true;
        loop {
            self.position += plain_length(&self.text[self.position..]);
            match self.peek() {
                b'"' => {
                    let raw = &self.text[start..self.position];
                    self.position += 1;
                    return Ok(Quoted { raw, is_plain });
                }
                b'\\' => {
                    is_plain = false;
                    // What is escaped is looked at when it is decoded; here it only must not end the string.
                    self.position += 2;
                    if self.position > self.text.len() {
                        return Err(Unusual);
                    }
                }
                _ => return Err(Unusual),
            }
        }
    }

    /// Pass over these bytes, if they stand here.
    #[inline]
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        let is_here = self.text[self.position..].starts_with(bytes);
        if is_here {
            self.position += bytes.len();
        }
        is_here
    }

    pub fn number(&mut self) -> Usual<Number<'a>> {
        let start = self.position;
        if self.peek() == b'-' {
            self.position += 1;
        }
        let whole = self.digits()?;
        let first = self.text[self.position - whole];
        if whole > 1 && first == b'0' {
            return Err(Unusual);
        }
        let mut is_float = false;
        let mut end = self.position;
        if self.peek() == b'.' {
            is_float = true;
            self.position += 1;
            let point = self.position;
            self.digits()?;
            end = self.position;
            if first == b'0' && self.text[point..end].starts_with(b"0000") {
                return Err(Unusual); // Python writes an exponent, or it is zero
            }
            while end > point + 1 && self.text[end - 1] == b'0' {
                end -= 1;
            }
        }
        if matches!(self.peek(), b'e' | b'E') {
            return Err(Unusual);
        }
        let text = &self.text[start..end];
        let signless = self.position - start - usize::from(self.text[start] == b'-');
        if is_float && signless > EXACT_CHARS && !comes_back(text, whole, signless) {
            return Err(Unusual);
        }
        let may_be_too_long = !is_float && whole > INTEGER_DIGITS;
        if (may_be_too_long && parsed::<i64>(text).is_none()) || (!is_float && text == b"-0") {
            return Err(Unusual);
        }
        Ok(Number {
            text,
            whole_digits: whole,
        })
    }

    fn digits(&mut self) -> Usual<usize> {
        let start = self.position;
        while self.peek().is_ascii_digit() {
            self.position += 1;
        }
        if self.position == start {
            Err(Unusual)
        } else {
            Ok(self.position - start)
        }
    }
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Tell whether a double is written as it was read; one with sixteen digits before the point has an exponent.
fn comes_back(text: &[u8], whole: usize, signless: usize) -> bool {
    signless <= MOST_CHARS
        && whole < EXACT_CHARS
        && parsed::<f64>(text).is_some_and(|number| number.to_string().as_bytes() == text)
}

/// Count the bytes before the first quote, backslash or control character: eight at once, each in a lane of a word. A
/// lane's highest bit tells; what is borrowed from the next higher lane falsifies only what comes after the first.
#[inline]
fn plain_length(text: &[u8]) -> usize {
    const LANES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * LANES;
    let holds = |word: u64, byte: u8| {
        let zero = word ^ (u64::from(byte) * LANES);
        zero.wrapping_sub(LANES) & !zero
    };
    let mut length = 0;
    while let Some(eight) = text[length..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let control = word.wrapping_sub(0x20 * LANES) & !word;
        let ends = (holds(word, b'"') | holds(word, b'\\') | control) & HIGH;
        if ends != 0 {
            return length + ends.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = &text[length..];
    let is_plain = |&byte: &u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    length
        + rest
            .iter()
            .position(|byte| !is_plain(byte))
            .unwrap_or(rest.len())
}

fn hex(digits: &[u8]) -> Usual<u32> {
    if digits.len() < 4 || !digits[..4].iter().all(u8::is_ascii_hexdigit) {
        return Err(Unusual);
    }
    let text = std::str::from_utf8(&digits[..4]).map_err(|_| Unusual)?;
    u32::from_str_radix(text, 16).map_err(|_| Unusual)
}

/// Decode what stands between quotes; the bytes around the escapes are known to be UTF-8.
pub fn decode(raw: &[u8], out: &mut Vec<u8>) -> Usual<()> {
    let mut rest = raw;
    while let Some(found) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..found]);
        let escaped = *rest.get(found + 1).ok_or(Unusual)?;
        rest = &rest[found + 2..];
        let char = match escaped {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = hex(rest)?;
                rest = &rest[4..];
                if (0xD800..0xDC00).contains(&code) {
                    if !rest.starts_with(b"\\u") {
                        return Err(Unusual);
                    }
                    let low = hex(&rest[2..])?;
                    if !(0xDC00..0xE000).contains(&low) {
                        return Err(Unusual);
                    }
                    rest = &rest[6..];
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                }
                char::from_u32(code).ok_or(Unusual)?
            }
            _ => return Err(Unusual),
        };
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Write a text between quotes, as orjson does.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0A => out.extend_from_slice(b"\\n"),
            0x0C => out.extend_from_slice(b"\\f"),
            0x0D => out.extend_from_slice(b"\\r"),
            0..=0x1F => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
