//! Why a text is not a domain name, and what to write instead.

/// More characters of a label than this are never repeated in an error.
const SHOWN_CHARACTERS: usize = 64;

/// Why a text is not a domain name.
///
/// Each message names the cause and the remedy, and fits after "failed to read the domain name: ".
/// Labels are counted from 1, from the left. Text from outside appears escaped and shortened, so
/// that a message is safe for a terminal or a log line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainNameError {
    /// The text holds no label.
    #[error("the name is empty: give a domain such as example.com")]
    Empty,

    /// The text is so long that nothing in it was read.
    #[error("the text has {length} bytes, no domain name needs more than {limit}")]
    InputTooLong {
        /// Length of the text in bytes.
        length: usize,
        /// Longest text that is read, in bytes.
        limit: usize,
    },

    /// The name in A-label form is longer than DNS allows (RFC 1035 §2.3.4).
    #[error(
        "the name has {length} characters as A-labels, at most {limit} are allowed: shorten it"
    )]
    TooLong {
        /// Length of the A-label form in characters, without a trailing dot.
        length: usize,
        /// Longest name, in characters.
        limit: usize,
    },

    /// Two dots side by side, or a dot at the start.
    #[error("label {position} is empty: remove the extra dot")]
    LabelEmpty {
        /// Which label, counted from 1, from the left.
        position: usize,
    },

    /// A label in A-label form is longer than DNS allows (RFC 1035 §2.3.4).
    #[error(
        "label {position} (`{label}`) has {length} characters, at most {limit} are allowed: shorten it"
    )]
    LabelTooLong {
        /// Which label, counted from 1, from the left.
        position: usize,
        /// The label, escaped and shortened.
        label: Box<str>,
        /// Length of the label as an A-label, in characters.
        length: usize,
        /// Longest label, in characters.
        limit: usize,
    },

    /// An underscore, which DNS allows and mail does not.
    #[error(
        "label {position} (`{label}`) holds an underscore, not allowed in a mail domain (RFC 5321 §4.1.2): give the domain without service labels such as _mta-sts"
    )]
    Underscore {
        /// Which label, counted from 1, from the left.
        position: usize,
        /// The label, escaped and shortened.
        label: Box<str>,
    },

    /// An ASCII character that is neither a letter, a digit nor a hyphen.
    #[error("label {position} (`{label}`) holds `{}`: only letters, digits and hyphens are allowed{}", character.escape_debug(), character_hint(*character))]
    Character {
        /// Which label, counted from 1, from the left.
        position: usize,
        /// The label, escaped and shortened.
        label: Box<str>,
        /// The first character that is not allowed.
        character: char,
    },

    /// A hyphen at the start or the end of a label.
    #[error("label {position} (`{label}`) begins or ends with a hyphen: remove it")]
    EdgeHyphen {
        /// Which label, counted from 1, from the left.
        position: usize,
        /// The label, escaped and shortened.
        label: Box<str>,
    },

    /// An IP address, with or without brackets.
    #[error("an IP address is not a domain name: give the name of the domain or host instead")]
    AddressLiteral,

    /// The last label is a number, so that the name could be taken for an IP address.
    #[error(
        "the last label (`{label}`) is a number, so the name could be taken for an IP address: give a domain such as example.com"
    )]
    LastLabelNumeric {
        /// The label, escaped and shortened.
        label: Box<str>,
    },

    /// A label that IDNA does not allow: a forbidden character, a wrong A-label, mixed directions.
    #[error(
        "label {position} (`{label}`) is not a valid internationalized label (IDNA, UTS 46): check its spelling, or give the registered A-label (`xn--…`)"
    )]
    Idna {
        /// Which label, counted from 1, from the left.
        position: usize,
        /// The label, escaped and shortened.
        label: Box<str>,
    },

    /// A mailbox instead of a domain.
    #[error("the text holds `@`: give the domain only, the part after the last `@`")]
    Mailbox,

    /// A URL or a path instead of a domain.
    #[error(
        "the text looks like a URL: give the host name only, without a scheme, a port or a path"
    )]
    Url,

    /// White space before, within or after the name.
    #[error("white space at byte {offset}: give one domain name and nothing else")]
    WhiteSpace {
        /// Byte offset of the first white space.
        offset: usize,
    },
}

/// What else can be said about a character that is often seen in the wrong place.
fn character_hint(character: char) -> &'static str {
    match character {
        ':' => "; give the name without a port",
        '*' => "; a wildcard is a pattern, not a name",
        ',' | ';' => "; give one name at a time",
        _ => "",
    }
}

/// Text from outside, fit to be shown: escaped, and cut after [`SHOWN_CHARACTERS`].
pub(crate) fn shown(label: &str) -> Box<str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if label.len() <= SHOWN_CHARACTERS && label.bytes().all(is_plain) {
        return label.into();
    }
    let mut text = String::with_capacity(label.len().min(4 * SHOWN_CHARACTERS));
    let mut characters = label.chars();
    for character in characters.by_ref().take(SHOWN_CHARACTERS) {
        text.extend(character.escape_debug());
    }
    if characters.next().is_some() {
        text.push('…');
    }
    text.into_boxed_str()
}
