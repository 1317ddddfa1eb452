//! What is kept of a report: one account for each policy domain.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::traffic::{Bounds, Day, Trust};
use sealpost_store::{
    Digest,
    reports::{DayShare, Echo, NewReport, Ownership, Repair, ReportedFailure, ReportedPolicy},
};
use tls_rpt::{
    DomainTally, FailureDetail, Parsed, PolicyReport, PolicyType, RepairKind, Report,
    ReportReading, ResultType, SessionCount, Tally,
};

use crate::ours::Named;
use crate::{Document, Limits, OurDomains};

/// The repair of an account whose policies were more than are kept, and alike.
const POLICIES_JOINED: &str = "policies-joined";
/// The same where policies are missing, not their sessions.
const POLICIES_CUT: &str = "policies-cut";

/// How a report came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The digest of the submission.
    pub raw: Digest,
    /// Its place in the order of arrival.
    pub place: i64,
    /// When, in seconds since 1970.
    pub at: i64,
    /// How far it is believed.
    pub trust: Trust,
}

/// What one submission may still make us keep.
///
/// A few octets can name very many domains, and each would be a row, and one for each day. So of
/// those that nobody has named as ours, the domains of [`Allowance::STRANGERS`] days and domains are
/// kept apart. The numbers of all further ones are kept together, without a domain; those of MX
/// hosts below a domain of ours, with that domain.
///
/// Nor has a domain very many policies, see [`Limits::policies_per_domain`].
#[derive(Debug)]
pub struct Allowance {
    strangers: usize,
    policies_per_domain: usize,
    /// Policies that were kept, by the domain.
    policies: HashMap<DomainName, usize>,
}

impl Allowance {
    /// Days of domains: a report of one day on so many domains, or of a hundred days on a few.
    pub const STRANGERS: usize = 256;
    /// Policies that are kept of those without room, to show what it is about.
    const POLICIES: usize = 64;

    /// For one submission.
    pub fn new(limits: &Limits) -> Self {
        let policies_per_domain = limits.policies_per_domain;
        Self { strangers: Self::STRANGERS, policies_per_domain, policies: HashMap::new() }
    }

    /// Is there room for one more domain on so many days?
    fn take(&mut self, days: usize) -> bool {
        let left = self.strangers.checked_sub(days.max(1));
        self.strangers = left.unwrap_or(0);
        left.is_some()
    }

    /// How many of so many policies may be kept of a domain.
    fn take_policies(&mut self, domain: Option<&DomainName>, policies: usize) -> usize {
        let Some(domain) = domain else { return policies.min(Self::POLICIES) };
        // Most have a few, and then nobody has to remember them.
        let kept = self.policies.get_mut(domain);
        let before = kept.as_ref().map_or(0, |kept| **kept);
        let taken = policies.min(self.policies_per_domain.saturating_sub(before));
        match kept {
            Some(kept) => *kept += taken,
            None => drop(self.policies.insert(domain.clone(), taken)),
        }
        taken
    }
}

/// What is kept of a report: for each policy domain that it names, one account with the numbers of
/// that domain. The texts are moved there. `allowance` is that of the whole submission.
///
/// No two accounts are of the same domain: the store takes the second for the first come again.
pub fn accounts(
    document: Document,
    received: &Received,
    ours: &OurDomains,
    allowance: &mut Allowance,
) -> Vec<NewReport> {
    let Document { json, reading, .. } = document;
    let payload = Digest::of(&json);
    // It may be large, and so is what follows.
    drop(json);
    let ReportReading { report, repairs, .. } = reading;
    let parts = Part::all(&report, ours, allowance);
    let Report { organization_name, date_range, contact_info, report_id, policies, .. } = report;
    let organisation = organization_name.unwrap_or_default();
    let report_id = report_id.unwrap_or_default();
    // A report that does not say which days it is about has no days either.
    let begins_at = seconds(date_range.start.or(date_range.end)).unwrap_or(received.at);
    let ends_at = seconds(date_range.end.or(date_range.start)).unwrap_or(received.at);
    let is_only = parts.len() == 1;
    let mut policies: Vec<Option<PolicyReport>> = policies.into_iter().map(Some).collect();
    let account = |part: Part| {
        let mut repairs = if is_only { all(&repairs) } else { of_entries(&repairs, &part.entries) };
        let entries = part.entries.iter();
        let mut reported: Vec<ReportedPolicy> =
            entries.filter_map(|index| policies.get_mut(*index)?.take()).map(policy).collect();
        keep_policies(&mut reported, part.domain.as_ref(), allowance, &mut repairs);
        NewReport {
            ownership: part.ownership,
            echo: Echo::No,
            trust: received.trust.clone(),
            organisation: organisation.clone(),
            contact: contact_info.clone(),
            report_id: report_id.clone(),
            begins_at,
            ends_at,
            received_at: received.at,
            place: received.place,
            payload,
            raw: received.raw,
            days: part.days,
            repairs,
            policies: reported,
            domain: part.domain,
        }
    };
    parts.into_iter().map(account).collect()
}

