//! What mail servers that send are told, and whom they do not reach.

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_evidence::traffic::Day;
use serde::Serialize;

/// What `enforce` has decided since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Decisions {
    /// How often each decision was made.
    pub counts: Vec<DecisionRow>,
    /// The last that were only recorded and would have demanded something, the newest first.
    pub observed: Vec<ObservedRow>,
}

/// A decision, and how often it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DecisionRow {
    /// `dane-only`, `dane`, `secure`, `none` or `wait`.
    pub decision: &'static str,
    /// Answers that mail servers got.
    pub answered: u64,
    /// Answers that were only recorded.
    pub observed: u64,
}

/// An answer that was only recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObservedRow {
    /// In seconds since 1970.
    pub at: i64,
    /// The policy domain.
    pub domain: String,
    /// The map that was asked.
    pub map: &'static str,
    /// What would have been answered.
    pub decision: &'static str,
    /// Why.
    pub because: String,
}

/// The decisions, where the role that makes them runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DecisionsMade {
    /// The role `enforce` runs here.
    pub(crate) runs: bool,
    #[serde(flatten)]
    pub(crate) decisions: Decisions,
}

/// Domains that mail does not reach securely now: sessions failed today, or the policy cannot be
/// fetched.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Unreached {
    /// Of which day the sessions are.
    pub(crate) day: Day,
    /// Those with the most failed sessions first, then those whose policy failed most often.
    pub(crate) domains: Vec<UnreachedRow>,
    /// All of them.
    pub(crate) count: usize,
    /// What to give as `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UnreachedRow {
    #[schemars(with = "String")]
    pub(crate) domain: DomainName,
    /// Sessions of today that failed, as far as mail servers told.
    pub(crate) failed: u64,
    /// Those that went well.
    pub(crate) successful: u64,
    /// Fetches of its policy that failed in a row.
    pub(crate) fetches_failed: u32,
    /// Why the last one failed, as RFC 8460 §4.3 calls it.
    pub(crate) failure: Option<String>,
    /// The mode of the policy that is held, and may have expired; null if none is.
    pub(crate) mode: Option<String>,
    /// When that expires or has expired, in seconds since 1970.
    pub(crate) expires_at: Option<i64>,
    /// A policy of mode enforce holds: mail waits rather than that it goes unprotected.
    pub(crate) is_enforced: bool,
}

impl Decisions {
    /// Every decision that was made and given.
    pub(crate) fn answered(&self) -> u64 {
        self.counts.iter().fold(0, |sum, row| sum.saturating_add(row.answered))
    }
}

impl DecisionRow {
    /// What it means for mail.
    pub(crate) fn meaning(&self) -> &'static str {
        match self.decision {
            "dane-only" => "to hosts whose TLSA records match, and to no others",
            "dane" => "by TLSA records where there are any, else without a demand",
            "secure" => "to hosts that the policy names, with a valid certificate",
            "none" => "nothing is demanded: the mail server's own default holds",
            "wait" => "mail waits: it could not be told what is demanded",
            _ => "",
        }
    }
}
