//! Addresses as they stand in MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531 section 3.3).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mail_domain::DomainName;

/// A mailbox: a local part and a domain or address literal.
///
/// Two of them are equal when they are letter by letter, quoting apart.
/// [`is_same_as`](Self::is_same_as) is how mailboxes of people are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    local_part: Box<str>,
    host: Host,
}

/// What stands behind the `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name.
    Domain(DomainName),
    /// An address in brackets.
    Literal(IpAddr),
}

/// A recipient as a client names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// A mailbox. A source route before it was ignored.
    Mailbox(Mailbox),
    /// `<Postmaster>` without a domain, in any case: whoever looks after this server.
    Postmaster,
}

/// The sender as a client names it.
///
/// It is kept and never written to, so it need not be an address that we could reach: a report must
/// not be lost for an underscore in the sender's domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sender {
    /// `<>`: nobody, so that nobody is told of a failure.
    Null,
    /// What stood between the angle brackets: not empty, no control characters, no source route.
    Address(Box<str>),
}

/// Why a text is no mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailboxError {
    /// No `@`, or nothing before it, or a character that needs quotes.
    #[error("what stands before the @ is no local part: write `name@example.com`")]
    LocalPart,
    /// Neither a domain name nor an address in brackets.
    #[error("what stands behind the @ is neither a domain name nor an address in brackets")]
    Host,
    /// More octets than [`Mailbox::MAX_OCTETS`].
    #[error("a mailbox has at most {} octets", Mailbox::MAX_OCTETS)]
    TooLong,
}

impl Mailbox {
    /// The longest text that is read, in octets. RFC 5321 section 4.5.3.1 wants at least 64 before
    /// the `@` and 255 behind it, and to impose no limit where possible.
    pub const MAX_OCTETS: usize = 1_024;

    /// Reads `name@example.com`, `"quoted name"@example.com` or `name@[192.0.2.1]`.
    ///
    /// Dots may stand anywhere in the local part, since some providers give out such addresses.
    ///
    /// # Errors
    /// [`MailboxError`] says which half is wrong.
    pub fn parse(text: &str) -> Result<Self, MailboxError> {
        if text.len() > Self::MAX_OCTETS {
            return Err(MailboxError::TooLong);
        }
        let (local_part, host) = split_local_part(text).ok_or(MailboxError::LocalPart)?;
        let host = Host::parse(host).ok_or(MailboxError::Host)?;
        Ok(Self { local_part: local_part.into(), host })
    }

    /// What stands before the `@`, without quotes.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// What stands behind the `@`.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The domain, if it is none of the literals.
    pub fn domain(&self) -> Option<&DomainName> {
        match &self.host {
            Host::Domain(domain) => Some(domain),
            Host::Literal(_) => None,
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2
    //# For any purposes that require generating or comparing
    //# Local-parts (e.g., to specific mailbox names), all quoted forms MUST
    //# be treated as equivalent
    /// Whether mail to the one belongs to the other: ASCII letters in the local part may differ in
    /// case, as everybody expects, though RFC 5321 section 2.4 would allow otherwise.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.local_part.eq_ignore_ascii_case(&other.local_part) && self.host == other.host
    }

    /// Whether the local part is `postmaster`, which every domain has (RFC 5321 section 4.5.1).
    pub fn is_postmaster(&self) -> bool {
        self.local_part.eq_ignore_ascii_case(POSTMASTER)
    }
}

const POSTMASTER: &str = "postmaster";

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let Some(literal) = text.strip_prefix('[') else {
            return DomainName::parse(text).ok().map(Self::Domain);
        };
        let literal = literal.strip_suffix(']')?;
        let is_v6 = literal.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
        let address = if is_v6 {
            literal.get(5..)?.parse::<Ipv6Addr>().ok()?.into()
        } else {
            literal.parse::<Ipv4Addr>().ok()?.into()
        };
        Some(Self::Literal(address))
    }
}

