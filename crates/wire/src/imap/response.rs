//! What a response says.

use super::{RawResponse, value::Value};

/// The longest text for people that is kept, in characters.
const LONGEST_TEXT: usize = 200;
/// The most capabilities that are kept.
const MOST_CAPABILITIES: usize = 256;

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Response {
    /// It waits for the rest of a command; with what it says, mostly base64.
    GoOn(String),
    /// How a command ended, or, without a tag, how things stand.
    Status {
        /// The tag of the command.
        tag: Option<String>,
        /// How it stands.
        status: Status,
        /// What programs are told.
        code: Code,
        /// What people are told: printable, at most 200 characters.
        text: String,
    },
    /// What it can do, in capital letters.
    Capability(Vec<String>),
    /// So many messages are in the mailbox.
    Exists(u32),
    /// About one message.
    Fetch(Fetched),
    /// Anything else.
    Other,
}

/// How things stand (RFC 3501 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is done.
    Ok,
    /// It is refused.
    No,
    /// It was not understood.
    Bad,
    /// The server closes the connection.
    Bye,
    /// The server knows who we are without being told.
    Preauth,
}

/// What a status tells programs (RFC 3501 §7.1, RFC 5530).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// Nothing.
    None,
    /// What it can do, in capital letters.
    Capability(Vec<String>),
    /// UIDs are of this generation.
    UidValidity(u32),
    /// The next message gets this UID, or a larger one.
    UidNext(u32),
    /// Another one: its first word in capital letters, at most 64 characters.
    Other(String),
}

/// What is said of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Its UID.
    pub uid: Option<u32>,
    /// `RFC822.SIZE`: its octets, as the server counts them.
    pub size: Option<u64>,
    /// `BODY[]`: the message itself.
    pub body: Option<Vec<u8>>,
}

/// A response breaks the grammar where we have to understand it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a response of the server cannot be read")]
pub struct Unreadable;

impl Response {
    /// Reads a response.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if it is no response of IMAP, or one about a message or about capabilities
    /// that breaks the grammar.
    pub fn read(raw: RawResponse) -> Result<Self, Unreadable> {
        let first = raw.texts.first().ok_or(Unreadable)?;
        if let Some(rest) = first.strip_prefix(b"+") {
            return Ok(Self::GoOn(text(rest)));
        }
        let (tag, rest) = split(first);
        let tag = match tag {
            b"*" => None,
            _ if is_tag(tag) => Some(String::from_utf8_lossy(tag).into_owned()),
            _ => return Err(Unreadable),
        };
        let (word, after) = split(rest);
        if let Some(status) = Status::of(word) {
            let (code, after) = code(after);
            return Ok(Self::Status { tag, status, code, text: text(after) });
        }
        if tag.is_some() {
            return Err(Unreadable);
        }
        if word.eq_ignore_ascii_case(b"CAPABILITY") {
            return Ok(Self::Capability(capabilities(after)));
        }
        if !word.iter().all(u8::is_ascii_digit) {
            return Ok(Self::Other);
        }
        Self::numbered(raw)
    }

    /// What begins with a number.
    fn numbered(raw: RawResponse) -> Result<Self, Unreadable> {
        let is_fetch = raw.texts.first().is_some_and(|first| {
            first.split(|octet| *octet == b' ').nth(2).is_some_and(|word| {
                word.eq_ignore_ascii_case(b"FETCH") || word.eq_ignore_ascii_case(b"EXISTS")
            })
        });
        if !is_fetch {
            return Ok(Self::Other);
        }
        let values = Value::all(raw).ok_or(Unreadable)?;
        match values.as_slice() {
            [_, number, word] if word.is("EXISTS") => {
                number.number().map(Self::Exists).ok_or(Unreadable)
            }
            [_, _, word, Value::List(_)] if word.is("FETCH") => {
                let Some(Value::List(pairs)) = values.into_iter().nth(3) else {
                    return Err(Unreadable);
                };
                fetched(pairs).map(Self::Fetch)
            }
            _ => Err(Unreadable),
        }
    }
}

