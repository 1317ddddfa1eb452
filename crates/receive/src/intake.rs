//! From octets that came in to what is known.

mod reading;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealpost_evidence::traffic::Trust;
use sealpost_runtime::Clock;
use sealpost_store::{
    Arrival, Digest, Held, Incoming, PackedAll, RawEntry, RawOutcomes, RawState, RawStore, Reports,
    Room, StoreError, Stored, Vouched,
    reports::{Accepted, NewReport},
};
use tls_rpt::MailMessage;
use tokio::{sync::Semaphore, task::spawn_blocking};

use self::reading::{Means, Piece, Read, Reading, Share, Wanting};
use crate::{Beliefs, Limits, Notary, OurDomains, SectionLimits, notary::Keys};

/// The version of the reader. Raise it when it reads what it did not read before: what lies in
/// quarantine is then tried again.
pub const READER: u32 = 4;
/// The first version whose verdicts on signatures are believed where they were kept. Raise it when
/// one is mended that was too good.
const VERDICTS_SINCE: u32 = 3;

/// Pieces of work that are read and handed to the store at a time: two or three keep two processors
/// and the disk busy.
const PIECES: usize = 3;
/// Of the memory for reading, what a piece of work takes: what comes out of some submissions.
const PIECE: (usize, usize) = (1, 4);
/// The same for one large submission: there is never a second one, and a piece of small ones fits
/// beside it.
const MOST: (usize, usize) = (3, 4);

/// Takes in submissions. Clones share everything.
///
/// # Memory
/// What is stored has the room of the [`RawStore`], and waits for nobody who reads: it is to be
/// acknowledged. What comes out when it is read has a room of its own, [`Memory::reading`]. Nearly all
/// submissions are small, and read some at a time in a part of it. One that turns out not to be is
/// given up, and read by itself when most of the room is free: where submissions are as full as the
/// limits allow, the largest of them bounds what comes on top. What is fetched has rooms of its own as
/// well, [`Intake::fetch`] and [`Intake::fetch_mail`]: who holds some of these may wait for the others,
/// and nobody the other way round.
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
    /// For what is read beside others.
    small: Limits,
    memory: Memory,
    clock: Clock,
    pieces: Arc<Semaphore>,
    /// What became of submissions, to be noted with the next that are stored.
    unnoted: Arc<Mutex<Vec<Noted>>>,
}

/// Memory beside that of the [`RawStore`]. Clones share it.
#[derive(Clone, Debug)]
pub struct Memory {
    /// For what comes out of submissions when they are read.
    pub reading: Room,
    /// For submissions that were fetched from the disk to be read, as they came.
    pub fetched: Room,
    /// For mails on their way from mailboxes, which may take minutes.
    pub mailboxes: Room,
}

/// A submission that is stored, and is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The name of its octets.
    pub digest: Digest,
    /// Its place in the order of arrival: of two revisions the later one counts.
    pub place: i64,
    /// The octets.
    pub octets: Arc<Vec<u8>>,
    /// How they came, first of all the first time; never empty.
    pub arrivals: Vec<Arrival>,
    /// The messages in it of which it is known who signed them, from when they came.
    pub vouched: Vec<Vouched>,
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

/// What became of something that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// What was stored.
    pub stored: Stored,
    /// What was read; `None` if it had been read when it came before.
    pub taken: Option<Taken>,
}

/// Submissions that are ready to be stored, by [`Intake::put_packed`].
pub struct Packed {
    packed: PackedAll,
    kept: Vec<(Arc<Vec<u8>>, Arrival)>,
}

/// What becomes of a submission.
struct Noted {
    /// Its place in the order of arrival.
    place: i64,
    name: Digest,
    state: RawState,
    vouched: Vec<Vouched>,
}

