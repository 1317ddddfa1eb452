//! `sealpost publish waive` and `sealpost publish accept`: a person's word in place of evidence.

use mail_domain::DomainName;
use sealpost_rollout::{Actor, Entry, Event, Stage, Time};
use sealpost_store::{Settings, Store, Word, WordKind};

use super::known::{self, failure, now};
use crate::arguments::{AcceptArguments, PublishConfiguration, Statement, WaiveArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn waive(
    arguments: &WaiveArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let words =
        Words::open(&arguments.configuration, &arguments.statement, &arguments.domain).await?;
    let stage = words.stage;
    if stage != Stage::Testing && !stage.enforces() {
        return Err(Failure::new(format!(
            "wave {} through: out of {stage} leads nothing that reports would have to say",
            arguments.domain
        )));
    }
    let event = Event::Waived { stage };
    words.keep(WordKind::Waived, stage.as_str().to_owned(), event).await?;
    output.say(&format!(
        "{} may leave {stage} without the evidence of reports; what our own look finds wrong still \
         holds it back",
        arguments.domain
    ));
    Ok(Outcome::Clean)
}

pub(super) async fn accept(
    arguments: &AcceptArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let words =
        Words::open(&arguments.configuration, &arguments.statement, &arguments.domain).await?;
    for group in &arguments.groups {
        let is_kind = group.split('/').count() == 3
            && group.len() <= 1_024
            && group.bytes().all(|octet| octet.is_ascii_graphic());
        if !is_kind {
            return Err(Failure::new(format!("accept {group:?}: it is no kind of failure"))
                .hint(format!("`sealpost publish run --once {}` names them", arguments.domain)));
        }
        let event = Event::Accepted { group: group.clone() };
        words.keep(WordKind::Accepted, group.clone(), event).await?;
        output.say(&format!("{group} is accepted for {}", arguments.domain));
    }
    Ok(Outcome::Clean)
}

/// Where words are kept, whose, and of which domain.
struct Words<'a> {
    store: Store,
    statement: &'a Statement,
    domain: &'a DomainName,
    stage: Stage,
    at: Time,
}

impl<'a> Words<'a> {
    async fn open(
        configuration: &PublishConfiguration,
        statement: &'a Statement,
        domain: &'a DomainName,
    ) -> Result<Self, Failure> {
        if statement.reason.trim().is_empty() || statement.by.trim().is_empty() {
            return Err(Failure::new("write into the logbook: there is no reason, or no name"));
        }
        let section = known::configuration(configuration)?.publish;
        let store = Store::open(Settings::at(section.store_file())).await;
        let store = store.map_err(|error| failure(&error))?;
        let known = store.rollouts().load(domain.clone()).await.map_err(|error| failure(&error))?;
        let Some(known) = known else {
            return Err(Failure::new(format!("find {domain}: nothing is kept of it"))
                .hint("`sealpost publish run --once --apply` takes it up"));
        };
        Ok(Self { store, statement, domain, stage: known.stage, at: now(configuration) })
    }

    async fn keep(&self, kind: WordKind, subject: String, event: Event) -> Result<(), Failure> {
        let Statement { reason, by } = self.statement;
        let word = Word { kind, subject, by: by.clone(), reason: reason.clone(), at: self.at };
        let entry = Entry {
            at: self.at,
            by: Actor::Person(by.clone()),
            event,
            grounds: vec![reason.clone()],
        };
        let kept = self.store.rollouts().keep_word(self.domain.clone(), word, entry).await;
        kept.map_err(|error| failure(&error))
    }
}
