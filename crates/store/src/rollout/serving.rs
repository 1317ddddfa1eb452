//! What is served now, for many domains at a time.

use std::time::Duration;

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, params};
use sealpost_rollout::{Time, body_time};

use super::{MOST_ROWS, Rollouts, sql};
use crate::{
    StoreError,
    column::{self, senseless},
};

/// Larger bodies are no policy: senders read no more, RFC 8461 §3.3.
const LARGEST_BODY: usize = 65_536;

impl Rollouts {
    /// What [`serve`](Self::serve) does for one domain, for many of them in one transaction.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then nothing is changed.
    pub async fn serve_all(
        &self,
        mut bodies: Vec<(DomainName, Option<Vec<u8>>)>,
        at: Time,
        spread: Duration,
    ) -> Result<(), StoreError> {
        for body in bodies.iter_mut().filter_map(|(_, body)| body.as_mut()) {
            // What no sender reads is kept as what no sender can use.
            body.truncate(LARGEST_BODY);
        }
        let work = move |connection: &Connection| {
            for (domain, body) in &bodies {
                serve(connection, domain, body.as_deref(), at, spread)?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }
}

impl Rollouts {
    /// The domains behind this one of which something is served, with its body: at most `limit`, and
    /// at most 10,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn live_bodies(
        &self,
        behind: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<(DomainName, Vec<u8>)>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::LIVE_BODIES)?;
            let behind = behind.as_ref().map_or("", DomainName::as_str);
            let mut rows = statement.query(params![behind, limit.min(MOST_ROWS)])?;
            let mut bodies = Vec::new();
            while let Some(row) = rows.next()? {
                let domain = column::text(row, 0)?.parse().map_err(|_| senseless(0))?;
                bodies.push((domain, row.get(1)?));
            }
            Ok(bodies)
        };
        self.store.readers.read(read).await
    }
}

/// When the last body and the last id began.
pub(super) fn last_times(
    connection: &Connection,
    domain: &DomainName,
) -> Result<(Option<Time>, Option<Time>), StoreError> {
    let mut statement = connection.prepare_cached(sql::LAST_TIMES)?;
    let times = statement.query_row([domain.as_str()], |row| {
        let time = |seconds: Option<i64>| seconds.map(Time::at);
        Ok((time(row.get(0)?), time(row.get(1)?)))
    })?;
    Ok(times)
}

/// Whether it is another than before.
pub(super) fn serve(
    connection: &Connection,
    domain: &DomainName,
    body: Option<&[u8]>,
    at: Time,
    spread: Duration,
) -> Result<bool, StoreError> {
    let mut live = connection.prepare_cached(sql::LIVE_BODY)?;
    let live: Option<Vec<u8>> = live.query_row([domain.as_str()], |row| row.get(0)).optional()?;
    if live.as_deref() == body {
        return Ok(false);
    }
    let (last_body, last_id) = last_times(connection, domain)?;
    let at = body_time(at, last_body.filter(|_| body.is_some()), last_id);
    let end = at.plus(spread).seconds();
    connection.prepare_cached(sql::END_BODY)?.execute(params![end, domain.as_str()])?;
    if let Some(body) = body {
        let mut begin = connection.prepare_cached(sql::BEGIN_BODY)?;
        begin.execute(params![domain.as_str(), at.seconds(), body])?;
    }
    Ok(true)
}
