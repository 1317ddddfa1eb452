//! What came in, as it came: stored before anything is acknowledged.
//!
//! The raw file lies beside the store and has a life of its own: it is large, it is written in one
//! direction, and it may be forgotten sooner. Octets are named by their SHA-256, so the same mail
//! is stored once however often it comes.

pub(crate) mod sql;

mod digest;
mod entry;
mod packing;
mod room;
pub use digest::{Digest, DigestError};
pub use entry::{
    Arrival, Incoming, Origin, RawCounts, RawEntry, RawState, Standing, Stored, Vouched,
};
pub use room::{Held, Room};

use std::{path::PathBuf, sync::Arc};

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use tokio::task::spawn_blocking;

use self::packing::{Packed, pack, unpack};
use crate::{
    Settings, StoreError, backup,
    column::{self, clip},
    readers::Readers,
    schema,
    writer::Writer,
};

/// The longest submission: 64 MiB.
pub const MOST_OCTETS: usize = 64 * 1024 * 1024;
/// Arrivals of the same octets that are kept, the first included; more are only counted.
pub const MOST_ARRIVALS: i64 = 16;
/// Shorter submissions are prepared where the caller runs: it takes microseconds.
const PREPARED_AT_ONCE: usize = 16 * 1024;

/// The raw file. Clones share it; it is closed when the last is dropped.
#[derive(Clone)]
pub struct RawStore {
    writer: Writer,
    readers: Readers,
    room: Room,
}

/// Submissions that are ready to be stored.
pub struct PackedAll(Vec<(Packed, Arrival)>);

/// What became of submissions of which the place is known, [`Stored::place`]. They are found one
/// beside the other, which their digests are not.
#[derive(Debug, Default)]
pub struct RawOutcomes {
    /// Each with its place.
    pub outcomes: Vec<(i64, Digest, RawState)>,
    /// The messages in quarantine whose signature held, each with the place and name of its submission.
    pub vouched: Vec<(i64, Digest, Vouched)>,
    /// The version of the reader that saw them.
    pub reader: u32,
}

impl RawStore {
    /// Opens the raw file, makes it if it is missing, and brings its schema up to date.
    ///
    /// The settings are mostly [`Settings::raw_beside`] of those of the store.
    ///
    /// # Errors
    ///
    /// As [`crate::Store::open`].
    pub async fn open(settings: Settings) -> Result<Self, StoreError> {
        let settings = Settings { schema: &schema::RAW, ..settings };
        let readers = Readers::new(settings.clone());
        let writer = Writer::start(settings, readers.clone()).await?;
        Ok(Self::of(writer, readers))
    }

    /// Opens a file that is there, only to read it.
    ///
    /// # Errors
    ///
    /// As [`crate::Store::open_to_read`].
    pub async fn open_to_read(settings: Settings) -> Result<Self, StoreError> {
        let readers = Readers::new(Settings { schema: &schema::RAW, ..settings });
        readers.keep_idle();
        readers.read(|_| Ok(())).await?;
        Ok(Self::of(Writer::none(), readers))
    }

    fn of(writer: Writer, readers: Readers) -> Self {
        Self { writer, readers, room: Room::default() }
    }

    /// The same file, with other memory for what waits for the writer.
    #[must_use]
    pub fn with_room(self, room: Room) -> Self {
        Self { room, ..self }
    }

    /// The memory for what waits for the writer.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Stores what came in. The answer means that it is on the disk: now it may be acknowledged.
    ///
    /// Octets that are there already are not stored again, and their state stays; the arrival is
    /// counted, and kept if it is one of the first [`MOST_ARRIVALS`]. As much waits for the writer at a
    /// time as there is [`Self::room`] for; puts beyond that wait before they are queued.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if there are more than [`MOST_OCTETS`]; else what [`StoreError`]
    /// says of writing. Then it must not be acknowledged.
    pub async fn put(&self, octets: Vec<u8>, arrival: Arrival) -> Result<Digest, StoreError> {
        bounded(octets.len())?;
        let room = self.room.hold(octets.len()).await?;
        let octets = Arc::new(octets);
        let packed = if octets.len() <= PREPARED_AT_ONCE {
            pack(octets)
        } else {
            spawn_blocking(move || pack(octets)).await.map_err(StoreError::unavailable)?
        };
        let digest = packed.digest;
        let work = move |connection: &Connection| {
            // Held until the command is over.
            let _ = &room;
            Putting::begin(connection)?.put(&packed, &arrival).map(|_| ())
        };
        self.writer.write(work).await.map(|()| digest)
    }

    /// As [`Self::put`] for many at once, in one transaction; with what had become of each before,
    /// in their order. The caller bounds how much of it is in memory.
    ///
    /// # Errors
    ///
    /// As [`Self::put`]; then none is stored.
    pub async fn put_all(&self, incoming: Vec<Incoming>) -> Result<Vec<Stored>, StoreError> {
        self.put_packed(self.pack(incoming).await?, RawOutcomes::default()).await
    }

