//! `sealpost receive show`

mod advice;
mod explain;
mod kept;
mod model;
mod page;
mod policy;
mod sender;

use sealpost_receive::{Limits, Notary, Submission};

use self::kept::Kept;
use self::model::Shown;
use self::page::Page;
use self::sender::Verification;
use super::Source;
use crate::arguments::{Format, ShowArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(arguments: ShowArguments, output: &mut Output) -> Result<Outcome, Failure> {
    if arguments.schema {
        output.json(&schemars::schema_for!(Shown))?;
        return Ok(Outcome::Clean);
    }
    let verification = if arguments.verify {
        let notary = Notary::new(arguments.network.open()?);
        let now = arguments.network.clock().now().as_second();
        Some(Verification { notary, now })
    } else {
        None
    };
    let kept = Kept::open(arguments.store.as_deref()).await?;
    let limits = Limits::default();
    let mut page = Page::new(output.is_coloured(), arguments.files.len());
    let mut outcome = Outcome::Clean;
    for file in &arguments.files {
        let Source { name, octets } = Source::open(file, &limits)?;
        let found = Submission::read(&octets, &limits);
        let mails = sender::mails(&found, verification.as_ref()).await;
        let mut shown = explain::explain(name, &found, mails);
        for (report, document) in shown.reports.iter_mut().zip(&found.documents) {
            report.stored = kept.of(document).await?;
        }
        if !shown.unreadable.is_empty() {
            outcome = Outcome::Findings;
        }
        match arguments.format {
            Format::Json => output.json_line(&shown)?,
            Format::Human => {
                output.text(&page.file(&shown))?;
                for unreadable in &shown.unreadable {
                    output.say(&page::unreadable(&shown.source, unreadable));
                }
            }
        }
    }
    Ok(outcome)
}
