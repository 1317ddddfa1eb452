//! What is shown, as data: the pages draw it, and `/api/v1` gives it as JSON.

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_evidence::traffic::{Bounds, Day, DayTraffic};
use sealpost_rules::{Severity, Verdict, changes::Change};
use serde::{Deserialize, Serialize};

mod failures;
mod incidents;
mod reports;
mod sender;
mod sending;
pub(crate) use failures::{Diagnosis, FailureRow, Trouble};
pub(crate) use incidents::{
    AcknowledgeWish, AcknowledgedRow, Incident, IncidentRow, Incidents, NoticeRow,
};
pub(crate) use reports::{Repair, Report, ReportRow, ReportedFailure, ReportedPolicy, Reports};
pub use sender::{DecisionRow, Decisions, ObservedRow};
pub(crate) use sender::{DecisionsMade, Unreached, UnreachedRow};
pub(crate) use sending::{
    DecidedDay, Deliveries, DeliveryRow, Doctor, Sessions, SessionsRow, StateCount,
};
pub use sending::{Examination, ExaminedRow};

/// Every domain of which something is known.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Domains {
    /// The first day that is summed up.
    pub(crate) since: Day,
    /// The last one.
    pub(crate) until: Day,
    /// What needs a person first.
    pub(crate) domains: Vec<DomainRow>,
    /// All that match, of the 50,000 that are known at most.
    pub(crate) count: usize,
    /// How many of them need somebody.
    pub(crate) needing: usize,
    /// What to give as `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
    /// Open incidents, those that press most first; not all may be shown.
    pub(crate) incidents: Vec<IncidentRow>,
    /// How many are open.
    pub(crate) open_incidents: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DomainRow {
    #[schemars(with = "String")]
    pub(crate) domain: DomainName,
    pub(crate) health: Health,
    /// The stage of its roll-out, if it has one.
    pub(crate) stage: Option<&'static str>,
    pub(crate) reports: u64,
    pub(crate) successful: Bounds,
    pub(crate) failed: Bounds,
    /// The last day that a report speaks of.
    pub(crate) last_day: Option<Day>,
    /// When it was last looked at, in seconds since 1970.
    pub(crate) looked_at: Option<i64>,
    /// What that look came to.
    pub(crate) verdict: Option<Verdict>,
    /// Whole days until the first of its certificates ends, rounded down.
    pub(crate) days_left: Option<i64>,
    /// What needs a person.
    pub(crate) needs: Vec<String>,
    /// What of that hurts most: by it the list is ordered.
    #[serde(skip)]
    pub(crate) presses: Press,
}

/// What needs a person at a domain, what hurts most first: that mail waits, then that it may be read
/// on its way, then what will come to that, then what can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Press {
    /// Our look found an enforced policy that an MX host does not satisfy: mail is held back now, also
    /// at senders that report nothing.
    HeldBack,
    /// Sessions failed within the last days: mail was held back or, in mode testing, would have been.
    Failed,
    /// MTA-STS is set up, and senders cannot use it: nothing is protected.
    Broken,
    /// A certificate has ended, or ends before it should.
    Ends,
    /// Our look found other errors.
    Errors,
    /// Nobody has reported for days: it is not known how it fares.
    Silent,
    /// A roll-out waits for somebody.
    Waits,
    /// Nobody is needed.
    Nothing,
}

/// How a domain fares: the worse of what reports tell and what our last look found. What needs a person
/// comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Health {
    /// Sessions failed within the last seven days, or our look found that mail is held back now.
    Failing,
    /// There were reports, and none on the last seven days.
    Silent,
    /// No session failed within the last seven days.
    Well,
    /// No report tells of it.
    Unheard,
}