/// Keeps as many policies of a domain as there may be. Those that are alike but for their numbers
/// become one first; then those without failures go. Their sessions count all the same.
fn keep_policies(
    policies: &mut Vec<ReportedPolicy>,
    domain: Option<&DomainName>,
    allowance: &mut Allowance,
    repairs: &mut Vec<Repair>,
) {
    let mut said = Vec::new();
    if domain.is_some() && policies.len() > allowance.policies_per_domain {
        join_alike(policies);
        said.push(POLICIES_JOINED);
    }
    let room = allowance.take_policies(domain, policies.len());
    if policies.len() > room && domain.is_some() {
        policies.sort_by_key(|policy| policy.failures.is_empty());
        said.push(POLICIES_CUT);
    }
    policies.truncate(room);
    // They come first: of many repairs the store keeps the first.
    let repair = |code: &str| Repair { code: code.to_owned(), place: "/policies".to_owned() };
    repairs.splice(0..0, said.into_iter().map(repair));
}

/// What a repair is about, in a sentence; `None` for one that another version has written.
pub fn repair_in_words(code: &str) -> Option<&'static str> {
    match code {
        POLICIES_JOINED => Some(
            "the domain has more entries than are kept, and those that are alike but for their numbers \
             became one; all sessions count",
        ),
        POLICIES_CUT => Some(
            "the domain has more policies than are kept, and those without failures were left out \
             first; all sessions count",
        ),
        code => RepairKind::from_code(code).map(RepairKind::sentence),
    }
}

/// Makes one of the policies that are alike but for their numbers.
fn join_alike(policies: &mut Vec<ReportedPolicy>) {
    type Likeness = (String, Option<String>, Vec<String>, Vec<String>);
    let mut places: HashMap<Likeness, usize> = HashMap::new();
    let mut joined: Vec<ReportedPolicy> = Vec::new();
    for policy in policies.drain(..) {
        let likeness = (
            policy.policy_type.clone(),
            policy.policy_domain.clone(),
            policy.strings.clone(),
            policy.mx_hosts.clone(),
        );
        let place = *places.entry(likeness).or_insert(joined.len());
        match joined.get_mut(place) {
            Some(same) => {
                same.successful = same.successful.saturating_add(policy.successful);
                same.failed = same.failed.saturating_add(policy.failed);
                same.failures.extend(policy.failures);
            }
            None => joined.push(policy),
        }
    }
    *policies = joined;
}

/// What a report has on one policy domain.
struct Part {
    domain: Option<DomainName>,
    ownership: Ownership,
    days: Vec<DayShare>,
    /// Its entries among the policies of the report.
    entries: Vec<usize>,
}

impl Part {
    /// One for each domain, and one for all without a domain, or without room.
    fn all(report: &Report, ours: &OurDomains, allowance: &mut Allowance) -> Vec<Self> {
        let tally = Tally::without_failures(report);
        let (mut parts, mut rest): (Vec<Self>, Option<usize>) = (Vec::new(), None);
        // MX hosts without room, by the domain of ours that they are below.
        let mut below: BTreeMap<DomainName, Self> = BTreeMap::new();
        for domain in &tally.domains {
            let part = Self::of(domain, &tally, report, ours);
            let has_room = part.domain.as_ref().is_some_and(|domain| {
                ours.are_said_to_be(domain) || allowance.take(part.days.len())
            });
            if has_room {
                parts.push(part);
                continue;
            }
            if let Some(above) = part.ours_above(ours) {
                match below.get_mut(&above) {
                    Some(hosts) => hosts.overlap(part),
                    None => drop(below.insert(above, part)),
                }
                continue;
            }
            match rest.and_then(|rest| parts.get_mut(rest)) {
                Some(rest) => rest.join(part),
                None => {
                    let ownership = ours.ownership(None, Named::Domain);
                    rest = Some(parts.len());
                    parts.push(Self { domain: None, ownership, ..part });
                }
            }
        }
        if let Some(rest) = rest.and_then(|rest| parts.get_mut(rest)) {
            rest.entries.truncate(Allowance::POLICIES);
        }
        Self::add_below(&mut parts, below);
        parts
    }

