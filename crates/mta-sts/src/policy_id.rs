//! The `id` of a record: a name for one instance of a policy.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};

/// Longest `id`, in characters.
const LONGEST: usize = 32;

/// The `id` of an STS record: 1 to 32 ASCII letters and digits, RFC 8461 §3.1.
///
/// Case matters. Ids are equal or not; there is no order between them, so none is implemented.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PolicyId(Text);

/// The characters. A sender holds very many ids, and most are short: times.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Text {
    /// At most [`SHORT`] of them, and zeros behind.
    Short { length: u8, octets: [u8; SHORT] },
    /// More.
    Long(Box<str>),
}

/// So many characters take no more room than a reference to others.
const SHORT: usize = 22;

impl PolicyId {
    /// Reads an id as it stands in a record.
    ///
    /// # Errors
    ///
    /// [`PolicyIdError`] if the text is empty, longer than 32 characters, or holds anything but
    /// ASCII letters and digits.
    pub fn parse(text: &str) -> Result<Self, PolicyIdError> {
        if text.is_empty() {
            return Err(PolicyIdError::Empty);
        }
        if let Some(character) = text.chars().find(|character| !character.is_ascii_alphanumeric()) {
            return Err(PolicyIdError::Character { character });
        }
        if text.len() > LONGEST {
            return Err(PolicyIdError::TooLong { length: text.len() });
        }
        Ok(Self::of(text))
    }

    /// An id made from what it stands for: equal bodies have equal ids, and another body has
    /// another one.
    ///
    /// The first 160 bits of the SHA-256 digest of `body`, in base32 (RFC 4648 §6) and lower case:
    /// always 32 characters. This will not change between versions of this crate.
    pub fn from_content(body: &[u8]) -> Self {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
        //# This string MUST uniquely identify a given instance of a
        //# policy, such that senders can determine when the policy has been
        //# updated by comparing to the "id" of a previously seen policy.
        let mut id = BASE32_NOPAD.encode(&Sha256::digest(body));
        id.truncate(LONGEST);
        id.make_ascii_lowercase();
        Self::of(&id)
    }

    /// An id made of a time: `20160831085700Z` for that second, the style of RFC 8461's examples.
    ///
    /// `seconds` are those since 1970; times before that year and after 9999 are taken as its ends.
    /// Two policies of one second get the same id: whoever publishes more often than that has to use
    /// [`from_content`](Self::from_content).
    pub fn from_time(seconds: i64) -> Self {
        /// 9999-12-31T23:59:59Z.
        const LAST: i64 = 253_402_300_799;
        let seconds = seconds.clamp(0, LAST);
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // The calendar by eras of 400 years, which begin on the first of March (H. Hinnant,
        // "chrono-compatible low-level date algorithms").
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        Self::of(&format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z"))
    }

    /// The id as text.
    #[expect(clippy::expect_used, reason = "what was text and was not cut is text")]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short { length, octets } => {
                let text = octets.get(..usize::from(*length)).unwrap_or_default();
                str::from_utf8(text).expect("invariant: a whole text is held")
            }
            Text::Long(text) => text,
        }
    }

    fn of(text: &str) -> Self {
        let mut octets = [0; SHORT];
        Self(match (octets.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(text.as_bytes());
                Text::Short { length, octets }
            }
            _ => Text::Long(text.into()),
        })
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyId({})", self.as_str())
    }
}

impl AsRef<str> for PolicyId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for PolicyId {
    type Err = PolicyIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a text is not an id, RFC 8461 §3.1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyIdError {
    /// There is no character.
    #[error("the id is empty: write 1 to 32 letters and digits")]
    Empty,

    /// There are more than 32 characters.
    #[error("the id has {length} characters: at most 32 are allowed")]
    TooLong {
        /// Number of characters.
        length: usize,
    },

    /// There is something else than an ASCII letter or digit.
    #[error("the id holds `{}`: only letters and digits are allowed, as in 20261101T120000", character.escape_debug())]
    Character {
        /// The first character that is not allowed.
        character: char,
    },
}

#[cfg(test)]
mod tests {
    use super::PolicyId;

    #[test]
    fn ids_from_content_never_change() {
        // Made with `sha256sum | cut -c-64 | xxd -r -p | base32 | head -c 32`.
        let golden = [
            ("", "4oymiquy7qobjgx36tejs35zeqt24qpe"),
            (
                "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n",
                "ssav5nqud63okutirc7wn6mpoya7ahem",
            ),
            (
                "version: STSv1\r\nmode: enforce\r\nmx: mx1.xn--bcher-kva.example\r\nmax_age: 604800\r\n",
                "nrorruw4jvwbkvmmr4sodo4iguneii63",
            ),
        ];
        for (body, id) in golden {
            assert_eq!(PolicyId::from_content(body.as_bytes()).as_str(), id);
            assert_eq!(PolicyId::parse(id), Ok(PolicyId::from_content(body.as_bytes())));
        }
    }

    #[test]
    fn ids_of_any_length_are_what_was_read() {
        for length in 1..=32 {
            let text: String = ('A'..='Z').chain('0'..='9').take(length).collect();
            let id = PolicyId::parse(&text).unwrap();
            assert_eq!(id.as_str(), text);
            assert_eq!(id, text.parse().unwrap());
            assert_ne!(Ok(id), PolicyId::parse(&text.to_lowercase().replace('a', "z")));
        }
        assert_eq!(size_of::<PolicyId>(), 24);
    }

    #[test]
    fn ids_of_times_are_dates_of_the_calendar() {
        for (seconds, id) in [
            (i64::MIN, "19700101000000Z"),
            (1_472_633_820, "20160831085700Z"), // the example of RFC 8461 §3.1
            (951_782_399, "20000228235959Z"),
            (951_782_400, "20000229000000Z"),
            (951_868_800, "20000301000000Z"),
            (4_107_542_399, "21000228235959Z"),
            (4_107_542_400, "21000301000000Z"), // no leap day in 2100
            (1_735_689_599, "20241231235959Z"),
            (i64::MAX, "99991231235959Z"),
        ] {
            assert_eq!(PolicyId::from_time(seconds).as_str(), id, "{seconds}");
            assert!(PolicyId::parse(id).is_ok());
        }
    }
}
