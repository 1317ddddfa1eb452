//! The domain name and how a text becomes one.

use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::error::{DomainNameError, shown};

#[cfg(test)]
mod tests;

/// Longer texts are refused before any other work, in bytes: a name of 253 characters may have
/// been four times as long in UTF-8.
const LONGEST_INPUT: usize = 1024;
/// RFC 1035 §2.3.4: 255 octets on the wire are 253 characters of text.
const LONGEST_NAME: usize = 253;
/// RFC 1035 §2.3.4.
const LONGEST_LABEL: usize = 63;
/// The label separators of UTS 46: full stop, ideographic, full-width and half-width.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// A domain name fit for mail: A-labels in lower case, at least one, no trailing dot, at most 253
/// characters.
///
/// Equality and hashing are those of the text. **Order is by zone**: labels are compared from the
/// right, so that sorting puts a domain right before its subdomains and keeps zones together. (For
/// this reason there is no `Borrow<str>`: text orders differently.)
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "String", into = "String")
)]
pub struct DomainName(Box<str>);

impl DomainName {
    /// Reads a domain name, in Unicode or as A-labels, in any case. One trailing dot is dropped.
    ///
    /// A label of ASCII follows RFC 5321 §4.1.2 (letters, digits and inner hyphens, including
    /// `--` at the third place, which exists in host names); every other label, and every `xn--`
    /// label, must be valid under UTS 46 with its strictest options.
    ///
    /// # Errors
    ///
    /// [`DomainNameError`] says which label is wrong and how to mend it. A text of more than 1,024
    /// bytes is refused unread.
    pub fn parse(text: &str) -> Result<Self, DomainNameError> {
        if text.len() > LONGEST_INPUT {
            return Err(DomainNameError::InputTooLong { length: text.len(), limit: LONGEST_INPUT });
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        match Look::at(name) {
            Look::Plain => Ok(Self(name.to_ascii_lowercase().into())),
            Look::WithALabels => to_a_labels(name).map(|name| Self(name.into())),
            Look::Other => Self::parse_or_explain(text),
        }
    }

    /// What [`parse`](Self::parse) does with all but host names in ASCII.
    fn parse_or_explain(text: &str) -> Result<Self, DomainNameError> {
        refuse_what_is_no_name(text)?;
        let name = text.strip_suffix(DOTS).unwrap_or(text);
        if name.is_empty() {
            return Err(DomainNameError::Empty);
        }
        check_labels(name.split(DOTS))?;
        let is_ascii = name.is_ascii();
        let name = to_a_labels(name)?;
        if !is_ascii {
            // Again, for the mapping may have emptied or lengthened a label.
            check_labels(name.split('.'))?;
        }
        if name.len() > LONGEST_NAME {
            return Err(DomainNameError::TooLong { length: name.len(), limit: LONGEST_NAME });
        }
        match name.rsplit('.').next() {
            Some(last) if last.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(if name.parse::<Ipv4Addr>().is_ok() {
                    DomainNameError::AddressLiteral
                } else {
                    DomainNameError::LastLabelNumeric { label: shown(last) }
                })
            }
            _ => Ok(Self(name.into())),
        }
    }

    /// The name as lower-case A-labels, without a trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels, from the left. At least one; none is empty.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// The name without its left-most label; `None` for a single label.
    pub fn parent(&self) -> Option<Self> {
        // A suffix of a valid name is valid: no rule needs the labels to its left.
        self.0.split_once('.').map(|(_, parent)| Self(parent.into()))
    }

    /// The name with `label` before it, as in `mta-sts` + `example.com`.
    ///
    /// # Errors
    ///
    /// [`DomainNameError`] if `label` is not exactly one valid label or the name becomes too long.
    /// Owner names that begin with an underscore (`_mta-sts.example.com`) are not domain names.
    pub fn child(&self, label: &str) -> Result<Self, DomainNameError> {
        if label.contains(DOTS) {
            let label = shown(label);
            return Err(DomainNameError::Character { position: 1, label, character: '.' });
        }
        Self::parse(&format!("{label}.{self}"))
    }

    /// Whether this name lies below `ancestor`, at any depth. No name lies below itself.
    pub fn is_subdomain_of(&self, ancestor: &Self) -> bool {
        self.0
            .strip_suffix(&*ancestor.0)
            .and_then(|prefix| prefix.strip_suffix('.'))
            .is_some_and(|prefix| !prefix.is_empty())
    }

    /// The name in U-labels, for people to read.
    ///
    /// Never compare or store this form. Names that look alike may differ, so show
    /// [`as_str`](Self::as_str) beside it wherever a person decides something by it.
    pub fn to_unicode(&self) -> String {
        let (unicode, valid) = Uts46::new().to_unicode(
            self.0.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
        );
        if valid.is_ok() { unicode.into_owned() } else { self.0.to_string() }
    }
}

/// What one pass over the bytes of a text tells, which is all there is to know of nearly all names.
#[derive(Clone, Copy)]
enum Look {
    /// A name that only may have to be put into lower case.
    Plain,
    /// The same, but some labels begin with `xn--`, or with others that have `--` at that place.
    WithALabels,
    /// There is something to convert or to explain.
    Other,
}