/// One domain.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Domain {
    #[schemars(with = "String")]
    pub(crate) domain: DomainName,
    pub(crate) health: Health,
    /// What needs a person, what presses most first.
    pub(crate) needs: Vec<String>,
    pub(crate) since: Day,
    pub(crate) until: Day,
    pub(crate) reports: u64,
    pub(crate) successful: Bounds,
    pub(crate) failed: Bounds,
    /// The days of which there is a report, oldest first.
    pub(crate) days: Vec<DayTraffic>,
    pub(crate) reporters: Vec<ReporterRow>,
    /// There were more reports than are looked at for the table of reporters.
    pub(crate) is_cut: bool,
    /// What was reported alike; most sessions first.
    pub(crate) failures: Vec<FailureRow>,
    /// Kinds of failures that had no room.
    pub(crate) unlisted: u64,
    /// What is out of the ordinary along the days, the newest first.
    pub(crate) anomalies: Vec<AnomalyRow>,
    /// Null if nothing of it is published from here.
    pub(crate) rollout: Option<Rollout>,
    /// Why it is configured to be published from here and was not taken up; empty for all others.
    pub(crate) turned_away: Vec<String>,
    /// Its policy, as it is published, as it is served from here, and as others saw it.
    pub(crate) policies: Vec<SeenPolicy>,
    /// The newest look of our own; null if there was none.
    pub(crate) check: Option<Check>,
    /// What the newest looks found changed, newest first.
    pub(crate) events: Vec<EventRow>,
}

/// A policy as somebody sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SeenPolicy {
    pub(crate) source: PolicySource,
    /// The addresses that serve it, or the organisation that reported it.
    pub(crate) by: Vec<String>,
    /// When it was seen, in seconds since 1970; null if it is so now.
    pub(crate) at: Option<i64>,
    /// The text, at most 4 KiB of it.
    pub(crate) text: String,
    /// What of it is otherwise than in the one that is published and can be used, in words; null for
    /// that one, and if there is none.
    pub(crate) differences: Option<Vec<String>>,
}

impl SeenPolicy {
    /// Whether it has to be shown beside the one that is published.
    pub(crate) fn is_otherwise(&self) -> bool {
        !self.differences.as_ref().is_some_and(Vec::is_empty)
    }

    fn is_reported_alike(&self) -> bool {
        self.source == PolicySource::Reported && !self.is_otherwise()
    }
}

/// Who sees a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PolicySource {
    /// Our last look fetched it, as any sender would.
    Published,
    /// It is served from here.
    Served,
    /// Others had it when they sent, as they report.
    Reported,
}

/// What a look at a domain showed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Check {
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// What becomes of mail; null if too little was asked for to say.
    pub(crate) verdict: Option<Verdict>,
    /// The same as a sentence.
    pub(crate) summary: Option<&'static str>,
    /// An MX look-up that failed tells of no host.
    pub(crate) mx_are_known: bool,
    pub(crate) mx: Vec<MxRow>,
    /// The addresses of the policy host.
    pub(crate) policy_host: Vec<AddressRow>,
    /// By place and then by severity, the worst first.
    pub(crate) findings: Vec<FindingRow>,
}

/// The MX hosts of a domain, and when they were looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MxHosts {
    #[schemars(with = "String")]
    pub(crate) domain: DomainName,
    /// In seconds since 1970.
    pub(crate) at: i64,
    pub(crate) mx_are_known: bool,
    pub(crate) mx: Vec<MxRow>,
}

/// An MX host.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MxRow {
    pub(crate) host: String,
    pub(crate) preference: u16,
    /// Whether the policy that is served names it; null if none was seen.
    pub(crate) is_allowed: Option<bool>,
    /// What DANE makes of it.
    pub(crate) dane: &'static str,
    /// Its TLSA records.
    pub(crate) tlsa: Vec<String>,
    pub(crate) addresses: Vec<AddressRow>,
}