    /// What of [`Self::put_all`] does not depend on order: names and packs the octets.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if one has more than [`MOST_OCTETS`].
    pub async fn pack(&self, incoming: Vec<Incoming>) -> Result<PackedAll, StoreError> {
        incoming.iter().try_for_each(|incoming| bounded(incoming.octets.len()))?;
        let pack_all = move || -> Vec<(Packed, Arrival)> {
            let all = incoming.into_iter();
            all.map(|Incoming { octets, arrival }| (pack(octets), arrival)).collect()
        };
        spawn_blocking(pack_all).await.map(PackedAll).map_err(StoreError::unavailable)
    }

    /// The rest of [`Self::put_all`]: who waits for one before handing over the next has them stored
    /// in this order. In the same transaction goes what became of others, as by [`Self::settle_placed`].
    ///
    /// # Errors
    ///
    /// As [`Self::put`]; then none is stored, and nothing noted.
    pub async fn put_packed(
        &self,
        all: PackedAll,
        settled: RawOutcomes,
    ) -> Result<Vec<Stored>, StoreError> {
        let work = move |connection: &Connection| {
            settled.note(connection)?;
            let mut putting = Putting::begin(connection)?;
            all.0.iter().map(|(packed, arrival)| putting.put(packed, arrival)).collect()
        };
        self.writer.write(work).await
    }

    /// Notes what became of submissions, each with the version of the reader that saw it. Unknown
    /// ones are skipped.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if a reason has more than 64 characters; else what [`StoreError`]
    /// says of writing. Then nothing is noted.
    pub async fn settle(
        &self,
        outcomes: Vec<(Digest, RawState)>,
        reader: u32,
    ) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::SETTLE)?;
            for (digest, state) in &outcomes {
                let name = state.standing().as_str();
                statement.execute(params![name, state.reason(), reader, digest.as_bytes()])?;
            }
            Ok(())
        };
        self.writer.write(work).await
    }

    /// As [`Self::settle`] for those of which the place is known.
    ///
    /// # Errors
    ///
    /// As [`Self::settle`].
    pub async fn settle_placed(&self, settled: RawOutcomes) -> Result<(), StoreError> {
        self.writer.write(move |connection: &Connection| settled.note(connection)).await
    }

    /// Forgets up to `limit` submissions that first came before a time in seconds since 1970, and
    /// says how many there were. What nobody has read yet stays. Call it again while the answer
    /// is `limit`.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; then none is forgotten.
    pub async fn prune(&self, before: i64, limit: u32) -> Result<u32, StoreError> {
        let work = move |connection: &Connection| {
            let mut old = connection.prepare_cached(sql::OLD)?;
            let ids = old.query_map(params![before, limit], |row| row.get::<_, i64>(0))?;
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            for id in &ids {
                let of_one =
                    [sql::FORGET_OCTETS, sql::FORGET_ARRIVALS, sql::FORGET_VOUCHED, sql::FORGET];
                for statement in of_one {
                    connection.prepare_cached(statement)?.execute([id])?;
                }
            }
            Ok(u32::try_from(ids.len()).unwrap_or(limit))
        };
        self.writer.write(work).await
    }

    /// The octets of a submission, the same as those that came; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if they do not have their digest any more; else what
    /// [`StoreError`] says of reading.
    pub async fn octets(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::OCTETS)?;
            let stored = statement.query_row([digest.as_bytes()], |row| {
                Ok((column::count(row, 0)?, row.get::<_, String>(1)?, row.get(2)?))
            });
            let Some((size, encoding, octets)) = stored.optional()? else { return Ok(None) };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            unpack(digest, size, &encoding, octets).map(Some)
        };
        self.readers.read(read).await
    }

    /// What is known of a submission; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn entry(&self, digest: Digest) -> Result<Option<RawEntry>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::ENTRY)?;
            Ok(statement.query_row([digest.as_bytes()], entry::entry).optional()?)
        };
        self.readers.read(read).await
    }

    /// The kept arrivals of a submission in the order in which they came, at most
    /// [`MOST_ARRIVALS`].
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn arrivals(&self, digest: Digest) -> Result<Vec<Arrival>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::ENTRY)?;
            let found = statement.query_row([digest.as_bytes()], entry::entry).optional()?;
            let Some(entry) = found else { return Ok(Vec::new()) };
            let mut arrivals = vec![entry.first];
            let mut statement = connection.prepare_cached(sql::ARRIVALS)?;
            for arrival in statement.query_map([entry.id], |row| entry::arrival(row, 0))? {
                arrivals.push(arrival?);
            }
            Ok(arrivals)
        };
        self.readers.read(read).await
    }

    /// The messages of a submission in quarantine, or that was there, whose signature held when they
    /// came. It is named by its place, [`RawEntry::id`].
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn vouched(&self, place: i64) -> Result<Vec<Vouched>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::VOUCHED)?;
            let vouched = statement.query_map([place], entry::vouched)?;
            Ok(vouched.collect::<Result<_, _>>()?)
        };
        self.readers.read(read).await
    }

    /// The first `limit` submissions after one, in the order in which they came; from the
    /// beginning with `after` 0. The octets are not among what is read, so that a caller that goes
    /// through all of them needs room for one.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn list(&self, after: i64, limit: u32) -> Result<Vec<RawEntry>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::LIST)?;
            let entries = statement.query_map(params![after, limit], entry::entry)?;
            Ok(entries.collect::<Result<_, _>>()?)
        };
        self.readers.read(read).await
    }

    /// The same for one standing, of what a reader older than `reader` saw last: with
    /// [`Standing::New`] what is still to be read, with [`Standing::Quarantined`] what an upgrade
    /// may be able to read.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn standing(
        &self,
        standing: Standing,
        reader: u32,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RawEntry>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::IN_STATE)?;
            let values = params![standing.as_str(), reader, after, limit];
            let entries = statement.query_map(values, entry::entry)?;
            Ok(entries.collect::<Result<_, _>>()?)
        };
        self.readers.read(read).await
    }

    /// How many submissions are in each standing.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn counts(&self) -> Result<RawCounts, StoreError> {
        let read = move |connection: &Connection| {
            connection.execute_batch("BEGIN")?;
            let mut counts = RawCounts::default();
            let mut waiting = connection.prepare_cached(sql::COUNT_WAITING)?;
            let mut rows = waiting.query([])?;
            while let Some(row) = rows.next()? {
                entry::add_count(row, &mut counts)?;
            }
            let mut all = connection.prepare_cached(sql::COUNT_ALL)?;
            let all = all.query_row([], |row| column::count(row, 0))?;
            drop(rows);
            connection.execute_batch("COMMIT")?;
            let waiting = counts.new.saturating_add(counts.quarantined);
            counts.read = all.saturating_sub(waiting.saturating_add(counts.refused));
            Ok(counts)
        };
        self.readers.read(read).await
    }

    /// Writes a copy of the file as it stands at one moment, while others go on writing.
    ///
    /// # Errors
    ///
    /// As [`crate::Store::backup`].
    pub async fn backup(&self, to: PathBuf) -> Result<(), StoreError> {
        self.readers.read(move |connection| backup::copy(connection, &to)).await
    }

    /// Waits until everything that was queued is committed, and closes the file.
    pub async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

