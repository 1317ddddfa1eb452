//! A person's word in place of evidence.

use mail_domain::DomainName;
use sealpost_rollout::{Actor, Entry, Event, Past, Stage, Time};
use sealpost_store::{Rollouts, StoreError, Word, WordKind};

/// The longest name of a kind of failure.
const LONGEST_GROUP: usize = 1_024;

/// Who says something of a domain, why and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The domain.
    pub domain: DomainName,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// Why a word was not kept. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WordError {
    /// There is no reason, or no name.
    #[error("write into the logbook: there is no reason, or no name")]
    Empty,
    /// Nothing is kept of the domain.
    #[error("find {0}: nothing is kept of it")]
    Unknown(DomainName),
    /// The stage is one that reports say nothing of.
    #[error("waive the evidence of reports for {domain}: it leaves {stage} without any")]
    Stage {
        /// The domain.
        domain: DomainName,
        /// The stage that it is in.
        stage: Stage,
    },
    /// It is no name of a kind of failure.
    #[error("accept {0:?}: it is no kind of failure")]
    Group(String),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Statement {
    /// The domain may leave its stage, which is told, without the evidence of reports.
    ///
    /// # Errors
    ///
    /// [`WordError`]; then nothing is kept.
    pub async fn waive(&self, rollouts: &Rollouts) -> Result<Stage, WordError> {
        let stage = self.stage(rollouts).await?;
        if stage != Stage::Testing && !stage.enforces() {
            return Err(WordError::Stage { domain: self.domain.clone(), stage });
        }
        let event = Event::Waived { stage };
        self.keep(rollouts, WordKind::Waived, stage.as_str().to_owned(), event).await?;
        Ok(stage)
    }

    /// These kinds of failures count as explained.
    ///
    /// # Errors
    ///
    /// [`WordError`]; then those before the one that is at fault are kept, if it is the store that
    /// fails, and else none.
    pub async fn accept(&self, rollouts: &Rollouts, groups: &[String]) -> Result<(), WordError> {
        self.stage(rollouts).await?;
        for group in groups {
            let is_kind = matches!(group.split('/').count(), 3 | 4)
                && group.len() <= LONGEST_GROUP
                && group.bytes().all(|octet| octet.is_ascii_graphic());
            if !is_kind {
                return Err(WordError::Group(group.clone()));
            }
        }
        for group in groups {
            let event = Event::Accepted { group: group.clone() };
            self.keep(rollouts, WordKind::Accepted, group.clone(), event).await?;
        }
        Ok(())
    }

    /// What was served before the domain was taken up. Of what we know to have been served since it
    /// takes nothing away: that counts beside it.
    ///
    /// # Errors
    ///
    /// [`WordError`]; then nothing is kept.
    pub async fn state_past(&self, rollouts: &Rollouts, past: Past) -> Result<(), WordError> {
        self.stage(rollouts).await?;
        let Self { domain, by, reason, at } = self;
        let event = Event::PastStated { statement: past.words() };
        let grounds = vec![reason.clone()];
        let entry = Entry { at: *at, by: Actor::Person(by.clone()), event, grounds };
        let is_known = rollouts.state_past(domain.clone(), past, entry).await?;
        is_known.then_some(()).ok_or_else(|| WordError::Unknown(domain.clone()))
    }

    async fn stage(&self, rollouts: &Rollouts) -> Result<Stage, WordError> {
        if self.reason.trim().is_empty() || self.by.trim().is_empty() {
            return Err(WordError::Empty);
        }
        let known = rollouts.load(self.domain.clone()).await?;
        known.map(|known| known.stage).ok_or_else(|| WordError::Unknown(self.domain.clone()))
    }

    async fn keep(
        &self,
        rollouts: &Rollouts,
        kind: WordKind,
        subject: String,
        event: Event,
    ) -> Result<(), WordError> {
        let Self { domain, by, reason, at } = self;
        let word = Word { kind, subject, by: by.clone(), reason: reason.clone(), at: *at };
        let entry =
            Entry { at: *at, by: Actor::Person(by.clone()), event, grounds: vec![reason.clone()] };
        Ok(rollouts.keep_word(domain.clone(), word, entry).await?)
    }
}
