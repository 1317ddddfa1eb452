//! Members of an object that RFC 8460 does not know.

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The members of one object whose names are unknown, in their order, with their values.
///
/// They are kept so that nothing is lost when a report is written again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownMembers(Vec<UnknownMember>);

/// One unknown member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMember {
    name: String,
    value: String,
}

impl UnknownMember {
    /// The name, as written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value as JSON, without white space between its parts.
    pub fn json(&self) -> &str {
        &self.value
    }
}

impl UnknownMembers {
    /// Adds a member at the end. `value` must be JSON.
    pub(super) fn push(&mut self, name: String, value: String) {
        self.0.push(UnknownMember { name, value });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The members, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &UnknownMember> {
        self.0.iter()
    }
}

impl Serialize for UnknownMembers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for member in &self.0 {
            let value = RawValue::from_string(member.value.clone()).map_err(S::Error::custom)?;
            map.serialize_entry(&member.name, &value)?;
        }
        map.end()
    }
}
