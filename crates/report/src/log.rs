//! Sessions that Postfix writes into its log.
//!
//! A line of the log names no policy. Where the store holds one that `enforce` gives to Postfix, the
//! session is counted under that; what failed for DANE, under DANE; everything else under
//! `no-policy-found`.

use std::{collections::HashMap, io, ops::Range, path::PathBuf, sync::Arc, thread, time::Duration};

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use mail_domain::DomainName;
use mta_sts::{Mode, Policy};
use sealpost_runtime::Clock;
use sealpost_store::{Digest, FetchedPolicy, Policies, Sessions, Store, sessions::FollowedPart};
use tls_rpt::{
    LogTime, LoggedSession, PolicyType, ResultType, SeenPolicy, Session, SessionPolicy,
    SessionReading,
};
use tokio::{sync::mpsc, task::spawn_blocking, time::sleep};

use crate::{FollowedLog, Intake, ReportMetrics, TimedSession, lines::Lines};

/// Between two looks at a file.
const PAUSE: Duration = Duration::from_millis(500);
/// Sessions that are counted at once.
const BATCH: usize = 1_000;
/// A session is counted on the day that its line names, if that lies so close to now.
const PAST: i64 = 2 * 86_400;
const FUTURE: i64 = 3_600;
/// Octets that are read of a pipe at a time.
const PIECE: usize = 64 << 10;
/// Such pieces that may wait to be counted.
const PIECES: usize = 4;

/// Counts the sessions that lines of Postfix's log tell of.
#[derive(Clone)]
pub struct LogCounter {
    intake: Intake,
    policies: Policies,
    store: Sessions,
    clock: Clock,
    metrics: Arc<ReportMetrics>,
}

impl LogCounter {
    /// Counts into `intake`, under the policies that `store` holds.
    pub fn new(intake: Intake, store: &Store, clock: Clock, metrics: Arc<ReportMetrics>) -> Self {
        Self { intake, policies: store.policies(), store: store.sessions(), clock, metrics }
    }

    /// Follows a file, from its end on, over rotation. It ends only by being dropped, or when nothing
    /// is counted any more. How far it has come is noted, so that [`import_log`](crate::import_log)
    /// leaves that out.
    pub async fn follow(&self, path: PathBuf) {
        let mut is_told = false;
        let mut log = None;
        loop {
            let (taken, path) = (log.take(), path.clone());
            // An error means that the reading has panicked.
            let read = spawn_blocking(move || read_more(taken, path)).await;
            let (kept, read) = read.unwrap_or_else(|error| (None, Err(io::Error::other(error))));
            log = kept;
            let may_be_more = match read {
                Ok((may_be_more, found)) => {
                    is_told = false;
                    self.note(&found.parts).await;
                    if !self.count(found).await {
                        return;
                    }
                    may_be_more
                }
                Err(error) => {
                    self.metrics.log_failures.increment();
                    if !is_told {
                        tracing::error!(%error, "a log of a mail server could not be read");
                    }
                    is_told = true;
                    false
                }
            };
            if !may_be_more {
                sleep(PAUSE).await;
            }
        }
    }

