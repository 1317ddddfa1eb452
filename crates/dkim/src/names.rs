//! Where a key lies.

use std::fmt;
use std::str::FromStr;

/// A selector: the labels that tell one key of a domain from another (RFC 6376 section 3.1).
///
/// Equal when written the same; DNS does not look at the case of letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector(String);

impl Selector {
    /// The most characters.
    pub const MAX_LENGTH: usize = 200;

    /// Reads a selector.
    ///
    /// # Errors
    /// When it is no sequence of labels of 1 to 63 letters, digits, `-` and `_` with dots between
    /// them, or longer than [`Selector::MAX_LENGTH`].
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if text.len() <= Self::MAX_LENGTH && text.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SelectorError)
        }
    }

    /// The selector as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A text that is no selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a selector is made of letters, digits, `-` and `_`, with dots between labels of at most 63 \
     characters"
)]
pub struct SelectorError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_labels() {
        for good in ["s1", "20210112", "selector2", "a.b-c._d", &"a".repeat(63)] {
            assert_eq!(
                Selector::parse(good).map(|selector| selector.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in
            ["", ".", "a.", ".a", "a..b", "a b", "ä", "a/b", &"a".repeat(64), &"a.".repeat(101)]
        {
            assert_eq!(Selector::parse(bad), Err(SelectorError), "{bad}");
        }
    }
}
