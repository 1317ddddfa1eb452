//! From what was read to what is shown.

use std::collections::HashMap;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use sealpost_receive::{Document, Submission};
use tls_rpt::{
    Bounds, DateRange, Days, DetailsSum, DomainTally, FailureTally, Loss, PolicyType, Report,
    ReportReading, ResultType, Severity, Tally,
};

use super::advice;
use super::model::{
    DomainShown, FailureShown, MailShown, NoteShown, NumberShown, RangeShown, RepairsShown,
    ReportShown, ResultShown, Shown, UnreadableShown,
};
use super::policy::{policy, uncovered};
use crate::command::receive::remedy;

/// All of one file. `mails` are those of the documents, in their order.
pub(super) fn explain(source: String, found: &Submission<'_>, mails: Vec<Vec<MailShown>>) -> Shown {
    let documents = found.documents.iter().zip(mails);
    Shown {
        source,
        reports: documents.map(|(document, mails)| report(document, mails)).collect(),
        unreadable: found
            .unreadable
            .iter()
            .map(|unreadable| UnreadableShown {
                code: unreadable.code(),
                message: unreadable.to_string(),
                place: unreadable.place().to_owned(),
                fix: remedy(unreadable),
            })
            .collect(),
        notes: found
            .notes()
            .iter()
            .map(|note| NoteShown {
                code: note.code,
                message: note.text.clone(),
                place: note.place.clone(),
            })
            .collect(),
    }
}

fn report(document: &Document, mails: Vec<MailShown>) -> ReportShown {
    let report = &document.reading.report;
    let tally = Tally::of(report);
    ReportShown {
        place: document.place.clone(),
        organization: report.organization_name.clone(),
        contact: report.contact_info.clone(),
        report_id: report.report_id.clone(),
        mails,
        range: range(&report.date_range, &tally.days),
        domains: tally.domains.iter().map(|of_domain| domain(of_domain, report)).collect(),
        repairs: repairs(&document.reading),
        complete: document.reading.is_complete(),
        stored: None,
    }
}

const PART_OF_A_DAY: &str = "the report covers a part of a day, where RFC 8460 wants a whole one";
const SEVERAL_DAYS: &str = "the report covers several days, so that numbers of one day can only \
                            be estimated";
const NO_DAYS: &str = "the report does not say which days it is about";
const ONE_END: &str = "the report gives one end of its range only";
const TOO_LONG: &str = "the range is too long to say anything about a day";
const EMPTY: &str = "the range begins and ends at the same time";

fn range(range: &DateRange, days: &Days) -> RangeShown {
    const DAY: u32 = 86_400;

    let dates: Vec<String> = days.iter().map(|day| day.date.to_string()).collect();
    let (words, odd) = match (range.start, range.end, dates.as_slice()) {
        (None, None, _) => ("unknown days".to_owned(), Some(NO_DAYS)),
        (Some(start), Some(end), []) => (between(start, end), Some(TOO_LONG)),
        (Some(start), Some(end), [_]) if start == end => (instant(start), Some(EMPTY)),
        (Some(_), Some(_), [date]) if days.iter().all(|day| day.seconds == DAY) => {
            (date.clone(), None)
        }
        (Some(start), Some(end), [_]) => (between(start, end), Some(PART_OF_A_DAY)),
        (Some(_), Some(_), [first, .., last]) if days.iter().all(|day| day.seconds == DAY) => {
            (format!("{first} to {last}"), Some(SEVERAL_DAYS))
        }
        (Some(start), Some(end), _) => (between(start, end), Some(SEVERAL_DAYS)),
        (_, _, [first, ..]) => (first.clone(), Some(ONE_END)),
        (Some(time), None, []) | (None, Some(time), []) => (instant(time), Some(ONE_END)),
    };
    RangeShown { start: range.start, end: range.end, days: dates, words, odd }
}

fn between(start: Timestamp, end: Timestamp) -> String {
    // A last second such as 00:59:59 is covered to its end.
    let end = match end.as_second().rem_euclid(60) {
        59 => end.checked_add(SignedDuration::from_secs(1)).unwrap_or(end),
        _ => end,
    };
    let (from, to) = (Offset::UTC.to_datetime(start), Offset::UTC.to_datetime(end));
    if from.date() == to.date() {
        let clock = |time: DateTime| time.strftime("%H:%M").to_string();
        format!("{}, {} to {} UTC", from.date(), clock(from), clock(to))
    } else {
        format!("{} to {} UTC", instant(start), instant(end))
    }
}

fn instant(time: Timestamp) -> String {
    Offset::UTC.to_datetime(time).strftime("%Y-%m-%d %H:%M").to_string()
}