    /// Counts what comes through a pipe until it ends; false if nothing is counted any more.
    ///
    /// # Errors
    ///
    /// What the system says of reading, or if it gives no thread for that.
    pub async fn drain(&self, mut pipe: impl io::Read + Send + 'static) -> io::Result<bool> {
        let (sender, mut pieces) = mpsc::channel(PIECES);
        // A thread that nobody waits for: reading may never end.
        thread::Builder::new().name("report-log".to_owned()).spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = pipe.read(&mut piece).map(|length| {
                    piece.truncate(length);
                    piece
                });
                let is_end = !matches!(&read, Ok(piece) if !piece.is_empty());
                if sender.blocking_send(read).is_err() || is_end {
                    return;
                }
            }
        })?;
        let mut lines = Lines::default();
        while let Some(piece) = pieces.recv().await {
            let piece = piece?;
            let mut found = Found::default();
            if piece.is_empty() {
                lines.finish(|line, _| found.look(line));
            } else {
                lines.push(&piece, |line, _| found.look(line));
            }
            if !self.count(found).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Notes what of files is about to be counted. Until that is written nothing is: the file keeps it.
    async fn note(&self, parts: &[FollowedPart]) {
        if parts.is_empty() {
            return;
        }
        let mut is_told = false;
        loop {
            let now = self.clock.now().as_second();
            let Err(error) = self.store.note_followed(parts.to_vec(), now).await else { return };
            self.metrics.store_failures.increment();
            if !is_told {
                tracing::error!(%error, "a log waits: how far it was counted could not be noted");
            }
            is_told = true;
            sleep(PAUSE).await;
        }
    }

    /// Whether there is still somebody who counts.
    async fn count(&self, found: Found) -> bool {
        self.metrics.log_refused.add(found.refused);
        let mut sessions = found.sessions.into_iter().peekable();
        let mut policies = PolicyOf::new(self.policies.clone());
        while sessions.peek().is_some() {
            let mut batch = Vec::new();
            for logged in sessions.by_ref().take(BATCH) {
                let at = self.time(logged.written);
                let policy = policies.find(&logged, at).await;
                batch.push(TimedSession { reading: reading(logged, policy), at });
            }
            let all = u64::try_from(batch.len()).unwrap_or(u64::MAX);
            if self.intake.count(batch).await.is_err() {
                return false;
            }
            self.metrics.logged.add(all);
        }
        true
    }

    /// When it was. A line that was held back for long is of today: its day may be reported already.
    fn time(&self, written: LogTime) -> i64 {
        let now = self.clock.now().as_second();
        match written {
            LogTime::Whole(time) => Some(time.as_second())
                .filter(|time| {
                    (now.saturating_sub(PAST)..now.saturating_add(FUTURE)).contains(time)
                })
                .unwrap_or(now),
            // The zone of the machine that wrote it is not known.
            LogTime::Local { .. } | LogTime::Unknown => now,
        }
    }
}

/// Finds the policies of logged sessions, each of which is looked up once.
struct PolicyOf {
    policies: Policies,
    known: HashMap<DomainName, Option<FetchedPolicy>>,
}

impl PolicyOf {
    fn new(policies: Policies) -> Self {
        Self { policies, known: HashMap::new() }
    }

    /// The policy under which a session is counted that was at this time.
    async fn find(&mut self, logged: &LoggedSession, at: i64) -> SeenPolicy {
        let told = told_by(logged);
        if told.policy_type == PolicyType::Tlsa {
            return told;
        }
        if !self.known.contains_key(&logged.domain) {
            let fetched = self.load(&logged.domain).await;
            self.known.insert(logged.domain.clone(), fetched);
        }
        let fetched = self.known.get(&logged.domain).and_then(Option::as_ref);
        fetched.and_then(|fetched| honoured(&logged.domain, fetched, at)).unwrap_or(told)
    }

    async fn load(&self, domain: &DomainName) -> Option<FetchedPolicy> {
        match self.policies.load(domain.clone()).await {
            Ok(remembered) => remembered?.policy,
            Err(error) => {
                tracing::warn!(%error, %domain, "the policy of a logged session could not be read");
                None
            }
        }
    }
}

/// The policy of a session, as far as its line tells: what fails for DANE or for the policy of
/// MTA-STS itself was held against that.
pub(crate) fn told_by(logged: &LoggedSession) -> SeenPolicy {
    let domain = logged.domain.clone();
    match logged.failure.as_ref().map(|failure| &failure.result_type) {
        Some(ResultType::TlsaInvalid | ResultType::DnssecInvalid | ResultType::DaneRequired) => {
            // The base domain of the TLSA records is most often the MX host.
            let host = logged.receiving_mx_hostname.clone();
            SeenPolicy::new(PolicyType::Tlsa, host.unwrap_or(domain))
        }
        Some(
            ResultType::StsPolicyFetchError
            | ResultType::StsPolicyInvalid
            | ResultType::StsWebpkiInvalid,
        ) => SeenPolicy::new(PolicyType::Sts, domain),
        _ => SeenPolicy::new(PolicyType::NoPolicyFound, domain),
    }
}

