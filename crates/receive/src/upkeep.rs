//! Forgetting what is too old.

use std::{convert::Infallible, time::Duration};

use sealpost_store::StoreError;

use crate::{ReadingRoom, SectionRetention};

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(3600);
/// Rows that are forgotten in one transaction, so that a door need not wait for long.
const ROWS: u32 = 200;

/// Forgets, every hour, what is older than it may get. It ends only by being dropped.
pub async fn keep_forgetting(room: ReadingRoom, retention: SectionRetention) -> Infallible {
    loop {
        match forget(&room, retention).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "what was too old is forgotten"),
            Err(error) => {
                room.metrics().store_failures.increment();
                tracing::error!(%error, "what is too old could not be forgotten");
            }
        }
        room.intake().clock().sleep(PAUSE).await;
    }
}

/// Forgets what is older than it may get, and says how much it was.
///
/// # Errors
///
/// What [`StoreError`] says; what was forgotten before it stays so.
pub async fn forget(room: &ReadingRoom, retention: SectionRetention) -> Result<u64, StoreError> {
    let intake = room.intake();
    let now = intake.now();
    let raw_age = i64::try_from(retention.raw().as_secs()).unwrap_or(i64::MAX);
    let mut forgotten = 0_u64;
    let mut count = |more: u64| {
        forgotten = forgotten.saturating_add(more);
        room.metrics().forgotten.add(more);
    };
    loop {
        let rows = intake.raw().prune(now.saturating_sub(raw_age), ROWS).await?;
        count(rows.into());
        if rows < ROWS {
            break;
        }
    }
    loop {
        let pruned = intake.reports().prune(now, retention.reports(), ROWS).await?;
        count(pruned.addresses.saturating_add(pruned.reports));
        if !pruned.is_more {
            break;
        }
    }
    Ok(forgotten)
}
