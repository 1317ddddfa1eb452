//! From octets that came in to what is known.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sealpost_evidence::traffic::Trust;
use sealpost_runtime::Clock;
use sealpost_store::{
    Arrival, Digest, Origin, RawEntry, RawState, RawStore, Reports, StoreError,
    reports::{Accepted, NewReport},
};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    Beliefs, Limits, Notary, OurDomains, Received, Submission, accounts, notary::Undecided,
};

/// The version of the reader. Raise it when it reads what it did not read before: what lies in
/// quarantine is then tried again.
pub const READER: u32 = 1;

/// For how long a signature whose key cannot be looked up is tried again, in seconds: a day. After
/// that the report counts as unverified.
const KEY_PATIENCE: i64 = 86_400;
/// How long the keys of one message may be looked up at a time; whoever names many slow ones delays
/// others no longer than this.
const KEY_TIME: Duration = Duration::from_secs(30);

/// Takes in submissions. Clones share everything.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    raw: RawStore,
    reports: Reports,
    notary: Notary,
    beliefs: Beliefs,
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
    /// How far each of these is believed.
    pub trusts: Vec<Trust>,
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
        let beliefs = Beliefs::default();
        Self { shared: Arc::new(Shared { raw, reports, notary, beliefs, ours, limits, clock }) }
    }

    /// The same, with somebody to believe beside those who sign.
    #[must_use]
    pub fn believing(self, beliefs: Beliefs) -> Self {
        Self { shared: Arc::new(Shared { beliefs, ..Shared::clone(&self.shared) }) }
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
        let arrivals = match entry.arrivals {
            1 => vec![entry.first],
            _ => self.shared.raw.arrivals(digest).await?,
        };
        self.judge(digest, octets, &arrivals).await.map(Some)
    }

    /// Whether reading a stored submission could change anything: it is new, or it has come again,
    /// perhaps by a way on which it is believed more.
    pub fn is_worth_reading(&self, entry: &RawEntry) -> bool {
        let is_again = entry.arrivals > 1 && self.shared.beliefs != Beliefs::default();
        entry.state == RawState::New || is_again
    }

    /// Puts a submission aside that makes us fail, for a later version.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says.
    pub async fn quarantine(&self, digest: Digest, reason: &str) -> Result<(), StoreError> {
        let state = RawState::Quarantined { reason: reason.to_owned() };
        self.shared.raw.settle(vec![(digest, state)], READER).await
    }

    /// The time of its clock, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.shared.clock.now().as_second()
    }

    /// The file of what came in.
    pub fn raw(&self) -> &RawStore {
        &self.shared.raw
    }

    /// What it keeps of it.
    pub fn reports(&self) -> &Reports {
        &self.shared.reports
    }

    async fn judge(
        &self,
        raw: Digest,
        octets: Vec<u8>,
        arrivals: &[Arrival],
    ) -> Result<Taken, StoreError> {
        let at = arrivals.first().map_or_else(|| self.now(), |first| first.at);
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
        // Many reports may lie in one message, which is looked at once.
        let mut trusts: BTreeMap<Option<usize>, Result<Trust, Undecided>> = BTreeMap::new();
        for (document, message) in &found.documents {
            let index = message.as_ref().map(|message| message.index);
            let trust = match trusts.get(&index) {
                Some(trust) => trust.clone(),
                None => {
                    let trust = self.trust(message.as_ref(), arrivals).await;
                    trusts.insert(index, trust.clone());
                    trust
                }
            };
            let trust = match trust {
                Ok(trust) => trust,
                Err(Undecided) if self.now().saturating_sub(at) < KEY_PATIENCE => {
                    is_undecided = true;
                    continue;
                }
                Err(Undecided) => Trust::Unverified { reason: "key-unknown".to_owned() },
            };
            let trust = match trust {
                Trust::Unverified { .. } => self.admitted(arrivals).unwrap_or(trust),
                trust => trust,
            };
            let received = Received { raw, at, trust };
            all.extend(accounts(document, &received, &self.shared.ours));
        }
        let Fitted { accepted, trusts, refused } = self.accept(all).await?;
        let state = match found.state {
            // It stays new, and is read again.
            _ if is_undecided => RawState::New,
            // It will never fit: it is kept as it came, for a later version.
            RawState::Read if refused > 0 => {
                RawState::Quarantined { reason: "out-of-bounds".to_owned() }
            }
            state => state,
        };
        if state != RawState::New {
            self.shared.raw.settle(vec![(raw, state.clone())], READER).await?;
        }
        Ok(Taken { state, accepted, trusts })
    }

    /// How far a report is believed that came in this message, or in none.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# Reports lacking such a signature MUST be ignored by the recipient.
    async fn trust(
        &self,
        message: Option<&Carrier>,
        arrivals: &[Arrival],
    ) -> Result<Trust, Undecided> {
        let Some(Carrier { octets, place, .. }) = message else {
            let is_posted = arrivals.iter().all(|arrival| arrival.origin == Origin::Http);
            let reason = if is_posted { "https" } else { "no-mail" };
            return Ok(Trust::Unverified { reason: reason.to_owned() });
        };
        let verdict = timeout(KEY_TIME, self.shared.notary.vouch(octets, self.now())).await;
        let verdict = verdict.unwrap_or(Err(Undecided));
        match verdict {
            Ok(Trust::Verified { .. }) => verdict,
            // Our server has written on the outside.
            _ if *place == Place::Outermost => {
                let beliefs = &self.shared.beliefs;
                let vouched = |arrival| beliefs.vouched(octets, arrival);
                arrivals.iter().find_map(vouched).map_or(verdict, Ok)
            }
            _ => verdict,
        }
    }

    fn admitted(&self, arrivals: &[Arrival]) -> Option<Trust> {
        arrivals.iter().find_map(|arrival| self.shared.beliefs.admitted(arrival))
    }

    async fn accept(&self, accounts: Vec<NewReport>) -> Result<Fitted, StoreError> {
        let mut fitted = Fitted::default();
        if accounts.is_empty() {
            return Ok(fitted);
        }
        match self.shared.reports.accept(accounts.clone()).await {
            Ok(accepted) => {
                fitted.accepted = accepted;
                fitted.trusts = accounts.into_iter().map(|account| account.trust).collect();
            }
            // One of them is at fault, and the others are not to be lost for it.
            Err(StoreError::Refused { .. }) => {
                for account in accounts {
                    let trust = account.trust.clone();
                    match self.shared.reports.accept(vec![account]).await {
                        Ok(accepted) => {
                            fitted.accepted.extend(accepted);
                            fitted.trusts.push(trust);
                        }
                        Err(StoreError::Refused { .. }) => fitted.refused += 1,
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(fitted)
    }
}

/// Accounts that the store has taken in, with the trust of each, and how many it never will.
#[derive(Default)]
struct Fitted {
    accepted: Vec<Accepted>,
    trusts: Vec<Trust>,
    refused: usize,
}

/// What was found in a submission, and each message once that a report came in.
struct Found {
    documents: Vec<(crate::Document, Option<Carrier>)>,
    state: RawState,
}

/// The message that a report came in.
#[derive(Clone)]
struct Carrier {
    index: usize,
    octets: Arc<[u8]>,
    place: Place,
}

/// Where a message lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is what came.
    Outermost,
    /// It was forwarded in another one.
    Within,
}

impl Found {
    fn read(octets: &[u8], limits: &Limits) -> Self {
        let Submission { documents, messages, unreadable, .. } = Submission::read(octets, limits);
        let messages: Vec<Carrier> = messages
            .into_iter()
            .enumerate()
            .map(|(index, message)| Carrier {
                index,
                octets: Arc::from(&*message.octets),
                place: message.within.map_or(Place::Outermost, |_| Place::Within),
            })
            .collect();
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