impl Status {
    fn of(word: &[u8]) -> Option<Self> {
        [
            (&b"OK"[..], Self::Ok),
            (b"NO", Self::No),
            (b"BAD", Self::Bad),
            (b"BYE", Self::Bye),
            (b"PREAUTH", Self::Preauth),
        ]
        .into_iter()
        .find_map(|(name, status)| word.eq_ignore_ascii_case(name).then_some(status))
    }
}

fn fetched(pairs: Vec<Value>) -> Result<Fetched, Unreadable> {
    let mut fetched = Fetched::default();
    let mut pairs = pairs.into_iter();
    while let Some(name) = pairs.next() {
        let value = pairs.next().ok_or(Unreadable)?;
        if name.is("UID") {
            fetched.uid = Some(value.number().filter(|uid| *uid > 0).ok_or(Unreadable)?);
        } else if name.is("RFC822.SIZE") {
            fetched.size = Some(value.number().ok_or(Unreadable)?);
        } else if name.is("BODY[]") {
            fetched.body = match value {
                Value::Text(octets) => Some(octets),
                // The message is gone.
                Value::Word(word) if word.eq_ignore_ascii_case(b"NIL") => None,
                Value::Word(_) | Value::List(_) => return Err(Unreadable),
            };
        }
    }
    Ok(fetched)
}

/// The code in brackets at the front, and what follows it.
fn code(text: &[u8]) -> (Code, &[u8]) {
    let Some(rest) = text.strip_prefix(b"[") else { return (Code::None, text) };
    let Some(end) = rest.iter().position(|octet| *octet == b']') else {
        return (Code::None, text);
    };
    let (inside, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    let after = after.strip_prefix(b"]").unwrap_or(after);
    let (word, argument) = split(inside);
    let word = String::from_utf8_lossy(word).to_ascii_uppercase();
    let number = || std::str::from_utf8(argument).ok().and_then(|text| text.trim().parse().ok());
    let code = match word.as_str() {
        "CAPABILITY" => Code::Capability(capabilities(argument)),
        "UIDVALIDITY" => number().map_or(Code::None, Code::UidValidity),
        "UIDNEXT" => number().map_or(Code::None, Code::UidNext),
        _ => Code::Other(word.chars().take(64).filter(|c| !c.is_control()).collect()),
    };
    (code, after)
}

fn capabilities(text: &[u8]) -> Vec<String> {
    text.split(|octet| *octet == b' ')
        .filter(|word| !word.is_empty())
        .take(MOST_CAPABILITIES)
        .map(|word| String::from_utf8_lossy(word).to_ascii_uppercase())
        .collect()
}

/// The first word, and what follows the space behind it.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|octet| *octet == b' ') {
        Some(end) => (
            text.get(..end).unwrap_or_default(),
            text.get(end.saturating_add(1)..).unwrap_or_default(),
        ),
        None => (text, &[]),
    }
}

fn is_tag(tag: &[u8]) -> bool {
    !tag.is_empty() && tag.len() <= 32 && tag.iter().all(u8::is_ascii_alphanumeric)
}