/// The policy, if it is one that a mail server must honour at this time.
fn honoured(domain: &DomainName, fetched: &FetchedPolicy, at: i64) -> Option<SeenPolicy> {
    let policy = Policy::parse(&fetched.text).ok()?;
    let age = u32::try_from(at.saturating_sub(fetched.fetched_at)).ok()?;
    if policy.mode() != Mode::Enforce || age >= policy.max_age().as_secs() {
        return None;
    }
    Some(SeenPolicy::of_sts(domain.clone(), &fetched.text, policy.mx()))
}

/// The name of a log file: the line of its first session.
pub(crate) fn log_name(line: &[u8]) -> Digest {
    Digest::of(line.trim_ascii_end())
}

/// The sessions among some lines.
#[derive(Default)]
struct Found {
    sessions: Vec<LoggedSession>,
    refused: u64,
    /// What of which files was looked at.
    parts: Vec<FollowedPart>,
}

impl Found {
    fn look(&mut self, line: &[u8]) {
        match LoggedSession::read(line) {
            None => {}
            Some(Ok(session)) => self.sessions.push(session),
            Some(Err(_)) => self.refused = self.refused.saturating_add(1),
        }
    }

    fn add(&mut self, part: FollowedPart) {
        match self.parts.last_mut() {
            Some(last) if (last.log, last.begins) == (part.log, part.begins) => *last = part,
            _ => self.parts.push(part),
        }
    }
}

/// A log that is followed, and the name of the file that it is now.
struct Followed {
    log: FollowedLog,
    file: u64,
    begins: u64,
    /// None while there is no session in it.
    name: Option<Digest>,
}

impl Followed {
    fn from_end(path: PathBuf, found: &mut Found) -> io::Result<Self> {
        let mut log = FollowedLog::from_end(path)?;
        let is_session = |line: &[u8]| matches!(LoggedSession::read(line), Some(Ok(_)));
        let name = log.find_before(|line| is_session(line).then(|| log_name(line)))?;
        let begins = log.reached();
        // Noted at once: what is read as a whole from now on may not go further.
        found.parts.extend(name.map(|log| FollowedPart { log, begins, reached: begins }));
        Ok(Self { log, file: 0, begins, name })
    }

    fn read(&mut self, found: &mut Found) -> io::Result<bool> {
        let Self { log, file, begins, name } = self;
        log.read(|line| {
            if *file != line.file {
                (*file, *begins, *name) = (line.file, 0, None);
            }
            let sessions = found.sessions.len();
            found.look(line.octets);
            if found.sessions.len() > sessions {
                let log = *name.get_or_insert_with(|| log_name(line.octets));
                let Range { end: reached, .. } = line.place;
                found.add(FollowedPart { log, begins: *begins, reached });
            }
        })
    }
}

/// What was read, and whether there may be more at once.
type Read = io::Result<(bool, Found)>;

fn read_more(log: Option<Followed>, path: PathBuf) -> (Option<Followed>, Read) {
    let mut found = Found::default();
    let mut log = match log.map_or_else(|| Followed::from_end(path, &mut found), Ok) {
        Ok(log) => log,
        Err(error) => return (None, Err(error)),
    };
    let read = log.read(&mut found);
    (Some(log), read.map(|may_be_more| (may_be_more, found)))
}

/// The session, as a datagram would have told of it.
fn reading(logged: LoggedSession, policy: SeenPolicy) -> SessionReading {
    let failures = logged.failure.into_iter().collect();
    let seen = SessionPolicy { policy, outcome: logged.outcome, failures };
    let session = Session { domain: logged.domain, record: None, policies: vec![seen] };
    SessionReading { session, repairs: Vec::new() }
}

/// The moment of a line, where the machine that wrote it was so many hours before UTC. A date without
/// a year is that of the last such day.
pub(crate) fn moment(written: LogTime, offset: Offset, now: Timestamp) -> Option<Timestamp> {
    let (month, day, hour, minute, second) = match written {
        LogTime::Whole(time) => return Some(time),
        LogTime::Local { month, day, hour, minute, second } => (month, day, hour, minute, second),
        LogTime::Unknown => return None,
    };
    let year = offset.to_datetime(now).year();
    let latest = now.as_second().saturating_add(FUTURE);
    [year.saturating_add(1), year, year.saturating_sub(1)].into_iter().find_map(|year| {
        let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let time = offset.to_timestamp(time).ok()?;
        (time.as_second() <= latest).then_some(time)
    })
}

#[cfg(test)]
mod tests;