/// What one address of a host showed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AddressRow {
    #[schemars(with = "String")]
    pub(crate) address: std::net::IpAddr,
    /// The TLS version that was agreed on; null if there was no handshake.
    pub(crate) tls: Option<String>,
    /// What else it speaks that is outdated; null if it was not asked.
    pub(crate) outdated: Option<Vec<&'static str>>,
    /// When its certificate ends, in seconds since 1970.
    pub(crate) certificate_ends: Option<i64>,
    /// Whole days until then, rounded down: -1 within the first day after it.
    pub(crate) days_left: Option<i64>,
    /// It ends soon, for how long it lives.
    pub(crate) ends_soon: bool,
    /// What is wrong with the certificate.
    pub(crate) faults: Vec<String>,
    /// Why there was no TLS, or the dialogue ended early.
    pub(crate) trouble: Option<String>,
}

/// What a rule found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FindingRow {
    /// The code in the reference of rules.
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    /// The record or host that it is about, with addresses.
    pub(crate) subject: String,
    /// What was seen.
    pub(crate) message: String,
    /// What follows for mail.
    pub(crate) why: &'static str,
    /// How to mend it.
    pub(crate) fix: String,
    /// The line to publish, where it is known.
    pub(crate) publish: Option<String>,
    /// A command that shows the same.
    pub(crate) command: Option<String>,
}

/// What has changed at a domain, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Events {
    #[schemars(with = "String")]
    pub(crate) domain: DomainName,
    pub(crate) events: Vec<EventRow>,
}

/// Something that has changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventRow {
    pub(crate) id: i64,
    /// The look that shows it, in seconds since 1970.
    pub(crate) at: i64,
    /// The look before.
    pub(crate) since: i64,
    /// One sentence.
    pub(crate) text: String,
    /// The same in parts.
    pub(crate) change: Change,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReporterRow {
    pub(crate) organisation: String,
    /// The domain that signed; empty if nothing is proven.
    pub(crate) signer: String,
    pub(crate) reports: u64,
    pub(crate) successful: Bounds,
    pub(crate) failed: Bounds,
    pub(crate) last_day: Day,
    /// The days of which it tells, oldest first.
    pub(crate) days: Vec<DayTraffic>,
}

/// What one reporter tells of one day of a domain: a row of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReporterDay<'a> {
    pub(crate) day: Day,
    pub(crate) organisation: &'a str,
    pub(crate) signer: &'a str,
    pub(crate) reports: u64,
    pub(crate) successful: Bounds,
    pub(crate) failed: Bounds,
}

/// What one reporter tells of a domain in all days: a row of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReporterLine<'a> {
    pub(crate) organisation: &'a str,
    pub(crate) signer: &'a str,
    pub(crate) reports: u64,
    pub(crate) successful: Bounds,
    pub(crate) failed: Bounds,
    pub(crate) last_day: Day,
}

impl Domain {
    /// Who reported what in all days.
    pub(crate) fn reporter_lines(&self) -> Vec<ReporterLine<'_>> {
        let lines = self.reporters.iter().map(|row| ReporterLine {
            organisation: &row.organisation,
            signer: &row.signer,
            reports: row.reports,
            successful: row.successful,
            failed: row.failed,
            last_day: row.last_day,
        });
        lines.collect()
    }

    /// Who reported what of each day, oldest first.
    pub(crate) fn days_by_reporter(&self) -> Vec<ReporterDay<'_>> {
        let mut rows: Vec<ReporterDay<'_>> = Vec::new();
        for row in &self.reporters {
            rows.extend(row.days.iter().map(|day| ReporterDay {
                day: day.day,
                organisation: &row.organisation,
                signer: &row.signer,
                reports: day.reports,
                successful: day.successful,
                failed: day.failed,
            }));
        }
        rows.sort_by_key(|row| row.day);
        rows
    }

    /// The policies that reporters saw as they are published.
    pub(crate) fn policies_alike(&self) -> Vec<&SeenPolicy> {
        self.policies.iter().filter(|seen| seen.is_reported_alike()).collect()
    }

    /// All others.
    pub(crate) fn policies_apart(&self) -> Vec<&SeenPolicy> {
        self.policies.iter().filter(|seen| !seen.is_reported_alike()).collect()
    }

    /// The failures, those together against which the same is to be done.
    pub(crate) fn troubles(&self) -> Vec<Trouble<'_>> {
        failures::troubles(&self.failures)
    }
}

