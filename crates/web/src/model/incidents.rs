//! What people are told of, as data.

use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page of incidents, the last first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Incidents {
    /// `open` or `resolved`.
    pub(crate) phase: &'static str,
    #[schemars(with = "Option<String>")]
    pub(crate) domain: Option<DomainName>,
    pub(crate) incidents: Vec<IncidentRow>,
    /// What to give as `before` for the next page; null on the last one.
    pub(crate) next: Option<i64>,
    /// How many are open.
    pub(crate) open: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct IncidentRow {
    pub(crate) id: String,
    /// The code of its cause.
    pub(crate) code: String,
    /// The cause in a few words.
    pub(crate) title: &'static str,
    #[schemars(with = "String")]
    pub(crate) domain: DomainName,
    /// An MX host, a reporter; empty for the domain itself.
    pub(crate) subject: String,
    /// `pending`, `open` or `resolved`.
    pub(crate) phase: &'static str,
    /// `note`, `warning` or `critical`.
    pub(crate) urgency: &'static str,
    /// Seconds since 1970, as all times.
    pub(crate) since: i64,
    pub(crate) resolved_at: Option<i64>,
    /// What was seen.
    pub(crate) summary: String,
    /// Who has it in hand now.
    pub(crate) in_hand: Option<String>,
}

/// One incident.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Incident {
    #[serde(flatten)]
    pub(crate) row: IncidentRow,
    /// The name of its cause.
    pub(crate) name: &'static str,
    /// What speaks for it, in words.
    pub(crate) basis: String,
    pub(crate) opened_at: Option<i64>,
    /// Since when it is not seen any more.
    pub(crate) gone_since: Option<i64>,
    pub(crate) grounds: Vec<String>,
    /// What follows for mail.
    pub(crate) why: &'static str,
    /// What to do.
    pub(crate) fix: &'static str,
    /// Who has acknowledged it last.
    pub(crate) acknowledged: Option<AcknowledgedRow>,
    /// What was told of it.
    pub(crate) notices: Vec<NoticeRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AcknowledgedRow {
    pub(crate) by: String,
    pub(crate) at: i64,
    pub(crate) until: i64,
    pub(crate) reason: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NoticeRow {
    pub(crate) receiver: String,
    /// `opened`, `worsened`, `still-open` or `resolved`.
    pub(crate) kind: &'static str,
    /// `waiting`, `sent`, `expired` or `dropped`.
    pub(crate) state: &'static str,
    pub(crate) made_at: i64,
    /// When the next attempt is due.
    pub(crate) due: i64,
    pub(crate) attempts: u32,
    /// What came of the last attempt.
    pub(crate) answer: Option<String>,
    pub(crate) settled_at: Option<i64>,
}

/// Somebody takes an incident in hand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcknowledgeWish {
    /// Why.
    pub(crate) reason: String,
    /// For how many hours nobody is told of it again; at most 8,760.
    pub(crate) hours: u32,
}
