//! `sealpost receive lint`

mod excerpt;
mod model;
mod page;

use sealpost_receive::{Limits, Submission};

use self::model::Linted;
use super::Source;
use crate::arguments::{Format, LintArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn run(arguments: &LintArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let limits = Limits::default();
    let mut outcome = Outcome::Clean;
    for (index, file) in arguments.files.iter().enumerate() {
        let Source { name, octets } = Source::open(file, &limits)?;
        let found = Submission::read(&octets, &limits);
        let linted = Linted::new(name, &found);
        if !linted.valid {
            outcome = Outcome::Findings;
        }
        match arguments.format {
            Format::Json => output.json_line(&linted)?,
            Format::Human => {
                let between = if index > 0 { "\n" } else { "" };
                let page = page::page(&output.page(), &linted, &found);
                output.text(&format!("{between}{page}"))?;
            }
        }
    }
    Ok(outcome)
}
