//! `sealpost check summary`

use std::path::Path;

use sealpost_check::{ResultLine, ResultLines, Summary};

use crate::arguments::{ResultsArguments, SummaryFormat};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn run(arguments: &ResultsArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let mut summary = Summary::default();
    for_each(&arguments.file, output, |line, _| {
        summary.add(&line);
        Ok(())
    })?;
    match arguments.format {
        SummaryFormat::Human => output.text(&summary.to_string())?,
        SummaryFormat::Json => output.json(&summary)?,
        SummaryFormat::Html => output.text(&summary.to_html())?,
        SummaryFormat::Svg => output.text(&summary.to_svg())?,
    }
    Ok(Outcome::Clean)
}

/// Hands out each kept result of a file.
pub(super) fn for_each(
    file: &Path,
    output: &mut Output,
    mut each: impl FnMut(ResultLine, &mut Output) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let name = file.display();
    let mut lines = ResultLines::new(input::open(file)?);
    for line in lines.by_ref() {
        let line = line.map_err(|error| Failure::new(format!("read {name}: {error}")))?;
        each(line, output)?;
    }
    if lines.ends_early() {
        output.say(&format!("{name}: its last line is half a result, and was left out"));
    }
    Ok(())
}
