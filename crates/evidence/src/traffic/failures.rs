//! Failures that are alike.

use std::net::IpAddr;

use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, Reporter};

/// Failed sessions that were reported alike in everything, over some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureGroup {
    /// The policy domain; `None` where the reports name none.
    #[schemars(with = "Option<String>")]
    pub domain: Option<DomainName>,
    /// Who reported them.
    pub reporter: Reporter,
    /// The policy that was applied: `sts`, `tlsa`, `no-policy-found`, or what else was written.
    pub policy_type: String,
    /// The result type of RFC 8460 §4.3, or what else was written; empty where it is
    /// [not said](Self::is_said) how the sessions failed.
    pub result_type: String,
    /// The name of the MX host that the sender asked for.
    pub mx_host: Option<String>,
    /// The address that the sender connected to. A stranger's address here means that mail was
    /// led elsewhere.
    pub receiving_ip: Option<IpAddr>,
    /// The address that the sender connected from.
    pub sending_ip: Option<IpAddr>,
    /// `failure-reason-code`: free text of the sender.
    pub reason: Option<String>,
    /// How many sessions.
    pub sessions: u64,
    /// How many reports told of them.
    pub reports: u64,
    /// The first day of a report that told of them.
    pub first_day: Day,
    /// The last day of a report that told of them.
    pub last_day: Day,
}

impl FailureGroup {
    /// Whether the reports say how the sessions failed. A report may give no more than the number of
    /// sessions that failed, or details of some of them.
    pub fn is_said(&self) -> bool {
        !self.result_type.is_empty()
    }

    /// The name of its kind, under which a person accepts it: made of what reports say, and safe to
    /// show and to type.
    pub fn kind(&self) -> String {
        let safe = |text: &str| -> String {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            text.chars()
                .take(253)
                .map(|c| if allowed(c) { c.to_ascii_lowercase() } else { '_' })
                .collect()
        };
        let host = self.mx_host.as_deref().map_or("-".to_owned(), safe);
        format!("{}/{}/{host}", safe(&self.policy_type), safe(&self.result_type))
    }
}

/// Since when, until when and how often a reporter has seen one kind of failure at a domain, over
/// all the time that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureHistory {
    /// The policy domain; `None` where the reports name none.
    #[schemars(with = "Option<String>")]
    pub domain: Option<DomainName>,
    /// Who reported them.
    pub reporter: Reporter,
    /// The policy that was applied.
    pub policy_type: String,
    /// The result type; empty where it is not said how they failed.
    pub result_type: String,
    /// How many sessions.
    pub sessions: u64,
    /// How many reports told of them.
    pub reports: u64,
    /// The last day of the first report that told of them.
    pub first_day: Day,
    /// The last day of the last report that told of them.
    pub last_day: Day,
}
