//! Domains whose stage the configuration fixes, many at a time.

use std::time::Duration;

use mail_domain::DomainName;
use mta_sts::Policy;
use rusqlite::{Connection, OptionalExtension as _, params};
use sealpost_rollout::{Actor, Cause, Entry, Event, Move, Past, Stage, Time};

use super::{Rollouts, note, read_domain, serving, sql, stored_past};
use crate::StoreError;

/// A domain whose configuration fixes the mode of its policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The domain.
    pub domain: DomainName,
    /// The stage that the policy fits.
    pub stage: Stage,
    /// What is served for it.
    pub policy: Policy,
}

impl Rollouts {
    /// These policies are served from now on, and within `spread` none but these. A domain that is
    /// not known is taken up, with an unknown past, and is due for a pass; one in another stage moves to the one that its
    /// policy fits. What happens has rows in its logbook. All of it is one transaction, and
    /// repeated it changes nothing.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is changed.
    pub async fn settle_all(
        &self,
        settled: Vec<Settled>,
        at: Time,
        spread: Duration,
    ) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            settled.iter().try_for_each(|one| settle(connection, one, at, spread))
        };
        self.store.writer.write(work).await
    }
}

fn settle(
    connection: &Connection,
    settled: &Settled,
    at: Time,
    spread: Duration,
) -> Result<(), StoreError> {
    let Settled { domain, stage, policy } = settled;
    let to = stage.as_str();
    let (past, max_age) = stored_past(Past::Unknown);
    let mut enrol = connection.prepare_cached(sql::ENROL)?;
    let values = params![domain.as_str(), to, at.seconds(), at.seconds(), past, max_age];
    let is_new = enrol.query_row(values, |_| Ok(())).optional()?.is_some();
    let known = if is_new { None } else { read_domain(connection, domain)? };
    if is_new {
        // Why it was not taken up holds no longer.
        connection.prepare_cached(sql::FORGET_WATCH)?.execute([domain.as_str()])?;
    }
    let from = known.map_or(Stage::Nothing, |known| known.stage);
    let grounds = if is_new { vec![Past::Unknown.to_string()] } else { Vec::new() };
    if from != *stage {
        let mut advance = connection.prepare_cached(sql::ADVANCE)?;
        let values = params![to, at.seconds(), domain.as_str(), from.as_str()];
        // One that is new is there already.
        advance.query_row(values, |_| Ok(())).optional()?;
        let made = Move { from, to: *stage, cause: Cause::Configured, mark: None, grounds };
        note(connection, domain, &Entry::of_move(at, Actor::Itself, &made))?;
    }
    let body = policy.to_string().into_bytes();
    if serving::serve(connection, domain, Some(&body), at, spread)? {
        let event = Event::of_body(Some(policy));
        note(connection, domain, &Entry { at, by: Actor::Itself, event, grounds: Vec::new() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mta_sts::PolicyId;
    use sealpost_rollout::Horizon;

    use super::*;
    use crate::{Settings, Store};

    #[tokio::test]
    async fn a_fixed_policy_has_a_history_and_a_logbook() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let rollouts = store.rollouts();
        let domain: DomainName = "example.com".parse().unwrap();
        let (start, hour) = (Time::at(1_793_491_200), Duration::from_secs(3_600));
        let settle = async |at: Time, stage, mode: &str| {
            let text = format!("version: STSv1\nmode: {mode}\nmx: mx.a.test\nmax_age: 86400\n");
            let policy = Policy::parse(text.as_bytes()).unwrap();
            let settled = vec![Settled { domain: domain.clone(), stage, policy }];
            rollouts.settle_all(settled, at, Duration::ZERO).await.unwrap();
            rollouts.load(domain.clone()).await.unwrap().unwrap()
        };
        let first = settle(start, Stage::Testing, "testing").await;
        assert_eq!((first.stage, first.entered_at), (Stage::Testing, start));
        // Nobody said what was there before.
        assert!(matches!(first.history.horizon(), Horizon::Open));
        assert_eq!(settle(start.plus(hour), Stage::Testing, "testing").await, first);
        let then = start.plus(hour * 2);
        let second = settle(then, Stage::EnforceDay, "enforce").await;
        assert_eq!((second.stage, second.entered_at), (Stage::EnforceDay, then));
        let served: Vec<_> =
            second.history.bodies().iter().map(|body| (body.since, body.until)).collect();
        assert_eq!(served, [(start, Some(then)), (then, None)]);
        let id: PolicyId = "1".parse().unwrap();
        rollouts.announce(domain.clone(), Some(id), hour, then, Duration::ZERO).await.unwrap();

        let rows = rollouts.logbook(domain, 0, 10).await.unwrap();
        let rows: Vec<String> = rows.iter().map(|row| row.event.to_string()).collect();
        assert_eq!(
            rows,
            [
                "nothing → testing: the configuration fixes the mode",
                "policy served: testing 86400",
                "testing → enforce-day: the configuration fixes the mode",
                "policy served: enforce 86400",
            ]
        );
    }
}