/// Something out of the ordinary along the days.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AnomalyRow {
    pub(crate) day: Day,
    /// The code in the reference of failures.
    pub(crate) code: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) sentence: String,
    pub(crate) action: &'static str,
}

/// How far a domain has come, and what is served for it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Rollout {
    pub(crate) stage: &'static str,
    /// Seconds since 1970.
    pub(crate) since: i64,
    /// The policy that is served now.
    pub(crate) policy: Option<String>,
    /// The id that is announced now.
    pub(crate) id: Option<String>,
    /// Until when some sender may hold a policy: `nobody`, `open`, or a time.
    pub(crate) held_until: String,
    pub(crate) stages: Vec<StageMark>,
    /// The stage that it may move to if a person agrees.
    pub(crate) proposed: Option<&'static str>,
    /// What the gate to the next stage waits for.
    pub(crate) waits: Vec<String>,
    /// What a person, or a lagging server, has to do.
    pub(crate) todo: Vec<String>,
    /// Where a person may lead it now.
    pub(crate) ways: Vec<&'static str>,
    /// Newest first.
    pub(crate) logbook: Vec<LogRow>,
}

/// A stage on the way.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StageMark {
    pub(crate) name: &'static str,
    pub(crate) is_reached: bool,
    pub(crate) is_current: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LogRow {
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) text: String,
    pub(crate) grounds: Vec<String>,
}

/// The policies that `enforce` holds, by domain.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Policies {
    pub(crate) policies: Vec<PolicyRow>,
    /// All that match.
    pub(crate) count: usize,
    /// Domains whose last fetch failed.
    pub(crate) failing: usize,
    /// What to give as `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PolicyRow {
    #[schemars(with = "String")]
    pub(crate) domain: DomainName,
    /// `enforce`, `testing` or `none`; null if none could be fetched.
    pub(crate) mode: Option<String>,
    pub(crate) id: Option<String>,
    /// Seconds since 1970.
    pub(crate) fetched_at: Option<i64>,
    pub(crate) expires_at: Option<i64>,
    /// Why the last fetch failed, as RFC 8460 §4.3 calls it.
    pub(crate) failure: Option<String>,
    /// Fetches that failed in a row.
    pub(crate) failures: u32,
}

/// What was done over HTTP, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Acts {
    pub(crate) acts: Vec<ActRow>,
    /// What to give as `before` for the next page; null on the last one.
    pub(crate) next: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ActRow {
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) who: String,
    /// From where.
    pub(crate) source: String,
    pub(crate) what: String,
    pub(crate) about: String,
    pub(crate) outcome: String,
}

/// The settings in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Settings {
    pub(crate) version: &'static str,
    /// Who is let in.
    pub(crate) access: String,
    /// What is not as by default.
    pub(crate) settings: Vec<Setting>,
    pub(crate) tokens: Vec<TokenRow>,
}

/// A key of the configuration that is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Setting {
    /// Its section, without brackets; empty for the keys above all sections.
    pub section: String,
    /// Its name.
    pub key: String,
    /// Its value, as it would stand in the file. Of secrets it says only that there is one, and of
    /// URLs only the host, unless they are published.
    pub value: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TokenRow {
    pub(crate) name: String,
    /// `read` or `write`.
    pub(crate) rights: &'static str,
    /// Seconds since 1970.
    pub(crate) made_at: i64,
    /// From then on it is worth nothing.
    pub(crate) ends_at: Option<i64>,
    /// When it was last used, to the hour.
    pub(crate) used_at: Option<i64>,
}

/// A wish to move a domain to another stage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveWish {
    /// The stage.
    pub(crate) to: String,
    /// Why, for the logbook: one line.
    #[schemars(length(min = 1, max = 500))]
    pub(crate) reason: String,
    /// Though evidence is missing for which a person may stand in.
    #[serde(default)]
    pub(crate) force: bool,
}

