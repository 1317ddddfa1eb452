//! One reply of a server (RFC 5321 section 4.2).

use std::fmt;

/// A complete reply: a code, and the text of each line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The code, 200 to 599.
    pub code: u16,
    /// The text of each line after the code and the character that follows it; at least one line in
    /// a reply that was read. Octets outside printable US-ASCII are written `\x1b`, `\t`, `\r`.
    pub lines: Vec<String>,
    /// Departures from the form of replies that did no harm; each at most once.
    pub oddities: Vec<ReplyOddity>,
}

impl Reply {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.2
    //# Whenever possible, a receiver-
    //# SMTP SHOULD test the first digit (severity indication) of the reply
    //# code.
    /// Whether the command was carried out: 2yz. The other two digits tell nothing more that a
    /// client may act on.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// Whether the same command may succeed later: 4yz.
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// Whether the server means its refusal for good: 5yz.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The enhanced status code at the beginning of the text (RFC 2034), when it is of the same
    /// class as the code.
    pub fn enhanced_code(&self) -> Option<EnhancedCode> {
        let (code, _) = EnhancedCode::split_from(self.lines.first()?)?;
        (u16::from(code.class) == self.code / 100).then_some(code)
    }

    pub(super) fn note(&mut self, oddity: ReplyOddity) {
        if !self.oddities.contains(&oddity) {
            self.oddities.push(oddity);
        }
    }
}

/// The code and all text in one line, the lines parted by ` / `.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        for (index, line) in self.lines.iter().enumerate() {
            let separator = if index == 0 { " " } else { " / " };
            if !line.is_empty() {
                write!(f, "{separator}{line}")?;
            }
        }
        Ok(())
    }
}

/// A status code such as `5.7.1` (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl EnhancedCode {
    /// Reads a code at the beginning of a text; gives it and what follows.
    fn split_from(text: &str) -> Option<(Self, &str)> {
        let (token, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut numbers = token.split('.');
        let class = match numbers.next()? {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        let mut number = || {
            let digits = numbers.next()?;
            let is_number =
                matches!(digits.len(), 1..=3) && digits.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| digits.parse().ok())?
        };
        let (subject, detail) = (number()?, number()?);
        numbers.next().is_none().then_some((Self { class, subject, detail }, rest))
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Something in the form of a reply that RFC 5321 does not allow and that did no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplyOddity {
    /// A line ended in LF without CR.
    BareLineFeed,
    /// A CR stood inside a line.
    BareCarriageReturn,
    /// An octet outside printable US-ASCII, other than a tab.
    UnprintableOctet,
    /// A line was longer than 512 octets (RFC 5321 section 4.5.3.1.5).
    LongLine,
}

impl fmt::Display for ReplyOddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BareLineFeed => "a line of the reply ends in LF without CR",
            Self::BareCarriageReturn => "a line of the reply holds a CR",
            Self::UnprintableOctet => "the reply holds octets outside printable US-ASCII",
            Self::LongLine => "a line of the reply is longer than 512 octets",
        })
    }
}
