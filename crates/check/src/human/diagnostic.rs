//! One finding, as compilers show them: the line, the place, the rule, the fix.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Snippet};
use sealpost_rules::{Finding, Severity};

use super::Page;
use super::printable::{one_line, printable};

/// Something to say of a text that is no domain's: of a report, say. All of it may be from outside.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name.
    pub code: &'static str,
    /// What is wrong, on one line.
    pub title: String,
    /// Where the text is from.
    pub source: String,
    /// The part of the text that is shown, if any of it is.
    pub text: Option<Shown>,
    /// What follows, each with a name such as `fix`; lines may be broken.
    pub notes: Vec<(&'static str, String)>,
}

/// A part of one line of a text.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The part.
    pub text: String,
    /// The place at fault, in octets of `text`.
    pub span: std::ops::Range<usize>,
    /// The number of the line, from 1.
    pub line: usize,
    /// The column in the whole line at which the place at fault begins, from 1.
    pub column: usize,
}

impl Page {
    /// One diagnostic, ending with a line feed.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) -> String {
        let title = level(diagnostic.severity).primary_title(one_line(&diagnostic.title));
        let origin = Origin::path(one_line(&diagnostic.source));
        let mut group = Group::with_title(title.id(diagnostic.code));
        group = match &diagnostic.text {
            Some(shown) => {
                let (text, span) = printable(&shown.text, &shown.span);
                group.element(origin.line(shown.line).char_column(shown.column)).element(
                    Snippet::source(text)
                        .line_start(shown.line)
                        .annotation(AnnotationKind::Primary.span(span)),
                )
            }
            None => group.element(origin),
        };
        for (name, note) in &diagnostic.notes {
            let note = printable(note, &(0..0)).0;
            group = group.element(Level::NOTE.with_name(*name).message(note));
        }
        let mut text = without_file_mark(&self.renderer.render(&[group]));
        text.push('\n');
        text
    }

    /// One finding, ending with a line feed.
    pub fn finding(&self, finding: &Finding) -> String {
        let title =
            level(finding.rule.severity).primary_title(finding.rule.title).id(finding.rule.code);
        let subject = one_line(&finding.subject.to_string());
        let message = one_line(&finding.message);
        let mut group = Group::with_title(title);
        group = match &finding.excerpt {
            Some(excerpt) => {
                let (text, span) = printable(&excerpt.text, &excerpt.span);
                group.element(
                    Snippet::source(text)
                        .path(one_line(&excerpt.source))
                        .line_start(excerpt.line)
                        .annotation(AnnotationKind::Primary.span(span).label(message)),
                )
            }
            None => group
                .element(Origin::path(subject))
                .element(Level::INFO.with_name("seen").message(message)),
        };
        let rule = finding.rule;
        group = group
            .element(
                Level::NOTE.with_name("why").message(format!("{} ({})", rule.why, rule.source)),
            )
            .element(Level::HELP.with_name("fix").message(finding.fix.clone()));
        if let Some(line) = &finding.publish {
            let line = printable(line, &(0..0)).0;
            group = group.element(Level::HELP.with_name("publish").message(line));
        }
        if let Some(command) = &finding.command {
            group = group.element(Level::INFO.with_name("see").message(command.clone()));
        }
        let mut text = self.renderer.render(&[group]);
        text.push('\n');
        text
    }
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
        Severity::Unknown => Level::WARNING.with_name("could not tell"),
    }
}

/// The renderer takes a part of a line for another file than the place above it, as only whole lines
/// have columns for it, and draws a mark between the two. It says nothing.
fn without_file_mark(text: &str) -> String {
    let mut is_found = false;
    let mut is_kept = |line: &&str| {
        let is_mark = !is_found && letters(line).trim() == ":::";
        is_found |= is_mark;
        !is_mark
    };
    text.split_inclusive('\n').filter(|line| is_kept(line)).collect()
}

/// A line without the sequences that colour it.
fn letters(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic() -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: "count-text",
            title: "the count is\na string".to_owned(),
            source: "a.json".to_owned(),
            text: Some(Shown {
                text: "…\"a\u{1b}\": \"7\"}".to_owned(),
                span: 9..12,
                line: 3,
                column: 70,
            }),
            notes: vec![("at", ":::".to_owned())],
        }
    }

    #[test]
    fn a_part_of_a_line_has_the_place_of_the_whole() {
        let text = "\
error[count-text]: the count is␊a string
 --> a.json:3:70
  |
3 | …\"a␛\": \"7\"}
  |        ^^^
  |
  = at: :::
";
        assert_eq!(Page::plain().diagnostic(&diagnostic()), text);
        let coloured = Page::coloured().diagnostic(&diagnostic());
        let without: String = coloured.split_inclusive('\n').map(letters).collect();
        assert_eq!(without, text, "colour only repeats what words say");
        assert_ne!(coloured, text);
    }

    #[test]
    fn without_a_text_the_source_is_named() {
        let text = Page::plain().diagnostic(&Diagnostic { text: None, ..diagnostic() });
        assert!(text.contains("--> a.json\n"), "{text}");
    }
}
