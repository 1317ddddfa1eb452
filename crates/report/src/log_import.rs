//! Counting the sessions of a whole log file, once.

use std::{collections::HashMap, io::Read, ops::Range};

use jiff::{Timestamp, tz::Offset};
use sealpost_evidence::traffic::Day;
use sealpost_store::{
    Sessions, StoreError,
    sessions::{Epoch, FollowedPart},
};
use tls_rpt::{FailureCount, LoggedSession, SessionOutcome};

use crate::{
    import::{Key, Sums, save},
    lines::Lines,
    log::{log_name, moment, told_by},
};

/// Octets that are read at a time.
const PIECE: usize = 64 << 10;

/// What became of a log file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogImported {
    /// Counters that were taken over: policies of domains on days.
    pub counters: u64,
    /// Sessions under them.
    pub sessions: u64,
    /// Sessions that are left to whoever follows the file, or has followed it.
    pub followed: u64,
    /// Lines that tell of a session and could not be read, or have no time.
    pub unreadable: u64,
}

/// Why a log file could not be taken over. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogImportError {
    /// The file could not be read. Nothing of it was taken over.
    #[error("read the log")]
    Read(#[source] std::io::Error),
    /// The store could not be read or written. To repeat it counts nothing twice.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes over the sessions that a log file tells of. `offset` is that of the machine that has written
/// it, for lines that do not tell their own.
///
/// To repeat it counts nothing twice, also when the file has grown or has another name: what a log
/// was is told by its first session. What a [`LogCounter`](crate::LogCounter) has counted of it while it
/// was written, or is about to count, is left out.
///
/// # Errors
///
/// [`LogImportError`]
pub async fn import_log(
    sessions: &Sessions,
    mut log: impl Read,
    offset: Offset,
    now: Timestamp,
) -> Result<LogImported, LogImportError> {
    let mut imported = LogImported::default();
    let mut all: HashMap<Key, Sums> = HashMap::new();
    let (mut name, mut followed) = (None, None);
    let (mut lines, mut piece) = (Lines::default(), vec![0; PIECE]);
    loop {
        let mut found: Vec<(LoggedSession, u64)> = Vec::new();
        let mut look = |line: &[u8], place: Range<u64>| match LoggedSession::read(line) {
            None => {}
            Some(Ok(session)) => {
                name.get_or_insert_with(|| log_name(line));
                found.push((session, place.start));
            }
            Some(Err(_)) => imported.unreadable = imported.unreadable.saturating_add(1),
        };
        let length = log.read(&mut piece).map_err(LogImportError::Read)?;
        match length {
            0 => lines.finish(&mut look),
            _ => lines.push(piece.get(..length).unwrap_or_default(), &mut look),
        }
        if let (Some(name), None) = (name, &followed) {
            followed = Some(sessions.followed(name).await?);
        }
        for (session, at) in found {
            if is_followed(followed.as_deref().unwrap_or_default(), at) {
                imported.followed = imported.followed.saturating_add(1);
                continue;
            }
            let Some(time) = moment(session.written, offset, now) else {
                imported.unreadable = imported.unreadable.saturating_add(1);
                continue;
            };
            // The policies that are known today may be others tomorrow, when it is repeated.
            let key = (Day::of(time.as_second()), session.domain.clone(), told_by(&session));
            all.entry(key).or_default().add(Sums::of_one(session));
        }
        if length == 0 {
            break;
        }
    }
    if let Some(name) = name {
        let epoch = Epoch::of_import(&format!("postfix-log {name}"));
        (imported.counters, imported.sessions) = save(sessions, &epoch, all).await?;
    }
    Ok(imported)
}

/// Whether a line that begins at this octet was counted while the log was written, or will be.
fn is_followed(parts: &[FollowedPart], at: u64) -> bool {
    let is_behind_all = parts.last().is_some_and(|part| part.begins <= at);
    is_behind_all || parts.iter().any(|part| (part.begins..part.reached).contains(&at))
}

impl Sums {
    fn of_one(session: LoggedSession) -> Self {
        let mut sums = Self::default();
        match session.outcome {
            SessionOutcome::Successful => sums.successful = 1,
            SessionOutcome::Failed => sums.failed = 1,
        }
        let count = FailureCount::one(session.outcome);
        sums.failures.extend(session.failure.map(|failure| (failure, count)));
        sums
    }
}

#[cfg(test)]
mod tests {
    use sealpost_store::{Settings, Store};

    use super::*;
    use crate::domain_day;

    fn line(time: &str, rest: &str) -> String {
        format!("{time} mx postfix/smtp[1]: TLSRPT: status={rest}\n")
    }

    #[tokio::test]
    async fn a_log_that_has_grown_counts_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let good = "success, domain=a.test, receiving_mx=mx.a.test[192.0.2.1]";
        let bad = "failure, domain=a.test, receiving_mx=mx.a.test[192.0.2.1], \
                   failure_type=certificate_expired";
        let mut log = line("Nov 26 00:30:00", good)
            + &line("2026-11-26T00:30:00Z", bad)
            + "Nov 26 01:00:00 mx postfix/smtpd[2]: connect from unknown\n"
            + &line("Nov 26 01:30:00", "success");
        let import = async |log: String| {
            let log = std::io::Cursor::new(log);
            let offset = Offset::constant(1);
            import_log(&store.sessions(), log, offset, now).await.unwrap()
        };
        let sums = async |day: &str| {
            let day = day.parse().unwrap();
            let day =
                domain_day(&store.sessions(), day, "a.test".parse().unwrap(), 0).await.unwrap();
            day.sessions
                .policies()
                .fold((0, 0), |sum, (_, it)| (sum.0 + it.successful, sum.1 + it.failed))
        };
        let first = import(log.clone()).await;
        assert_eq!(first, LogImported { counters: 2, sessions: 2, followed: 0, unreadable: 1 });
        // In the zone of the machine it was still the day before in UTC.
        assert_eq!((sums("2026-11-25").await, sums("2026-11-26").await), ((1, 0), (0, 1)));
        assert_eq!(import(log.clone()).await, first);
        log += line("Nov 26 10:00:00", good).trim_end();
        assert_eq!(
            import(log).await,
            LogImported { counters: 2, sessions: 3, followed: 0, unreadable: 1 }
        );
        assert_eq!((sums("2026-11-25").await, sums("2026-11-26").await), ((1, 0), (1, 1)));
        assert_eq!(import("nothing of interest\n".to_owned()).await, LogImported::default());
    }
    #[test]
    fn what_was_followed_lies_between_places_or_behind_the_last_beginning() {
        let part = |begins, reached| FollowedPart { log: log_name(b"x"), begins, reached };
        let parts = [part(10, 20), part(30, 40)];
        for (at, expected) in [(0, false), (9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(is_followed(&parts, at), expected, "{at}");
        }
        for (at, expected) in [(29, false), (30, true), (39, true), (40, true), (999, true)] {
            assert_eq!(is_followed(&parts, at), expected, "{at}");
        }
        assert!(!is_followed(&[], 0));
    }
}
