//! Who sees a failure, and who does not: all groups of a domain at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::traffic::{Bounds, Day, FailureGroup, Reporter, ReporterActivity};
use tls_rpt::ResultType;

use super::causes::{
    Cause, FAIL101, FAIL102, FAIL103, FAIL113, FAIL114, FAIL115, FAIL121, FAIL301, FAIL601,
    FAIL602, FAIL603, FAIL604, FAIL605, FAIL606, FAIL607, Fault,
};
use super::overlap::sessions_of;
use super::reason::read_reason;
use super::result::{read_result, shown_result};
use crate::{Quoted, Severity};

/// One kind of failure at one host, over all who reported it.
///
/// All text is safe to show, but for `mx_host` and `result_type`, which are as they were reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// How it is spread, from the table: `FAIL601` and on.
    pub cause: &'static Cause,
    /// How bad it is.
    pub severity: Severity,
    /// Whose fault it looks like.
    pub fault: Fault,
    /// The policy domain.
    pub domain: Option<DomainName>,
    /// The result type that was meant.
    pub result_type: String,
    /// The MX host, in lower case where it is a name; `None` where the failure is not about one.
    pub mx_host: Option<String>,
    /// What was found, as a sentence.
    pub sentence: String,
    /// What speaks for it: sentences.
    pub grounds: Vec<String>,
    /// How many reporters tell of it.
    pub failing: usize,
    /// How many reporters were heard in these days, those included.
    pub heard: usize,
    /// How many sessions failed. Between two numbers where groups of one reporter may be of the same
    /// sessions.
    pub sessions: Bounds,
    /// The first day.
    pub first_day: Day,
    /// The last day.
    pub last_day: Day,
    /// Which of the groups these are, by their place in the argument.
    pub groups: Vec<usize>,
}

/// Compares what different reporters tell of a domain at the same time.
///
/// `groups` are the failure groups of some days, `reporters` those that report on the same domain.
/// A reporter counts as heard if it reported on a day between the first and the last of a failure.
/// Those that nobody vouches for are never compared with others: their groups come out apart, as
/// `FAIL607`. The worst comes first, and of those that are as bad the one with most sessions, as
/// domains are ordered: by how many there may be.
pub fn judge_groups(groups: &[FailureGroup], reporters: &[ReporterActivity]) -> Vec<Spread> {
    let mut kinds: BTreeMap<Kind<'_>, Vec<usize>> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        kinds.entry(Kind::of(group)).or_default().push(place);
    }
    let mut spreads: Vec<Spread> = kinds
        .into_iter()
        .filter_map(|(kind, places)| {
            let members: Vec<&FailureGroup> =
                places.iter().filter_map(|place| groups.get(*place)).collect();
            let first_day = members.iter().map(|group| group.first_day).min()?;
            let last_day = members.iter().map(|group| group.last_day).max()?;
            let view = View { kind: &kind, members, first_day, last_day };
            Some(view.judge(reporters, places))
        })
        .collect();
    spreads.sort_by(|one, other| {
        let by_severity = other.severity.cmp(&one.severity);
        let most = |spread: &Spread| (spread.sessions.upper, spread.sessions.lower);
        by_severity.then_with(|| most(other).cmp(&most(one)))
    });
    spreads
}

/// What makes failures one kind.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'a> {
    domain: Option<&'a DomainName>,
    result: ResultType,
    mx_host: Option<String>,
    vouched_for: bool,
}

impl<'a> Kind<'a> {
    fn of(group: &'a FailureGroup) -> Self {
        let mx_host = group.mx_host.as_deref().map(|text| {
            let name = DomainName::parse(text.trim());
            name.map_or_else(|_| text.to_owned(), |name| name.to_string())
        });
        Self {
            domain: group.domain.as_ref(),
            result: read_result(&group.result_type),
            mx_host,
            vouched_for: !group.reporter.signer.is_empty(),
        }
    }

    fn place(&self) -> String {
        match &self.mx_host {
            Some(text) if DomainName::parse(text).is_ok() => format!(" at {text}"),
            Some(text) => format!(" at {}", Quoted(text)),
            None => String::new(),
        }
    }

    fn result(&self) -> String {
        shown_result(&self.result)
    }
}

/// The groups of one kind.
struct View<'a> {
    kind: &'a Kind<'a>,
    members: Vec<&'a FailureGroup>,
    first_day: Day,
    last_day: Day,
}

/// How a kind of failure is spread.
struct Finding {
    cause: &'static Cause,
    fault: Fault,
    who: String,
    grounds: Vec<String>,
}

