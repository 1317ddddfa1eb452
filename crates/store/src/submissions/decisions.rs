//! What becomes of a domain when its day is over. It is decided once.

pub(crate) mod sql;

use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, params};
use sealpost_evidence::traffic::Day;

use super::{MOST_ROWS, NewSubmissions, Submissions, change};
use crate::{
    StoreError,
    column::{clip, count, senseless, stored, text},
};

/// What becomes of a domain on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// There is a report.
    Report(NewSubmissions),
    /// There is none.
    None {
        /// The day.
        day: Day,
        /// The domain.
        about: DomainName,
        /// Why not; not [`Verdict::Queued`].
        why: Verdict,
        /// When it was decided, in seconds since 1970.
        now: i64,
    },
}

/// What became of a domain on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// A report was queued.
    Queued,
    /// The domain asks for none.
    NotWanted,
    /// Its record could not be looked up as long as there was time.
    Unknown,
    /// Its only sessions brought reports.
    OnlyReports,
    /// All of its destinations are suppressed.
    Suppressed,
    /// No report could be made of its sessions.
    Unfit,
    /// It is a mail host, and the reports on the domains that it takes mail for go to the same place.
    ToldElsewhere,
}

/// How many domains of a day came to which verdict, and how many of their sessions came afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerdictCounts(Vec<(Verdict, u64, u64)>);

/// Sessions of a domain on a day that came after it was decided what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateSessions {
    /// The domain.
    pub domain: DomainName,
    /// Those that are noted, counted for each policy.
    pub noted: u64,
    /// All of them.
    pub all: u64,
}

/// Since when reports are sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Sending {
    /// Days before this one are not reported by themselves.
    pub since: Day,
    /// What makes ids of mails that nobody can guess: at most 64 characters.
    pub secret: String,
}

