//! The request.

use crate::postfix::{Key, MapName, Reason, Reply};

/// The longest request to read, in octets: the longest key that Postfix sends since version 3.12
/// (10,000 octets), with ample room for the name of the map.
pub const LONGEST_REQUEST: usize = 10_256;

/// What a mail server asks: the payload of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The map, by which the mail server says what it understands.
    pub map: MapName,
    /// What is asked about.
    pub key: Key,
}

impl Question {
    /// Reads the payload of a request: the name of the map, a space, the key.
    ///
    /// Every key can be read: one that is no next hop is [`Key::NotADomain`].
    ///
    /// # Errors
    /// When the map has none of our names. [`QuestionError::reply`] is the answer then.
    pub fn parse(payload: &[u8]) -> Result<Self, QuestionError> {
        let mut halves = payload.splitn(2, |octet| *octet == b' ');
        let name = halves.next().unwrap_or_default();
        let Some(key) = halves.next() else {
            return Err(QuestionError::NoKey);
        };
        match MapName::parse(name) {
            Some(map) => Ok(Self { map, key: Key::parse(key) }),
            None => Err(QuestionError::UnknownMap { name: shown(name) }),
        }
    }
}

/// Why a request cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// There is no space after the name of the map.
    #[error("the request has no key: write the map's name, a space, the next hop")]
    NoKey,
    /// The map is called otherwise. Somebody has to mend the configuration of the mail server.
    #[error("unknown map name \"{name}\": use {}", MapName::LIST)]
    UnknownMap {
        /// The beginning of the name, made readable.
        name: Box<str>,
    },
}

impl QuestionError {
    /// The reply that says it: a permanent failure, at which a mail server lets the message wait.
    pub fn reply(&self) -> Reply {
        Reply::Permanent(Reason::new(&self.to_string()))
    }
}

/// The beginning of a name, for people.
fn shown(name: &[u8]) -> Box<str> {
    const LONGEST: usize = 16;
    let (start, more) = match name.split_at_checked(LONGEST) {
        Some((start, rest)) if !rest.is_empty() => (start, "..."),
        _ => (name, ""),
    };
    format!("{}{more}", start.escape_ascii()).into()
}
