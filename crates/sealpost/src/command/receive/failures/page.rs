//! Failures for people, at 80 columns; only what is to be copied may be longer.

use std::fmt::Write as _;

use sealpost_evidence::traffic::{Bounds, FailureGroup};
use sealpost_rules::diagnosis::{Standing, sessions_of};

use super::model::{
    AnomalyReport, DiagnosisReport, DomainFailures, Failures, GroupReport, SpreadReport,
};
use crate::command::receive::text::{WIDTH, bounds, counted, shown, wrapped};

/// The longest text from outside in a line.
const MOST: usize = 60;

/// Said of failures of nothing but report mails.
const ECHO: &str = "An echo: its reports count no more sessions than it brought mails with reports \
                    on this domain in that time. Most likely just these mails failed.";

pub(super) fn page(failures: &Failures, is_live: bool) -> String {
    let mut page = String::new();
    let Failures { scope, since, until, domains } = failures;
    // Writing to a string can't fail.
    writeln!(page, "{scope} reports, {since} to {until}").ok();
    if domains.is_empty() {
        page.push_str("\nNo failed session was reported.\n");
    }
    for domain in domains {
        one_domain(&mut page, domain);
    }
    let any = domains.iter().any(|domain| !domain.groups.is_empty());
    if any && !is_live {
        page.push_str("\nWith --live the hosts of now are looked at as well.\n");
    }
    page
}

fn one_domain(page: &mut String, domain: &DomainFailures) {
    let DomainFailures { successful, failed, groups, blocks, spreads, anomalies, .. } = domain;
    let sums = format!("{} sessions successful, {} failed", bounds(*successful), bounds(*failed));
    writeln!(page, "\n{}: {sums}", domain.domain).ok();
    if groups.is_empty() {
        page.push_str(if failed.upper == 0 {
            "  No failed session was reported in these days.\n"
        } else {
            "  How they failed is in reports that end on other days.\n"
        });
    }
    // Of one that nobody can be compared with, its group says the same.
    for spread in spreads.iter().filter(|spread| spread.reporters_heard > 0) {
        one_spread(page, spread);
    }
    for places in blocks {
        let block: Vec<&GroupReport> =
            places.iter().filter_map(|place| groups.get(*place)).collect();
        one_block(page, &block);
    }
    if domain.unlisted > 0 {
        let more = counted(domain.unlisted, "more kind of failure", "more kinds of failures");
        writeln!(page, "\n  and {more}: raise --limit to see them").ok();
    }
    if let Some(day) = domain.unread_before {
        writeln!(page, "\n  there are older reports, from before {day}: give an earlier --until")
            .ok();
    }
    for anomaly in anomalies {
        one_anomaly(page, anomaly);
    }
}

fn one_spread(page: &mut String, spread: &SpreadReport) {
    let reporters = format!("{} of {}", spread.reporters_failing, spread.reporters_heard);
    let sessions = sessions(spread.sessions);
    let SpreadReport { severity, code, .. } = spread;
    writeln!(page, "\n  {severity}: {reporters} reporters, {sessions}  [{code}]").ok();
    paragraph(page, "    ", &spread.sentence);
    for ground in &spread.grounds {
        paragraph(page, "    - ", ground);
    }
}

