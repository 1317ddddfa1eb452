//! `sealpost enforce why`

use mail_domain::DomainName;
use sealpost_enforce::{DaneAnswers, Exceptions, Explanation, Question, RecordSeen, Switch};
use sealpost_store::Remembered;

use super::stored;
use crate::arguments::{Format, WhyArguments};
use crate::configuration::Configuration;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(arguments: &WhyArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let domain = stored::domain(&arguments.domain)?;
    let Configuration { network, enforce: section, .. } = arguments.configuration.load()?;
    let network = arguments.network.open_over(network)?;
    let exceptions = match &section.exceptions {
        Some(path) => Exceptions::load(path).map_err(Failure::new)?,
        None => Exceptions::default(),
    };
    let question = Question {
        domain: &domain,
        stored: arguments.stored(&domain).await?,
        dane: match section.dane {
            Switch::On => DaneAnswers::On,
            Switch::Off => DaneAnswers::Off,
        },
        level: section.default_level.0,
        exceptions: &exceptions,
        mode: section.mode,
        now: arguments.network.clock().now().as_second(),
    };
    let explanation = Explanation::live(question, &network).await;
    match arguments.format {
        Format::Human => output.text(&explanation.to_string())?,
        Format::Json => output.json(&explanation)?,
    }
    Ok(match explanation.record {
        RecordSeen::Unknown { .. } => Outcome::Unknown,
        _ => Outcome::Clean,
    })
}

impl WhyArguments {
    /// What is kept of a domain, if a store was named.
    async fn stored(&self, domain: &DomainName) -> Result<Option<Remembered>, Failure> {
        let Some(path) = self.configuration.store_if_any()? else { return Ok(None) };
        let store = stored::open_to_read(&path).await?;
        let loaded = store.policies().load(domain.clone()).await;
        let stored = loaded.map_err(|error| stored::failure(&path, &error))?;
        store.close().await;
        Ok(stored)
    }
}
