//! Requirements that are not met, each with its reason: `specs/exceptions.toml`.

use serde::Deserialize;

/// A requirement that no line of code meets, and why that is right for now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The number of the RFC.
    pub rfc: u32,
    /// The section, as in `3.3`.
    pub section: String,
    /// Words of the RFC that hold at least one binding key word.
    pub quote: String,
    /// Why it is not met, for readers of the report.
    pub reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exception: Vec<Exception>,
}

/// Reads the list of exceptions.
///
/// # Errors
/// When the text is not TOML of the expected shape; the message shows the line.
pub fn read_exceptions(text: &str) -> Result<Vec<Exception>, toml::de::Error> {
    toml::from_str::<File>(text).map(|file| file.exception)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_missing_keys_are_refused() {
        let entry = "[[exception]]\nrfc = 1\nsection = \"2\"\nquote = \"q\"\nreason = \"r\"\n";
        assert_eq!(read_exceptions(entry).unwrap().len(), 1);
        assert_eq!(read_exceptions("").unwrap().len(), 0);
        assert!(read_exceptions(&format!("{entry}until = \"later\"\n")).is_err());
        assert!(read_exceptions(&entry.replace("reason = \"r\"\n", "")).is_err());
    }
}
