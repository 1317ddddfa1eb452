//! What is kept of a report: one account for each policy domain.

use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::traffic::{Bounds, Day, Trust};
use sealpost_store::{
    Digest,
    reports::{DayShare, Echo, NewReport, Repair, ReportedFailure, ReportedPolicy},
};
use tls_rpt::{
    DomainTally, FailureDetail, Parsed, PolicyReport, PolicyType, RepairKind, Report, SessionCount,
    Tally,
};

use crate::ours::Named;
use crate::{Document, OurDomains};

/// How a report came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The digest of the submission.
    pub raw: Digest,
    /// When, in seconds since 1970.
    pub at: i64,
    /// How far it is believed.
    pub trust: Trust,
}

/// What is kept of a report: for each policy domain that it names, one account with the numbers of
/// that domain.
pub fn accounts(document: &Document, received: &Received, ours: &OurDomains) -> Vec<NewReport> {
    let report = &document.reading.report;
    let tally = Tally::of(report);
    let payload = Digest::of(&document.json);
    let account = |domain_tally: &DomainTally<'_>| {
        let domain = policy_domain(domain_tally, report);
        let ends_at = seconds(report.date_range.end.or(report.date_range.start));
        NewReport {
            ownership: ours.ownership(domain.as_ref(), named(domain_tally, report)),
            echo: Echo::No,
            trust: received.trust.clone(),
            organisation: report.organization_name.clone().unwrap_or_default(),
            contact: report.contact_info.clone(),
            report_id: report.report_id.clone().unwrap_or_default(),
            // A report that does not say which days it is about has no days either.
            begins_at: seconds(report.date_range.start.or(report.date_range.end))
                .unwrap_or(received.at),
            ends_at: ends_at.unwrap_or(received.at),
            received_at: received.at,
            payload,
            raw: received.raw,
            days: days(domain_tally, &tally),
            policies: domain_tally
                .entries
                .iter()
                .filter_map(|index| report.policies.get(*index))
                .map(policy)
                .collect(),
            repairs: repairs(document),
            domain,
        }
    };
    tally.domains.iter().map(account).collect()
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
            let day: Day = date.to_string().parse().ok()?;
            Some(DayShare { day, successful, failed })
        })
        .collect()
}

fn policy(entry: &PolicyReport) -> ReportedPolicy {
    let policy = &entry.policy;
    ReportedPolicy {
        policy_type: policy.policy_type.as_ref().map(ToString::to_string).unwrap_or_default(),
        policy_domain: policy.policy_domain.as_ref().map(text),
        strings: policy.policy_string.clone(),
        mx_hosts: policy.mx_host.clone(),
        successful: number(entry.summary.successful),
        failed: number(entry.summary.failed),
        failures: entry.failure_details.iter().map(failure).collect(),
    }
}

fn failure(detail: &FailureDetail) -> ReportedFailure {
    ReportedFailure {
        result_type: detail.result_type.as_ref().map(ToString::to_string).unwrap_or_default(),
        sending_ip: address(detail.sending_mta_ip.as_ref()),
        receiving_ip: address(detail.receiving_ip.as_ref()),
        mx_host: detail.receiving_mx_hostname.as_ref().map(text),
        helo: detail.receiving_mx_helo.clone(),
        reason: detail.failure_reason_code.clone(),
        additional: detail.additional_information.clone(),
        sessions: number(detail.failed_session_count),
    }
}

fn repairs(document: &Document) -> Vec<Repair> {
    let repair = |(kind, place): (RepairKind, &str)| Repair {
        code: kind.code().to_owned(),
        place: place.to_owned(),
    };
    document.repairs().map(repair).collect()
}

fn text<T: std::fmt::Display>(parsed: &Parsed<T>) -> String {
    match parsed {
        Parsed::Valid(value) => value.to_string(),
        Parsed::Text(text) => text.clone(),
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
    use sealpost_store::reports::Ownership;

    use super::*;
    use crate::{Limits, Submission};

    fn of(json: &str, ours: &[&str]) -> Vec<NewReport> {
        let submission = Submission::read(json.as_bytes(), &Limits::default());
        let [document] = submission.documents.as_slice() else { panic!("{submission:?}") };
        let trust = Trust::Verified { signer: "reporter.example".to_owned() };
        let received = Received { raw: Digest::of(b"raw"), at: 1_800_000_000, trust };
        let ours = ours.iter().map(|name| name.parse().unwrap()).collect();
        accounts(document, &received, &ours)
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
}
