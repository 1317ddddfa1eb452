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

/// The longest part of the name of a kind that is written out.
const LONGEST_PART: usize = 200;

/// FNV-1a, which stays the same in every release.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl FailureGroup {
    /// Whether the reports say how the sessions failed. A report may give no more than the number of
    /// sessions that failed, or details of some of them.
    pub fn is_said(&self) -> bool {
        !self.result_type.is_empty()
    }

    /// The name of its kind, under which a person accepts it: the policy that was applied, the result,
    /// the MX host, and the reason where there is one. It is made of what reports say, safe to show
    /// and to type, and no two kinds have the same.
    pub fn kind(&self) -> String {
        let safe = |text: &str| -> String {
            let mut name = String::new();
            for octet in text.bytes() {
                match octet {
                    b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' => name.push(octet.into()),
                    b'A'..=b'Z' => name.push(octet.to_ascii_lowercase().into()),
                    other => name.push_str(&format!("%{other:02x}")),
                }
            }
            // Free text may be long; its digest tells it from others that begin alike.
            if name.len() > LONGEST_PART {
                name.truncate(LONGEST_PART);
                name.push_str(&format!("~{:016x}", digest(text)));
            }
            if name == "-" { "%2d".to_owned() } else { name }
        };
        // No host is called so.
        let host = self.mx_host.as_deref().map_or("-".to_owned(), safe);
        let kind = format!("{}/{}/{host}", safe(&self.policy_type), safe(&self.result_type));
        match self.reason.as_deref() {
            None | Some("") => kind,
            Some(reason) => format!("{kind}/{}", safe(reason)),
        }
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
