//! Lists of tags (RFC 6376 section 3.2).

/// A list of tags with their values.
pub(crate) struct Tags<'a>(Vec<(&'a str, &'a str)>);

/// Why a text is no list of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TagFault {
    /// Outside the grammar.
    Malformed,
    /// A tag stands twice: then the whole list is invalid.
    Repeated,
}

impl<'a> Tags<'a> {
    /// Signatures have up to 15, keys up to 8.
    const MOST: usize = 40;

    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, TagFault> {
        let text = str::from_utf8(text).map_err(|_| TagFault::Malformed)?;
        let mut tags: Vec<(&str, &str)> = Vec::new();
        // An empty tag is outside the grammar at any place but the end; it harms nobody.
        for tag in text.split(';').map(trim).filter(|tag| !tag.is_empty()) {
            let (name, value) = tag.split_once('=').ok_or(TagFault::Malformed)?;
            let name = trim(name);
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name || tags.len() >= Self::MOST {
                return Err(TagFault::Malformed);
            }
            if tags.iter().any(|(earlier, _)| *earlier == name) {
                return Err(TagFault::Repeated);
            }
            tags.push((name, trim(value)));
        }
        Ok(Self(tags))
    }

    /// The value of a tag; names are case-sensitive.
    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The first tag.
    pub(crate) fn first(&self) -> Option<&'a str> {
        self.0.first().map(|(name, _)| *name)
    }
}

/// A list with colons, without the white space around its items.
pub(crate) fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(':').map(trim)
}

/// Base64 in which white space may stand anywhere.
pub(crate) fn base64(value: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = value.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    data_encoding::BASE64.decode(&text).or_else(|_| data_encoding::BASE64_NOPAD.decode(&text)).ok()
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_by_the_grammar() {
        let good = |text: &str, tags: &[(&str, &str)]| {
            assert_eq!(Tags::parse(text.as_bytes()).map(|tags| tags.0).unwrap(), tags, "{text}");
        };
        let bad = |text: &str, fault| {
            assert_eq!(Tags::parse(text.as_bytes()).err(), Some(fault), "{text}");
        };
        good("", &[]);
        good("v=1; a=rsa-sha256;", &[("v", "1"), ("a", "rsa-sha256")]);
        good(" v \r\n\t=\r\n 1 \r\n", &[("v", "1")]); // white space around everything
        good("p=", &[("p", "")]); // not the same as none
        good("h=a : b", &[("h", "a : b")]); // white space within a value stays
        good("b=a==", &[("b", "a==")]);
        good("v=1;;a=2", &[("v", "1"), ("a", "2")]);
        good("V=1;v=2", &[("V", "1"), ("v", "2")]); // names are case-sensitive
        bad("v=1; v=1", TagFault::Repeated);
        bad("v", TagFault::Malformed);
        bad("=1", TagFault::Malformed);
        bad("1=v", TagFault::Malformed);
        bad("a b=1", TagFault::Malformed);
        assert_eq!(Tags::parse(b"v=\xff").err(), Some(TagFault::Malformed));
        let many: String = (0..41).map(|number| format!("t{number}=;")).collect();
        bad(&many, TagFault::Malformed);
    }

    #[test]
    fn base64_may_be_folded() {
        assert_eq!(base64("Zm9v\r\n\tYmFy"), Some(b"foobar".to_vec()));
        assert_eq!(base64(" Z g = = "), Some(b"f".to_vec()));
        assert_eq!(base64("Zg"), Some(b"f".to_vec())); // without padding
        assert_eq!(base64("Zg!"), None);
        assert_eq!(base64(""), Some(vec![]));
    }
}