impl Submissions {
    /// Notes that reports are sent from now on, unless that was noted before, and gives what holds.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn begin_sending(&self, begin: Sending) -> Result<Sending, StoreError> {
        let work = move |connection: &Connection| {
            let secret = clip(&begin.secret, 64);
            let mut add = connection.prepare_cached(sql::BEGIN)?;
            add.execute(params![begin.since.number(), secret])?;
            Ok(sending(connection)?.unwrap_or_else(|| begin.clone()))
        };
        self.store.writer.write(work).await
    }

    /// Since when reports are sent; `None` if they are not.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn sending(&self) -> Result<Option<Sending>, StoreError> {
        self.store.readers.read(sending).await
    }

    /// The domains of a day of which something may be told and nothing is decided, in the order of
    /// their names, behind `after`: those that had sessions, those of which a sender found something,
    /// and hosts whose TLSA records sessions were held against.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn undecided(
        &self,
        day: Day,
        after: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<DomainName>, StoreError> {
        let read = move |connection: &Connection| {
            let after = after.as_ref().map_or("", DomainName::as_str);
            let mut statement = connection.prepare_cached(sql::UNDECIDED)?;
            let values = params![day.number(), after, limit.min(MOST_ROWS)];
            let rows = statement.query_map(values, |row| {
                text(row, 0)?.parse::<DomainName>().map_err(|_| senseless(0))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// Decides; a report is queued in the same moment. Of what is decided already, nothing changes.
    /// Says which ones were new, in the order given.
    ///
    /// # Errors
    ///
    /// As [`Submissions::enqueue`]; then nothing is decided.
    pub async fn decide(&self, decisions: Vec<Decision>) -> Result<Vec<bool>, StoreError> {
        for decision in &decisions {
            if let Decision::Report(report) = decision {
                report.check()?;
            }
        }
        let work = move |connection: &Connection| {
            decisions.iter().map(|decision| decide(connection, decision)).collect()
        };
        self.store.writer.write(work).await
    }

    /// What became of the domains of a day.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn verdicts(&self, day: Day) -> Result<VerdictCounts, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::VERDICTS)?;
            let rows = statement.query_map([day.number()], |row| {
                let verdict = Verdict::stored_as(text(row, 0)?).ok_or_else(|| senseless(0))?;
                Ok((verdict, count(row, 1)?, count(row, 2)?))
            })?;
            Ok(VerdictCounts(rows.collect::<Result<_, _>>()?))
        };
        self.store.readers.read(read).await
    }

    /// Domains of a day of which sessions came after their report was made, and more than are noted,
    /// in the order of their names, behind `after`. They are in no report.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn late(
        &self,
        day: Day,
        after: Option<DomainName>,
        limit: u32,
    ) -> Result<Vec<LateSessions>, StoreError> {
        let read = move |connection: &Connection| {
            let after = after.as_ref().map_or("", DomainName::as_str);
            let mut statement = connection.prepare_cached(sql::LATE)?;
            let values = params![day.number(), after, limit.min(MOST_ROWS)];
            let rows = statement.query_map(values, |row| {
                Ok(LateSessions {
                    domain: text(row, 0)?.parse().map_err(|_| senseless(0))?,
                    noted: count(row, 1)?,
                    all: count(row, 2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// Notes of domains of a day how many sessions came late. A smaller number does not replace a
    /// larger one.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn note_late(&self, day: Day, late: Vec<LateSessions>) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::NOTE_LATE)?;
            for one in &late {
                let values = params![stored(one.all), day.number(), one.domain.as_str()];
                statement.execute(values)?;
            }
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// Forgets what was decided on days before `first`; says of how many domains, at most `limit`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn prune_decisions(&self, first: Day, limit: u32) -> Result<usize, StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::FORGET)?;
            Ok(statement.execute(params![first.number(), limit.min(MOST_ROWS)])?)
        };
        self.store.writer.write(work).await
    }
}

/// Whether it was not decided yet.
fn decide(connection: &Connection, decision: &Decision) -> Result<bool, StoreError> {
    let (day, about, verdict, now) = match decision {
        Decision::Report(report) => (report.day, &report.about, Verdict::Queued, report.queued_at),
        Decision::None { day, about, why, now } => (*day, about, *why, *now),
    };
    let counted = match decision {
        Decision::Report(report) => Some(stored(report.counted)),
        Decision::None { .. } => None,
    };
    let values = params![day.number(), about.as_str(), verdict.as_str(), now, counted];
    let is_new = connection.prepare_cached(sql::DECIDE)?.execute(values)? > 0;
    if let (true, Decision::Report(report)) = (is_new, decision) {
        change::enqueue(connection, report)?;
    }
    Ok(is_new)
}

fn sending(connection: &Connection) -> Result<Option<Sending>, StoreError> {
    let mut statement = connection.prepare_cached(sql::SENDING)?;
    let found = statement
        .query_row([], |row| Ok(Sending { since: Day::new(row.get(0)?), secret: row.get(1)? }));
    Ok(found.optional()?)
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::NotWanted,
        Self::Unknown,
        Self::OnlyReports,
        Self::Suppressed,
        Self::Unfit,
        Self::ToldElsewhere,
    ];

    /// As it is stored, and a name for lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::NotWanted => "not-wanted",
            Self::Unknown => "unknown",
            Self::OnlyReports => "only-reports",
            Self::Suppressed => "suppressed",
            Self::Unfit => "unfit",
            Self::ToldElsewhere => "told-elsewhere",
        }
    }

    fn stored_as(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }
}

impl VerdictCounts {
    /// Of how many domains this was decided.
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.0.iter().find(|(found, ..)| *found == verdict).map_or(0, |(_, count, _)| *count)
    }

    /// Sessions that came after the report of their day was made, counted for each policy: as many as
    /// are noted.
    pub fn late(&self) -> u64 {
        self.0.iter().fold(0, |sum, (.., late)| sum.saturating_add(*late))
    }
}
