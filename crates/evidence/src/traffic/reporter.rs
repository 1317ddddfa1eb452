//! Who reports, and how far that is believed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Day;

/// Who sent reports.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Reporter {
    /// The domain that signed, or the name of the source that a setting admits; empty if nobody
    /// vouches for the name of the organisation.
    pub signer: String,
    /// `organization-name`, as the reports give it: whatever the sender likes. At most 255
    /// characters.
    pub organisation: String,
}

/// How far a report is believed, and why. Kept as it was when the report came: keys of signatures
/// vanish.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "trust", rename_all = "kebab-case")]
#[must_use]
pub enum Trust {
    /// Its signature was verified by us (RFC 8460 §3).
    Verified {
        /// The signing domain.
        signer: String,
    },
    /// A server that a setting names had verified its signature.
    Vouched {
        /// The signing domain, as that server says.
        signer: String,
        /// The server.
        server: String,
    },
    /// Nothing is proven, and a setting admits the source all the same.
    Admitted {
        /// The name of the source in the settings.
        source: String,
        /// The domain that the mail says it is from, which nothing proves; `None` if it came by HTTPS.
        /// One source may hand on the reports of many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sender: Option<String>,
    },
    /// Nothing is proven.
    Unverified {
        /// Why not, as a stable code.
        reason: String,
    },
}

/// What is known of the habits of a reporter: when it reported, and how regularly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReporterActivity {
    /// Who.
    pub reporter: Reporter,
    /// Where it wants to be asked, as its newest report says.
    pub contact: Option<String>,
    /// The first day that it reported on.
    pub first_day: Day,
    /// The last day that it reported on.
    pub last_day: Day,
    /// When its report on that day came, in seconds since 1970.
    pub last_received_at: i64,
    /// The newest days that it reported on, at most 60, oldest first. How far they lie apart is
    /// its cadence.
    pub days: Vec<Day>,
}

impl Trust {
    /// Does what it says count?
    pub fn counts(&self) -> bool {
        !matches!(self, Self::Unverified { .. })
    }

    /// Who vouches for the report: a signing domain or an admitted source; empty if nobody does.
    pub fn signer(&self) -> &str {
        match self {
            Self::Verified { signer } | Self::Vouched { signer, .. } => signer,
            Self::Admitted { source, .. } => source,
            Self::Unverified { .. } => "",
        }
    }
}

impl ReporterActivity {
    /// The days from each reported day to the next: the shortest, the middle and the longest of
    /// them. `None` if it has reported on one day only.
    pub fn gaps(&self) -> Option<(i64, i64, i64)> {
        let pairs = self.days.iter().zip(self.days.iter().skip(1));
        let mut gaps: Vec<i64> =
            pairs.map(|(day, next)| next.number().saturating_sub(day.number())).collect();
        gaps.sort_unstable();
        Some((*gaps.first()?, *gaps.get(gaps.len() / 2)?, *gaps.last()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unverified_does_not_count() {
        let text = || "example.com".to_owned();
        for (trust, counts, signer) in [
            (Trust::Verified { signer: text() }, true, "example.com"),
            (Trust::Vouched { signer: text(), server: "mx.test".to_owned() }, true, "example.com"),
            (Trust::Admitted { source: "partner".to_owned(), sender: None }, true, "partner"),
            (
                Trust::Admitted { source: "partner".to_owned(), sender: Some(text()) },
                true,
                "partner",
            ),
            (Trust::Unverified { reason: "unsigned".to_owned() }, false, ""),
        ] {
            assert_eq!((trust.counts(), trust.signer()), (counts, signer), "{trust:?}");
            let json = serde_json::to_string(&trust).unwrap();
            assert_eq!(serde_json::from_str::<Trust>(&json).unwrap(), trust);
        }
    }

    #[test]
    fn gaps_tell_the_cadence() {
        let mut activity = ReporterActivity {
            reporter: Reporter { signer: String::new(), organisation: "A".to_owned() },
            contact: None,
            first_day: Day::new(1),
            last_day: Day::new(9),
            last_received_at: 0,
            days: [1, 2, 3, 5, 9].map(Day::new).into(),
        };
        assert_eq!(activity.gaps(), Some((1, 2, 4)));
        activity.days.truncate(1);
        assert_eq!(activity.gaps(), None);
    }
}
