//! Forgetting what is too old.

use std::{convert::Infallible, sync::Arc, time::Duration};

use sealpost_evidence::traffic::Day;
use sealpost_runtime::Clock;
use sealpost_store::{Sessions, StoreError};
use tokio::time::sleep;

use crate::ReportMetrics;

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(3600);
/// Domains in one transaction, so that nobody else need wait for long.
const DOMAINS: u32 = 500;

/// Forgets, every hour, the counters of days that are older than `days`. It ends only by being
/// dropped.
pub async fn keep_forgetting(
    sessions: Sessions,
    days: u16,
    clock: Clock,
    metrics: Arc<ReportMetrics>,
) -> Infallible {
    loop {
        let first = Day::of(clock.now().as_second()).plus(-i64::from(days));
        if let Err(error) = forget(&sessions, first, &metrics).await {
            metrics.store_failures.increment();
            tracing::error!(%error, "old counters of sessions could not be forgotten");
        }
        sleep(PAUSE).await;
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
