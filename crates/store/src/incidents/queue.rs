//! The way of notices to their receivers.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    Batch, IncidentId, Incidents, MOST_ROWS, NewNotice, Notice, NoticeClaiming, NoticeKind,
    NoticeState, QueueState, Sending, sql,
};
use crate::{
    StoreError,
    column::{self, clip, senseless, text},
};

/// How much of an answer is kept, in characters.
const ANSWER: usize = 500;
/// No lease, and no pause after an attempt, is longer than this, in seconds: two hours.
const LONGEST_HOLD: i64 = 7_200;
/// No first attempt is planned for later than this, in seconds: the end of quiet hours, on a day
/// on which the clocks go back.
const LONGEST_WAIT: i64 = 25 * 3_600;

impl Incidents {
    /// Queues notices that are about no single incident, and says how many were not there yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if one breaks a bound; else what [`StoreError`] says of writing. Then
    /// none is queued.
    pub async fn queue(&self, notices: Vec<NewNotice>) -> Result<usize, StoreError> {
        notices.iter().try_for_each(NewNotice::check)?;
        let work = move |connection: &Connection| {
            let mut new = 0;
            for notice in &notices {
                new += usize::from(add(connection, None, notice)?);
            }
            Ok(new)
        };
        self.store.writer.write(work).await
    }

    /// Takes what is due for a receiver, and holds it for the owner until the lease is over. While
    /// somebody tells a receiver something, nobody else does; what was tried before comes first, and
    /// as it was.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the owner's name has more than 128 characters; else what
    /// [`StoreError`] says of writing. If the answer is lost, what was taken comes back when the
    /// lease is over.
    pub async fn claim(&self, claiming: NoticeClaiming) -> Result<Option<Batch>, StoreError> {
        if claiming.owner.chars().count() > 128 {
            return Err(StoreError::refused("the owner's name has more than 128 characters"));
        }
        self.store.writer.write(move |connection: &Connection| claim(connection, &claiming)).await
    }

    /// Notes what came of an attempt. `false` if that was done already, or the lease was over and
    /// somebody else has taken it.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn settle(
        &self,
        batch: &Batch,
        sending: Sending,
        answer: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let Batch { owner, receiver, number, attempt, .. } = batch;
        let (owner, receiver) = (owner.clone(), receiver.clone());
        let (number, attempt) = (*number, *attempt);
        let answer = clip(answer, ANSWER);
        let (state, due, settled_at) = match sending {
            Sending::Sent => (NoticeState::Sent, None, Some(now)),
            Sending::Later(due) => (NoticeState::Waiting, Some(due), None),
            Sending::Expired => (NoticeState::Expired, None, Some(now)),
        };
        let work = move |connection: &Connection| {
            let mut settle = connection.prepare_cached(sql::SETTLE)?;
            let state = state.as_str();
            let values = params![state, due, answer, settled_at, receiver, number, attempt, owner];
            let ids = settle.query_map(values, |row| row.get::<_, i64>(0))?;
            Ok(!ids.collect::<Result<Vec<_>, _>>()?.is_empty())
        };
        self.store.writer.write(work).await
    }

    /// Gives back what an owner holds that ends without settling it; says how many notices.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn release(&self, owner: String) -> Result<usize, StoreError> {
        let work = move |connection: &Connection| {
            let mut release = connection.prepare_cached(sql::RELEASE)?;
            let ids = release.query_map([&owner], |row| row.get::<_, i64>(0))?;
            Ok(ids.collect::<Result<Vec<_>, _>>()?.len())
        };
        self.store.writer.write(work).await
    }

    /// Ends what was made before a time and is still to be sent, unless somebody holds it; says how
    /// much.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn expire(&self, now: i64, made_before: i64) -> Result<usize, StoreError> {
        let work = move |connection: &Connection| {
            let mut expire = connection.prepare_cached(sql::EXPIRE)?;
            Ok(expire.execute(params![now, made_before])?)
        };
        self.store.writer.write(work).await
    }

    /// Sets right what a clock that was ahead has planned: what is held, or due, so much later than
    /// anything is, is free and due now. Says of how many notices.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn set_right(&self, now: i64) -> Result<usize, StoreError> {
        let work = move |connection: &Connection| {
            let mut set_right = connection.prepare_cached(sql::SET_RIGHT)?;
            let held = now.saturating_add(LONGEST_HOLD);
            Ok(set_right.execute(params![now, held, now.saturating_add(LONGEST_WAIT)])?)
        };
        self.store.writer.write(work).await
    }

    /// Notices that are to be sent, the oldest first; at most `limit`, and at most 1,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn waiting(&self, limit: u32) -> Result<Vec<Notice>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::WAITING)?;
            let rows = statement.query_map([limit.min(MOST_ROWS)], notice)?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// How many notices are due and not sent, with those that were tried in vain and wait for the next
    /// attempt.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn queue_state(&self, now: i64) -> Result<QueueState, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::QUEUE_STATE)?;
            let state = statement.query_row([now], |row| {
                Ok(QueueState { due: column::count(row, 0)?, oldest: row.get(1)? })
            });
            Ok(state?)
        };
        self.store.readers.read(read).await
    }

    /// When something is due next that nobody holds; `None` if nothing waits.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        let read = |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::NEXT_DUE)?;
            Ok(statement.query_row([], |row| row.get(0))?)
        };
        self.store.readers.read(read).await
    }
}