impl Recipient {
    /// Reads what stands between the angle brackets behind `RCPT TO:`.
    pub(super) fn parse(path: &str) -> Result<Self, MailboxError> {
        if path.eq_ignore_ascii_case(POSTMASTER) {
            return Ok(Self::Postmaster);
        }
        Mailbox::parse(without_route(path).ok_or(MailboxError::LocalPart)?).map(Self::Mailbox)
    }

    /// The mailbox; `None` for the postmaster without a domain.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Mailbox(mailbox) => Some(mailbox),
            Self::Postmaster => None,
        }
    }
}

impl Sender {
    /// Reads what stands between the angle brackets behind `MAIL FROM:`. The line that it is from
    /// has no control characters.
    pub(super) fn parse(path: &str) -> Option<Self> {
        if path.is_empty() {
            return Some(Self::Null);
        }
        match without_route(path)? {
            "" => None,
            address => Some(Self::Address(address.into())),
        }
    }

    /// The address as sent; empty for the null sender.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Null => "",
            Self::Address(address) => address,
        }
    }
}

/// Cuts `<path> rest` into the path and the rest. A bracket in quotes does not count.
pub(super) fn split_path(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let mut quotes = Quotes::default();
    let end = inner.find(|character| !quotes.covers(character) && character == '>')?;
    let (path, rest) = inner.split_at_checked(end)?;
    Some((path, rest.strip_prefix('>')?))
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.3
//# Receiving systems MUST recognize
//# source route syntax but SHOULD strip off the source route
//# specification and utilize the domain name associated with the mailbox
//# as if the source route had not been provided.
/// `@a.example,@b.example:name@example.com` without what stands before the name.
fn without_route(path: &str) -> Option<&str> {
    if !path.starts_with('@') {
        return Some(path);
    }
    let mut is_in_literal = false;
    let end = path.find(|character| {
        match character {
            '[' => is_in_literal = true,
            ']' => is_in_literal = false,
            _ => {}
        }
        character == ':' && !is_in_literal
    })?;
    path.split_at_checked(end)?.1.strip_prefix(':')
}

/// Cuts a mailbox at its `@`; the local part comes back without quotes.
fn split_local_part(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (local_part, host) = text.split_once('@')?;
        let is_local_part = !local_part.is_empty() && local_part.chars().all(is_atext_or_dot);
        return is_local_part.then(|| (local_part.to_owned(), host));
    };
    let mut local_part = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => local_part.push(characters.next()?),
            character => local_part.push(character),
        }
    }
    let is_local_part = !local_part.is_empty() && !local_part.contains(char::is_control);
    let host = characters.as_str().strip_prefix('@')?;
    is_local_part.then_some((local_part, host))
}

fn is_atext_or_dot(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || ".!#$%&'*+-/=?^_`{|}~".contains(character)
        || (!character.is_ascii() && !character.is_control())
}

/// Whether a character is inside a quoted string.
#[derive(Default)]
struct Quotes {
    is_open: bool,
    is_escaped: bool,
}

impl Quotes {
    fn covers(&mut self, character: char) -> bool {
        let covered = self.is_open;
        if self.is_escaped {
            self.is_escaped = false;
        } else if character == '\\' && self.is_open {
            self.is_escaped = true;
        } else if character == '"' {
            self.is_open = !self.is_open;
        }
        covered
    }
}

/// As it is written in a command, quoted if it must be.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.local_part.chars().all(is_atext_or_dot) {
            f.write_str(&self.local_part)?;
        } else {
            f.write_str("\"")?;
            for character in self.local_part.chars() {
                if matches!(character, '"' | '\\') {
                    f.write_str("\\")?;
                }
                fmt::Write::write_char(f, character)?;
            }
            f.write_str("\"")?;
        }
        write!(f, "@{}", self.host)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => f.write_str(domain.as_str()),
            Self::Literal(IpAddr::V4(address)) => write!(f, "[{address}]"),
            Self::Literal(IpAddr::V6(address)) => write!(f, "[IPv6:{address}]"),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(mailbox) => mailbox.fmt(f),
            Self::Postmaster => f.write_str(POSTMASTER),
        }
    }
}

impl core::str::FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, MailboxError> {
        Self::parse(text)
    }
}
