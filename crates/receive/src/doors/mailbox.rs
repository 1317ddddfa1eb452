//! Reports that lie in a mailbox of ours.

use std::{
    convert::Infallible,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::{Path, PathBuf},
    time::Duration,
};

use sealpost_mailbox::{Mailbox, MailboxError, Session};
use sealpost_net::{Connection, Network};
use sealpost_runtime::Stopwatch;
use sealpost_store::{Arrival, Digest, Mailboxes, Origin, Place, StoreError};
use sealpost_wire::imap::TooMuch;
use tokio::time::sleep;

use crate::metrics::{MailboxOutcome, MailboxSlot, Way};
use crate::{ImapMailbox, Intake, ReadingRoom, ReceiveMetrics, SectionError};

/// How long the server is asked to tell of mail before it is asked again: under the 29 minutes of RFC
/// 2177, and under the quarter of an hour after which many a router forgets a silent connection.
const IDLE: Duration = Duration::from_secs(9 * 60);
/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));

/// Takes what comes into one mailbox.
pub struct MailboxDoor {
    mailbox: Mailbox,
    places: Mailboxes,
    poll: Duration,
    most_octets: usize,
    slot: MailboxSlot,
    account: String,
    folder: String,
}

/// What was taken from a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    /// Mails that were stored, at most 20,000.
    pub stored: Vec<Digest>,
    /// Mails that are too large, and were left.
    pub too_large: u64,
    /// Mails that are stored, and that the server did not mark, move or delete as it was told.
    pub unsettled: u64,
    /// Whether there are more.
    pub is_more: bool,
}

/// Why a mailbox cannot be emptied for now. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailboxFailure {
    /// The mailbox.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is done with a mail that is stored.
#[derive(Clone, Copy)]
enum Then<'a> {
    /// It is read beside.
    Submit(&'a ReadingRoom),
    /// It is named to the caller.
    Name,
}

impl MailboxDoor {
    /// A door to the mailbox that stands at this place of the configuration, from 0. Refresh tokens
    /// that a provider gives in place of the operator's are kept in a file beside the store, which
    /// is this one.
    ///
    /// # Errors
    ///
    /// [`SectionError`].
    pub fn new(
        configured: &ImapMailbox,
        place: usize,
        network: Network,
        places: Mailboxes,
        store: &Path,
        most_octets: usize,
    ) -> Result<Self, SectionError> {
        let account = configured.account()?;
        let name = format!("{}@{}:{}", account.user, account.host, account.port);
        Ok(Self {
            mailbox: Mailbox::new(account, network).keeping_tokens(tokens_beside(store, &name)),
            places,
            poll: configured.poll(),
            most_octets,
            slot: MailboxSlot::at(place),
            account: name,
            folder: configured.folder.clone(),
        })
    }

    /// Which mailbox it is, for people.
    pub fn name(&self) -> String {
        format!("{}, {}", self.account.escape_debug(), self.folder.escape_debug())
    }

    /// Takes what is there and what comes, and connects again after each failure, with growing
    /// pauses. It ends only by being dropped.
    pub async fn watch(&self, room: &ReadingRoom) -> Infallible {
        let metrics = room.metrics();
        let mut pause = PAUSES.0;
        loop {
            let was_open = Stopwatch::start();
            let ended = self.stay(room).await;
            metrics.mailbox_failures.increment(self.slot);
            if matches!(ended, MailboxFailure::Store(_)) {
                metrics.store_failures.increment();
            }
            if was_open.elapsed() > PAUSES.1 {
                pause = PAUSES.0;
            }
            let wait = jittered(pause);
            pause = pause.saturating_mul(2).min(PAUSES.1);
            tracing::warn!(
                mailbox = self.name(),
                error = format!("failed to {ended}"),
                again_in_s = wait.as_secs(),
                "a mailbox cannot be read for now"
            );
            sleep(wait).await;
        }
    }

    /// Takes what is there; what it says is not read yet.
    ///
    /// # Errors
    ///
    /// [`MailboxFailure`]; what was stored before it is stored.
    pub async fn once(
        &self,
        intake: &Intake,
        metrics: &ReceiveMetrics,
    ) -> Result<Harvest, MailboxFailure> {
        let mut session = self.mailbox.open(self.most_octets).await?;
        let harvest = self.take(&mut session, intake, metrics, Then::Name).await?;
        session.close().await;
        Ok(harvest)
    }

    /// One session, until it breaks.
    async fn stay(&self, room: &ReadingRoom) -> MailboxFailure {
        let mut session = match self.mailbox.open(self.most_octets).await {
            Ok(session) => session,
            Err(error) => return error.into(),
        };
        tracing::info!(mailbox = self.name(), "a mailbox is open");
        loop {
            let taken =
                self.take(&mut session, room.intake(), room.metrics(), Then::Submit(room)).await;
            if let Err(failure) = taken {
                return failure;
            }
            room.metrics().mailbox_passes.increment(self.slot);
            if let Err(error) = session.wait(IDLE, self.poll).await {
                return error.into();
            }
        }
    }