/// Whether it was not there.
pub(super) fn add(
    connection: &Connection,
    incident: Option<&IncidentId>,
    notice: &NewNotice,
) -> Result<bool, StoreError> {
    let mut next = connection.prepare_cached(sql::NEXT_NOTICE)?;
    let id: i64 = next.query_row([], |row| row.get(0))?;
    let NewNotice { key, receiver, kind, content, made_at, due } = notice;
    let incident = incident.map(IncidentId::as_str);
    let values = params![id, key, receiver, incident, kind.as_str(), content, made_at, due];
    let mut queue = connection.prepare_cached(sql::QUEUE)?;
    let is_new = queue.query_row(values, |_| Ok(())).optional()?.is_some();
    if is_new && incident.is_some() {
        let mut forward = connection.prepare_cached(sql::BRING_FORWARD)?;
        forward.execute(params![due, incident, receiver])?;
    }
    Ok(is_new)
}

fn claim(connection: &Connection, claiming: &NoticeClaiming) -> Result<Option<Batch>, StoreError> {
    let NoticeClaiming { owner, receiver, now, lease_until, most } = claiming;
    let mut held = connection.prepare_cached(sql::HELD)?;
    let held: i64 = held.query_row(params![receiver, now], |row| row.get(0))?;
    if held > 0 || lease_until <= now {
        return Ok(None);
    }
    let mut tried = connection.prepare_cached(sql::TRIED)?;
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let number = match tried.query_row([receiver], read).optional()? {
        Some((number, due)) if due <= *now => number,
        // What is new waits behind it.
        Some((_, _)) => return Ok(None),
        None => {
            let mut due = connection.prepare_cached(sql::DUE)?;
            let values = params![receiver, now, (*most).clamp(1, MOST_ROWS)];
            let ids = due.query_map(values, |row| row.get::<_, i64>(0))?;
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            let Some(first) = ids.first().copied() else { return Ok(None) };
            let mut put = connection.prepare_cached(sql::PUT_TOGETHER)?;
            for id in ids {
                put.execute(params![first, id])?;
            }
            first
        }
    };
    let mut hold = connection.prepare_cached(sql::HOLD)?;
    hold.execute(params![owner, lease_until, receiver, number])?;
    let mut of_batch = connection.prepare_cached(sql::OF_BATCH)?;
    let rows = of_batch.query_map(params![receiver, number], notice)?;
    let notices = rows.collect::<Result<Vec<_>, _>>()?;
    let attempt = notices.iter().map(|notice| notice.attempts).max().unwrap_or_default();
    let (owner, receiver) = (owner.clone(), receiver.clone());
    Ok(Some(Batch { owner, receiver, number, attempt, notices }))
}

pub(super) fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    let incident: Option<String> = row.get(3)?;
    let incident = incident.map(|id| id.parse().map_err(|_| senseless(3))).transpose()?;
    Ok(Notice {
        id: row.get(0)?,
        key: row.get(1)?,
        receiver: row.get(2)?,
        incident,
        kind: NoticeKind::named(text(row, 4)?).ok_or_else(|| senseless(4))?,
        content: row.get(5)?,
        made_at: row.get(6)?,
        state: NoticeState::named(text(row, 7)?).ok_or_else(|| senseless(7))?,
        due: row.get(8)?,
        attempts: row.get(9)?,
        answer: row.get(10)?,
        settled_at: row.get(11)?,
    })
}
