//! Canonicalisation (RFC 6376 section 3.4): what of a message is hashed.

use aws_lc_rs::digest::{Context, SHA256};

use crate::message::Field;

/// How much a message may be changed on its way without breaking the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Canonicalization {
    /// Not at all.
    Simple,
    /// White space may change.
    Relaxed,
}

pub(crate) const LINE_END: &[u8] = b"\r\n";

impl Canonicalization {
    /// Reads the value of `c=`: that of the header, and that of the body.
    pub(crate) fn parse_pair(text: &str) -> Option<(Self, Self)> {
        let (header, body) = text.split_once('/').unwrap_or((text, "simple"));
        Some((Self::parse(header)?, Self::parse(body)?))
    }

    fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "simple" => Some(Self::Simple),
            "relaxed" => Some(Self::Relaxed),
            _ => None,
        }
    }

    /// Adds a header field, with a line end behind it.
    pub(crate) fn add_field(self, field: &Field<'_>, hashed: &mut Vec<u8>) {
        match self {
            Self::Simple => {
                for line in field.octets.split_inclusive(|octet| *octet == b'\n') {
                    hashed.extend(without_line_end(line));
                    hashed.extend(LINE_END);
                }
            }
            Self::Relaxed => {
                hashed.extend(field.name().to_ascii_lowercase());
                hashed.push(b':');
                self.add_value(field.value(), hashed);
                hashed.extend(LINE_END);
            }
        }
    }

    /// Adds the value of a field, in relaxed form, without a line end.
    fn add_value(self, value: &[u8], hashed: &mut Vec<u8>) {
        let start = hashed.len();
        let mut is_space_due = false;
        for octet in value {
            match octet {
                b'\r' | b'\n' => {}
                b' ' | b'\t' => is_space_due = true,
                octet => {
                    if is_space_due && hashed.len() > start {
                        hashed.push(b' ');
                    }
                    is_space_due = false;
                    hashed.push(*octet);
                }
            }
        }
    }

    /// The hash of a body.
    pub(crate) fn hash_body(self, body: &[u8]) -> [u8; 32] {
        let mut hasher = Hasher { context: Context::new(&SHA256), buffer: Vec::new() };
        // Line ends wait until something follows them: those at the end count as one.
        let mut line_ends = 0_usize;
        let mut is_empty = true;
        let mut relaxed = Vec::new();
        for line in body.split_inclusive(|octet| *octet == b'\n') {
            let line = without_line_end(line);
            let line = match self {
                Self::Simple => line,
                Self::Relaxed => {
                    relaxed.clear();
                    relax_line(line, &mut relaxed);
                    relaxed.as_slice()
                }
            };
            if line.is_empty() {
                line_ends += 1;
                continue;
            }
            for _ in 0..line_ends {
                hasher.add(LINE_END);
            }
            hasher.add(line);
            line_ends = 1;
            is_empty = false;
        }
        if !is_empty || self == Self::Simple {
            hasher.add(LINE_END);
        }
        hasher.finish()
    }
}

/// White space at the end of a line goes, elsewhere it becomes one space.
fn relax_line(line: &[u8], relaxed: &mut Vec<u8>) {
    let mut is_space_due = false;
    for octet in line {
        match octet {
            b' ' | b'\t' => is_space_due = true,
            octet => {
                if is_space_due {
                    relaxed.push(b' ');
                }
                is_space_due = false;
                relaxed.push(*octet);
            }
        }
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    }
}

/// A hash that is fed small pieces.
struct Hasher {
    context: Context,
    buffer: Vec<u8>,
}

impl Hasher {
    const FULL: usize = 8 << 10;

    fn add(&mut self, octets: &[u8]) {
        self.buffer.extend(octets);
        if self.buffer.len() >= Self::FULL {
            self.context.update(&self.buffer);
            self.buffer.clear();
        }
    }

    fn finish(mut self) -> [u8; 32] {
        self.context.update(&self.buffer);
        let digest = self.context.finish();
        let mut hash = [0; 32];
        hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::digest;
    use data_encoding::BASE64;

    use super::*;
    use crate::Message;

    fn header(canonicalization: Canonicalization, message: &str) -> String {
        let message = Message::read(message.as_bytes()).unwrap();
        let mut hashed = Vec::new();
        for index in 0.. {
            let Some(field) = message.field(index) else { break };
            canonicalization.add_field(field, &mut hashed);
        }
        String::from_utf8(hashed).unwrap()
    }

    #[track_caller]
    fn body(canonicalization: Canonicalization, body: &str, expected: &str) {
        let hash = canonicalization.hash_body(body.as_bytes());
        assert_eq!(digest(&SHA256, expected.as_bytes()).as_ref(), hash, "{body:?}");
    }

    /// RFC 6376 section 3.4.5.
    #[test]
    fn the_examples_of_the_rfc_hold() {
        let message = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(header(Canonicalization::Relaxed, message), "a:X\r\nb:Y Z\r\n");
        assert_eq!(header(Canonicalization::Simple, message), "A: X\r\nB : Y\t\r\n\tZ  \r\n");
        let of_message = " C \r\nD \t E\r\n\r\n\r\n";
        body(Canonicalization::Relaxed, of_message, " C\r\nD E\r\n");
        body(Canonicalization::Simple, of_message, " C \r\nD \t E\r\n");
    }

    /// RFC 6376 sections 3.4.3 and 3.4.4.
    #[test]
    fn the_hashes_of_an_empty_body_are_those_of_the_rfc() {
        let hash = |canonicalization: Canonicalization, body: &str| {
            BASE64.encode(&canonicalization.hash_body(body.as_bytes()))
        };
        for empty in ["", "\r\n", "\r\n\r\n", "\n\n"] {
            assert_eq!(
                hash(Canonicalization::Simple, empty),
                "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="
            );
            assert_eq!(
                hash(Canonicalization::Relaxed, empty),
                "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
            );
        }
    }

    #[test]
    fn bodies_are_hashed_as_the_rfc_says() {
        let both = |given: &str, expected: &str| {
            body(Canonicalization::Simple, given, expected);
            body(Canonicalization::Relaxed, given, expected);
        };
        both("a", "a\r\n"); // a line end is added
        both("a\nb\n", "a\r\nb\r\n"); // LF alone
        both("\r\n\r\na\r\n", "\r\n\r\na\r\n"); // empty lines elsewhere count
        both("a\r\n\r\nb\r\n\r\n", "a\r\n\r\nb\r\n");
        both("a\rb\r\n", "a\rb\r\n"); // CR alone is no line end
        body(Canonicalization::Relaxed, "a \t b\t\r\n \t\r\n", "a b\r\n");
        body(Canonicalization::Relaxed, " \r\n\t\r\n", ""); // nothing is left
        body(Canonicalization::Relaxed, "\ta", " a\r\n");
        body(Canonicalization::Simple, "a \r\n \r\n", "a \r\n \r\n");
        let long = "0123456789\r\n".repeat(10_000);
        both(&long, &long);
    }

    #[test]
    fn the_names_of_methods_are_read() {
        use Canonicalization::{Relaxed, Simple};
        let good = |text: &str, pair| assert_eq!(Canonicalization::parse_pair(text), Some(pair));
        good("relaxed/relaxed", (Relaxed, Relaxed));
        good("relaxed", (Relaxed, Simple)); // RFC 6376 section 3.5
        good("Simple / RELAXED", (Simple, Relaxed));
        for bad in ["", "nowsp", "relaxed/", "relaxed/relaxed/relaxed"] {
            assert_eq!(Canonicalization::parse_pair(bad), None, "{bad}");
        }
    }
}
