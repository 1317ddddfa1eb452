//! Reports on their way out: what waits, who is at it, what became of it.
//!
//! A report is queued once, whatever happens in between: its id names it. Each of its destinations
//! is a submission with a life of its own. Who wants to send *claims* what is due; a claim is a lease,
//! so that what a process has begun and not settled comes back when the lease is over, and counts as
//! an attempt. What is settled twice is settled once.

pub(crate) mod sql;

mod change;
pub(crate) mod decisions;
mod given;
mod listing;
mod stored;

use std::collections::HashMap;

use rusqlite::Connection;

use crate::{Store, StoreError};

pub use decisions::{Decision, LateSessions, Sending, Verdict, VerdictCounts};
pub use given::{Claiming, Goal, NewDestination, NewSubmissions, Outcome, Settlement, Suppression};
pub use stored::{Claim, Submission, SubmissionCounts, SubmissionId, SubmissionState};

/// Rows of one page, at most; who asks for more gets so many.
const MOST_ROWS: u32 = 1_000;

/// The submissions of a store. Clones share it.
#[derive(Clone)]
pub struct Submissions {
    store: Store,
}

impl Submissions {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Queues reports, each with its destinations, and says how many were not there yet. A report
    /// whose id is known stays as it is, with all that became of it: queuing again changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if a report breaks a bound that [`NewSubmissions`] names; else what
    /// [`StoreError`] says of writing. Then none is queued.
    pub async fn enqueue(&self, reports: Vec<NewSubmissions>) -> Result<usize, StoreError> {
        for report in &reports {
            report.check()?;
        }
        let work = move |connection: &Connection| {
            let mut new = 0;
            for report in &reports {
                new += usize::from(change::enqueue(connection, report)?);
            }
            Ok(new)
        };
        self.store.writer.write(work).await
    }

    /// Takes what is due, the longest due first, and holds it for the owner until the lease is over.
    ///
    /// What the owner says it is at is held on before, unless somebody else has taken it since.
    ///
    /// Of one host no more are held at a time than [`Claiming::per_host`], by all owners together.
    /// What goes to a suppressed destination is left.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the owner's name has more than 128 characters; else what
    /// [`StoreError`] says of writing. If the answer is lost, what was taken comes back when the
    /// lease is over.
    pub async fn claim(&self, claiming: Claiming) -> Result<Vec<Claim>, StoreError> {
        if claiming.owner.chars().count() > 128 {
            return Err(StoreError::refused("the owner's name has more than 128 characters"));
        }
        let work = move |connection: &Connection| change::claim(connection, &claiming);
        self.store.writer.write(work).await
    }