/// Groups that nothing but the policy tells apart: they may be of the same sessions.
fn one_block(page: &mut String, block: &[&GroupReport]) {
    let [GroupReport { group, is_echo, diagnosis }, others @ ..] = block else { return };
    let result = match group.is_said() {
        true => shown(&group.result_type, MOST),
        false => "not said how".to_owned(),
    };
    let groups = || block.iter().map(|report| &report.group);
    let (sessions, place) = (sessions(sessions_of(groups())), place(group));
    let head = format!("{}: {sessions}, {result}{place}  [{}]", diagnosis.severity, diagnosis.code);
    page.push('\n');
    paragraph(page, "  ", &head);
    paragraph(page, "    ", &diagnosis.sentence);
    let who = match group.reporter.signer.as_str() {
        "" => format!("{}, whom nobody vouches for,", shown(&group.reporter.organisation, MOST)),
        signer => {
            format!("{} ({})", shown(&group.reporter.organisation, MOST), shown(signer, MOST))
        }
    };
    let first = groups().map(|group| group.first_day).min().unwrap_or(group.first_day);
    let last = groups().map(|group| group.last_day).max().unwrap_or(group.last_day);
    let days = match first == last {
        true => format!("on {first}"),
        false => format!("from {first} to {last}"),
    };
    let how = match others.is_empty() {
        true => format!("in {}", counted(group.reports, "report", "reports")),
        false => {
            let policies: Vec<String> =
                groups().map(|group| shown(&group.policy_type, MOST)).collect();
            format!("under {}: these may be the same sessions", policies.join(" and "))
        }
    };
    paragraph(page, "    ", &format!("Reported by {who} {days}, {how}."));
    if *is_echo {
        paragraph(page, "    ", ECHO);
    }
    if let Some(reason) = &group.reason {
        paragraph(page, "    ", &format!("Its reason: {}", shown(reason, 300)));
    }
    advice(page, diagnosis);
    let mut told = vec![diagnosis];
    for GroupReport { group, diagnosis, .. } in others {
        // What it means may hang on the policy.
        if !told.contains(&diagnosis) {
            let policy = shown(&group.policy_type, MOST);
            let DiagnosisReport { severity, code, .. } = diagnosis;
            paragraph(page, "  ", &format!("{severity}: under {policy}  [{code}]"));
            paragraph(page, "    ", &diagnosis.sentence);
            advice(page, diagnosis);
            told.push(diagnosis);
        }
    }
}

/// What speaks for it and what is to be done.
fn advice(page: &mut String, diagnosis: &DiagnosisReport) {
    for ground in &diagnosis.grounds {
        paragraph(page, "    - ", ground);
    }
    let todo = match diagnosis.standing {
        Standing::Mended => "  nothing any more; it was: ",
        Standing::Open | Standing::Unknown => "  to do: ",
    };
    paragraph(page, &format!("  {todo}"), &diagnosis.action);
    for line in diagnosis.publish.iter().flat_map(|text| text.lines()) {
        writeln!(page, "    publish: {line}").ok();
    }
    if let Some(command) = &diagnosis.command {
        writeln!(page, "    see it: {command}").ok();
    }
    paragraph(page, "    by: ", diagnosis.source);
}

fn one_anomaly(page: &mut String, anomaly: &AnomalyReport) {
    writeln!(page, "\n  {}: {}  [{}]", anomaly.severity, anomaly.day, anomaly.code).ok();
    paragraph(page, "    ", &anomaly.sentence);
    paragraph(page, "    to do: ", anomaly.action);
}

/// `1 session`, or `4-8 sessions`.
fn sessions(count: Bounds) -> String {
    match count.exact() {
        Some(count) => counted(count, "session", "sessions"),
        None => format!("{} sessions", bounds(count)),
    }
}

/// Where it failed: host and addresses, as far as they were reported.
fn place(group: &FailureGroup) -> String {
    let mut place = String::new();
    if let Some(host) = &group.mx_host {
        write!(place, " at {}", shown(host, MOST)).ok();
    }
    if let Some(address) = group.receiving_ip {
        write!(place, " [{address}]").ok();
    }
    if let Some(address) = group.sending_ip {
        write!(place, " from [{address}]").ok();
    }
    place
}

/// Text that is broken into lines; those after the first stand below its begin.
fn paragraph(page: &mut String, begin: &str, text: &str) {
    let indent = " ".repeat(begin.chars().count());
    for (index, line) in wrapped(text, WIDTH - begin.chars().count()).iter().enumerate() {
        let begin = if index == 0 { begin } else { &indent };
        writeln!(page, "{begin}{line}").ok();
    }
}
