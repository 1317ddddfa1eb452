//! From octets that came in to what is known.

use std::sync::Arc;

use sealpost_evidence::traffic::Trust;
use sealpost_runtime::Clock;
use sealpost_store::{
    Arrival, Digest, RawState, RawStore, Reports, StoreError,
    reports::{Accepted, NewReport},
};
use tokio::task::spawn_blocking;

use crate::{Limits, Notary, OurDomains, Received, Submission, accounts, notary::Undecided};

/// The version of the reader. Raise it when it reads what it did not read before: what lies in
/// quarantine is then tried again.
pub const READER: u32 = 1;

/// For how long a signature whose key cannot be looked up is tried again, in seconds: a day. After
/// that the report counts as unverified.
const KEY_PATIENCE: i64 = 86_400;

/// Takes in submissions. Clones share everything.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

struct Shared {
    raw: RawStore,
    reports: Reports,
    notary: Notary,
    ours: OurDomains,
    limits: Limits,
    clock: Clock,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What is stored of it.
    pub state: RawState,
    /// One for each policy domain of each report.
    pub accepted: Vec<Accepted>,
}

impl Intake {
    /// Keeps octets and what they say in these.
    pub fn new(
        raw: RawStore,
        reports: Reports,
        notary: Notary,
        ours: OurDomains,
        limits: Limits,
        clock: Clock,
    ) -> Self {
        Self { shared: Arc::new(Shared { raw, reports, notary, ours, limits, clock }) }
    }

    /// Stores what came in. Once this is done it may be acknowledged: it is on the disk, and will be
    /// read now or later.
    ///
    /// # Errors
    ///
    /// As [`RawStore::put`]; then it must not be acknowledged.
    pub async fn store(&self, octets: Vec<u8>, arrival: Arrival) -> Result<Digest, StoreError> {
        self.shared.raw.put(octets, arrival).await
    }

    /// Reads a stored submission, judges it, and keeps what it says. To do so twice changes nothing.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says; then it is still there to be read.
    pub async fn read(&self, digest: Digest) -> Result<Option<Taken>, StoreError> {
        let Some(entry) = self.shared.raw.entry(digest).await? else { return Ok(None) };
        let Some(octets) = self.shared.raw.octets(digest).await? else { return Ok(None) };
        self.judge(digest, octets, entry.first.at).await.map(Some)
    }

    async fn judge(&self, raw: Digest, octets: Vec<u8>, at: i64) -> Result<Taken, StoreError> {
        let limits = self.shared.limits.clone();
        let octets = Arc::new(octets);
        let read = {
            let octets = Arc::clone(&octets);
            spawn_blocking(move || Found::read(&octets, &limits)).await
        };
        let found = read.unwrap_or_else(|error| {
            tracing::error!(%raw, %error, "the reader has failed: the submission is kept apart");
            let state = RawState::Quarantined { reason: "reader-failed".to_owned() };
            Found { documents: Vec::new(), state }
        });
        let mut all = Vec::new();
        let mut is_undecided = false;
        for (document, message) in &found.documents {
            let trust = match message {
                None => Trust::Unverified { reason: "no-mail".to_owned() },
                Some(message) => match self.shared.notary.vouch(message, self.now()).await {
                    Ok(trust) => trust,
                    Err(Undecided) if self.now().saturating_sub(at) < KEY_PATIENCE => {
                        is_undecided = true;
                        continue;
                    }
                    Err(Undecided) => Trust::Unverified { reason: "key-unknown".to_owned() },
                },
            };
            let received = Received { raw, at, trust };
            all.extend(accounts(document, &received, &self.shared.ours));
        }
        let accepted = self.accept(all).await?;
        // It stays new, and is read again.
        let state = if is_undecided { RawState::New } else { found.state };
        if state != RawState::New {
            self.shared.raw.settle(vec![(raw, state.clone())], READER).await?;
        }
        Ok(Taken { state, accepted })
    }

    async fn accept(&self, accounts: Vec<NewReport>) -> Result<Vec<Accepted>, StoreError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        self.shared.reports.accept(accounts).await
    }

    fn now(&self) -> i64 {
        self.shared.clock.now().as_second()
    }
}

/// What was found in a submission, and each message once that a report came in.
struct Found {
    documents: Vec<(crate::Document, Option<Arc<[u8]>>)>,
    state: RawState,
}

impl Found {
    fn read(octets: &[u8], limits: &Limits) -> Self {
        let Submission { documents, messages, unreadable, .. } = Submission::read(octets, limits);
        let messages: Vec<Arc<[u8]>> =
            messages.into_iter().map(|message| Arc::from(&*message.octets)).collect();
        let state = match unreadable.first() {
            None => RawState::Read,
            Some(first) => RawState::Quarantined { reason: first.code().to_owned() },
        };
        let documents = documents.into_iter().map(|document| {
            let message = document.message.and_then(|index| messages.get(index)).cloned();
            (document, message)
        });
        Self { documents: documents.collect(), state }
    }
}
