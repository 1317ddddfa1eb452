//! `show` for people: a page of 80 columns. Colour only repeats what words say.

mod domain;
mod failures;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::model::{MailShown, ReportShown, Shown, UnreadableShown};
use crate::command::receive::text::{WIDTH, counted, shown, wrapped};

/// The page of one call, to which files are added one after the other.
pub(super) struct Page {
    is_coloured: bool,
    /// Does a report have to say which file it is from?
    names_files: bool,
    is_begun: bool,
}

/// What a line is for stands before it, in so many columns.
const MARGIN: usize = 12;

/// So many characters of a name or text from outside are shown.
const LONGEST: usize = 200;

/// So many reports of one file are shown.
const MOST_REPORTS: usize = 100;

/// Said of reports on report mails.
const ECHO: &str = "an echo: it counts no more sessions than its sender brought mails with reports \
                    on this domain in that time, most likely those mails";

/// So many domains of one report are shown.
const MOST_DOMAINS: usize = 50;

impl Page {
    pub(super) fn new(is_coloured: bool, files: usize) -> Self {
        Self { is_coloured, names_files: files > 1, is_begun: false }
    }

    /// All reports of a file.
    pub(super) fn file(&mut self, file: &Shown) -> String {
        let mut text = String::new();
        let names_place = self.names_files || file.reports.len() > 1;
        for report in file.reports.iter().take(MOST_REPORTS) {
            if self.is_begun {
                text.push('\n');
            }
            self.is_begun = true;
            self.report(&mut text, report, &file.source, names_place);
        }
        let rest = file.reports.len().saturating_sub(MOST_REPORTS);
        if rest > 0 {
            let reports = counted(rest as u64, "more report", "more reports");
            line(&mut text, 0, &format!("{reports} in this file: --format json shows all"));
        }
        text
    }

    fn report(&self, text: &mut String, report: &ReportShown, source: &str, names_place: bool) {
        let organization = match &report.organization {
            Some(name) => shown(name, LONGEST),
            None => "An unnamed reporter".to_owned(),
        };
        let title = format!("TLS report by {organization} for {}", report.range.words);
        for part in wrapped(&title, WIDTH) {
            let _ = writeln!(text, "{}", self.paint(&part, Style::new().bold()));
        }
        if names_place {
            let place = match report.place.as_str() {
                "" => shown(source, LONGEST),
                place => format!("{}, {}", shown(source, LONGEST), shown(place, LONGEST)),
            };
            entry(text, "file", &place);
        }
        if let Some(odd) = report.range.odd {
            entry(text, "days", odd);
        }
        signatures(text, &report.mails);
        stored(text, report);
        missing_numbers(text, report);
        if report.domains.is_empty() {
            text.push('\n');
            line(text, 0, "It holds no numbers: there is no policy in it.");
        }
        for of_domain in report.domains.iter().take(MOST_DOMAINS) {
            text.push('\n');
            self.domain(text, of_domain);
        }
        let rest = report.domains.len().saturating_sub(MOST_DOMAINS);
        if rest > 0 {
            let domains = counted(rest as u64, "more domain", "more domains");
            text.push('\n');
            line(text, 0, &format!("{domains} in this report: --format json shows all"));
        }
        text.push('\n');
        about(text, report, source);
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.is_coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// What could not be read, for standard error.
pub(super) fn unreadable(source: &str, unreadable: &UnreadableShown) -> String {
    let place = match unreadable.place.as_str() {
        "" => String::new(),
        place => format!(", {}", shown(place, LONGEST)),
    };
    let error = format!(
        "error: failed to read a report in {}{place}: {}",
        shown(source, LONGEST),
        shown(&unreadable.message, 400)
    );
    let hint = format!("hint: {}", unreadable.fix);
    let fold = |text: &str| wrapped(text, WIDTH).join("\n");
    format!("{}\n\n{}", fold(&error), fold(&hint))
}

fn signatures(text: &mut String, mails: &[MailShown]) {
    if mails.is_empty() {
        entry(text, "signed", "not in its mail, so who sent it cannot be proven");
    }
    for (index, mail) in mails.iter().enumerate() {
        if let Some(from) = &mail.from {
            let name = if index == 0 { "mail from" } else { "forwarded" };
            let by = if index == 0 { "" } else { "by " };
            entry(text, name, &format!("{by}{}", shown(from, LONGEST)));
        }
        entry(text, "signed", &mail.summary);
    }
}

fn stored(text: &mut String, report: &ReportShown) {
    let Some(kept) = &report.stored else { return };
    if kept.is_empty() {
        entry(text, "in store", "no: it was not taken in, or is forgotten");
    }
    for one in kept.iter().take(MOST_DOMAINS) {
        let domain = one.domain.as_deref().unwrap_or("no domain");
        let how = match one.state {
            "superseded" => "a revision has taken its place".to_owned(),
            _ => format!("{}, {}", one.scope, one.trust),
        };
        entry(text, "in store", &format!("number {}, on {domain}: {how}", one.number));
        if one.is_echo {
            entry(text, "", ECHO);
        }
    }
}

fn missing_numbers(text: &mut String, report: &ReportShown) {
    if report.complete {
        return;
    }
    let losses = report.repairs.iter().filter(|kind| kind.loses_numbers);
    let losses: Vec<&str> = losses.map(|kind| kind.message).take(3).collect();
    entry(text, "caution", &format!("numbers may be missing: {}", losses.join("; and ")));
}

/// What is of use to who writes to the reporter.
fn about(text: &mut String, report: &ReportShown, source: &str) {
    match &report.contact {
        Some(contact) => entry(text, "contact", &shown(contact, LONGEST)),
        None => entry(text, "contact", "none given"),
    }
    if let Some(id) = &report.report_id {
        entry(text, "report id", &shown(id, LONGEST));
    }
    let faults = report.repairs.iter().filter(|kind| kind.severity != "unusual");
    let faults: u64 = faults.map(|kind| kind.count as u64).sum();
    if faults == 0 && report.complete {
        return;
    }
    let faults = counted(faults, "fault", "faults");
    let numbers = if report.complete { ", and all numbers were read" } else { "" };
    entry(
        text,
        "form",
        &format!("{faults} in the report itself, its sender's and not yours{numbers}"),
    );
    let file = match source {
        "standard input" => "-",
        name if name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)) => name,
        _ => "FILE",
    };
    // A command is not broken up, so that it can be copied.
    let _ = writeln!(text, "{:MARGIN$}sealpost receive lint {file}", "");
}

/// A named entry, with lines broken to the width.
fn entry(text: &mut String, name: &str, value: &str) {
    for (index, part) in wrapped(value, WIDTH - MARGIN).iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        let indented = format!("  {name}");
        let _ = writeln!(text, "{indented:MARGIN$}{part}");
    }
}

/// A paragraph at an indent.
fn line(text: &mut String, indent: usize, value: &str) {
    for part in wrapped(value, WIDTH.saturating_sub(indent)) {
        let _ = writeln!(text, "{:indent$}{part}", "");
    }
}
