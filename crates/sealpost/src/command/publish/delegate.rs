//! `sealpost publish delegate`

use sealpost_publish::{DnsRecord, RecordData};

use super::driver::Lead;
use crate::arguments::DelegateArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: &DelegateArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let (domains, network) = Lead::without_store(&arguments.configuration, &arguments.network)?;
    let published = domains
        .of(&arguments.domain)
        .ok_or_else(|| Failure::new(format!("find {}: it is not configured", arguments.domain)))?;
    let aliases = published.aliases();
    if aliases.is_empty() {
        return Err(Failure::new(format!(
            "delegate {}: it is not said below which domain its records lie",
            arguments.domain
        ))
        .hint("write delegate = \"DOMAIN\", a domain whose zone you keep, into its section"));
    }
    let mut outcome = Outcome::Clean;
    for alias in &aliases {
        output.line(&alias.to_string())?;
    }
    for alias in &aliases {
        let RecordData::Cname(target) = &alias.data else { continue };
        let found = network.alias_of(&alias.name).await;
        let said = match &found {
            Ok(Some(name)) if name == target => continue,
            Ok(Some(name)) => format!("it leads to {name}"),
            Ok(None) => "it is not set".to_owned(),
            Err(fault) => format!("could not tell: {}", fault.text),
        };
        let DnsRecord { name, .. } = alias;
        output.say(&format!("{name}: {said}"));
        outcome = Outcome::Findings;
    }
    if outcome == Outcome::Clean {
        output.say("all of them are set");
    }
    Ok(outcome)
}
