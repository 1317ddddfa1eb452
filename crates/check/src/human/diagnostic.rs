//! One finding, as compilers show them: the line, the place, the rule, the fix.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Snippet};
use sealpost_rules::{Finding, Severity};

use super::Page;
use super::printable::{one_line, printable};

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
