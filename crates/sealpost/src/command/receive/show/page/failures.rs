//! The failures of one policy domain: by result type, and below each a table.

use std::fmt::Write as _;

use anstyle::Style;

use super::domain::bounds;
use super::{Page, line};
use crate::command::receive::show::model::{DomainShown, FailureShown, ResultShown};
use crate::command::receive::text::{WIDTH, counted, number, shown, wrapped};

/// So many result types of one domain are shown; eleven are registered.
const MOST_RESULTS: usize = 16;

/// So many rows of one result type are shown.
const MOST_ROWS: usize = 10;

/// Where the text below a result type begins.
const INDENT: usize = 4;

/// The width of the columns `sessions` and `mail host`.
const COUNT: usize = 8;
const HOST: usize = 41;

impl Page {
    pub(super) fn failures(&self, text: &mut String, domain: &DomainShown) {
        for result in domain.failures.iter().take(MOST_RESULTS) {
            text.push('\n');
            self.result(text, result);
        }
        let rest = domain.failures.len().saturating_sub(MOST_RESULTS);
        if rest > 0 {
            let types = counted(rest as u64, "more result type", "more result types");
            line(text, 2, &format!("and {types}; --format json shows all"));
        }
        if domain.failed.upper == 0 && domain.failures.is_empty() {
            return;
        }
        let words = match domain.details {
            _ if domain.failures.is_empty() => {
                "The report does not say how the sessions failed. Ask its contact."
            }
            "below" => "For some sessions that failed the report does not say how.",
            "above" => {
                "These add up to more than the sessions that failed: one session can fail in \
                 several ways, and is then counted in each."
            }
            _ => return,
        };
        text.push('\n');
        line(text, 2, words);
    }

    fn result(&self, text: &mut String, result: &ResultShown) {
        let name = match &result.result_type {
            Some(name) => format!(" ({}, {})", shown(name, 60), result.cause),
            None => format!(" ({})", result.cause),
        };
        let title = format!("{} × {}{name}", bounds(result.sessions), result.title);
        for part in wrapped(&title, WIDTH - 2) {
            let _ = writeln!(text, "  {}", self.paint(&part, Style::new().bold()));
        }
        paragraph(text, "means", &format!("{} ({})", result.meaning, result.source));
        paragraph(text, "do", &result.action);
        if let Some(reason) = common_reason(result) {
            paragraph(text, "reason", &reason);
        }
        table(text, result);
    }
}

/// A paragraph with its name before it.
fn paragraph(text: &mut String, name: &str, words: &str) {
    const NAME: usize = 8;
    for (index, part) in wrapped(words, WIDTH - INDENT - NAME).iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        let _ = writeln!(text, "{:INDENT$}{name:NAME$}{part}", "");
    }
}

/// The reason, if all failures of a result type have the same.
fn common_reason(result: &ResultShown) -> Option<String> {
    let first = result.details.first()?;
    let is_same = |detail: &FailureShown| detail.reason == first.reason;
    if !result.details.iter().all(is_same) { None } else { reason(first) }
}

fn reason(detail: &FailureShown) -> Option<String> {
    let reason = shown(detail.reason.as_deref()?, 200);
    Some(match &detail.reason_meaning {
        Some(meaning) => format!("{reason}: {meaning}"),
        None => reason,
    })
}

fn table(text: &mut String, result: &ResultShown) {
    let has_common_reason = common_reason(result).is_some();
    let rows = || result.details.iter().take(MOST_ROWS);
    let has_hosts = rows().any(|row| row.mx.is_some() || row.receiving_ip.is_some());
    let has_senders = rows().any(|row| row.sending_ip.is_some());
    let has_more =
        rows().any(|row| row.information.is_some() || (row.reason.is_some() && !has_common_reason));
    // One row that says no more than its number is in the title already.
    if result.details.len() <= 1 && !has_hosts && !has_senders && !has_more {
        return;
    }
    let host = if has_hosts {
        "mail host [address]"
    } else if has_more && !has_senders {
        "reason"
    } else {
        ""
    };
    let sender = if has_senders { "seen from" } else { "" };
    row(text, "sessions", host, sender);
    for detail in rows() {
        let mut host = mail_host(detail);
        let mut reason = reason(detail).filter(|_| !has_common_reason);
        let sender = detail.sending_ip.as_deref().map(|ip| shown(ip, 45)).unwrap_or_default();
        // Where there was no host, the reason has its place.
        if host.is_empty() && sender.is_empty() {
            host = reason.take().map(|reason| shown(&reason, 260)).unwrap_or_default();
        }
        row(text, &number(detail.sessions.likely), &host, &sender);
        if let Some(reason) = reason {
            below(text, "reason: ", &reason);
        }
        if let Some(helo) = &detail.helo
            && detail.mx.as_ref() != Some(helo)
        {
            below(text, "calls itself ", &shown(helo, 60));
        }
        if let Some(information) = &detail.information {
            // Not broken up, so that it can be copied.
            let information = shown(information, 200);
            let _ = writeln!(text, "{:1$}see {information}", "", INDENT + COUNT + 2);
        }
    }
    let (hidden, of_sessions) =
        result.details.iter().skip(MOST_ROWS).fold((0_u64, 0_u64), |(rows, sessions), detail| {
            (rows + 1, sessions.saturating_add(detail.sessions.likely))
        });
    if hidden > 0 {
        let rows = counted(hidden, "row", "rows");
        let sessions = counted(of_sessions, "session", "sessions");
        row(text, "", &format!("and {rows} more with {sessions}: --format json"), "");
    }
}

fn mail_host(detail: &FailureShown) -> String {
    match (&detail.mx, &detail.receiving_ip) {
        (Some(mx), Some(ip)) => format!("{} [{}]", shown(mx, 80), shown(ip, 45)),
        (Some(mx), None) => shown(mx, 80),
        (None, Some(ip)) => format!("[{}]", shown(ip, 45)),
        (None, None) => String::new(),
    }
}

/// A row; what is too wide for its column goes on in the next line.
fn row(text: &mut String, count: &str, host: &str, sender: &str) {
    let start = format!("{:INDENT$}{count:>COUNT$}  ", "");
    // Only the count stands in it, and spaces: its octets are its columns.
    let fits = |host: &str, sender: &str| {
        host.chars().count() <= HOST && start.len() + HOST + 2 + sender.chars().count() <= WIDTH
    };
    if sender.is_empty() {
        for (index, part) in wrapped(host, WIDTH - start.len()).iter().enumerate() {
            let before = if index == 0 { start.clone() } else { " ".repeat(start.len()) };
            let _ = writeln!(text, "{}", format!("{before}{part}").trim_end());
        }
    } else if fits(host, sender) {
        let _ = writeln!(text, "{start}{host:HOST$}  {sender}");
    } else if host.is_empty() {
        let _ = writeln!(text, "{start}{sender}");
    } else {
        for (index, part) in wrapped(host, WIDTH - start.len()).iter().enumerate() {
            let before = if index == 0 { start.clone() } else { " ".repeat(start.len()) };
            let _ = writeln!(text, "{before}{part}");
        }
        line(text, start.len(), &format!("from {sender}"));
    }
}

/// A line below a row.
fn below(text: &mut String, name: &str, words: &str) {
    line(text, INDENT + COUNT + 2, &format!("{name}{words}"));
}