/// A wish that a domain may leave its stage without the evidence of reports.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaiveWish {
    /// Why, for the logbook: one line.
    #[schemars(length(min = 1, max = 500))]
    pub(crate) reason: String,
}

/// A wish that kinds of failures count as explained.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptWish {
    /// Each as the `kind` of a failure has it.
    #[schemars(length(min = 1, max = 50))]
    pub(crate) groups: Vec<String>,
    /// Why, for the logbook: one line.
    #[schemars(length(min = 1, max = 500))]
    pub(crate) reason: String,
}

/// What came of a wish.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Done {
    /// For people.
    pub(crate) said: String,
}

/// A line of the table of MX hosts: one for each address.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MxLine<'a> {
    host: &'a str,
    preference: u16,
    is_allowed: Option<bool>,
    dane: &'static str,
    address: Option<std::net::IpAddr>,
    tls: Option<&'a str>,
    outdated: String,
    certificate_ends: Option<i64>,
    days_left: Option<i64>,
    trouble: String,
}

impl MxHosts {
    /// The table as lines.
    pub(crate) fn lines(&self) -> Vec<MxLine<'_>> {
        let lines = self.mx.iter().flat_map(|host| {
            crate::format::rows(&host.addresses).into_iter().map(|row| MxLine::of(host, row))
        });
        lines.collect()
    }
}

impl<'a> MxLine<'a> {
    fn of(host: &'a MxRow, row: Option<&'a AddressRow>) -> Self {
        let outdated = row.and_then(|row| row.outdated.as_ref());
        let wrong = row.into_iter().flat_map(|row| row.faults.iter().chain(&row.trouble));
        Self {
            host: &host.host,
            preference: host.preference,
            is_allowed: host.is_allowed,
            dane: host.dane,
            address: row.map(|row| row.address),
            tls: row.and_then(|row| row.tls.as_deref()),
            outdated: outdated.map(|words| words.join("; ")).unwrap_or_default(),
            certificate_ends: row.and_then(|row| row.certificate_ends),
            days_left: row.and_then(|row| row.days_left),
            trouble: wrong.cloned().collect::<Vec<_>>().join("; "),
        }
    }
}

/// Domains that are named with what they need, at most.
pub(crate) const MOST_NEEDS: usize = 50;

impl Domains {
    /// The first that need somebody.
    pub(crate) fn needing(&self) -> impl Iterator<Item = &DomainRow> {
        self.domains.iter().filter(|row| !row.needs.is_empty()).take(MOST_NEEDS)
    }
}

impl Press {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 8] = [
        Self::HeldBack,
        Self::Failed,
        Self::Broken,
        Self::Ends,
        Self::Errors,
        Self::Silent,
        Self::Waits,
        Self::Nothing,
    ];
}

impl DomainRow {
    /// Notes what needs a person. What presses most stands first.
    pub(crate) fn need(&mut self, presses: Press, what: impl Into<String>) {
        let place = if presses < self.presses { 0 } else { self.needs.len() };
        self.needs.insert(place, what.into());
        self.presses = self.presses.min(presses);
    }
}

impl Health {
    /// All of them, in the order of the list.
    pub(crate) const ALL: [Self; 4] = [Self::Failing, Self::Silent, Self::Well, Self::Unheard];

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Silent => "silent",
            Self::Well => "well",
            Self::Unheard => "no reports",
        }
    }

    /// The class by which the style sheet knows it.
    pub(crate) fn sign_class(self) -> &'static str {
        match self {
            Self::Failing => "bad",
            Self::Silent => "odd",
            Self::Well => "good",
            Self::Unheard => "none",
        }
    }

    /// A sign beside the word, so that it does not rest on colour.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Failing => "✕",
            Self::Silent => "?",
            Self::Well => "✓",
            Self::Unheard => "–",
        }
    }
}
