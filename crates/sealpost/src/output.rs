//! Data on standard output, all else on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use sealpost_check::Page;
use serde::Serialize;

use crate::arguments::Colour;
use crate::outcome::Failure;

#[derive(Debug)]
pub(crate) struct Output {
    colour: Colour,
    /// Who speaks, where several do.
    speaker: Option<&'static str>,
}

impl Output {
    pub(crate) fn new(colour: Colour) -> Self {
        Self { colour, speaker: None }
    }

    /// The same way out for somebody else.
    pub(crate) fn twin(&self) -> Self {
        Self { colour: self.colour, speaker: None }
    }

    /// Writes text, as it is.
    #[expect(clippy::unused_self, reason = "one way out for all that is written")]
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        written.map_err(|error| Failure::of_stream("write the output", &error))
    }

    /// Writes text and a line feed.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.text(&format!("{text}\n"))
    }

    /// Writes JSON on one line.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::new(error.to_string()))?;
        self.line(&text)
    }

    /// Writes JSON over several lines.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
        self.line(&text)
    }

    /// A page for people, in colour where that is wanted and possible.
    pub(crate) fn page(&self) -> Page {
        if self.is_coloured() { Page::coloured() } else { Page::plain() }
    }

    pub(crate) fn is_coloured(&self) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            // Asks NO_COLOR, CLICOLOR and the terminal.
            Colour::Auto => AutoStream::choice(&std::io::stdout()) != ColorChoice::Never,
        }
    }

    /// Says something to the person at the terminal.
    pub(crate) fn say(&mut self, text: &str) {
        sealpost_runtime::say(self.speaker, text);
    }

    /// From now on this one speaks.
    pub(crate) fn say_as(&mut self, speaker: Option<&'static str>) {
        self.speaker = speaker;
    }

    /// Shows on a terminal how far it has come, in the place of what was shown before.
    #[expect(clippy::unused_self, reason = "one way out for all that is written")]
    pub(crate) fn progress(&mut self, text: &str) {
        let mut stderr = std::io::stderr();
        if stderr.is_terminal() {
            write!(stderr, "\r{text}\x1b[K").and_then(|()| stderr.flush()).ok();
        }
    }

    /// Is a person there to answer questions?
    pub(crate) fn can_ask() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    pub(crate) fn failure(&mut self, failure: &Failure) -> ExitCode {
        if !failure.is_quiet() {
            self.say(&failure.to_string());
        }
        ExitCode::from(failure.status())
    }
}