    /// Stores everything beyond the place that was reached, in this order for each mail: it is put
    /// on the disk, it is marked or moved, the place is noted. Whatever ends us in between, it is
    /// done again, and the store knows mails that it has.
    async fn take(
        &self,
        session: &mut Session<Connection>,
        intake: &Intake,
        metrics: &ReceiveMetrics,
        then: Then<'_>,
    ) -> Result<Harvest, MailboxFailure> {
        let mut harvest = Harvest::default();
        let last_uid = self.last_uid(session.uid_validity()).await?;
        let listed = session.list(last_uid).await?;
        for mail in &listed {
            if mail.size > u64::try_from(self.most_octets).unwrap_or(u64::MAX) {
                self.skip(mail.uid, mail.size, metrics, &mut harvest);
            } else {
                let _fetched = intake.fetch_mail(mail.size).await?;
                let octets = match session.fetch(mail.uid).await {
                    Ok(octets) => octets,
                    Err(MailboxError::TooMuch(too_much @ TooMuch::Literals(_))) => {
                        // The server said that it is smaller. The session is over, and the next one
                        // is not to end here too.
                        self.skip(mail.uid, mail.size, metrics, &mut harvest);
                        self.reached(session.uid_validity(), mail.uid, intake).await?;
                        return Err(MailboxError::TooMuch(too_much).into());
                    }
                    Err(error) => return Err(error.into()),
                };
                // It may have been taken away meanwhile.
                if let Some(octets) = octets {
                    self.store(octets, intake, metrics, then, &mut harvest).await?;
                    self.settle(session, mail.uid, metrics, &mut harvest).await?;
                }
            }
            self.reached(session.uid_validity(), mail.uid, intake).await?;
        }
        harvest.is_more = !listed.is_empty();
        Ok(harvest)
    }

    async fn store(
        &self,
        octets: Vec<u8>,
        intake: &Intake,
        metrics: &ReceiveMetrics,
        then: Then<'_>,
        harvest: &mut Harvest,
    ) -> Result<(), StoreError> {
        let arrival = Arrival {
            origin: Origin::Imap,
            at: intake.now(),
            // Who sent the mail is not known, and the server of the mailbox is not he.
            peer: None,
            recipient: Some(self.account.clone()),
        };
        let watch = Stopwatch::start();
        let digest = intake.store(octets, arrival).await?;
        metrics.store_seconds.observe(watch.elapsed());
        metrics.stored.increment(Way::Imap);
        metrics.mailbox_mails.increment(MailboxOutcome::Stored);
        match then {
            Then::Submit(room) => room.submit(digest),
            Then::Name => harvest.stored.push(digest),
        }
        Ok(())
    }

    /// A mail that cannot be moved is no reason to leave the next one unread.
    async fn settle(
        &self,
        session: &mut Session<Connection>,
        uid: u32,
        metrics: &ReceiveMetrics,
        harvest: &mut Harvest,
    ) -> Result<(), MailboxError> {
        match session.settle(uid).await {
            Err(error @ MailboxError::Refused { .. }) => {
                harvest.unsettled = harvest.unsettled.saturating_add(1);
                metrics.mailbox_mails.increment(MailboxOutcome::Unsettled);
                tracing::error!(
                    mailbox = self.name(),
                    uid,
                    error = format!("failed to {error}"),
                    "a mail is stored, and stays where it is"
                );
                Ok(())
            }
            settled => settled,
        }
    }

    fn skip(&self, uid: u32, size: u64, metrics: &ReceiveMetrics, harvest: &mut Harvest) {
        harvest.too_large = harvest.too_large.saturating_add(1);
        metrics.mailbox_mails.increment(MailboxOutcome::TooLarge);
        tracing::warn!(mailbox = self.name(), uid, size, "a mail is too large, and is left");
    }

    /// Up to where the mailbox has been read.
    async fn last_uid(&self, uid_validity: u32) -> Result<u32, StoreError> {
        let known = self.places.place(self.account.clone(), self.folder.clone()).await?;
        Ok(match known {
            Some(place) if place.uid_validity == uid_validity && uid_validity != 0 => {
                place.last_uid
            }
            Some(_) => {
                tracing::warn!(
                    mailbox = self.name(),
                    "the mailbox was made anew (UIDVALIDITY), and is read from its beginning"
                );
                0
            }
            None => 0,
        })
    }

    async fn reached(
        &self,
        uid_validity: u32,
        last_uid: u32,
        intake: &Intake,
    ) -> Result<(), StoreError> {
        let place = Place { uid_validity, last_uid, at: intake.now() };
        self.places.reached(self.account.clone(), self.folder.clone(), place).await
    }
}

/// Where the refresh token of an account is kept.
fn tokens_beside(store: &Path, account: &str) -> PathBuf {
    let digest = Digest::of(account.as_bytes()).to_string();
    let mut name = store.as_os_str().to_owned();
    name.push(".token-");
    name.push(digest.get(..16).unwrap_or_default());
    PathBuf::from(name)
}

/// From half of a pause to all of it, so that those whom the same failure hit do not come back
/// together.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let share = u32::try_from(random % 512).unwrap_or(0);
    pause / 2 + pause.saturating_mul(share) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_differ_within_their_bounds() {
        let pauses: Vec<Duration> = (0..64).map(|_| jittered(PAUSES.1)).collect();
        assert!(pauses.iter().all(|pause| (PAUSES.1 / 2..=PAUSES.1).contains(pause)));
        assert!(pauses.iter().any(|pause| Some(pause) != pauses.first()));
    }
}