    /// Adds the MX hosts without room to the domains of ours that they are below, which the report may
    /// have named as well.
    fn add_below(parts: &mut Vec<Self>, mut below: BTreeMap<DomainName, Self>) {
        if below.is_empty() {
            return;
        }
        below.values_mut().for_each(|hosts| hosts.entries.truncate(Allowance::POLICIES));
        for part in parts.iter_mut() {
            if let Some(hosts) = part.domain.as_ref().and_then(|domain| below.remove(domain)) {
                part.overlap(hosts);
            }
        }
        parts.extend(below.into_iter().map(|(above, hosts)| Self { domain: Some(above), ..hosts }));
    }

    /// The domain of ours that this MX host of ours is below.
    fn ours_above(&self, ours: &OurDomains) -> Option<DomainName> {
        let host = self.domain.as_ref().filter(|_| self.ownership == Ownership::Ours)?;
        ours.above(host)
    }

    fn of(domain: &DomainTally<'_>, tally: &Tally<'_>, report: &Report, ours: &OurDomains) -> Self {
        let name = policy_domain(domain, report);
        Self {
            ownership: ours.ownership(name.as_ref(), named(domain, report)),
            days: days(domain, tally),
            entries: domain.entries.clone(),
            domain: name,
        }
    }

    /// Adds the sessions of another domain, which are others. The days of a report are the same.
    fn join(&mut self, other: Self) {
        for (sum, share) in self.days.iter_mut().zip(other.days) {
            sum.successful = sum.successful.plus(share.successful);
            sum.failed = sum.failed.plus(share.failed);
        }
        self.entries.extend(other.entries);
    }

    /// Adds the sessions of an MX host, which may be the same.
    fn overlap(&mut self, other: Self) {
        let cover = |sum: &mut Bounds, share: Bounds| {
            let upper = sum.plus(share).upper;
            *sum = Bounds { lower: sum.lower.max(share.lower), upper };
        };
        for (sum, share) in self.days.iter_mut().zip(other.days) {
            cover(&mut sum.successful, share.successful);
            cover(&mut sum.failed, share.failed);
        }
        self.entries.extend(other.entries);
    }
}

fn named(tally: &DomainTally<'_>, report: &Report) -> Named {
    let mut entries = tally.entries.iter().filter_map(|index| report.policies.get(*index));
    let is_dane = |entry: &PolicyReport| entry.policy.policy_type == Some(PolicyType::Tlsa);
    if !tally.entries.is_empty() && entries.all(is_dane) { Named::MailHost } else { Named::Domain }
}

fn policy_domain(tally: &DomainTally<'_>, report: &Report) -> Option<DomainName> {
    match tally.domain {
        Some(named) => named.valid().cloned(),
        // tlsrpt-reporter names none where no policy was found.
        None => report.domain_hint(),
    }
}

fn days(domain: &DomainTally<'_>, tally: &Tally<'_>) -> Vec<DayShare> {
    let spread = |bounds: tls_rpt::Bounds| {
        let (lower, upper) = (tally.days.spread(bounds.lower), tally.days.spread(bounds.upper));
        // Rounding may leave a day with less of the greater number.
        lower
            .into_iter()
            .zip(upper)
            .map(|((date, lower), (_, upper))| (date, Bounds { lower, upper: upper.max(lower) }))
    };
    let successful = spread(domain.sessions.successful);
    let failed = spread(domain.sessions.failed);
    successful
        .zip(failed)
        .filter_map(|((date, successful), (_, failed))| {
            let midnight = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
            Some(DayShare { day: Day::of(midnight.as_second()), successful, failed })
        })
        .collect()
}

fn policy(entry: PolicyReport) -> ReportedPolicy {
    let policy = entry.policy;
    ReportedPolicy {
        policy_type: policy.policy_type.as_ref().map_or("", PolicyType::as_str).to_owned(),
        policy_domain: policy.policy_domain.map(name),
        strings: policy.policy_string,
        mx_hosts: policy.mx_host,
        successful: number(entry.summary.successful),
        failed: number(entry.summary.failed),
        failures: entry.failure_details.into_iter().map(failure).collect(),
    }
}