impl Look {
    fn at(name: &str) -> Self {
        if name.len() > LONGEST_NAME {
            return Self::Other;
        }
        let mut look = Self::Plain;
        let (mut length, mut all_digits, mut previous) = (0, true, b'.');
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' => all_digits = false,
                b'0'..=b'9' => {}
                b'-' if length == 0 => return Self::Other,
                b'-' => {
                    all_digits = false;
                    if length == 3 && previous == b'-' {
                        look = Self::WithALabels;
                    }
                }
                b'.' if length == 0 || length > LONGEST_LABEL || previous == b'-' => {
                    return Self::Other;
                }
                b'.' => {
                    (length, all_digits, previous) = (0, true, byte);
                    continue;
                }
                _ => return Self::Other,
            }
            length += 1;
            previous = byte;
        }
        // Digits alone, also none, make no last label.
        if all_digits || length > LONGEST_LABEL || previous == b'-' { Self::Other } else { look }
    }
}

/// Finds the whole texts that people give in place of a domain name, each with its own hint.
fn refuse_what_is_no_name(text: &str) -> Result<(), DomainNameError> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Ok(());
    }
    if let Some(offset) = text.find(char::is_whitespace) {
        return Err(DomainNameError::WhiteSpace { offset });
    }
    if text.starts_with('[') || (text.contains(':') && text.parse::<Ipv6Addr>().is_ok()) {
        return Err(DomainNameError::AddressLiteral);
    }
    if text.contains('/') {
        return Err(DomainNameError::Url);
    }
    if text.contains('@') {
        return Err(DomainNameError::Mailbox);
    }
    Ok(())
}

/// Checks each label as far as its ASCII characters tell.
fn check_labels<'a>(labels: impl Iterator<Item = &'a str>) -> Result<(), DomainNameError> {
    for (position, label) in (1..).zip(labels) {
        if label.is_empty() {
            return Err(DomainNameError::LabelEmpty { position });
        }
        let refused = |&character: &char| {
            character.is_ascii() && !character.is_ascii_alphanumeric() && character != '-'
        };
        match label.chars().find(refused) {
            Some('_') => return Err(DomainNameError::Underscore { position, label: shown(label) }),
            Some(character) => {
                let label = shown(label);
                return Err(DomainNameError::Character { position, label, character });
            }
            None => {}
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(DomainNameError::EdgeHyphen { position, label: shown(label) });
        }
        if label.is_ascii() && label.len() > LONGEST_LABEL {
            return Err(DomainNameError::LabelTooLong {
                position,
                label: shown(label),
                length: label.len(),
                limit: LONGEST_LABEL,
            });
        }
    }
    Ok(())
}

/// The A-label form in lower case. Lengths are left to the caller, who can name the label.
fn to_a_labels(name: &str) -> Result<Cow<'_, str>, DomainNameError> {
    if name.is_ascii() && !name.split('.').any(is_a_label) {
        return Ok(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        });
    }
    let uts46 = Uts46::new();
    // The whole at once, for the rules of writing direction look at all labels together.
    let Ok(ascii) = uts46.to_ascii(
        name.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Ignore,
    ) else {
        return Err(idna_error(name, |label| {
            // A label of ASCII has been checked, but for what an A-label stands for.
            let plain = label.is_ascii() && !is_a_label(label);
            !plain
                && uts46
                    .to_ascii(
                        label.as_bytes(),
                        AsciiDenyList::STD3,
                        Hyphens::CheckFirstLast,
                        DnsLength::Ignore,
                    )
                    .is_err()
        }));
    };
    // A U-label has no hyphens at the third and fourth place (RFC 5891 §4.2.3.1); plain ASCII may.
    // Punycode keeps the hyphens of a label side by side, so few labels need a closer look.
    let reserved = |label: &str| {
        is_a_label(label)
            && label.get(4..).is_some_and(|encoded| encoded.contains("--"))
            && uts46.to_unicode(label.as_bytes(), AsciiDenyList::STD3, Hyphens::Check).1.is_err()
    };
    if ascii.split('.').any(reserved) {
        return Err(idna_error(&ascii, reserved));
    }
    Ok(ascii)
}

fn is_a_label(label: &str) -> bool {
    label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

/// The error for the first label that is at fault; for the first of all if only their mixture is.
fn idna_error(name: &str, at_fault: impl Fn(&str) -> bool) -> DomainNameError {
    let is_all = |label: &str| label.len() == name.len();
    let (index, label) = name
        .split(DOTS)
        .enumerate()
        .find(|(_, label)| is_all(label) || at_fault(label))
        .unwrap_or((0, name.split(DOTS).next().unwrap_or(name)));
    DomainNameError::Idna { position: index + 1, label: shown(label) }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainName({})", self.0)
    }
}

impl Ord for DomainName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.labels().rev().cmp(other.labels().rev())
    }
}

impl PartialOrd for DomainName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AsRef<str> for DomainName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = DomainNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for DomainName {
    type Error = DomainNameError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for DomainName {
    type Error = DomainNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0.into_string()
    }
}
