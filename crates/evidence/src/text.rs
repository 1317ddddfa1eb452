//! Octets as they came, and TXT records made of them.

use std::borrow::Cow;
use std::fmt;

use data_encoding::BASE64;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Octets as they came, which are mostly but not surely text.
///
/// In JSON they are a string where they are UTF-8, and `{"base64": "…"}` where they are not, so
/// that evidence stays readable and nothing is lost.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Octets(Vec<u8>);

impl Octets {
    /// Keeps these octets.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(octets.into())
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The octets as text, with U+FFFD where they are not UTF-8.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// How many octets there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Octets({:?})", self.to_text())
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &BASE64.encode(&self.0))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OctetsVisitor;

        impl<'de> Visitor<'de> for OctetsVisitor {
            type Value = Octets;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string, or an object with the key `base64`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Octets, E> {
                Ok(Octets::new(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Octets, A::Error> {
                let Some((key, text)) = map.next_entry::<String, String>()? else {
                    return Err(A::Error::missing_field("base64"));
                };
                if key != "base64" {
                    return Err(A::Error::unknown_field(&key, &["base64"]));
                }
                BASE64.decode(text.as_bytes()).map(Octets).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(OctetsVisitor)
    }
}

impl JsonSchema for Octets {
    fn schema_name() -> Cow<'static, str> {
        "Octets".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Octets as they came: a string where they are UTF-8, else base64.",
            "oneOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": { "base64": { "type": "string" } },
                    "required": ["base64"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// One TXT record: its character strings, each at most 255 octets (RFC 1035 §3.3.14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextRecord {
    /// The character strings, as they lie in the record.
    pub strings: Vec<Octets>,
}

impl TextRecord {
    /// The record's text.
    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
    //# If the
    //# resulting TXT record contains multiple strings, then the record MUST
    //# be treated as if those strings are concatenated without adding
    //# spaces.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# If the resulting TXT
    //# record contains multiple strings (as described in Section 3.3 of
    //# [RFC7208]), then the record MUST be treated as if those strings are
    //# concatenated without adding spaces.
    pub fn text(&self) -> Octets {
        Octets(self.strings.iter().flat_map(|string| string.as_slice().iter().copied()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
    //= type=test
    //# If the
    //# resulting TXT record contains multiple strings, then the record MUST
    //# be treated as if those strings are concatenated without adding
    //# spaces.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //= type=test
    //# If the resulting TXT
    //# record contains multiple strings (as described in Section 3.3 of
    //# [RFC7208]), then the record MUST be treated as if those strings are
    //# concatenated without adding spaces.
    fn strings_are_joined_without_spaces() {
        let record = TextRecord { strings: vec![Octets::new("v=STSv1; i"), Octets::new("d=1;")] };
        assert_eq!(record.text().as_slice(), b"v=STSv1; id=1;");
    }

    #[test]
    fn json_keeps_text_readable_and_loses_no_octet() {
        for octets in [&b"version: STSv1\r\n"[..], b"", b"\xff\xfe\x00", "ü".as_bytes()] {
            let json = serde_json::to_string(&Octets::new(octets)).unwrap();
            let back: Octets = serde_json::from_str(&json).unwrap();
            assert_eq!(back.as_slice(), octets, "{json}");
        }
        assert_eq!(serde_json::to_string(&Octets::new("a\r\n")).unwrap(), r#""a\r\n""#);
        assert!(serde_json::from_str::<Octets>(r#"{"base64":"*"}"#).is_err());
        assert!(serde_json::from_str::<Octets>(r#"{"hex":"00"}"#).is_err());
        assert!(serde_json::from_str::<Octets>("7").is_err());
    }
}
