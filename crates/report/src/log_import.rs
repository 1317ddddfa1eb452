//! Counting the sessions of a whole log file, once.

use std::{collections::HashMap, io::Read};

use jiff::{Timestamp, tz::Offset};
use sealpost_evidence::traffic::Day;
use sealpost_store::{Digest, Sessions, StoreError, sessions::Epoch};
use tls_rpt::{FailureCount, LoggedSession, SessionOutcome};

use crate::{
    import::{Key, Sums, save},
    lines::Lines,
    log::{moment, told_by},
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
/// was is told by its first session.
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
    let mut name = None;
    let (mut lines, mut piece) = (Lines::default(), vec![0; PIECE]);
    loop {
        let mut found: Vec<LoggedSession> = Vec::new();
        let mut look = |line: &[u8]| match LoggedSession::read(line) {
            None => {}
            Some(Ok(session)) => {
                name.get_or_insert_with(|| Digest::of(line.trim_ascii_end()));
                found.push(session);
            }
            Some(Err(_)) => imported.unreadable = imported.unreadable.saturating_add(1),
        };
        let length = log.read(&mut piece).map_err(LogImportError::Read)?;
        match length {
            0 => lines.finish(&mut look),
            _ => lines.push(piece.get(..length).unwrap_or_default(), &mut look),
        }
        for session in found {
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
        assert_eq!(first, LogImported { counters: 2, sessions: 2, unreadable: 1 });
        // In the zone of the machine it was still the day before in UTC.
        assert_eq!((sums("2026-11-25").await, sums("2026-11-26").await), ((1, 0), (0, 1)));
        assert_eq!(import(log.clone()).await, first);
        log += line("Nov 26 10:00:00", good).trim_end();
        assert_eq!(import(log).await, LogImported { counters: 2, sessions: 3, unreadable: 1 });
        assert_eq!((sums("2026-11-25").await, sums("2026-11-26").await), ((1, 0), (1, 1)));
        assert_eq!(import("nothing of interest\n".to_owned()).await, LogImported::default());
    }
}
