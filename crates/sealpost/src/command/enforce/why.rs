//! `sealpost enforce why`

use mail_domain::DomainName;
use sealpost_enforce::{Decision, Explanation};
use sealpost_rules::Quoted;

use crate::arguments::{Format, WhyArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(arguments: &WhyArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let text = &arguments.domain;
    let domain = DomainName::parse(text)
        .map_err(|error| Failure::new(format!("read the domain {}: {error}", Quoted(text))))?;
    let network = arguments.network.open()?;
    let explanation = Explanation::of(&domain, &network).await;
    match arguments.format {
        Format::Human => output.text(&explanation.to_string())?,
        Format::Json => output.json(&explanation)?,
    }
    Ok(match explanation.decision {
        Decision::Unknown => Outcome::Unknown,
        _ => Outcome::Clean,
    })
}
