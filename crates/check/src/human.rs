//! The result for people: what stands, and then each finding as compilers show them.

mod diagnostic;
mod overview;
mod printable;

pub use diagnostic::{Diagnostic, Shown};
pub use printable::one_line;

use annotate_snippets::Renderer;
use sealpost_rules::Finding;

use crate::Checked;

/// Writes results for people. Colour only repeats what words say.
#[derive(Clone, Debug)]
pub struct Page {
    renderer: Renderer,
    colour: Colour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    Plain,
    Ansi,
}

/// Findings fold at this width, in columns.
const WIDTH: usize = 100;

impl Page {
    /// Without colour.
    pub fn plain() -> Self {
        Self { renderer: Renderer::plain().term_width(WIDTH), colour: Colour::Plain }
    }

    /// With colour, as ANSI escape sequences.
    pub fn coloured() -> Self {
        Self { renderer: Renderer::styled().term_width(WIDTH), colour: Colour::Ansi }
    }

    /// All of one domain.
    pub fn domain(&self, checked: &Checked) -> String {
        let mut text = self.overview(checked);
        for finding in &checked.judgement.findings {
            text.push('\n');
            text.push_str(&self.finding(finding));
        }
        text
    }

    /// Findings alone, with a blank line between them.
    pub fn findings(&self, findings: &[Finding]) -> String {
        findings.iter().map(|finding| self.finding(finding)).collect::<Vec<_>>().join("\n")
    }
}