fn bounded(octets: usize) -> Result<(), StoreError> {
    if octets > MOST_OCTETS {
        return Err(StoreError::refused("it is longer than 64 MiB"));
    }
    Ok(())
}

impl RawOutcomes {
    fn note(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(sql::SETTLE_PLACED)?;
        for (place, digest, state) in &self.outcomes {
            let name = state.standing().as_str();
            statement.execute(params![
                name,
                state.reason(),
                self.reader,
                place,
                digest.as_bytes()
            ])?;
        }
        for (place, digest, Vouched { message, signer, reader }) in &self.vouched {
            let values = params![message.as_bytes(), signer, reader, place, digest.as_bytes()];
            connection.prepare_cached(sql::ADD_VOUCHED)?.execute(values)?;
        }
        Ok(())
    }
}

/// What is at hand while submissions are stored, in one transaction.
struct Putting<'c> {
    connection: &'c Connection,
    /// The newest id, 0 if there is none.
    newest: i64,
    add: CachedStatement<'c>,
    add_octets: CachedStatement<'c>,
}

impl<'c> Putting<'c> {
    fn begin(connection: &'c Connection) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            newest: connection.prepare_cached(sql::NEWEST)?.query_row([], |row| row.get(0))?,
            add: connection.prepare_cached(sql::ADD)?,
            add_octets: connection.prepare_cached(sql::ADD_OCTETS)?,
        })
    }

    /// Stores one submission.
    fn put(&mut self, packed: &Packed, arrival: &Arrival) -> Result<Stored, StoreError> {
        let name = packed.digest;
        let digest = name.as_bytes();
        let Arrival { origin, at, peer, recipient } = arrival;
        let (origin, peer) = (origin.as_str(), peer.map(|peer| peer.to_string()));
        let recipient = recipient.as_deref().map(|text| clip(text, entry::RECIPIENT));
        let id = self.newest.saturating_add(1);
        let size = i64::try_from(packed.size).unwrap_or(i64::MAX);
        if self.add.execute(params![id, digest, size, origin, at, peer, recipient])? == 1 {
            self.newest = id;
            self.add_octets.execute(params![id, packed.encoding, packed.octets.as_slice()])?;
            return Ok(Stored { digest: name, place: id, first_at: *at, before: None });
        }
        let mut again = self.connection.prepare_cached(sql::ARRIVED_AGAIN)?;
        let (id, number, stored) = again.query_row(params![at, digest], |row| {
            let (place, first_at) = (row.get(0)?, row.get(2)?);
            let before = Some(entry::state(row, 3)?);
            Ok((place, row.get::<_, i64>(1)?, Stored { digest: name, place, first_at, before }))
        })?;
        if number <= MOST_ARRIVALS {
            let values = params![id, number, origin, at, peer, recipient];
            self.connection.prepare_cached(sql::ADD_ARRIVAL)?.execute(values)?;
        }
        Ok(stored)
    }
}

#[cfg(test)]
mod tests;
