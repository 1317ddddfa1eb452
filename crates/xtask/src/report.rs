//! The coverage table, for a terminal and as Markdown.

use std::fmt::Write as _;

use crate::citation::Place;
use crate::coverage::{Coverage, Row};

/// How much of a sentence the terminal shows, in characters.
const SENTENCE_WIDTH: usize = 72;

/// The table for a terminal: one line a requirement, then the totals.
pub fn summary(coverage: &Coverage) -> String {
    let mut text = String::new();
    for row in &coverage.rows {
        let requirement = &row.requirement;
        let _ = writeln!(
            text,
            "RFC {} {:<5} {:<10} {:<9} {}",
            requirement.rfc,
            requirement.section,
            requirement.keyword.to_string(),
            state(row),
            shorten(&requirement.sentence)
        );
    }
    let _ = writeln!(text, "{}", totals(coverage));
    text
}

/// The table as Markdown, with the places and the reasons.
pub fn markdown(coverage: &Coverage) -> String {
    let mut text = String::from("# RFC coverage\n\n");
    let _ = writeln!(text, "{}\n", totals(coverage));
    let mut heading = None;
    for row in &coverage.rows {
        let requirement = &row.requirement;
        let section = (requirement.rfc, requirement.section.as_str());
        if heading != Some(section) {
            heading = Some(section);
            let _ = writeln!(
                text,
                "\n## RFC {}, section {}\n\n| key word | requirement | code | tests | not met because |\n|---|---|---|---|---|",
                section.0, section.1
            );
        }
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            requirement.keyword,
            escape(&requirement.sentence),
            places(&row.code),
            places(&row.tests),
            row.exception.as_deref().map(escape).unwrap_or_default()
        );
    }
    text
}

fn totals(coverage: &Coverage) -> String {
    let count = |wanted: &str| coverage.rows.iter().filter(|row| state(row) == wanted).count();
    format!(
        "{} requirements: {} in code and test, {} in code only, {} in test only, {} excepted, {} open; {} citations.",
        coverage.rows.len(),
        count("code+test"),
        count("code"),
        count("test"),
        count("excepted"),
        count("OPEN"),
        coverage.citations
    )
}

fn state(row: &Row) -> &'static str {
    match (row.code.is_empty(), row.tests.is_empty(), &row.exception) {
        (false, false, _) => "code+test",
        (false, true, _) => "code",
        (true, false, _) => "test",
        (true, true, Some(_)) => "excepted",
        (true, true, None) => "OPEN",
    }
}

fn places(places: &[Place]) -> String {
    places.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join("<br>")
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*")
}

fn shorten(sentence: &str) -> String {
    if sentence.chars().count() <= SENTENCE_WIDTH {
        return sentence.to_owned();
    }
    let mut short: String = sentence.chars().take(SENTENCE_WIDTH - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claims, Specification, compare};

    #[test]
    fn both_forms_show_what_is_open() {
        let text = "3.  Rules\n\n   A | sender MUST try.\n";
        let specification = Specification::parse(9999, text);
        let coverage = compare(&[specification], &[(9999, "3")], &Claims::default());
        assert!(summary(&coverage).contains("OPEN"));
        assert!(summary(&coverage).contains("1 requirements: 0 in code and test"));
        assert!(markdown(&coverage).contains("| MUST | A \\| sender MUST try. |  |  |  |"));
    }

    #[test]
    fn long_sentences_are_cut_at_a_character() {
        let long = "é".repeat(100);
        assert_eq!(shorten(&long).chars().count(), SENTENCE_WIDTH);
        assert_eq!(shorten("short"), "short");
    }
}
