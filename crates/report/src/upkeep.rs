//! Forgetting what is too old.

use std::{convert::Infallible, sync::Arc, time::Duration};

use sealpost_evidence::traffic::Day;
use sealpost_runtime::Clock;
use sealpost_store::{Sessions, StoreError};

use crate::ReportMetrics;

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(3600);
/// Domains in one transaction, so that nobody else need wait for long.
const DOMAINS: u32 = 500;

/// How long it is known which posts were counted, in seconds.
const POSTS_KEPT: i64 = 7 * 86_400;
/// The most of which it is known: some 100 octets each.
const MOST_POSTS: u32 = 500_000;
/// Posts in one transaction.
const POSTS: u32 = 5_000;

/// Forgets, every hour, the counters of days that are older than `days`, and of posts with
/// a key that they were counted. It ends only by being dropped.
pub async fn keep_forgetting(
    sessions: Sessions,
    days: u16,
    clock: Clock,
    metrics: Arc<ReportMetrics>,
) -> Infallible {
    loop {
        let now = clock.now().as_second();
        let first = Day::of(now).plus(-i64::from(days));
        let forgotten = async {
            forget(&sessions, first, &metrics).await?;
            while sessions.prune_posts(now.saturating_sub(POSTS_KEPT), MOST_POSTS, POSTS).await? > 0
            {
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = forgotten.await {
            metrics.store_failures.increment();
            tracing::error!(%error, "old counters of sessions could not be forgotten");
        }
        clock.sleep(PAUSE).await;
    }
}

async fn forget(
    sessions: &Sessions,
    first: Day,
    metrics: &ReportMetrics,
) -> Result<(), StoreError> {
    loop {
        match sessions.prune(first, DOMAINS).await? {
            0 => return Ok(()),
            forgotten => metrics.forgotten.add(forgotten),
        }
    }
}
