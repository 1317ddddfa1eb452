//! `sealpost publish waive`, `accept` and `past`: a person's word in place of evidence.

use std::time::Duration;

use mail_domain::DomainName;
use sealpost_publish::drive::{Statement, WordError};
use sealpost_store::{Settings, Store};

use super::known::{self, failure, now};
use crate::arguments::{
    self, AcceptArguments, PastArguments, PastWord, PublishConfiguration, WaiveArguments,
};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn waive(
    arguments: &WaiveArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let (configuration, domain) = (&arguments.configuration, &arguments.domain);
    let (store, statement) = open(configuration, &arguments.statement, domain).await?;
    let waived = statement.waive(&store.rollouts()).await;
    let stage = waived.map_err(|error| word_failure(&error, domain))?;
    output.say(&format!(
        "{domain} may leave {stage} without the evidence of reports; what our own look finds wrong \
         still holds it back"
    ));
    Ok(Outcome::Clean)
}

pub(super) async fn accept(
    arguments: &AcceptArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let (configuration, domain) = (&arguments.configuration, &arguments.domain);
    let (store, statement) = open(configuration, &arguments.statement, domain).await?;
    let accepted = statement.accept(&store.rollouts(), &arguments.groups).await;
    accepted.map_err(|error| word_failure(&error, domain))?;
    let domains = known::configuration(configuration)?.domains()?;
    let until = domains.of(domain).map(|published| {
        let days = u64::from(published.settings.accepted_days);
        statement.at.plus(Duration::from_secs(days.saturating_mul(86_400)))
    });
    for group in &arguments.groups {
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        output.say(&format!("{group} is accepted for {domain}{until}"));
    }
    Ok(Outcome::Clean)
}

pub(super) async fn past(
    arguments: &PastArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let (configuration, domain) = (&arguments.configuration, &arguments.domain);
    let (store, statement) = open(configuration, &arguments.statement, domain).await?;
    let PastWord(past) = arguments.past;
    let stated = statement.state_past(&store.rollouts(), past).await;
    stated.map_err(|error| word_failure(&error, domain))?;
    output.say(&format!(
        "{domain}: {}; what was served since it was taken up counts as before",
        past.words()
    ));
    Ok(Outcome::Clean)
}

async fn open(
    configuration: &PublishConfiguration,
    arguments::Statement { by, reason }: &arguments::Statement,
    domain: &DomainName,
) -> Result<(Store, Statement), Failure> {
    let section = known::configuration(configuration)?.publish;
    let store = Store::open(Settings::at(section.store_file())).await;
    let store = store.map_err(|error| failure(&error))?;
    let (by, reason, at) = (by.clone(), reason.clone(), now(configuration));
    Ok((store, Statement { domain: domain.clone(), by, reason, at }))
}

fn word_failure(error: &WordError, domain: &DomainName) -> Failure {
    match error {
        WordError::Store(error) => failure(error),
        WordError::Unknown(_) => {
            Failure::new(error).hint("`sealpost publish run --once --apply` takes it up")
        }
        WordError::Group(_) => {
            Failure::new(error).hint(format!("`sealpost publish run --once {domain}` names them"))
        }
        _ => Failure::new(error),
    }
}