impl View<'_> {
    fn judge(&self, reporters: &[ReporterActivity], groups: Vec<usize>) -> Spread {
        let failing: BTreeSet<&str> =
            self.members.iter().map(|group| group.reporter.signer.as_str()).collect();
        let mut heard: BTreeSet<&str> = reporters
            .iter()
            .filter(|activity| !activity.reporter.signer.is_empty() && self.hears(activity))
            .map(|activity| activity.reporter.signer.as_str())
            .collect();
        heard.extend(failing.iter().filter(|signer| !signer.is_empty()));
        let finding = if self.kind.vouched_for {
            self.compare(failing.len(), heard.len())
        } else {
            Finding {
                cause: &FAIL607,
                fault: Fault::Unclear,
                who: "only reports that nobody vouches for tell of it".to_owned(),
                grounds: Vec::new(),
            }
        };
        let sessions = sessions_of(self.members.iter().copied());
        let (kind, days) = (self.kind, self.days());
        Spread {
            cause: finding.cause,
            severity: finding.cause.severity,
            fault: finding.fault,
            domain: kind.domain.cloned(),
            result_type: kind.result.as_str().to_owned(),
            mx_host: kind.mx_host.clone(),
            sentence: format!("{}{}, {days}: {}.", kind.result(), kind.place(), finding.who),
            grounds: finding.grounds,
            failing: failing.len(),
            heard: heard.len(),
            sessions,
            first_day: self.first_day,
            last_day: self.last_day,
            groups,
        }
    }

    fn compare(&self, failing: usize, heard: usize) -> Finding {
        let addresses: BTreeSet<Option<IpAddr>> =
            self.members.iter().map(|group| group.receiving_ip).collect();
        let address = match addresses.iter().collect::<Vec<_>>().as_slice() {
            [Some(address)] => Some(*address),
            _ => None,
        };
        let mut grounds = Vec::new();
        grounds.extend(address.map(|address| format!("All of them are at the address {address}.")));
        let who = match (failing, heard) {
            (1, 1) => format!("{} is the only reporter heard in these days", self.first_reporter()),
            (1, heard) => format!(
                "only {} reports it, of {heard} reporters heard in these days",
                self.first_reporter()
            ),
            (failing, heard) if failing == heard => {
                format!("all {heard} reporters heard in these days report it")
            }
            (failing, heard) => format!("{failing} of {heard} reporters heard report it"),
        };
        let (cause, fault) = match (failing, heard) {
            (_, 0 | 1) => (&FAIL606, Fault::Unclear),
            (1, _) => self.alone(&mut grounds),
            (failing, heard) if failing == heard => {
                grounds.push(
                    "They are independent of each other and have only our side in common."
                        .to_owned(),
                );
                (&FAIL601, Fault::Ours)
            }
            _ if address.is_some() => (&FAIL602, Fault::Ours),
            (failing, heard) if failing.saturating_mul(2) > heard => (&FAIL605, Fault::Ours),
            _ => (&FAIL605, Fault::Unclear),
        };
        Finding { cause, fault, who, grounds }
    }

    /// One reporter fails and others, heard at the same time, do not.
    fn alone(&self, grounds: &mut Vec<String>) -> (&'static Cause, Fault) {
        let is_intercepted = self.members.iter().any(|group| may_be_interception(group));
        let networks: BTreeSet<Network> =
            self.members.iter().filter_map(|group| group.sending_ip).map(Network::of).collect();
        let all_known = self.members.iter().all(|group| group.sending_ip.is_some());
        let families = |is_four: bool| {
            networks.iter().filter(|network| network.0.is_ipv4() == is_four).count()
        };
        let is_one = all_known && families(true) <= 1 && families(false) <= 1;
        if !networks.is_empty() {
            let listed: Vec<String> = networks.iter().take(4).map(Network::to_string).collect();
            let more = if networks.len() > 4 { " and others" } else { "" };
            grounds.push(format!("It sends from {}{more}.", listed.join(", ")));
        }
        match (is_intercepted, is_one) {
            (true, true) => (&FAIL603, Fault::Interference),
            (true, false) if !all_known => {
                grounds.push("From which networks it sends was not reported.".to_owned());
                (&FAIL604, Fault::Unclear)
            }
            _ => (&FAIL604, Fault::Sender),
        }
    }

    /// Did the reporter report on one of these days?
    fn hears(&self, activity: &ReporterActivity) -> bool {
        let days = self.first_day..=self.last_day;
        if activity.days.iter().any(|day| days.contains(day)) {
            return true;
        }
        // Of the days before the newest 60 only the first is known.
        let oldest = activity.days.first();
        let reaches_back = oldest.is_none_or(|oldest| self.last_day < *oldest);
        reaches_back && activity.first_day <= self.last_day && activity.last_day >= self.first_day
    }

    fn first_reporter(&self) -> String {
        self.members.first().map(|group| label(&group.reporter)).unwrap_or_default()
    }

    fn days(&self) -> String {
        if self.first_day == self.last_day {
            format!("on {}", self.first_day)
        } else {
            format!("from {} to {}", self.first_day, self.last_day)
        }
    }
}

/// A network of senders: 24 bits of an IPv4 address, 48 of an IPv6 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Network(IpAddr);

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self(IpAddr::from([a, b, c, 0]))
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                Self(IpAddr::from([a, b, c, 0, 0, 0, 0, 0]))
            }
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, if self.0.is_ipv4() { 24 } else { 48 })
    }
}

/// Is it what somebody between the two would cause: no STARTTLS, or another certificate?
fn may_be_interception(group: &FailureGroup) -> bool {
    let causes = [&FAIL101, &FAIL102, &FAIL103, &FAIL113, &FAIL114, &FAIL115, &FAIL121, &FAIL301];
    match read_result(&group.result_type) {
        ResultType::StartTlsNotSupported
        | ResultType::CertificateHostMismatch
        | ResultType::CertificateNotTrusted
        | ResultType::TlsaInvalid => true,
        ResultType::ValidationFailure => {
            let reasons = group.reason.as_deref().map(read_reason).unwrap_or_default();
            reasons.iter().any(|reason| causes.contains(&reason.cause))
        }
        _ => false,
    }
}

/// Who it is, safe to show: who signs, or what the organisation calls itself.
pub(super) fn label(reporter: &Reporter) -> String {
    match DomainName::parse(&reporter.signer) {
        Ok(signer) => signer.to_string(),
        Err(_) if reporter.signer.is_empty() => Quoted(&reporter.organisation).to_string(),
        Err(_) => Quoted(&reporter.signer).to_string(),
    }
}