/// What was taken, with places in the list of the caller.
type Placed = Vec<(usize, Taken, Option<Noted>)>;
/// What was taken, or what the store refuses.
type Kept = Result<Placed, Vec<Read>>;
/// What became of what was read together.
struct PieceTaken {
    taken: Placed,
    /// What waits for keys.
    waiting: Vec<((usize, Unread), Vec<String>)>,
    /// What waits for more memory.
    large: Vec<(usize, Unread)>,
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
        let (beliefs, pieces) = (Beliefs::default(), Arc::new(Semaphore::new(PIECES)));
        let shared = Shared {
            memory: SectionLimits::default().memory(),
            small: limits.small(),
            unnoted: Arc::default(),
            raw,
            reports,
            notary,
            beliefs,
            ours,
            limits,
            clock,
            pieces,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The same, with somebody to believe beside those who sign.
    #[must_use]
    pub fn believing(self, beliefs: Beliefs) -> Self {
        Self { shared: Arc::new(Shared { beliefs, ..Shared::clone(&self.shared) }) }
    }

    /// The same within this memory, in place of that of the settings by default.
    #[must_use]
    pub fn within(self, memory: Memory) -> Self {
        Self { shared: Arc::new(Shared { memory, ..Shared::clone(&self.shared) }) }
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
        let _fetched = self.fetch(entry.size).await?;
        let Some(unread) = self.unread(entry).await? else { return Ok(None) };
        Ok(self.read_all(vec![unread]).await?.pop())
    }

    /// Waits for memory for a submission of so many octets that is to be fetched: from the store, or
    /// from where it lies on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] is not expected.
    pub async fn fetch(&self, octets: u64) -> Result<Held, StoreError> {
        self.shared.memory.fetched.hold(usize::try_from(octets).unwrap_or(usize::MAX)).await
    }

    /// The same for a mail of so many octets in a mailbox. Another machine says how long that takes, so
    /// nobody who reads waits for it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] is not expected.
    pub async fn fetch_mail(&self, octets: u64) -> Result<Held, StoreError> {
        self.shared.memory.mailboxes.hold(usize::try_from(octets).unwrap_or(usize::MAX)).await
    }

    /// A stored submission as [`Self::read_all`] takes it; `None` if it has been forgotten.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says.
    pub async fn unread(&self, entry: RawEntry) -> Result<Option<Unread>, StoreError> {
        let (raw, digest, place) = (&self.shared.raw, entry.digest, entry.id);
        let Some(octets) = raw.octets(digest).await? else { return Ok(None) };
        let arrivals = match entry.arrivals {
            1 => vec![entry.first],
            _ => raw.arrivals(digest).await?,
        };
        // Of what nobody has read yet nothing is known.
        let vouched = if entry.reader > 0 { raw.vouched(place).await? } else { Vec::new() };
        Ok(Some(Unread { digest, place, octets: Arc::new(octets), arrivals, vouched }))
    }

    /// Whether reading a stored submission could change anything: it is new, no reader of this version
    /// has seen what lies in quarantine, or it has come again, perhaps by a way on which it is believed
    /// more.
    pub fn is_worth_reading(&self, entry: &RawEntry) -> bool {
        let is_again = entry.arrivals > 1 && self.shared.beliefs != Beliefs::default();
        match entry.state {
            RawState::New => true,
            RawState::Quarantined { .. } => entry.reader < READER || is_again,
            RawState::Read | RawState::Refused { .. } => is_again,
        }
    }

    /// Puts a submission aside that makes us fail, for a later version. Who signed it is kept as with
    /// all that lies in quarantine, if its octets are still what they were.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says.
    pub async fn quarantine(&self, digest: Digest, reason: &str) -> Result<(), StoreError> {
        let state = RawState::Quarantined { reason: reason.to_owned() };
        let Some(entry) = self.shared.raw.entry(digest).await? else { return Ok(()) };
        let place = entry.id;
        let mut settled = RawOutcomes { reader: READER, ..RawOutcomes::default() };
        // What makes the reader fail may make this fail too.
        let intake = self.clone();
        let vouched = tokio::spawn(async move { intake.vouched(entry).await }).await;
        if let Ok(Some(vouched)) = vouched {
            settled.vouched.push((place, digest, vouched));
        }
        settled.outcomes.push((place, digest, state));
        self.shared.raw.settle_placed(settled).await
    }

    /// Who signed a stored mail, without reading what is in it.
    async fn vouched(&self, entry: RawEntry) -> Option<Vouched> {
        let _fetched = self.fetch(entry.size).await.ok()?;
        let octets = self.shared.raw.octets(entry.digest).await.ok()??;
        match self.shared.notary.vouch(&octets, entry.first.at).await {
            Ok(Trust::Verified { signer }) => {
                Some(Vouched { message: entry.digest, signer, reader: READER })
            }
            _ => None,
        }
    }

    /// By which it tells how old something is.
    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
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

    /// Stores many submissions at once, as [`Self::store`]; with each that nobody has read yet comes
    /// what [`Self::read_all`] reads. The same octets are to be read once.
    ///
    /// # Errors
    ///
    /// As [`RawStore::put_all`]; then none must be acknowledged.
    pub async fn put_all(
        &self,
        incoming: Vec<Incoming>,
    ) -> Result<Vec<(Stored, Option<Unread>)>, StoreError> {
        self.put_packed(self.pack(incoming).await?).await
    }

    /// What of [`Self::put_all`] does not depend on order, as [`RawStore::pack`].
    ///
    /// # Errors
    ///
    /// As [`RawStore::pack`].
    pub async fn pack(&self, incoming: Vec<Incoming>) -> Result<Packed, StoreError> {
        let kept = incoming
            .iter()
            .map(|incoming| (Arc::clone(&incoming.octets), incoming.arrival.clone()))
            .collect();
        Ok(Packed { packed: self.shared.raw.pack(incoming).await?, kept })
    }

    /// The rest of [`Self::put_all`]. What became of others that [`Self::read_put`] has read is noted
    /// in the same transaction.
    ///
    /// # Errors
    ///
    /// As [`RawStore::put_packed`]; then none must be acknowledged.
    pub async fn put_packed(
        &self,
        Packed { packed, kept }: Packed,
    ) -> Result<Vec<(Stored, Option<Unread>)>, StoreError> {
        let stored = self.shared.raw.put_packed(packed, self.unnoted()).await?;
        let mut seen = HashSet::new();
        let with_unread = |(stored, (octets, arrival)): (Stored, (_, Arrival))| {
            let is_unread = matches!(stored.before, None | Some(RawState::New));
            let unread = (is_unread && seen.insert(stored.digest)).then_some(Unread {
                digest: stored.digest,
                place: stored.place,
                octets,
                arrivals: vec![Arrival { at: stored.first_at, ..arrival }],
                vouched: Vec::new(),
            });
            (stored, unread)
        };
        Ok(stored.into_iter().zip(kept).map(with_unread).collect())
    }

    /// Stores many submissions at once, then reads those that nobody has read yet; what became of
    /// each, in their order.
    ///
    /// All of them are in memory, and no more of what comes out of them than some at a time: the
    /// caller bounds how much it hands over.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says. Then it may be done again: what was stored is not stored twice.
    pub async fn take_all(&self, incoming: Vec<Incoming>) -> Result<Vec<Arrived>, StoreError> {
        let arrived = self.read_put(self.put_all(incoming).await?).await?;
        self.note_read().await?;
        Ok(arrived)
    }

    /// The reading of [`Self::take_all`], of what [`Self::put_all`] has stored. That it was read is
    /// noted with what is stored next, or by [`Self::note_read`]: until then a start after a crash
    /// reads it once more, which changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::read_all`].
    pub async fn read_put(
        &self,
        put: Vec<(Stored, Option<Unread>)>,
    ) -> Result<Vec<Arrived>, StoreError> {
        let (mut arrived, mut places, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for (stored, one) in put {
            if let Some(one) = one {
                places.push(arrived.len());
                unread.push(one);
            }
            arrived.push(Arrived { stored, taken: None });
        }
        let (all, noted) = self.read_pieces(unread).await?;
        self.shared.unnoted().extend(noted);
        for (place, taken) in places.into_iter().zip(all) {
            if let Some(arrived) = arrived.get_mut(place) {
                arrived.taken = Some(taken);
            }
        }
        Ok(arrived)
    }

    /// Notes what [`Self::read_put`] has read last.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says; then it is read again after the next start.
    pub async fn note_read(&self) -> Result<(), StoreError> {
        self.note(self.unnoted()).await
    }

    fn unnoted(&self) -> RawOutcomes {
        settled(std::mem::take(&mut *self.shared.unnoted()))
    }

    /// Reads stored submissions, as [`Self::read`]; what became of each, in their order. What they
    /// say is accepted some at a time, each time in one transaction.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says; then those that are not settled are still there to be read.
    pub async fn read_all(&self, unread: Vec<Unread>) -> Result<Vec<Taken>, StoreError> {
        let (taken, noted) = self.read_pieces(unread).await?;
        self.note(settled(noted)).await?;
        Ok(taken)
    }

    /// The same, without noting that they were read.
    async fn read_pieces(
        &self,
        unread: Vec<Unread>,
    ) -> Result<(Vec<Taken>, Vec<Noted>), StoreError> {
        let mut noted = Vec::new();
        let mut taken: Vec<Option<Taken>> = Vec::new();
        taken.resize_with(unread.len(), || None);
        let mut keep = |read: Placed| {
            for (place, read, noting) in read {
                noted.extend(noting);
                if let Some(taken) = taken.get_mut(place) {
                    *taken = Some(read);
                }
            }
        };
        let mut unread: Vec<_> = unread.into_iter().enumerate().collect();
        for share in [Share::Piece, Share::Most] {
            let (mut waiting, mut large) = (Vec::new(), Vec::new());
            let mut names = HashSet::new();
            let mut reading = Reading::of(unread);
            while !reading.is_empty() {
                let means = (Arc::new(Keys::new()), Wanting::GivenBack, share);
                let (piece, rest) = self.read_piece(reading, means).await?;
                reading = rest;
                keep(piece.taken);
                large.extend(piece.large);
                for (unread, wanted) in piece.waiting {
                    waiting.push(unread);
                    names.extend(wanted);
                }
            }
            if !waiting.is_empty() {
                let keys = Arc::new(self.shared.notary.look_up(names, self.now()).await);
                let mut reading = Reading::of(waiting);
                while !reading.is_empty() {
                    let means = (Arc::clone(&keys), Wanting::Undecided, share);
                    let (piece, rest) = self.read_piece(reading, means).await?;
                    reading = rest;
                    keep(piece.taken);
                }
            }
            if large.is_empty() {
                break;
            }
            unread = large;
        }
        Ok((taken.into_iter().flatten().collect(), noted))
    }

    /// Reads on until there is enough for a transaction, and has it stored. Gives what was taken,
    /// what waits for keys or for more memory, and what is still to be read.
    async fn read_piece(
        &self,
        reading: Reading,
        (keys, wanting, share): (Arc<Keys>, Wanting, Share),
    ) -> Result<(PieceTaken, Reading), StoreError> {
        let turn = self.shared.pieces.acquire().await.map_err(|_| StoreError::Closed)?;
        // It is held until what was read has left the memory. Who has a turn waits for nobody who has
        // none.
        let held = self.hold(share).await?;
        let (piece, rest) = self.piece(reading, Arc::clone(&keys), wanting, share).await?;
        let taken = match self.settle(piece.read).await? {
            Ok(taken) => taken,
            Err(refused) => self.settle_each(refused, &keys, share).await?,
        };
        drop((held, turn));
        Ok((PieceTaken { taken, waiting: piece.waiting, large: piece.large }, rest))
    }

    async fn hold(&self, share: Share) -> Result<Held, StoreError> {
        let room = &self.shared.memory.reading;
        let (part, of) = match share {
            Share::Piece => PIECE,
            Share::Most => MOST,
        };
        room.hold(room.octets() / of * part).await
    }

    async fn piece(
        &self,
        reading: Reading,
        keys: Arc<Keys>,
        wanting: Wanting,
        share: Share,
    ) -> Result<(Piece, Reading), StoreError> {
        let (shared, now) = (Arc::clone(&self.shared), self.now());
        let read = move || {
            let Shared { notary, beliefs, ours, .. } = &*shared;
            let limits = match share {
                Share::Piece => &shared.small,
                Share::Most => &shared.limits,
            };
            let keys = &keys;
            reading.piece(&Means { notary, beliefs, ours, limits, keys, now, wanting, share })
        };
        spawn_blocking(read).await.map_err(|_| StoreError::Closed)
    }

    /// Keeps what was read, and says what is to be noted. Gives the submissions back if the store refuses
    /// what one of them says.
    async fn settle(&self, mut read: Vec<Read>) -> Result<Kept, StoreError> {
        let trusts: Vec<Vec<Trust>> = read.iter().map(Read::trusts).collect();
        let accounts: Vec<NewReport> =
            read.iter_mut().flat_map(|read| std::mem::take(&mut read.accounts)).collect();
        let accepted = match self.accept(accounts).await {
            Err(StoreError::Refused { .. }) => return Ok(Err(read)),
            accepted => accepted?,
        };
        let mut accepted = accepted.into_iter();
        let taken = read.into_iter().zip(trusts).map(|(read, trusts)| {
            let accepted = accepted.by_ref().take(trusts.len()).collect();
            let noted = read.noted();
            (read.place, Taken { state: read.state, accepted, trusts }, noted)
        });
        Ok(Ok(taken.collect()))
    }

    /// The same one by one: those that break a bound of the store are not to cost the others.
    async fn settle_each(
        &self,
        read: Vec<Read>,
        keys: &Arc<Keys>,
        share: Share,
    ) -> Result<Placed, StoreError> {
        let mut all = Vec::new();
        for Read { place, unread, .. } in read {
            let reading = Reading::of(vec![(place, unread)]);
            let (piece, _) = self.piece(reading, Arc::clone(keys), Wanting::Refused, share).await?;
            for mut read in piece.read {
                let (place, unread) = (read.place, read.unread.clone());
                let vouched = std::mem::take(&mut read.vouched);
                let taken = self.settle_one(read).await?;
                let vouched = match taken.state {
                    RawState::Quarantined { .. } => vouched,
                    _ => Vec::new(),
                };
                let state = taken.state.clone();
                let noted = (state != RawState::New).then(|| Noted::of(&unread, state, vouched));
                all.push((place, taken, noted));
            }
        }
        Ok(all)
    }

    async fn settle_one(&self, read: Read) -> Result<Taken, StoreError> {
        let mut taken = Taken { state: read.state, accepted: Vec::new(), trusts: Vec::new() };
        let mut is_refused = false;
        for account in read.accounts {
            let trust = account.trust.clone();
            match self.accept(vec![account]).await {
                Ok(accepted) => {
                    taken.trusts.extend(accepted.iter().map(|_| trust.clone()));
                    taken.accepted.extend(accepted);
                }
                Err(StoreError::Refused { .. }) => is_refused = true,
                Err(error) => return Err(error),
            }
        }
        if is_refused && taken.state == RawState::Read {
            // It will never fit: it is kept as it came, for a later version.
            taken.state = RawState::Quarantined { reason: "out-of-bounds".to_owned() };
        }
        Ok(taken)
    }

    async fn note(&self, settled: RawOutcomes) -> Result<(), StoreError> {
        if settled.outcomes.is_empty() {
            return Ok(());
        }
        self.shared.raw.settle_placed(settled).await
    }

    async fn accept(&self, accounts: Vec<NewReport>) -> Result<Vec<Accepted>, StoreError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        self.shared.reports.accept(accounts).await
    }
}

impl Unread {
    /// Who signed a message in it, if that was seen when it came.
    fn signer(&self, message: &MailMessage<'_>) -> Option<String> {
        if self.vouched.is_empty() {
            return None;
        }
        let name = Digest::of(&message.octets);
        let is_kept =
            |vouched: &&Vouched| vouched.message == name && vouched.reader >= VERDICTS_SINCE;
        let vouched = self.vouched.iter().find(is_kept)?;
        Some(vouched.signer.clone())
    }
}

impl Noted {
    fn of(unread: &Unread, state: RawState, vouched: Vec<Vouched>) -> Self {
        Self { place: unread.place, name: unread.digest, state, vouched }
    }
}

impl Shared {
    fn unnoted(&self) -> MutexGuard<'_, Vec<Noted>> {
        self.unnoted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn settled(noted: Vec<Noted>) -> RawOutcomes {
    let mut settled = RawOutcomes { reader: READER, ..RawOutcomes::default() };
    for Noted { place, name, state, vouched } in noted {
        settled.outcomes.push((place, name, state));
        settled.vouched.extend(vouched.into_iter().map(|vouched| (place, name, vouched)));
    }
    settled
}

#[cfg(test)]
mod tests;
