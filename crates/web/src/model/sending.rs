//! The reports that we send.

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_evidence::traffic::Day;
use serde::Serialize;

/// The reports on their way, and what became of others, in the order in which they were queued.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Deliveries {
    /// The first day that is reported by itself; null if no report has ever been sent from here.
    pub(crate) since: Option<Day>,
    /// Which are listed: a state, or null for all.
    pub(crate) state: Option<&'static str>,
    /// How many there are of each state.
    pub(crate) counts: Vec<StateCount>,
    pub(crate) deliveries: Vec<DeliveryRow>,
    /// What to give as `after` for the next page; null on the last one.
    pub(crate) next: Option<i64>,
    /// What became of the domains of the last days that are over, the newest first.
    pub(crate) days: Vec<DecidedDay>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StateCount {
    pub(crate) state: &'static str,
    pub(crate) count: u64,
}

/// A report on its way to one place.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeliveryRow {
    pub(crate) number: i64,
    pub(crate) state: &'static str,
    /// The domain that it is about.
    #[schemars(with = "String")]
    pub(crate) about: DomainName,
    /// The day of its sessions.
    pub(crate) day: Day,
    /// Where it goes, as published.
    pub(crate) rua: String,
    pub(crate) report_id: String,
    pub(crate) attempts: u32,
    /// When the next attempt is due, in seconds since 1970; null if there is none.
    pub(crate) next_attempt: Option<i64>,
    /// When it was over.
    pub(crate) settled_at: Option<i64>,
    /// What came of the last attempt.
    pub(crate) answer: Option<String>,
}

/// What was decided about the domains of a day.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DecidedDay {
    pub(crate) day: Day,
    /// Domains whose reports were queued.
    pub(crate) queued: u64,
    /// Those that ask for none.
    pub(crate) not_wanted: u64,
    /// Those whose record could not be looked up.
    pub(crate) unknown: u64,
    /// Those whose only sessions brought reports.
    pub(crate) only_reports: u64,
    /// Those all of whose destinations are suppressed.
    pub(crate) suppressed: u64,
    /// Those of whose sessions no report could be made.
    pub(crate) unfit: u64,
    /// Mail hosts on which the reports on their domains tell the same place.
    pub(crate) told_elsewhere: u64,
    /// Sessions that were written after the report of their day was made and are in none, counted for
    /// each policy.
    pub(crate) late_sessions: u64,
}

/// The sessions of a day, by the domain that mail was sent to.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Sessions {
    pub(crate) day: Day,
    /// The day is not over.
    pub(crate) is_today: bool,
    /// All domains with sessions on that day.
    pub(crate) count: u64,
    pub(crate) successful: u64,
    pub(crate) failed: u64,
    /// By name.
    pub(crate) domains: Vec<SessionsRow>,
    /// What to give as `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SessionsRow {
    #[schemars(with = "String")]
    pub(crate) domain: DomainName,
    /// Sessions that complied with a policy, counted for each policy.
    pub(crate) successful: u64,
    /// Sessions that did not.
    pub(crate) failed: u64,
    /// When the last one was, in seconds since 1970.
    pub(crate) last_session: i64,
}

/// Whether our reports would be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Examination {
    /// When it was looked at, in seconds since 1970; null if it never was.
    pub at: Option<i64>,
    /// It is being looked at.
    pub is_under_way: bool,
    /// Why nothing could be looked at.
    pub trouble: Option<String>,
    /// What was looked at.
    pub examined: Vec<ExaminedRow>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExaminedRow {
    /// What it is: a short name.
    pub what: String,
    /// How it is: `good`, `unknown`, `doubtful` or `bad`.
    pub state: &'static str,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// What is said of our reports where the role that sends them runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Doctor {
    /// The role `report` runs here.
    pub(crate) runs: bool,
    #[serde(flatten)]
    pub(crate) examination: Examination,
}

impl ExaminedRow {
    /// The class by which the style sheet knows it.
    pub(crate) fn sign_class(&self) -> &'static str {
        match self.state {
            "good" => "good",
            "bad" => "bad",
            _ => "odd",
        }
    }

    /// A sign beside the word, so that it does not rest on colour.
    pub(crate) fn sign(&self) -> &'static str {
        match self.state {
            "good" => "✓",
            "bad" => "✕",
            "doubtful" => "!",
            _ => "?",
        }
    }
}
