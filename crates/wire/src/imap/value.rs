//! The words, strings and lists of a response (RFC 3501 §4).

use super::RawResponse;

/// How deep lists may lie in each other.
const DEEPEST: usize = 16;
/// The most values in one response.
const MOST: usize = 20_000;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A word, a number, a flag, `NIL`, or what is asked for, such as `BODY[]`.
    Word(Vec<u8>),
    /// A string in quotes or a literal.
    Text(Vec<u8>),
    /// A list in parentheses.
    List(Vec<Self>),
}

impl Value {
    /// All values of a response; `None` if it breaks the grammar.
    pub(super) fn all(response: RawResponse) -> Option<Vec<Self>> {
        let mut cursor = Cursor {
            texts: response.texts.into_iter(),
            literals: response.literals.into_iter(),
            text: Vec::new(),
            place: 0,
            left: MOST,
        };
        cursor.text = cursor.texts.next()?;
        let values = cursor.list(0, None)?;
        Some(values)
    }

    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => std::str::from_utf8(word).ok(),
            Self::Text(_) | Self::List(_) => None,
        }
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.word().is_some_and(|own| own.eq_ignore_ascii_case(word))
    }

    pub(super) fn number<N: std::str::FromStr>(&self) -> Option<N> {
        let word = self.word()?;
        // Rust's readers of numbers also take a sign.
        word.bytes().all(|octet| octet.is_ascii_digit()).then(|| word.parse().ok())?
    }
}

struct Cursor {
    texts: std::vec::IntoIter<Vec<u8>>,
    literals: std::vec::IntoIter<Vec<u8>>,
    text: Vec<u8>,
    place: usize,
    left: usize,
}

impl Cursor {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.place).copied()
    }

    /// Values up to the closing parenthesis, or to the end of the response.
    fn list(&mut self, depth: usize, closed_by: Option<u8>) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        loop {
            while self.peek() == Some(b' ') {
                self.place += 1;
            }
            match self.peek() {
                None => return closed_by.is_none().then_some(values),
                Some(octet) if Some(octet) == closed_by => {
                    self.place += 1;
                    return Some(values);
                }
                Some(_) => {
                    self.left = self.left.checked_sub(1)?;
                    values.push(self.value(depth)?);
                }
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.peek()? {
            b'(' if depth < DEEPEST => {
                self.place += 1;
                self.list(depth + 1, Some(b')')).map(Value::List)
            }
            b'(' | b')' => None,
            b'"' => self.quoted().map(Value::Text),
            _ if self.is_literal() => {
                self.text = self.texts.next()?;
                self.place = 0;
                self.literals.next().map(Value::Text)
            }
            _ => self.word().map(Value::Word),
        }
    }

    /// The rest of this text is the head of a literal.
    fn is_literal(&self) -> bool {
        let rest = self.text.get(self.place..).unwrap_or_default();
        let rest = rest.strip_prefix(b"~").unwrap_or(rest);
        let is_head = rest.first() == Some(&b'{')
            && rest.iter().skip(1).all(|octet| octet.is_ascii_digit() || b"+}".contains(octet));
        is_head && !self.literals.as_slice().is_empty()
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut string = Vec::new();
        loop {
            self.place += 1;
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.place += 1;
                    string.push(self.peek()?);
                }
                octet => string.push(octet),
            }
        }
        self.place += 1;
        Some(string)
    }

    /// A word ends at a space or a parenthesis; what stands in brackets belongs to it.
    fn word(&mut self) -> Option<Vec<u8>> {
        let (mut word, mut is_bracketed) = (Vec::new(), false);
        while let Some(octet) = self.peek() {
            match octet {
                b' ' | b'(' | b')' | b'"' if !is_bracketed => break,
                b'[' => is_bracketed = true,
                b']' => is_bracketed = false,
                _ => {}
            }
            word.push(octet);
            self.place += 1;
        }
        (!word.is_empty()).then_some(word)
    }
}
