//! Where it is known from how things are.

mod certificates;
mod looks;
mod reports;
mod rollouts;

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_evidence::incident::Basis;
use sealpost_rules::incidents::INC601;
use sealpost_store::{Store, StoreError};

use self::{looks::LooksWatch, reports::ReportsWatch, rollouts::RolloutsWatch};
use crate::{AlertMetrics, Board, Condition, Look, Source, metrics::FailedSource, told::time};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// How long before its end people are told of an exception, in seconds.
const BEFORE_THE_END: i64 = 7 * DAY;

/// What was to be looked at so long ago, in seconds, nobody looks at any more.
const OVERDUE: i64 = 3 * DAY;
/// But who looks may have been away and begun with us: so long after our beginning, in seconds, it
/// is not known.
const SETTLING: i64 = 3_600;

/// When a pass over everything is.
#[derive(Clone, Copy)]
struct Moment {
    now: i64,
    /// What was to be looked at before then, nobody looks at any more, as far as that is known.
    let_go: Option<i64>,
}

/// An exception of the operator, with its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The domain, or that of which all below it are meant.
    pub domain: DomainName,
    /// As it is written, if that is not the domain.
    pub subject: String,
    /// The first second after it.
    pub ends_at: i64,
    /// What is done otherwise, and why.
    pub what: String,
}

/// Looks at everything, again and again.
pub struct Sources {
    store: Store,
    board: Board,
    rollouts: RolloutsWatch,
    looks: LooksWatch,
    reports: ReportsWatch,
    endings: Vec<Ending>,
    /// When the first pass was.
    began: Option<i64>,
}

impl Sources {
    /// Looks at what this store holds, and at these exceptions.
    pub fn new(store: Store, endings: Vec<Ending>) -> Self {
        Self {
            store,
            board: Board::default(),
            rollouts: RolloutsWatch::default(),
            looks: LooksWatch::default(),
            reports: ReportsWatch::default(),
            endings,
            began: None,
        }
    }

    /// Looks at these exceptions from now on.
    pub(crate) fn except(&mut self, endings: &[Ending]) {
        if self.endings != endings {
            self.endings = endings.to_vec();
        }
    }

    /// Looks at what is due to be looked at. What a source cannot tell stays as it was.
    pub async fn look(&mut self, now: i64, metrics: &AlertMetrics) -> Look {
        let told = |source: FailedSource, error: &StoreError| {
            metrics.pass_failures.increment(source);
            tracing::warn!(?source, %error, "could not tell how things are");
        };
        // The clock may have been ahead.
        let began = self.began.map_or(now, |began| began.min(now));
        self.began = Some(began);
        let is_settled = now.saturating_sub(began) >= SETTLING;
        let let_go = is_settled.then(|| now.saturating_sub(OVERDUE));
        let moment = Moment { now, let_go };
        if let Err(error) = self.rollouts.look(&self.store, &mut self.board, moment).await {
            self.board.failed(Source::Rollouts);
            self.board.failed(Source::Passes);
            told(FailedSource::Rollouts, &error);
        }
        if let Err(error) = self.looks.look(&self.store, &mut self.board, moment).await {
            self.board.failed(Source::Looks);
            told(FailedSource::Looks, &error);
        }
        if let Err(error) = certificates::look(&self.store, &mut self.board, moment).await {
            self.board.failed(Source::Certificates);
            told(FailedSource::Certificates, &error);
        }
        if let Err(error) = self.reports.look(&self.store, &mut self.board, now).await {
            self.board.failed(Source::Reports);
            told(FailedSource::Reports, &error);
        }
        self.look_at_exceptions(now);
        self.board.look()
    }

    /// The same once over everything, however long it takes.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn look_at_all(&mut self, now: i64) -> Result<Look, StoreError> {
        let moment = Moment { now, let_go: None };
        self.rollouts.look(&self.store, &mut self.board, moment).await?;
        self.looks.look(&self.store, &mut self.board, moment).await?;
        certificates::look(&self.store, &mut self.board, moment).await?;
        while !self.reports.look(&self.store, &mut self.board, now).await? {}
        self.look_at_exceptions(now);
        Ok(self.board.look())
    }

    fn look_at_exceptions(&mut self, now: i64) {
        let mut found: BTreeMap<&DomainName, Vec<Condition>> = BTreeMap::new();
        for Ending { domain, subject, ends_at, what } in &self.endings {
            let conditions = found.entry(domain).or_default();
            if (now..now.saturating_add(BEFORE_THE_END)).contains(ends_at) {
                let summary = format!("The exception ends at {}: {what}.", time(*ends_at));
                let found = Condition::new(&INC601, domain, Basis::Look, summary);
                conditions.push(found.about(subject));
            }
        }
        let domains: BTreeSet<DomainName> = found.keys().map(|domain| (*domain).clone()).collect();
        for (domain, conditions) in found {
            self.board.put(Source::Exceptions, domain, conditions);
        }
        self.board.complete(Source::Exceptions, &domains);
    }
}

#[cfg(test)]
mod tests;
