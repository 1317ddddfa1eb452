//! A summary for a terminal.

use std::fmt::{self, Write as _};

use super::Summary;
use crate::human::one_line;

/// The width of a terminal.
const COLUMNS: usize = 80;

impl fmt::Display for Summary {
    /// As text of at most 80 columns, but for long names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} domains", self.domains)?;
        for (word, count) in self.verdicts_by_weight() {
            writeln!(f, "  {word:12} {}", share(count, self.domains))?;
        }
        writeln!(f, "\nof these")?;
        for (mode, count) in &self.modes {
            writeln!(f, "  mode {:14} {}", one_line(mode), share(*count, self.domains))?;
        }
        writeln!(f, "  {:19} {}", "DANE at an MX", share(self.dane, self.domains))?;
        writeln!(f, "  {:19} {}", "ask for reports", share(self.ask_for_reports, self.domains))?;
        if !self.rules.is_empty() {
            writeln!(f, "\nfindings, in how many domains")?;
        }
        for (code, sum) in self.rules_by_weight() {
            let severity = sum.severity.as_str();
            let (code, title) = (one_line(code), one_line(&sum.title));
            let head = format!("  {:>7}  {severity:8} {code:8} ", sum.domains);
            writeln!(f, "{}", folded(head, title.split(' ')))?;
        }
        if !self.worst.is_empty() {
            writeln!(f, "\nthe worst")?;
        }
        for worst in &self.worst {
            let codes: Vec<String> = worst.codes.iter().map(|code| one_line(code)).collect();
            let head = format!("  {}: {}, ", worst.domain, worst.verdict);
            writeln!(f, "{}", folded(head, codes.iter().map(String::as_str)))?;
        }
        Ok(())
    }
}

/// Words behind a head, on lines of at most 80 columns that begin where the head ends, or a little
/// way in where the head is long.
fn folded<'a>(head: String, words: impl Iterator<Item = &'a str>) -> String {
    let indent = match head.chars().count() {
        width @ 0..40 => width,
        _ => 6,
    };
    let (mut column, mut text, mut is_first) = (head.chars().count(), head, true);
    for word in words {
        let width = word.chars().count();
        if !is_first && column + 1 + width > COLUMNS {
            // Writing to a string can't fail.
            write!(text, "\n{:indent$}", "").ok();
            column = indent;
        } else if !is_first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += width;
        is_first = false;
    }
    text
}

/// A number, and what part of the whole it is: `     12  (3.4 %)`.
fn share(count: u64, whole: u64) -> String {
    format!("{count:>7}  ({} %)", per_cent(count, whole))
}

/// The part in per cent, to a tenth. What is there never becomes 0.0, and where something is missing
/// the rest is never 100.0.
pub(super) fn per_cent(count: u64, whole: u64) -> String {
    if whole == 0 {
        return "0.0".to_owned();
    }
    let rounded = (u128::from(count) * 2000 + u128::from(whole)) / (2 * u128::from(whole));
    let tenths = match (count, rounded) {
        (1.., 0) => 1,
        (_, 1000) if count < whole => 999,
        (_, rounded) => rounded,
    };
    format!("{}.{}", tenths / 10, tenths % 10)
}
