//! Files on their way to the intake: read by a thread, some at a time, within a budget. They go on
//! their way in the order in which they lie.

use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use sealpost_receive::{Mbox, MboxMessage, is_mbox};
use sealpost_store::{Arrival, Held, Incoming, Origin, Room};
use tls_rpt::Medium;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::walk::{Found, Walk, Why};

/// Files that are looked for at a time.
const FILES: usize = 256;
/// Submissions that are handed over together, at most, and their octets.
const TOGETHER: usize = 1024;
const TOGETHER_OCTETS: usize = 2 << 20;
/// So much of a file is read before it is asked how long it is: most end here, and to ask takes a
/// third of the time of reading.
const START: u64 = 64 << 10;

/// Memory is taken by so many octets at a time, as most files are far shorter, and so that their lengths are
/// not rounded up one by one.
const STEP: usize = 64 << 10;

/// What was read.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) incoming: Vec<Incoming>,
    /// The name of each.
    pub(super) names: Vec<String>,
    /// What was not taken in, and why.
    pub(super) left: Vec<Left>,
    /// Files in folders that look like nothing that a report could be in.
    pub(super) passed_over: u64,
    octets: usize,
    /// Octets that may be in it.
    room: usize,
    /// The memory for them.
    pub(super) held: Option<Held>,
}

/// A file, a folder or a message that stays where it is.
pub(in crate::command::receive) struct Left {
    pub(in crate::command::receive) name: String,
    pub(in crate::command::receive) reason: String,
}

impl Left {
    pub(super) fn new(path: &Path, reason: &str) -> Self {
        Self { name: path.to_string_lossy().into_owned(), reason: reason.to_owned() }
    }

    /// What the disk did not give, and what to do about it.
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => {
                "there is no such file or folder; see whether the name is right".to_owned()
            }
            io::ErrorKind::PermissionDenied => {
                "it may not be read by this user; import as one who may read it".to_owned()
            }
            _ => {
                // The error names it too, with what was called.
                let text = error.to_string();
                let reason = text.split_once(&format!("`{}`: ", path.display()));
                reason.map_or_else(|| text.clone(), |(_, reason)| reason.to_owned())
            }
        };
        Self::new(path, &reason)
    }
}

/// Starts reading, with so many octets in memory as they came. The batches come until all is read;
/// who drops the receiver ends it.
pub(super) fn start(
    walk: Walk,
    most_octets: usize,
    memory: usize,
    at: i64,
) -> mpsc::Receiver<Batch> {
    let (sender, batches) = mpsc::channel(1);
    let memory = Room::of(memory);
    let (batch, start) = (Batch::default(), Vec::new());
    let feed = Feed { walk, memory, sender, most_octets, at, batch, start };
    tokio::task::spawn_blocking(move || feed.run());
    batches
}

struct Feed {
    walk: Walk,
    memory: Room,
    sender: mpsc::Sender<Batch>,
    most_octets: usize,
    at: i64,
    batch: Batch,
    /// The start of the file that is being read, mostly all of it.
    start: Vec<u8>,
}

/// Nobody wants any more.
struct Gone;

impl Feed {
    fn run(mut self) {
        // An error means that nobody waits for what is left.
        let _ = self.read();
    }

    fn read(&mut self) -> Result<(), Gone> {
        loop {
            let (found, left) = self.walk.next(FILES);
            if found.is_empty() && left.is_empty() {
                return self.hand_over();
            }
            for left in left {
                self.leave(left)?;
            }
            for file in found {
                let name = file.path.to_string_lossy().into_owned();
                match self.file(&file, &name) {
                    Ok(done) => done?,
                    Err(error) => self.leave(Left::unreadable(&file.path, &error))?,
                }
            }
        }
    }

