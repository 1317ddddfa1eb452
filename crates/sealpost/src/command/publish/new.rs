//! `sealpost publish new`

use mta_sts::MxPattern;
use sealpost_rollout::Stage;

use crate::arguments::PublishNewArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn run(
    arguments: &PublishNewArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let domain = &arguments.domain;
    let quoted = |words: Vec<String>| {
        words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
    };
    let mut block = format!("[publish.domains.\"{domain}\"]\n");
    if !arguments.providers.is_empty() {
        let names = arguments.providers.iter().map(|name| name.as_str().to_owned()).collect();
        block.push_str(&format!("providers = [{}]\n", quoted(names)));
    }
    if !arguments.mx.is_empty() {
        let patterns = arguments.mx.iter().map(MxPattern::to_string).collect();
        block.push_str(&format!("mx = [{}]\n", quoted(patterns)));
    }
    block.push_str(&format!("rua = [\"mailto:tls-reports@{domain}\"]\n"));

    // What is printed is what will be read.
    let configuration: crate::configuration::Configuration = toml::from_str(&block)
        .map_err(|error| Failure::new(format!("write the configuration: {error}")))?;
    let domains = sealpost_publish::Domains::load(&configuration.publish, "new", &block).map_err(
        |error| {
            Failure::new(format!("write the configuration: {error}"))
                .hint("name each host of the MX records with --mx, or use --provider")
        },
    )?;
    output.text(&block)?;
    for published in domains.iter() {
        let policy = published.policy(Stage::Testing);
        let policy = policy.map_err(|error| Failure::new(format!("make the policy: {error}")))?;
        let Some(policy) = policy else { continue };
        output.line("\n# First the record that makes reports come:")?;
        for record in published.records(None) {
            output.line(&format!("# {record}"))?;
        }
        output.line(&format!(
            "\n# In the stage testing, at https://mta-sts.{domain}/.well-known/mta-sts.txt:"
        ))?;
        for line in policy.to_string().lines() {
            output.line(&format!("# {line}"))?;
        }
        output.line("\n# and when every server has it:")?;
        let id = policy.id();
        for record in published.records(Some(&id)).iter().filter(|r| r.name.starts_with("_mta")) {
            output.line(&format!("# {record}"))?;
        }
    }
    Ok(Outcome::Clean)
}