/// What people are told, without what a terminal would obey.
fn text(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let text = text.trim().chars().take(LONGEST_TEXT);
    text.map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::imap::{ReaderLimits, ResponseReader};

    fn read(octets: &[u8]) -> Result<Response, Unreadable> {
        let mut reader = ResponseReader::new(ReaderLimits { line: 10_000, literals: 10_000 });
        reader.push(octets);
        Response::read(reader.next_response().unwrap().unwrap())
    }

    fn good(octets: &[u8], expected: &Response) {
        assert_eq!(read(octets).as_ref(), Ok(expected), "{}", String::from_utf8_lossy(octets));
    }

    fn status(tag: Option<&str>, status: Status, code: Code, text: &str) -> Response {
        Response::Status { tag: tag.map(str::to_owned), status, code, text: text.to_owned() }
    }

    fn fetch(uid: Option<u32>, size: Option<u64>, body: Option<&[u8]>) -> Response {
        Response::Fetch(Fetched { uid, size, body: body.map(<[u8]>::to_vec) })
    }

    #[test]
    fn what_servers_say() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        good(b"* OK hello\r\n", &status(None, Status::Ok, Code::None, "hello"));
        good(b"a1 no [AUTHENTICATIONFAILED] bad\r\n", &{
            let code = Code::Other("AUTHENTICATIONFAILED".to_owned());
            status(Some("a1"), Status::No, code, "bad")
        });
        good(b"* OK [UIDVALIDITY 7] ok\r\n", &{
            status(None, Status::Ok, Code::UidValidity(7), "ok")
        });
        good(b"* OK [UIDNEXT 4294967296] ok\r\n", &status(None, Status::Ok, Code::None, "ok"));
        good(b"* OK [CAPABILITY IMAP4rev1 idle]\r\n", &{
            let code = Code::Capability(words(&["IMAP4REV1", "IDLE"]));
            status(None, Status::Ok, code, "")
        });
        good(b"* BYE \x1b[31m\r\n", &status(None, Status::Bye, Code::None, "\u{fffd}[31m"));
        good(b"* CAPABILITY a B\r\n", &Response::Capability(words(&["A", "B"])));
        good(b"* 3 EXISTS\r\n", &Response::Exists(3));
        good(b"* 3 RECENT\r\n", &Response::Other);
        good(b"* LIST (\\X) \"/\" INBOX\r\n", &Response::Other);
        good(b"+ idling\r\n", &Response::GoOn("idling".to_owned()));
        good(b"+\r\n", &Response::GoOn(String::new()));
        good(b"* 3 FETCH (UID 9 RFC822.SIZE 12)\r\n", &fetch(Some(9), Some(12), None));
        good(b"* 3 fetch (BODY[] {3}\r\nabc UID 9 FLAGS (\\Seen ()))\r\n", &{
            fetch(Some(9), None, Some(b"abc"))
        });
        good(b"* 3 FETCH (BODY[] \"a\\\"b\")\r\n", &fetch(None, None, Some(b"a\"b")));
        good(b"* 3 FETCH (BODY[] {0}\r\n)\r\n", &fetch(None, None, Some(b"")));
        good(b"* 3 FETCH (BODY[] NIL UID 4)\r\n", &fetch(Some(4), None, None));
        good(b"* 3 FETCH (BODY[HEADER.FIELDS (A B)] {2}\r\n)( UID 4)\r\n", &{
            fetch(Some(4), None, None)
        });
    }

    #[test]
    fn what_cannot_be_read() {
        for octets in [
            &b"\r\n"[..],
            b"hello\r\n",
            b"* 3 FETCH (UID)\r\n",
            b"* 3 FETCH (UID 0)\r\n",
            b"* 3 FETCH (UID +4)\r\n",
            b"* 3 FETCH (UID 4\r\n",
            b"* 3 FETCH UID 4\r\n",
            b"* 3 FETCH (BODY[] (a))\r\n",
            b"* 99999999999 EXISTS\r\n",
            b"a1 FETCH (UID 4)\r\n",
            b"a-1 OK\r\n",
            &[b"* 3 FETCH ".as_slice(), &[b'('; 40], b"\r\n"].concat(),
        ] {
            assert_eq!(read(octets), Err(Unreadable), "{}", String::from_utf8_lossy(octets));
        }
    }

    proptest! {
        #[test]
        fn it_never_panics(octets: Vec<u8>) {
            let _ = read(&[b"* 1 FETCH (", octets.as_slice(), b"\r\n"].concat());
            let _ = read(&[octets.as_slice(), b"\r\n"].concat());
        }

        #[test]
        fn a_message_comes_as_it_is(body: Vec<u8>, uid in 1u32..) {
            let head = format!("* 1 FETCH (UID {uid} BODY[] {{{}}}\r\n", body.len());
            let octets = [head.as_bytes(), body.as_slice(), b")\r\n"].concat();
            prop_assert_eq!(read(&octets), Ok(fetch(Some(uid), None, Some(&body))));
        }
    }
}