fn failure(detail: FailureDetail) -> ReportedFailure {
    ReportedFailure {
        result_type: detail.result_type.as_ref().map_or("", ResultType::as_str).to_owned(),
        sending_ip: address(detail.sending_mta_ip.as_ref()),
        receiving_ip: address(detail.receiving_ip.as_ref()),
        mx_host: detail.receiving_mx_hostname.map(name),
        helo: detail.receiving_mx_helo,
        reason: detail.failure_reason_code,
        additional: detail.additional_information,
        sessions: number(detail.failed_session_count),
    }
}

fn all(repairs: &[tls_rpt::Repair]) -> Vec<Repair> {
    repairs.iter().map(repair).collect()
}

/// Those in some entries, and those of the report as a whole.
fn of_entries(repairs: &[tls_rpt::Repair], entries: &[usize]) -> Vec<Repair> {
    // What is no entry was left out, and then the numbers in the places are not those of what is
    // there.
    let is_left_out = |repair: &tls_rpt::Repair| {
        repair.kind == RepairKind::SummaryMissing && !repair.place.ends_with("/summary")
    };
    if repairs.iter().any(is_left_out) {
        return all(repairs);
    }
    let concerns = |repair: &&tls_rpt::Repair| {
        entry_of(&repair.place).is_none_or(|index| entries.contains(&index))
    };
    repairs.iter().filter(concerns).map(repair).collect()
}

/// The entry in which a place lies, as in `/policies/2/summary`. The report may be in an array, and
/// the name be spelt otherwise.
fn entry_of(place: &str) -> Option<usize> {
    let mut steps = place.strip_prefix('/')?.split('/');
    let mut step = steps.next()?;
    if step.bytes().all(|octet| octet.is_ascii_digit()) {
        step = steps.next()?;
    }
    if !step.trim().eq_ignore_ascii_case("policies") {
        return None;
    }
    steps.next()?.parse().ok()
}

fn repair(repair: &tls_rpt::Repair) -> Repair {
    Repair { code: repair.kind.code().to_owned(), place: repair.place.clone() }
}

fn name(parsed: Parsed<DomainName>) -> String {
    match parsed {
        Parsed::Valid(name) => name.into(),
        Parsed::Text(text) => text,
    }
}

fn address(parsed: Option<&Parsed<IpAddr>>) -> Option<IpAddr> {
    parsed?.valid().copied()
}

fn number(count: Option<SessionCount>) -> u64 {
    count.map_or(0, SessionCount::value)
}

