//! What is found while questions are answered, written down beside the answers.

use std::{collections::HashMap, mem, sync::Mutex, time::Duration};

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_runtime::Stopwatch;
use sealpost_store::{Sessions, sessions::DomainRemarks};
use sealpost_wire::postfix::{HostLookup, Key, SmartHost};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Answerer, Dane, Decided, enforcer::lock, seldom::Seldom};

/// Decisions that wait to be looked at. More are not kept: the next question brings them again.
const MOST_WAITING: usize = 4_096;
/// Next hops that are known to have been looked at lately.
const MOST_KNOWN: usize = 50_000;
/// Between two looks at one next hop.
const PAUSE: Duration = Duration::from_mins(10);
/// Between two looks at what waits.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks whether anybody counts sessions: while nobody does, and while somebody does.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));
/// Somebody counts who has begun to within so many microseconds.
const COUNTED_WITHIN: i64 = 7 * 86_400 * 1_000_000;
/// How long a look at the MX records may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many next hops are looked at at a time. A name server that is slow holds up one of these.
const AT_ONCE: usize = 16;
/// How many are written in one transaction: policies are saved between two of them.
const BATCH: usize = 256;

/// Decisions that were not looked at yet, by next hop.
#[derive(Debug, Default)]
pub(crate) struct Unremarked(Mutex<HashMap<Key, Decided>>);

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
    pub(crate) fn keep(&self, key: &Key, decided: &Decided) {
        if !decided.may_be_remarked() {
            return;
        }
        let mut waiting = lock(&self.0);
        if waiting.len() < MOST_WAITING || waiting.contains_key(key) {
            waiting.insert(key.clone(), decided.clone());
        }
    }

    fn take(&self) -> HashMap<Key, Decided> {
        mem::take(&mut *lock(&self.0))
    }
}

impl Remarker {
    /// Writes down what is found. It ends only by being dropped; what is lost then, the next question
    /// brings again.
    pub async fn run(self) {
        let failing = Seldom::default();
        let mut known: HashMap<Key, Stopwatch> = HashMap::new();
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
            if is_wanted {
                let mut waiting = self.answerer.unremarked().take();
                waiting.retain(|key, _| known.get(key).is_none_or(|it| it.elapsed() >= PAUSE));
                self.look_at(day, waiting, &mut known, &failing).await;
            }
            sleep(TICK).await;
        }
    }

    async fn is_wanted(&self) -> bool {
        let now = self.answerer.enforcer().wall().saturating_mul(1_000_000);
        let since = now.saturating_sub(COUNTED_WITHIN);
        self.sessions.is_counted_since(since).await.unwrap_or_default()
    }

    /// Looks at what follows from decisions, several at a time, and writes it down, many at a time.
    async fn look_at(
        &self,
        day: Day,
        waiting: HashMap<Key, Decided>,
        known: &mut HashMap<Key, Stopwatch>,
        failing: &Seldom,
    ) {
        let mut waiting = waiting.into_iter();
        let (mut looks, mut found) = (JoinSet::new(), Vec::new());
        loop {
            while looks.len() < AT_ONCE
                && let Some((key, decided)) = waiting.next()
            {
                looks.spawn(look(self.answerer.clone(), key, decided));
            }
            match looks.join_next().await {
                Some(Ok(one)) => found.extend(one),
                Some(Err(_)) => self.answerer.metrics().panics.increment(),
                None => break,
            }
            if found.len() >= BATCH {
                self.write_down(day, mem::take(&mut found), known, failing).await;
            }
        }
        self.write_down(day, found, known, failing).await;
    }

    async fn write_down(
        &self,
        day: Day,
        found: Vec<(Key, DomainRemarks)>,
        known: &mut HashMap<Key, Stopwatch>,
        failing: &Seldom,
    ) {
        let (keys, mut remarks): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        remarks.retain(|of_domain| !of_domain.remarks.is_empty());
        let count: usize = remarks.iter().map(|of_domain| of_domain.remarks.len()).sum();
        let now = self.answerer.enforcer().wall();
        let metrics = self.answerer.metrics();
        if count > 0 {
            match self.sessions.remark(day, remarks, now).await {
                Ok(beyond) => {
                    metrics.remarks.add(u64::try_from(count).unwrap_or(u64::MAX));
                    if beyond > 0 && failing.is_time() {
                        tracing::warn!(
                            beyond,
                            "of some domain more was found than reports tell apart"
                        );
                    }
                }
                Err(error) => {
                    metrics.store_failures.increment();
                    if failing.is_time() {
                        tracing::error!(%error, "what reports should say is not written down");
                    }
                    return;
                }
            }
        }
        if known.len().saturating_add(keys.len()) > MOST_KNOWN {
            known.clear();
        }
        known.extend(keys.into_iter().map(|key| (key, Stopwatch::start())));
    }
}

/// What is to be told of a next hop beside its sessions: under the policy domain, which is the name of
/// a smart host (RFC 8461 section 3.4).
async fn look(answerer: Answerer, key: Key, decided: Decided) -> Option<(Key, DomainRemarks)> {
    let domain = key.policy_domain()?.clone();
    let hosts = match decided.is_held_against_policy() {
        true => hosts(&answerer, &key, &domain, &decided).await,
        false => Vec::new(),
    };
    let remarks = decided.remarks(&domain, &hosts);
    Some((key, DomainRemarks { domain, remarks }))
}

/// The hosts that mail for a next hop goes to; none if they are not known.
async fn hosts(
    answerer: &Answerer,
    key: &Key,
    domain: &DomainName,
    decided: &Decided,
) -> Vec<DomainName> {
    if let Key::SmartHost(SmartHost { hosts: HostLookup::Address, .. }) = key {
        return vec![domain.clone()];
    }
    if let Dane::Seen(route) = &decided.dane {
        return route.hosts.iter().map(|(host, _)| host.clone()).collect();
    }
    let hosts = timeout(PATIENCE, answerer.network().mx_hosts(domain)).await;
    hosts.ok().and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mta_sts::cache::{Absence, FetchFailure};
    use sealpost_rules::matrix::OperatorLevel;

    use super::*;
    use crate::Sts;

    #[test]
    fn there_is_an_end_to_what_waits_to_be_looked_at() {
        let decided = |failure| {
            let sts = Sts::NoPolicy(Absence::FetchFailed(failure));
            Decided::new(sts, Dane::NotAsked, None, OperatorLevel::Opportunistic)
        };
        let (old, new) =
            (decided(FetchFailure::NotFetched), decided(FetchFailure::CertificateInvalid));
        let key = |number: usize| Key::parse(format!("n{number}.test").as_bytes());
        let unremarked = Unremarked::default();
        for number in 0..MOST_WAITING + 100 {
            unremarked.keep(&key(number), &old);
        }
        // What is kept is the newest of its next hop all the same.
        unremarked.keep(&key(0), &new);
        let kept = unremarked.take();
        assert_eq!(kept.len(), MOST_WAITING);
        assert_eq!((kept.get(&key(0)), kept.get(&key(MOST_WAITING))), (Some(&new), None));
        assert!(unremarked.take().is_empty());
    }
}