    /// Gives back what an owner held that has ended without settling it; says how much it was. Its
    /// attempts count.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn release(&self, owner: String) -> Result<usize, StoreError> {
        self.store
            .writer
            .write(move |connection: &Connection| change::release(connection, &owner))
            .await
    }

    /// Ends what goes to suppressed destinations and was held back for as long as it would have been
    /// tried; says how much it was. A report that may go to another destination instead does.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn expire_held_back(&self, now: i64) -> Result<usize, StoreError> {
        self.store
            .writer
            .write(move |connection: &Connection| change::expire(connection, now))
            .await
    }

    /// Notes that a mail has come back after it had been taken, and suppresses its destination, which
    /// has to be that of the submission. False if it was not one that had been taken.
    ///
    /// # Errors
    ///
    /// As [`Self::suppress`].
    pub async fn bounce(
        &self,
        id: SubmissionId,
        suppression: Suppression,
    ) -> Result<bool, StoreError> {
        suppression.check()?;
        let work = move |connection: &Connection| change::bounce(connection, id, &suppression);
        self.store.writer.write(work).await
    }

    /// Notes what came of attempts. One that has been settled already, or was taken over by somebody
    /// else since, is skipped; says how many were not.
    ///
    /// When a report goes to the first destination that accepts it ([`Goal::First`]), a refusal
    /// makes the next one due, and an acceptance spares the others.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is settled.
    pub async fn settle(&self, settlements: Vec<Settlement>) -> Result<usize, StoreError> {
        let work = move |connection: &Connection| {
            let mut settled = 0;
            for settlement in &settlements {
                settled += usize::from(change::settle(connection, settlement)?);
            }
            Ok(settled)
        };
        self.store.writer.write(work).await
    }

    /// Gives submissions that are over, but for those that were accepted or spared, another life that
    /// begins now; says how many. The waits between attempts go on where they were.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is changed.
    pub async fn retry(&self, ids: Vec<SubmissionId>, now: i64) -> Result<usize, StoreError> {
        let work = move |connection: &Connection| change::retry(connection, &ids, now);
        self.store.writer.write(work).await
    }

    /// Gives up submissions that are not over; says how many. An attempt that is under way is not
    /// called back.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is changed.
    pub async fn drop_waiting(
        &self,
        ids: Vec<SubmissionId>,
        now: i64,
    ) -> Result<usize, StoreError> {
        let work = move |connection: &Connection| change::drop_waiting(connection, &ids, now);
        self.store.writer.write(work).await
    }

    /// Forgets up to `limit` reports that were queued before a time and of which nothing is on its
    /// way any more, with their submissions; says how many. Call it again while it is `limit`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is forgotten.
    pub async fn prune(&self, before: i64, limit: u32) -> Result<u32, StoreError> {
        let limit = limit.min(MOST_ROWS);
        let work = move |connection: &Connection| change::prune(connection, before, limit);
        self.store.writer.write(work).await
    }

    /// When something is due next that nobody holds; `None` if nothing waits. What is suppressed
    /// counts too.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        self.store.readers.read(listing::next_due).await
    }

    /// The URI of a submission.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn rua(&self, id: SubmissionId) -> Result<Option<String>, StoreError> {
        self.store.readers.read(move |connection| listing::rua(connection, id)).await
    }

    /// How often a URI refused a report since a time, and since it last accepted one.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn refusals(&self, rua: String, since: i64) -> Result<u64, StoreError> {
        self.store.readers.read(move |connection| listing::refusals(connection, &rua, since)).await
    }

    /// How many mails were taken from `from` until before `to`, by the domain that they go to.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn mails(&self, from: i64, to: i64) -> Result<HashMap<String, u64>, StoreError> {
        self.store.readers.read(move |connection| listing::mails(connection, from, to)).await
    }

    /// Submissions in a state, or in any, in the order of queuing, after one of them.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn list(
        &self,
        state: Option<SubmissionState>,
        after: Option<SubmissionId>,
        limit: u32,
    ) -> Result<Vec<Submission>, StoreError> {
        let limit = limit.min(MOST_ROWS);
        let read = move |connection: &Connection| listing::list(connection, state, after, limit);
        self.store.readers.read(read).await
    }

    /// How many submissions are in which state.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn counts(&self) -> Result<SubmissionCounts, StoreError> {
        self.store.readers.read(listing::counts).await
    }

    /// How many destinations have not taken a report that waits for them, though it was tried.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn failing_destinations(&self) -> Result<u64, StoreError> {
        self.store.readers.read(listing::failing_destinations).await
    }

    /// Suppresses a destination for a while, or for longer than it was: the end never moves back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if a text is too long; else what [`StoreError`] says of writing.
    pub async fn suppress(&self, suppression: Suppression) -> Result<(), StoreError> {
        suppression.check()?;
        let work = move |connection: &Connection| change::suppress(connection, &suppression);
        self.store.writer.write(work).await
    }

    /// Ends the suppression of a destination; says whether there was one.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn lift(&self, destination: String) -> Result<bool, StoreError> {
        let work = move |connection: &Connection| change::lift(connection, &destination);
        self.store.writer.write(work).await
    }

    /// The destinations that are suppressed at a time, in the order of their names, after one of
    /// them.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn suppressed(
        &self,
        now: i64,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<Suppression>, StoreError> {
        let limit = limit.min(MOST_ROWS);
        let read = move |connection: &Connection| {
            listing::suppressed(connection, now, after.as_deref(), limit)
        };
        self.store.readers.read(read).await
    }
}

#[cfg(test)]
mod tests;
