//! Failures and what they mean, as data.

use mail_domain::DomainName;
use sealpost_evidence::Evidence;
use sealpost_evidence::traffic::{Bounds, Day, FailureGroup};
use sealpost_rules::Severity;
use sealpost_rules::diagnosis::{
    Anomaly, Certainty, Diagnosis, Fault, Known, KnownHosts, PublishedPolicy, ReportedPolicy,
    Spread, Standing, anomalies, diagnose, judge_groups, under_any_policy,
};
use sealpost_store::reports::{DayRange, Gathered, Scope};
use serde::Serialize;

/// The failures of some days.
#[derive(Debug, Serialize)]
pub(super) struct Failures {
    pub(super) scope: &'static str,
    pub(super) since: Day,
    pub(super) until: Day,
    pub(super) domains: Vec<DomainFailures>,
}

/// What was seen of a domain.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Now, or by the newest look that `serve` has kept.
    pub(super) latest: Option<Evidence>,
    /// By the one before something changed.
    pub(super) earlier: Option<Evidence>,
    /// The MX hosts that it had since the first of the failures, as `serve` has seen them.
    pub(super) past_hosts: Option<KnownHosts>,
}

/// The failures of one domain.
#[derive(Debug, Serialize)]
pub(super) struct DomainFailures {
    pub(super) domain: DomainName,
    pub(super) successful: Bounds,
    pub(super) failed: Bounds,
    /// Who sees which kind of failure, and who does not; the worst first.
    pub(super) spreads: Vec<SpreadReport>,
    /// What was reported alike; most sessions first.
    pub(super) groups: Vec<GroupReport>,
    /// The groups by their places, those together that nothing but the policy tells apart.
    #[serde(skip)]
    pub(super) blocks: Vec<Vec<usize>>,
    /// How many groups had no room.
    pub(super) unlisted: u64,
    /// The day before which there are reports whose details were not read.
    pub(super) unread_before: Option<Day>,
    /// What is out of the ordinary along the days.
    pub(super) anomalies: Vec<AnomalyReport>,
}

#[derive(Debug, Serialize)]
pub(super) struct GroupReport {
    #[serde(flatten)]
    pub(super) group: FailureGroup,
    /// Does nothing fail here but the mails that bring reports?
    pub(super) is_echo: bool,
    pub(super) diagnosis: DiagnosisReport,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct DiagnosisReport {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) severity: Severity,
    pub(super) fault: Fault,
    pub(super) standing: Standing,
    pub(super) sentence: String,
    pub(super) grounds: Vec<String>,
    pub(super) action: String,
    pub(super) publish: Option<String>,
    pub(super) command: Option<String>,
    pub(super) source: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct SpreadReport {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    pub(super) fault: Fault,
    pub(super) result_type: String,
    pub(super) mx_host: Option<String>,
    pub(super) sentence: String,
    pub(super) grounds: Vec<String>,
    pub(super) reporters_failing: usize,
    pub(super) reporters_heard: usize,
    pub(super) sessions: Bounds,
    pub(super) first_day: Day,
    pub(super) last_day: Day,
}

#[derive(Debug, Serialize)]
pub(super) struct AnomalyReport {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    pub(super) certainty: Certainty,
    pub(super) day: Day,
    pub(super) sentence: String,
    pub(super) action: &'static str,
}

impl Failures {
    pub(super) fn new(scope: Scope, days: DayRange) -> Self {
        let domains = Vec::new();
        Self { scope: scope.as_str(), since: days.first, until: days.last, domains }
    }
}

impl DomainFailures {
    /// Did sessions fail, as far as one can tell?
    pub(super) fn tells_of_failures(&self) -> bool {
        self.failed.upper > 0 || !self.groups.is_empty()
    }

    /// Is there nothing to tell?
    pub(super) fn is_quiet(&self) -> bool {
        !self.tells_of_failures() && self.anomalies.is_empty() && self.unread_before.is_none()
    }

    /// Judges what was reported, with what is seen now where somebody looked, and with the policies
    /// that are known to have been published, oldest first.
    pub(super) fn judge(
        gathered: &Gathered,
        seen: &Seen,
        policies: &[PublishedPolicy],
        today: Day,
    ) -> Self {
        let groups = &gathered.groups.groups;
        let report = |group: &FailureGroup| {
            let policy = gathered.policy(group);
            let reported = policy.map(|policy| ReportedPolicy {
                strings: &policy.strings,
                mx_hosts: &policy.mx_hosts,
            });
            let history = gathered.history(group);
            let (evidence, earlier) = (seen.latest.as_ref(), seen.earlier.as_ref());
            let past_hosts = seen.past_hosts.as_ref();
            let known = Known {
                evidence,
                earlier,
                past_hosts,
                reported,
                policies,
                history,
                first_end: gathered.first_end(group),
                ..Known::nothing(today)
            };
            let diagnosis = DiagnosisReport::from(diagnose(group, &known));
            GroupReport { group: group.clone(), is_echo: gathered.is_echo(group), diagnosis }
        };
        let spreads = judge_groups(groups, &gathered.reporters);
        let DayRange { first, last } = gathered.days;
        let mut asked = gathered.series.clone();
        asked.days.retain(|day| (first..=last).contains(&day.day));
        let (_, successful, failed) = asked.total();
        Self {
            domain: gathered.domain.clone(),
            successful,
            failed,
            spreads: spreads.into_iter().map(SpreadReport::from).collect(),
            groups: groups.iter().map(report).collect(),
            blocks: under_any_policy(groups),
            unlisted: gathered.groups.unlisted,
            unread_before: gathered.groups.unread_before,
            anomalies: out_of_the_ordinary(gathered, today),
        }
    }
}

/// What is out of the ordinary. Whoever likes can make that of reports for which nobody vouches.
fn out_of_the_ordinary(gathered: &Gathered, today: Day) -> Vec<AnomalyReport> {
    if gathered.scope != Scope::Counted {
        return Vec::new();
    }
    let Gathered { domain, series, histories, reporters, .. } = gathered;
    let found = anomalies(domain, series, histories, reporters, today);
    found.into_iter().map(AnomalyReport::from).collect()
}

impl From<Diagnosis> for DiagnosisReport {
    fn from(diagnosis: Diagnosis) -> Self {
        Self {
            code: diagnosis.cause.code,
            name: diagnosis.cause.name,
            title: diagnosis.cause.title,
            severity: diagnosis.severity,
            fault: diagnosis.fault,
            standing: diagnosis.standing,
            sentence: diagnosis.sentence,
            grounds: diagnosis.grounds,
            action: diagnosis.action,
            publish: diagnosis.publish,
            command: diagnosis.command,
            source: diagnosis.cause.source,
        }
    }
}

impl From<Spread> for SpreadReport {
    fn from(spread: Spread) -> Self {
        Self {
            code: spread.cause.code,
            name: spread.cause.name,
            severity: spread.severity,
            fault: spread.fault,
            result_type: spread.result_type,
            mx_host: spread.mx_host,
            sentence: spread.sentence,
            grounds: spread.grounds,
            reporters_failing: spread.failing,
            reporters_heard: spread.heard,
            sessions: spread.sessions,
            first_day: spread.first_day,
            last_day: spread.last_day,
        }
    }
}

impl From<Anomaly> for AnomalyReport {
    fn from(anomaly: Anomaly) -> Self {
        Self {
            code: anomaly.cause.code,
            name: anomaly.cause.name,
            severity: anomaly.severity,
            certainty: anomaly.certainty,
            day: anomaly.day,
            sentence: anomaly.sentence,
            action: anomaly.cause.fix,
        }
    }
}
