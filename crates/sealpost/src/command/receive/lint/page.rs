//! `lint` for people.

use sealpost_check::{Diagnostic, Page};
use sealpost_receive::Submission;
use sealpost_rules::Severity;

use super::excerpt::excerpt;
use super::model::{LintFinding, Linted, LintedReport};
use crate::command::receive::text::{WIDTH, counted, shown, wrapped};

/// So many findings of one kind are shown; they are all mended in the same way.
const MOST_ALIKE: usize = 3;

pub(super) fn page(page: &Page, linted: &Linted, found: &Submission<'_>) -> String {
    let mut text = String::new();
    for finding in &linted.findings {
        text.push_str(&page.diagnostic(&diagnostic(finding, &linted.source, None)));
        text.push('\n');
    }
    for (report, document) in linted.reports.iter().zip(&found.documents) {
        let source = match report.place.as_str() {
            "" => linted.source.clone(),
            place => format!("{}, {place}", linted.source),
        };
        self::report(&mut text, page, report, &source, &document.json);
    }
    text.push_str(&verdict(linted));
    text
}

fn report(text: &mut String, page: &Page, report: &LintedReport, source: &str, json: &[u8]) {
    let mut kinds: Vec<(&'static str, usize)> = Vec::new();
    for finding in &report.findings {
        let known = kinds.iter_mut().find(|(code, _)| *code == finding.code);
        let count = match known {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                kinds.push((finding.code, 1));
                1
            }
        };
        if count > MOST_ALIKE {
            continue;
        }
        text.push_str(&page.diagnostic(&diagnostic(finding, source, Some(json))));
        text.push('\n');
    }
    for (code, count) in kinds.iter().filter(|(_, count)| *count > MOST_ALIKE) {
        let more = counted((count - MOST_ALIKE) as u64, "more place", "more places");
        text.push_str(&format!("{code}: {more}; --format json shows all\n\n"));
    }
    if report.left_out > 0 {
        let more = counted(report.left_out, "finding", "findings");
        text.push_str(&format!("{more} of the same kinds left out\n\n"));
    }
}

fn diagnostic(finding: &LintFinding, source: &str, json: Option<&[u8]>) -> Diagnostic {
    let mut notes = Vec::new();
    if !finding.place.is_empty() {
        notes.push(("at", shown(&finding.place, 200)));
    }
    if let Some(help) = &finding.help {
        notes.push(("help", help.clone()));
    }
    if let Some(rule) = finding.rule {
        notes.push(("rule", rule.to_owned()));
    }
    let fold = |(name, note): (&'static str, String)| (name, wrapped(&note, WIDTH - 14).join("\n"));
    Diagnostic {
        severity: finding.severity,
        code: finding.code,
        title: finding.message.clone(),
        source: source.to_owned(),
        text: finding.span.and_then(|span| excerpt(json?, span)),
        notes: notes.into_iter().map(fold).collect(),
    }
}

fn verdict(linted: &Linted) -> String {
    let all = || {
        let of_reports = linted.reports.iter().flat_map(|report| &report.findings);
        linted.findings.iter().chain(of_reports)
    };
    let count = |severity| all().filter(|finding| finding.severity == severity).count() as u64;
    let counts: Vec<String> = [
        (count(Severity::Error), "error", "errors"),
        (count(Severity::Warning), "warning", "warnings"),
        (count(Severity::Note), "note", "notes"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| counted(count, one, many))
    .collect();
    let name = shown(&linted.source, 200);
    let verdict = if linted.reports.is_empty() {
        "no report can be read"
    } else if linted.valid {
        "readers of TLS reports can use it"
    } else {
        "some readers lose the report or a part of it"
    };
    let verdict = match counts.as_slice() {
        [] => format!("{name}: {verdict}"),
        counts => format!("{name}: {verdict}: {}", counts.join(", ")),
    };
    format!("{}\n", wrapped(&verdict, WIDTH - 2).join("\n  "))
}
