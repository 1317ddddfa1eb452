//! One finding, as compilers show them: the line, the place, the rule, the fix.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Snippet};
use sealpost_rules::{Finding, Severity};

use super::Page;
use super::printable::printable;

/// Of a long text only so many octets round the place are shown.
const SHOWN: usize = 4096;

impl Page {
    /// One finding, ending with a line feed.
    pub fn finding(&self, finding: &Finding) -> String {
        let level = match finding.rule.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
            Severity::Unknown => Level::WARNING.with_name("could not tell"),
        };
        let title = level.primary_title(finding.rule.title).id(finding.rule.code);
        let subject = printable(&finding.subject.to_string(), &(0..0)).0;
        let message = printable(&finding.message, &(0..0)).0;
        let mut group = Group::with_title(title);
        group = match &finding.excerpt {
            Some(excerpt) => {
                let (text, first_line, span) = around(&excerpt.text, &excerpt.span);
                let (text, span) = printable(text, &span);
                group.element(
                    Snippet::source(text)
                        .path(printable(&excerpt.source, &(0..0)).0)
                        .line_start(first_line)
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

/// The part of a long text round the span, the number of its first line, and the span within it.
fn around<'a>(
    text: &'a str,
    span: &std::ops::Range<usize>,
) -> (&'a str, usize, std::ops::Range<usize>) {
    let before = text.get(..span.start.saturating_sub(SHOWN / 2));
    let mut from = before.and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    if span.start - from > SHOWN {
        from = text.floor_char_boundary(span.start - SHOWN / 2);
    }
    let to =
        text.ceil_char_boundary(span.end.min(span.start + SHOWN / 2).saturating_add(SHOWN / 2));
    let shown = text.get(from..to).unwrap_or(text);
    let first_line = text.get(..from).unwrap_or_default().matches('\n').count() + 1;
    let end = (span.end - from).min(shown.len());
    (shown, first_line, span.start - from..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shown_round_its_place_only() {
        let text = format!("{}here\n{}", "line\n".repeat(10_000), "x".repeat(100_000));
        let place = text.find("here").unwrap();
        let (shown, first_line, span) = around(&text, &(place..place + 4));
        assert!(shown.len() <= 2 * SHOWN, "{}", shown.len());
        assert_eq!(shown.get(span), Some("here"));
        let lines_before = text.get(..place).unwrap().matches('\n').count();
        assert!(first_line <= lines_before && first_line > lines_before - 1000);

        let text = "x".repeat(100_000);
        let (shown, first_line, span) = around(&text, &(50_000..90_000));
        assert!(shown.len() <= 2 * SHOWN && first_line == 1 && span.end <= shown.len());
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(around("abc", &(1..2)), ("abc", 1, 1..2));
        assert_eq!(around("", &(0..0)), ("", 1, 0..0));
    }
}
