//! Where a policy host is to be found, which an authority is shown.

use serde::{Deserialize, Serialize};

use crate::{DnsWay, PublishedDomain, Target};

/// What of the configuration of a domain its certificate depends on. It is written down, so that the
/// certificate is renewed for as long as a policy is served that nobody configures any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Whereabouts {
    /// What the policy host is to point to.
    pub(crate) target: Vec<Target>,
    /// Who sets its records.
    pub(crate) dns: DnsWay,
}

impl Whereabouts {
    pub(crate) fn of(published: &PublishedDomain) -> Self {
        Self { target: published.target.clone(), dns: published.dns.clone() }
    }

    /// What was written down. What cannot be read, or never was, says nothing.
    pub(crate) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub(crate) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_is_read_again() {
        let target = ["192.0.2.80", "2001:db8::80"];
        let whereabouts = Whereabouts {
            target: target.map(|text| Target::Address(text.parse().unwrap())).to_vec(),
            dns: DnsWay::Server("main".to_owned()),
        };
        let text = whereabouts.write();
        assert_eq!(text, r#"{"target":["192.0.2.80","2001:db8::80"],"dns":"main"}"#);
        assert_eq!(Whereabouts::read(Some(&text)), whereabouts);
        let alias = Target::Name("hosting.example.com".parse().unwrap());
        let by_hand = Whereabouts { target: vec![alias], dns: DnsWay::Manual };
        assert_eq!(Whereabouts::read(Some(&by_hand.write())), by_hand);
        for unreadable in [None, Some(""), Some("{\"target\":[\"-\"]}")] {
            assert_eq!(Whereabouts::read(unreadable), Whereabouts::default());
        }
    }
}
