//! What is found while questions are answered, written down beside the answers.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_runtime::Stopwatch;
use sealpost_store::{Sessions, StoreError};
use tokio::time::{sleep, timeout};

use crate::{Answerer, Dane, Decided, enforcer::lock, seldom::Seldom};

/// Decisions that wait to be looked at. More are not kept: the next question brings them again.
const MOST_WAITING: usize = 4_096;
/// Domains that are known to have been looked at lately.
const MOST_KNOWN: usize = 50_000;
/// Between two looks at one domain.
const PAUSE: Duration = Duration::from_mins(10);
/// Between two looks at what waits.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks whether anybody counts sessions: while nobody does, and while somebody does.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));
/// Somebody counts who has begun to within so many microseconds.
const COUNTED_WITHIN: i64 = 7 * 86_400 * 1_000_000;
/// How long a look at the MX records may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Decisions that were not looked at yet, by domain.
#[derive(Debug, Default)]
pub(crate) struct Unremarked(Mutex<HashMap<DomainName, Decided>>);

/// Writes down what a TLS report should say of next hops beside their sessions: policies that cannot
/// be fetched, hosts that are skipped, answers that DNSSEC refuses. It costs no answer any time, and
/// is done only while `report` counts sessions in the same store.
#[derive(Clone)]
pub struct Remarker {
    /// Whose answers they follow from.
    pub answerer: Answerer,
    /// Where they are written down.
    pub sessions: Sessions,
}

impl Unremarked {
    /// Keeps a decision, if there may be something to remark.
    pub(crate) fn keep(&self, domain: &DomainName, decided: &Decided) {
        if !decided.may_be_remarked() {
            return;
        }
        let mut waiting = lock(&self.0);
        if waiting.len() < MOST_WAITING || waiting.contains_key(domain) {
            waiting.insert(domain.clone(), decided.clone());
        }
    }

    fn take(&self) -> HashMap<DomainName, Decided> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Remarker {
    /// Writes down what is found. It ends only by being dropped; what is lost then, the next question
    /// brings again.
    pub async fn run(self) {
        let failing = Seldom::default();
        let mut known: HashMap<DomainName, Stopwatch> = HashMap::new();
        let mut today = Day::of(self.answerer.enforcer().wall());
        let mut asked: Option<Stopwatch> = None;
        let mut is_wanted = false;
        loop {
            let pause = if is_wanted { ASK_AGAIN.1 } else { ASK_AGAIN.0 };
            if asked.is_none_or(|asked| asked.elapsed() >= pause) {
                is_wanted = self.is_wanted().await;
                asked = Some(Stopwatch::start());
            }
            let day = Day::of(self.answerer.enforcer().wall());
            if today != day {
                // A remark is of its day, so everything is looked at anew: replies that are kept too.
                known.clear();
                self.answerer.unremarked().take();
                self.answerer.forget_replies();
                today = day;
            }
            // What waits may be wanted soon: when both begin together, each is asked for by then.
            if !is_wanted {
                sleep(TICK).await;
                continue;
            }
            for (domain, decided) in self.answerer.unremarked().take() {
                if known.get(&domain).is_some_and(|since| since.elapsed() < PAUSE) {
                    continue;
                }
                match self.write_down(day, &domain, &decided).await {
                    Ok(()) => {
                        if known.len() >= MOST_KNOWN {
                            known.clear();
                        }
                        known.insert(domain, Stopwatch::start());
                    }
                    Err(error) => {
                        self.answerer.metrics().store_failures.increment();
                        if failing.is_time() {
                            tracing::error!(%domain, %error, "what a report should say is not written down");
                        }
                    }
                }
            }
            sleep(TICK).await;
        }
    }

    async fn is_wanted(&self) -> bool {
        let now = self.answerer.enforcer().wall().saturating_mul(1_000_000);
        let since = now.saturating_sub(COUNTED_WITHIN);
        self.sessions.is_counted_since(since).await.unwrap_or_default()
    }

    async fn write_down(
        &self,
        day: Day,
        domain: &DomainName,
        decided: &Decided,
    ) -> Result<(), StoreError> {
        let hosts = match decided.is_held_against_policy() {
            true => self.hosts(domain, decided).await,
            false => Vec::new(),
        };
        let remarks = decided.remarks(domain, &hosts);
        if remarks.is_empty() {
            return Ok(());
        }
        let count = remarks.len();
        let now = self.answerer.enforcer().wall();
        self.sessions.remark(day, domain.clone(), remarks, now).await?;
        self.answerer.metrics().remarks.add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(())
    }

    /// The MX hosts; none if they are not known.
    async fn hosts(&self, domain: &DomainName, decided: &Decided) -> Vec<DomainName> {
        if let Dane::Seen(route) = &decided.dane {
            return route.hosts.iter().map(|(host, _)| host.clone()).collect();
        }
        let hosts = timeout(PATIENCE, self.answerer.network().mx_hosts(domain)).await;
        hosts.ok().and_then(Result::ok).unwrap_or_default()
    }
}