    fn file(&mut self, found: &Found, name: &str) -> io::Result<Result<(), Gone>> {
        let mut file = fs_err::File::open(&found.path)?;
        self.start.clear();
        (&mut file).take(START).read_to_end(&mut self.start)?;
        if is_mbox(&self.start) && found.origin != Origin::Maildir {
            let start = std::mem::take(&mut self.start);
            return self.mailbox(Cursor::new(start).chain(file), name);
        }
        let mut length = self.start.len();
        let is_longer = u64::try_from(length).is_ok_and(|length| length == START);
        if is_longer {
            length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).max(length);
        }
        if self.room_for(length.min(self.most_octets)).is_err() {
            return Ok(Err(Gone));
        }
        let mut octets = Vec::with_capacity(length.min(self.most_octets));
        octets.extend_from_slice(&self.start);
        if is_longer {
            // One octet more tells that it is too long, or has grown.
            let rest = self.most_octets.saturating_add(1).saturating_sub(octets.len());
            let rest = u64::try_from(rest).unwrap_or(u64::MAX);
            (&mut file).take(rest).read_to_end(&mut octets)?;
        }
        if octets.len() > self.most_octets {
            return Ok(self.leave(Left { name: name.to_owned(), reason: self.too_long() }));
        }
        if found.why == Why::LiesThere && !may_be_report(found, &octets) {
            self.batch.passed_over = self.batch.passed_over.saturating_add(1);
            return Ok(Ok(()));
        }
        Ok(self.add(octets, found.origin, name.to_owned()))
    }

    fn mailbox(&mut self, input: impl Read, name: &str) -> io::Result<Result<(), Gone>> {
        let mut mailbox = Mbox::new(BufReader::new(input), self.most_octets);
        let mut number: u64 = 0;
        while let Some(message) = mailbox.next_message()? {
            number = number.saturating_add(1);
            let name = format!("{name}, message {number}");
            let done = match message {
                MboxMessage::Whole(octets) => match self.room_for(octets.len()) {
                    Ok(()) => self.add(octets, Origin::Mbox, name),
                    Err(gone) => Err(gone),
                },
                MboxMessage::TooLong => self.leave(Left { name, reason: self.too_long() }),
            };
            if done.is_err() {
                return Ok(done);
            }
        }
        Ok(Ok(()))
    }

    fn too_long(&self) -> String {
        format!("it is longer than {} MiB, which is more than is read", self.most_octets >> 20)
    }

    fn add(&mut self, octets: Vec<u8>, origin: Origin, name: String) -> Result<(), Gone> {
        self.batch.octets = self.batch.octets.saturating_add(octets.len());
        let arrival = Arrival { origin, at: self.at, peer: None, recipient: None };
        self.batch.incoming.push(Incoming { octets: Arc::new(octets), arrival });
        self.batch.names.push(name);
        let is_full = self.batch.incoming.len() >= TOGETHER || self.batch.octets >= TOGETHER_OCTETS;
        if is_full { self.hand_over() } else { Ok(()) }
    }

    fn leave(&mut self, left: Left) -> Result<(), Gone> {
        self.batch.left.push(left);
        if self.batch.left.len() >= TOGETHER { self.hand_over() } else { Ok(()) }
    }

    /// Waits until so many octets more may be in memory. Nobody waits while holding something that
    /// is not on its way.
    fn room_for(&mut self, octets: usize) -> Result<(), Gone> {
        let missing = |batch: &Batch| {
            let wanted = batch.octets.saturating_add(octets);
            wanted.saturating_sub(batch.room).next_multiple_of(STEP)
        };
        let mut more = missing(&self.batch);
        if more == 0 {
            return Ok(());
        }
        let held = match self.memory.try_hold(more) {
            Some(held) => held,
            None => {
                self.hand_over()?;
                more = missing(&self.batch);
                Handle::current().block_on(self.memory.hold(more)).map_err(|_| Gone)?
            }
        };
        self.batch.room = self.batch.room.saturating_add(more);
        match &mut self.batch.held {
            Some(all) => all.join(held),
            none => *none = Some(held),
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), Gone> {
        let batch = std::mem::take(&mut self.batch);
        if batch.incoming.is_empty() && batch.left.is_empty() && batch.passed_over == 0 {
            return Ok(());
        }
        self.sender.blocking_send(batch).map_err(|_| Gone)
    }
}

/// Whether a file among others may hold a report: by its name, or by what it begins with.
fn may_be_report(found: &Found, octets: &[u8]) -> bool {
    let extension = found.path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    let is_named_so = extension.is_some_and(|extension| {
        ["eml", "json", "gz", "gzip", "zip"].iter().any(|known| extension == *known)
    });
    is_named_so || Medium::of(octets).is_some() || begins_like_a_mail(octets)
}

/// A name, a colon and a space, as the first line of a header has them.
fn begins_like_a_mail(octets: &[u8]) -> bool {
    let name = octets
        .iter()
        .take(77)
        .take_while(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
    let length = name.count();
    let rest = octets.get(length..).unwrap_or_default();
    length > 0
        && (rest.starts_with(b": ") || rest.starts_with(b":\r\n") || rest.starts_with(b":\n"))
}
