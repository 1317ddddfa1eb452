//! What `lint` found, as data.

use sealpost_receive::{Document, Note, Submission, Unreadable};
use sealpost_rules::Severity;
use serde::Serialize;
use tls_rpt::{Repair, RepairKind};

use super::excerpt::{Spans, parts};
use crate::command::receive::remedy;

/// What was found in one file.
#[derive(Debug, Serialize)]
pub(super) struct Linted {
    /// The file, or `standard input`.
    pub(super) source: String,
    /// No finding is an error.
    pub(super) valid: bool,
    /// What concerns the mail, the packing, or what could not be read.
    pub(super) findings: Vec<LintFinding>,
    /// The reports.
    pub(super) reports: Vec<LintedReport>,
}

/// What was found in one report.
#[derive(Debug, Serialize)]
pub(super) struct LintedReport {
    /// Where in the mail or archive; empty for a file that is the report.
    pub(super) place: String,
    pub(super) findings: Vec<LintFinding>,
    /// How many more findings there are, of kinds that are among them.
    pub(super) left_out: u64,
}

/// One finding.
#[derive(Debug, Serialize)]
pub(super) struct LintFinding {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// What is wrong.
    pub(super) message: String,
    /// How to mend it, or what follows.
    pub(super) help: Option<String>,
    /// The rule; null for what is about no text.
    pub(super) rule: Option<&'static str>,
    /// In a report, a JSON pointer; else where in the mail.
    pub(super) place: String,
    /// Octet offsets into the unpacked text of the report.
    pub(super) span: Option<[usize; 2]>,
}

impl Linted {
    pub(super) fn new(source: String, found: &Submission<'_>) -> Self {
        let findings: Vec<LintFinding> = found
            .unreadable
            .iter()
            .map(LintFinding::of_unreadable)
            .chain(found.notes().iter().map(LintFinding::of_note))
            .collect();
        let mut spans = Spans::default();
        let reports: Vec<LintedReport> = found
            .documents
            .iter()
            .map(|document| LintedReport::new(document, &mut spans))
            .collect();
        let all = findings.iter().chain(reports.iter().flat_map(|report| &report.findings));
        let valid = all.map(|finding| finding.severity).all(|severity| severity < Severity::Error);
        Self { source, valid, findings, reports }
    }
}

impl LintedReport {
    fn new(document: &Document, spans: &mut Spans) -> Self {
        let mut findings: Vec<LintFinding> = document
            .reading
            .repairs
            .iter()
            .map(|repair| LintFinding::of_repair(repair, spans.of(repair, &document.json)))
            .collect();
        // The worst first, and else in the order of the text.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self {
            place: document.place.clone(),
            findings,
            left_out: document.reading.repairs_left_out,
        }
    }
}

impl LintFinding {
    fn of_repair(repair: &Repair, span: Option<[usize; 2]>) -> Self {
        let (message, help) = parts(repair.kind.sentence());
        Self {
            code: repair.kind.code(),
            severity: severity(repair.kind.severity()),
            message,
            help,
            rule: Some(repair.kind.section()),
            place: repair.place.clone(),
            span,
        }
    }

    /// What a strict reader would have stumbled over in the text, had the packing been taken off
    /// only, is as bad as if it had been found there.
    fn of_note(note: &Note) -> Self {
        let kind = RepairKind::from_code(note.code);
        Self {
            code: note.code,
            severity: kind.map_or(Severity::Note, |kind| severity(kind.severity())),
            message: note.text.clone(),
            help: None,
            rule: kind.map(RepairKind::section),
            place: note.place.clone(),
            span: None,
        }
    }

    fn of_unreadable(unreadable: &Unreadable) -> Self {
        Self {
            code: unreadable.code(),
            severity: Severity::Error,
            message: unreadable.to_string(),
            help: Some(remedy(unreadable).to_owned()),
            rule: None,
            place: unreadable.place().to_owned(),
            span: None,
        }
    }
}

fn severity(severity: tls_rpt::Severity) -> Severity {
    match severity {
        tls_rpt::Severity::BreaksPeers => Severity::Error,
        tls_rpt::Severity::Wrong => Severity::Warning,
        tls_rpt::Severity::Unusual => Severity::Note,
    }
}
