//! Transfer encodings (RFC 2045 section 6), read as tolerantly as their text allows.

use std::borrow::Cow;

/// A transfer encoding that changes octets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    Base64,
    QuotedPrintable,
    /// `7bit`, `8bit`, `binary`, none, and any name that is unknown.
    Identity,
}

impl Transfer {
    pub(super) fn of(name: Option<&str>) -> Self {
        match name {
            Some("base64") => Self::Base64,
            Some("quoted-printable") => Self::QuotedPrintable,
            _ => Self::Identity,
        }
    }

    /// Takes the encoding off.
    pub(super) fn decode<'a>(self, octets: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Base64 => Cow::Owned(decode_base64(octets)),
            Self::QuotedPrintable => Cow::Owned(decode_quoted_printable(octets)),
            Self::Identity => Cow::Borrowed(octets),
        }
    }
}

/// Whether the octets are the base64 form of gzip data or a zip archive: both begin with octets that
/// always lead to the same letters.
pub(super) fn is_packed_base64(octets: &[u8]) -> bool {
    let start = octets.trim_ascii_start();
    start.starts_with(b"H4sI") || start.starts_with(b"UEsDB")
}

/// The longest line of base64 (RFC 2045 section 6.8).
const LINE: usize = 76;

/// RFC 2045 section 6.8: characters outside the alphabet are ignored. The end is the padding, or the
/// end of the text.
fn decode_base64(octets: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(octets.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u8);
    let mut rest = octets;
    loop {
        // Nearly all of it: four letters that are three octets, a line at a time.
        let mut is_whole = count == 0;
        while is_whole {
            let mut line = [0; LINE / 4 * 3];
            let mut whole = 0;
            for (four, three) in rest.as_chunks::<4>().0.iter().zip(line.as_chunks_mut::<3>().0) {
                let [Some(a), Some(b), Some(c), Some(d)] = four.map(value) else { break };
                let (ab, cd) = (a << 6 | b, c << 6 | d);
                let [_, first, second, third] = (ab << 12 | cd).to_be_bytes();
                *three = [first, second, third];
                whole += 1;
            }
            decoded.extend_from_slice(line.get(..whole * 3).unwrap_or_default());
            rest = rest.get(whole * 4..).unwrap_or_default();
            is_whole = whole > 0;
        }
        let Some((octet, after)) = rest.split_first() else { break };
        rest = after;
        let Some(value) = value(*octet) else {
            if *octet == b'=' {
                break;
            }
            continue;
        };
        bits = bits << 6 | value;
        count += 1;
        if count == 4 {
            let [_, first, second, third] = bits.to_be_bytes();
            decoded.extend_from_slice(&[first, second, third]);
            (bits, count) = (0, 0);
        }
    }
    // Two letters are one octet, three are two; one is none.
    let [_, first, second, _] = (bits << (6 * (4 - u32::from(count)))).to_be_bytes();
    decoded.extend([first, second].iter().take(usize::from(count.saturating_sub(1))));
    decoded
}

/// What a letter of the alphabet stands for.
fn value(letter: u8) -> Option<u32> {
    u32::try_from(VALUES.get(usize::from(letter)).copied()?).ok()
}

/// By octet; -1 where it is none of the alphabet.
#[expect(clippy::indexing_slicing, reason = "it is worked out when the program is built")]
const VALUES: [i8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [-1; 256];
    let mut value = 0;
    while value < alphabet.len() {
        values[alphabet[value] as usize] = value as i8;
        value += 1;
    }
    values
};

/// RFC 2045 section 6.7; what is no encoding stands for itself.
fn decode_quoted_printable(octets: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(octets.len());
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        // White space at the end of a line was added on the way.
        let text = line.trim_ascii_end();
        let line_end = if line.ends_with(b"\r\n") {
            "\r\n"
        } else if line.ends_with(b"\n") {
            "\n"
        } else {
            ""
        };
        let (text, line_end) = match text.strip_suffix(b"=") {
            Some(text) => (text, ""),
            None => (text, line_end),
        };
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            let digits = after.first_chunk::<2>().filter(|_| *first == b'=');
            match digits.and_then(hexadecimal) {
                Some(octet) => {
                    decoded.push(octet);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => {
                    decoded.push(*first);
                    rest = after;
                }
            }
        }
        decoded.extend(line_end.bytes());
    }
    decoded
}

fn hexadecimal(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_to_its_end() {
        let good = |text: &str, octets: &[u8]| {
            assert_eq!(decode_base64(text.as_bytes()), octets, "{text:?}");
        };
        good("", b"");
        good("Zg==", b"f");
        good("Zm8=", b"fo");
        good("Zm9v", b"foo");
        good("Zm9vYmFy", b"foobar");
        good("Zm9v\r\nYmFy\r\n", b"foobar"); // line ends
        good("Zm 9v!\u{a0}", b"foo"); // RFC 2045: ignored
        good("Zm8", b"fo"); // no padding
        good("Z", b""); // one letter is less than an octet
        good("Zg==Zm9v", b"f"); // what follows the padding is another text
        good("++//", b"\xfb\xef\xff");
    }

    #[test]
    fn quoted_printable_is_read_as_written() {
        let good = |text: &str, octets: &str| {
            assert_eq!(decode_quoted_printable(text.as_bytes()), octets.as_bytes(), "{text:?}");
        };
        good("a=3Db", "a=b");
        good("a=3db", "a=b"); // lower case is wrong and common
        good("a=\r\nb", "ab"); // a soft line end
        good("a= \t\r\nb", "ab"); // with white space from the way
        good("a \r\nb\n", "a\r\nb\n");
        good("{\"a\"=1}", "{\"a\"=1}"); // never encoded
        good("a=", "a");
        good("=", "");
        good("=4", "=4");
    }
}