fn domain(tally: &DomainTally<'_>, report: &Report) -> DomainShown {
    let hint = || report.domain_hint().map(|name| name.to_string());
    let entries = || tally.entries.iter().filter_map(|index| report.policies.get(*index));
    let sessions = &tally.sessions;
    DomainShown {
        domain: tally.domain.map(ToString::to_string),
        domain_by_report_id: if tally.domain.is_none() { hint() } else { None },
        total: number(sessions.total),
        successful: number(sessions.successful),
        failed: number(sessions.failed),
        inexact: (!sessions.is_exact()).then(|| {
            let has = |kind: &PolicyType| {
                entries().any(|entry| entry.policy.policy_type.as_ref() == Some(kind))
            };
            if has(&PolicyType::Sts) && has(&PolicyType::Tlsa) {
                "The reporter counts under DANE and under MTA-STS, most likely the same sessions \
                 twice, so the two are not added up."
            } else {
                "The numbers of the report leave open how many sessions there were."
            }
        }),
        complete: tally.is_complete,
        policies: entries().map(policy).collect(),
        failures: results(tally),
        details: match tally.details {
            DetailsSum::AddsUp => "adds-up",
            DetailsSum::Below => "below",
            DetailsSum::Above => "above",
        },
        uncovered: uncovered(entries()),
    }
}

fn results(tally: &DomainTally<'_>) -> Vec<ResultShown> {
    let mut numbers: HashMap<Option<&ResultType>, usize> = HashMap::new();
    let mut groups: Vec<(Option<&ResultType>, Vec<&FailureTally<'_>>)> = Vec::new();
    for failure in &tally.failures {
        let result = failure.failure.result_type.as_ref();
        let index = *numbers.entry(result).or_insert(groups.len());
        match groups.get_mut(index) {
            Some((_, group)) => group.push(failure),
            None => groups.push((result, vec![failure])),
        }
    }
    let mut results: Vec<ResultShown> =
        groups.into_iter().map(|(result, group)| self::result(result, group, tally)).collect();
    results.sort_by_key(|result| std::cmp::Reverse(result.sessions.likely));
    results
}

fn result<'r>(
    result: Option<&ResultType>,
    mut group: Vec<&FailureTally<'r>>,
    of_domain: &DomainTally<'_>,
) -> ResultShown {
    group.sort_by_key(|failure| std::cmp::Reverse(failure.sessions.likely));
    // Where the details are more than the total, sessions are counted twice: then no more failed in
    // this way than failed at all, and no fewer than in the most frequent of its kinds.
    let most = of_domain.sessions.failed;
    let sum = group.iter().fold(Bounds::default(), |sum, failure| sum.plus(failure.sessions));
    let lower = match of_domain.details {
        DetailsSum::Above => group.iter().map(|f| f.sessions.lower).max().unwrap_or(0),
        DetailsSum::AddsUp | DetailsSum::Below => sum.lower,
    };
    let upper = sum.upper.min(most.upper).max(lower);
    let likely = sum.likely.min(most.likely).clamp(lower, upper);
    let reason = |failure: &FailureTally<'r>| failure.failure.failure_reason_code.as_deref();
    let first = group.first().and_then(|failure| reason(failure));
    let is_common = group.iter().all(|failure| reason(failure) == first);
    let cause = advice::cause(result.map(ResultType::as_str), first.filter(|_| is_common));
    ResultShown {
        result_type: result.map(ToString::to_string),
        title: cause.title.to_owned(),
        cause: cause.code,
        meaning: cause.why.to_owned(),
        action: cause.fix.to_owned(),
        source: cause.source.to_owned(),
        sessions: NumberShown { likely, lower, upper },
        details: group.into_iter().map(failure).collect(),
    }
}

fn failure(tally: &FailureTally<'_>) -> FailureShown {
    let failure = tally.failure;
    FailureShown {
        sessions: number(tally.sessions),
        mx: failure.receiving_mx_hostname.as_ref().map(ToString::to_string),
        helo: failure.receiving_mx_helo.clone(),
        receiving_ip: failure.receiving_ip.as_ref().map(ToString::to_string),
        sending_ip: failure.sending_mta_ip.as_ref().map(ToString::to_string),
        reason: failure.failure_reason_code.clone(),
        reason_meaning: failure.failure_reason_code.as_deref().and_then(advice::meaning),
        information: failure.additional_information.clone(),
    }
}

fn number(bounds: Bounds) -> NumberShown {
    NumberShown { likely: bounds.likely, lower: bounds.lower, upper: bounds.upper }
}

fn repairs(reading: &ReportReading) -> Vec<RepairsShown> {
    let mut shown: Vec<(Severity, RepairsShown)> = Vec::new();
    for repair in &reading.repairs {
        let code = repair.kind.code();
        if let Some((_, known)) = shown.iter_mut().find(|(_, known)| known.code == code) {
            known.count += 1;
            continue;
        }
        let kind = RepairsShown {
            code,
            severity: severity(repair.kind.severity()),
            message: repair.kind.sentence(),
            count: 1,
            loses_numbers: repair.kind.loss() == Loss::Numbers,
        };
        shown.push((repair.kind.severity(), kind));
    }
    shown.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    shown.into_iter().map(|(_, kind)| kind).collect()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::BreaksPeers => "breaks-peers",
        Severity::Wrong => "wrong",
        Severity::Unusual => "unusual",
    }
}
