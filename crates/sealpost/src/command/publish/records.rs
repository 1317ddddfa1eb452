//! `sealpost publish records`

use sealpost_publish::{DnsRecord, zone_file};

use super::known::Known;
use crate::arguments::{PublishFormat, RecordsArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: &RecordsArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let known = Known::open(&arguments.configuration).await?;
    let mut all: Vec<DnsRecord> = Vec::new();
    for published in known.select(&arguments.domains)? {
        let wanted = known.wanted(published, arguments.stage).await?;
        let records = published.records(wanted.id.as_ref());
        match arguments.format {
            PublishFormat::Zone => {
                output.line(&format!("; {}: {}", published.domain, wanted.stage))?;
                output.text(&zone_file(&records))?;
            }
            PublishFormat::Json => all.extend(records),
        }
    }
    if arguments.format == PublishFormat::Json {
        output.json(&all)?;
    }
    Ok(Outcome::Clean)
}