fn seconds(time: Option<jiff::Timestamp>) -> Option<i64> {
    time.map(jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Submission};

    fn of(json: &str, ours: &[&str]) -> Vec<NewReport> {
        let mut submission = Submission::read(json.as_bytes(), &Limits::default());
        let document = submission.documents.pop().unwrap();
        assert!(submission.documents.is_empty());
        let trust = Trust::Verified { signer: "reporter.example".to_owned() };
        let received = Received { raw: Digest::of(b"raw"), place: 1, at: 1_800_000_000, trust };
        let ours = ours.iter().map(|name| name.parse().unwrap()).collect();
        accounts(document, &received, &ours, &mut Allowance::new(&Limits::default()))
    }

    fn report(range: &str, policies: &str) -> String {
        format!(
            r#"{{"organization-name":"Reporter","contact-info":"a@reporter.example",
            "report-id":"1_a.example","date-range":{range},"policies":[{policies}]}}"#
        )
    }

    fn policy_of(kind: &str, domain: &str, successful: u64, failed: u64) -> String {
        format!(
            r#"{{"policy":{{"policy-type":"{kind}","policy-domain":"{domain}"}},"summary":
            {{"total-successful-session-count":{successful},"total-failure-session-count":{failed}}}}}"#
        )
    }

    const DAY: &str =
        r#"{"start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"}"#;

    #[test]
    fn sessions_under_two_policies_are_not_added_up() {
        let both = [policy_of("tlsa", "a.example", 4, 0), policy_of("sts", "a.example", 4, 0)];
        let accounts = of(&report(DAY, &both.join(",")), &["a.example"]);
        let [account] = accounts.as_slice() else { panic!("{accounts:?}") };
        assert_eq!(account.ownership, Ownership::Ours);
        let [day] = account.days.as_slice() else { panic!("{:?}", account.days) };
        assert_eq!((day.day.to_string().as_str(), day.successful.lower), ("2026-11-24", 4));
        assert_eq!(day.successful.upper, 8);
        assert_eq!(account.policies.len(), 2);
    }

    /// Postfix reports DANE under the name of the MX host, as RFC 8460 §1.1 has it.
    #[test]
    fn mail_hosts_below_our_domains_are_ours_where_dane_is_reported() {
        let check = |kind: &str, domain: &str, expected: Ownership| {
            let accounts = of(&report(DAY, &policy_of(kind, domain, 1, 0)), &["a.example"]);
            let [account] = accounts.as_slice() else { panic!("{accounts:?}") };
            assert_eq!(account.ownership, expected, "{kind} {domain}");
        };
        check("tlsa", "mx1.a.example", Ownership::Ours);
        check("tlsa", "a.example", Ownership::Ours);
        check("tlsa", "mxa.example", Ownership::NotOurs);
        check("tlsa", "mx.provider.example", Ownership::NotOurs);
        check("sts", "mx1.a.example", Ownership::NotOurs);
        check("no-policy-found", "mx1.a.example", Ownership::NotOurs);
    }

    #[test]
    fn each_domain_has_an_account_and_only_ours_are_ours() {
        let two = [policy_of("sts", "a.example", 1, 2), policy_of("sts", "b.example", 3, 0)];
        let accounts = of(&report(DAY, &two.join(",")), &["b.example"]);
        let seen: Vec<_> = accounts
            .iter()
            .map(|account| (account.domain.as_ref().unwrap().to_string(), account.ownership))
            .collect();
        assert_eq!(
            seen,
            [
                ("a.example".to_owned(), Ownership::NotOurs),
                ("b.example".to_owned(), Ownership::Ours)
            ]
        );
        let [one, other] = accounts.as_slice() else { panic!("{accounts:?}") };
        assert_eq!(one.payload, other.payload);
    }

    /// The store took the second account for the first come again: 42 sessions were lost.
    #[test]
    fn entries_without_a_domain_are_counted_with_those_that_name_it() {
        let none = policy_of("no-policy-found", "example.com", 40, 2)
            .replace(r#","policy-domain":"example.com""#, "");
        assert!(!none.contains("example.com"));
        let named = policy_of("sts", "example.com", 5, 0);
        for both in [[named.clone(), none.clone()], [none, named]] {
            let text = report(DAY, &both.join(","))
                .replace("1_a.example", "2026-11-24T00:00:00Z_idx1_example.com");
            let accounts = of(&text, &["example.com"]);
            let [account] = accounts.as_slice() else { panic!("{accounts:?}") };
            assert_eq!(account.domain.as_ref().unwrap().to_string(), "example.com");
            let [day] = account.days.as_slice() else { panic!("{:?}", account.days) };
            // No session has a policy and none.
            assert_eq!(day.successful, Bounds::between(45, 45));
            assert_eq!(day.failed, Bounds::between(2, 2));
            assert_eq!(account.policies.len(), 2);
        }
    }

    /// The same happened to domains that cannot be read.
    #[test]
    fn domains_that_cannot_be_read_are_kept_together() {
        let two = [policy_of("sts", "a..example", 5, 1), policy_of("sts", "-", 40, 2)];
        let accounts = of(&report(DAY, &two.join(",")), &["a.example"]);
        let [account] = accounts.as_slice() else { panic!("{accounts:?}") };
        assert_eq!((account.domain.as_ref(), account.ownership), (None, Ownership::NotOurs));
        let [day] = account.days.as_slice() else { panic!("{:?}", account.days) };
        assert_eq!((day.successful.lower, day.failed.upper), (45, 3));
        let texts: Vec<_> = account.policies.iter().map(|policy| &policy.policy_domain).collect();
        assert_eq!(texts, [&Some("a..example".to_owned()), &Some("-".to_owned())]);
    }

    /// Each was a row, though a few octets can name very many.
    #[test]
    fn domains_that_nobody_named_as_ours_have_little_room() {
        let entry = |number: usize| policy_of("sts", &format!("d{number}.example"), 3, 1);
        let count = Allowance::STRANGERS + 50;
        let entries =
            |range: std::ops::Range<usize>| range.map(entry).collect::<Vec<_>>().join(",");
        let mut text = entries(0..count);
        text.push(',');
        text.push_str(&policy_of("sts", "ours.example", 7, 0));
        let sessions = |accounts: &[NewReport]| -> u64 {
            accounts.iter().flat_map(|account| &account.days).map(|day| day.successful.lower).sum()
        };
        for ours in [&["ours.example"][..], &[]] {
            let accounts = of(&report(DAY, &text), ours);
            // Nothing is lost of the numbers, and nothing of ours.
            assert_eq!(sessions(&accounts), 3 * u64::try_from(count).unwrap() + 7);
            assert_eq!(accounts.len(), Allowance::STRANGERS + 1 + ours.len());
            let rest = accounts.iter().find(|account| account.domain.is_none()).unwrap();
            assert!(rest.policies.len() <= Allowance::POLICIES, "{}", rest.policies.len());
            let has_ours = accounts.iter().any(|account| {
                account.domain.as_ref().is_some_and(|name| name.as_str() == "ours.example")
            });
            assert_eq!(has_ours, !ours.is_empty());
        }
        // Many days are many rows too.
        let days =
            r#"{"start-datetime":"2026-08-01T00:00:00Z","end-datetime":"2026-11-01T00:00:00Z"}"#;
        let accounts = of(&report(days, &entries(0..4)), &["ours.example"]);
        assert_eq!(accounts.len(), 3);
        assert_eq!(sessions(&accounts), 12);
    }

    /// They were counted with the strangers, whose numbers count nowhere.
    #[test]
    fn mail_hosts_without_room_are_counted_with_our_domain() {
        let host = |number: usize| policy_of("tlsa", &format!("mx{number}.a.example"), 3, 1);
        let hosts: Vec<_> = (0..Allowance::STRANGERS + 100).map(host).collect();
        let ours = ["a.example", "example"]; // the closest one counts
        let own = policy_of("sts", "a.example", 50, 2);
        let stranger = policy_of("sts", "b.test", 7, 0);
        for (own, lower, upper) in [(Some(own), (50, 2), (350, 102)), (None, (3, 1), (300, 100))] {
            let before = [hosts.clone(), vec![stranger.clone()], own.clone().into_iter().collect()];
            let after = [own.into_iter().collect(), hosts.clone(), vec![stranger.clone()]];
            for entries in [before, after] {
                let accounts = of(&report(DAY, &entries.concat().join(",")), &ours);
                // No account is there twice: the store would take it for the first come again.
                assert_eq!(accounts.len(), Allowance::STRANGERS + 2);
                let of_domain = |name: Option<&str>| {
                    let is_it = |account: &&NewReport| {
                        account.domain.as_ref().map(DomainName::as_str) == name
                    };
                    accounts.iter().find(is_it).unwrap()
                };
                let account = of_domain(Some("a.example"));
                assert_eq!(account.ownership, Ownership::Ours);
                let [day] = account.days.as_slice() else { panic!("{:?}", account.days) };
                assert_eq!((day.successful.lower, day.failed.lower), lower);
                assert_eq!((day.successful.upper, day.failed.upper), upper);
                assert!(account.policies.len() <= Allowance::POLICIES + 1);
                let [day] = of_domain(None).days.as_slice() else { panic!("{accounts:?}") };
                assert_eq!(day.successful, Bounds::exactly(7));
            }
        }
    }

    /// Any number was kept up to 4 MiB, for each submission.
    #[test]
    fn a_domain_has_no_more_policies_than_a_domain_can_have() {
        let most = Limits::default().policies_per_domain;
        let policy = |string: usize, failed: u64| {
            let failures = format!(
                r#""failure-details":[{{"result-type":"validation-failure","failed-session-count":{failed}}}],"#
            );
            let failures = if failed == 0 { String::new() } else { failures };
            format!(
                r#"{{"policy":{{"policy-type":"sts","policy-domain":"a.example","policy-string":["id: {string}"]}},{failures}"summary":{{"total-successful-session-count":1,"total-failure-session-count":{failed}}}}}"#
            )
        };
        let of = |entries: &[String]| {
            let mut accounts = of(&report(DAY, &entries.join(",")), &["a.example"]);
            let account = accounts.pop().unwrap();
            assert!(accounts.is_empty());
            let codes = account.repairs.iter().map(|repair| repair.code.clone());
            let codes: Vec<_> = codes.filter(|code| code.starts_with("policies-")).collect();
            // Of many repairs the first are kept.
            let mut first = account.repairs.iter().take(codes.len());
            assert!(first.all(|repair| repair.code.starts_with("policies-")));
            assert!(codes.iter().all(|code| repair_in_words(code).is_some()));
            let failures: u64 = account
                .policies
                .iter()
                .flat_map(|policy| &policy.failures)
                .map(|failure| failure.sessions)
                .sum();
            let [day] = account.days.as_slice() else { panic!("{:?}", account.days) };
            (account.policies.len(), codes, failures, day.successful.lower, day.failed.lower)
        };
        let entries: Vec<_> = (0..most).map(|number| policy(number, 0)).collect();
        let all = u64::try_from(most).unwrap();
        assert_eq!(of(&entries), (most, vec![], 0, all, 0));
        // One entry for each session says no less if it becomes one for all.
        let entries: Vec<_> = (0..most * 3).map(|number| policy(number % 3, 1)).collect();
        let joined = vec!["policies-joined".to_owned()];
        assert_eq!(of(&entries), (3, joined.clone(), all * 3, all * 3, all * 3));
        // Failures are kept before successes, and sessions count in any case.
        let failed = |number: usize| u64::from(number >= most * 2);
        let odd = |number| policy(number, failed(number)).replace("count\":1,", "count\":\"1\",");
        let entries: Vec<_> = (0..most * 3).map(odd).collect();
        let both = [joined, vec!["policies-cut".to_owned()]].concat();
        assert_eq!(of(&entries), (most, both, all, all * 3, all));
    }

    /// Several reports of one submission were each as large as one may be.
    #[test]
    fn the_reports_of_a_submission_share_the_policies_of_a_domain() {
        let limits = Limits { policies_per_domain: 3, ..Limits::default() };
        let mut allowance = Allowance::new(&limits);
        let names = ["a.example", "b.example"].map(|name| name.parse::<DomainName>().unwrap());
        let mut take = |name: usize, policies| allowance.take_policies(names.get(name), policies);
        assert_eq!([take(0, 2), take(0, 2), take(0, 2), take(1, 9)], [2, 1, 0, 3]);
        assert_eq!(take(7, 100), Allowance::POLICIES);
    }

    #[test]
    fn a_week_is_spread_over_its_days() {
        let week =
            r#"{"start-datetime":"2026-11-16T00:00:00Z","end-datetime":"2026-11-23T00:00:00Z"}"#;
        let accounts = of(&report(week, &policy_of("sts", "a.example", 70, 7)), &[]);
        let days = &accounts.first().unwrap().days;
        assert_eq!(days.len(), 7);
        assert!(days.iter().all(|day| day.successful.lower == 10 && day.failed.upper == 1));
    }

    #[test]
    fn a_report_without_days_counts_for_none() {
        let accounts = of(&report("{}", &policy_of("sts", "a.example", 70, 7)), &[]);
        let account = accounts.first().unwrap();
        assert_eq!((account.days.len(), account.begins_at), (0, 1_800_000_000));
        assert!(!account.repairs.is_empty());
    }

    #[test]
    fn each_account_has_the_repairs_of_its_entries_and_of_the_whole() {
        let entry = |domain: &str, count: &str| {
            policy_of("no-policy-found", domain, 1, 0).replace(":1,", &format!(":{count},"))
        };
        let codes = |accounts: &[NewReport]| -> Vec<Vec<String>> {
            let codes = |account: &NewReport| {
                account.repairs.iter().map(|repair| repair.code.clone()).collect()
            };
            accounts.iter().map(codes).collect()
        };
        let two = [entry("a.example", "1.0"), entry("b.example", "\"1\"")];
        let text = report(DAY, &two.join(",")).replace("a@reporter.example", "");
        let found = codes(&of(&text, &[]));
        let whole = "text-empty".to_owned();
        let decimal = [whole.clone(), "count-decimal".to_owned()].to_vec();
        let quoted = [whole, "count-text".to_owned()].to_vec();
        assert_eq!(found, [decimal, quoted]);
        // Within an array it is the same.
        assert_eq!(codes(&of(&format!("[{text}]"), &[])).first().map(Vec::len), Some(3));
        // Nobody can say which entry it was in.
        let odd = report(DAY, &format!("7,{}", two.join(",")));
        let found = codes(&of(&odd, &[]));
        assert_eq!(found.first(), found.last());
    }
}
