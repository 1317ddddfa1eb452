//! The domains of a list, read beside the looking.

use std::io::BufRead;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use mail_domain::DomainName;
use sealpost_check::DomainList;
use tokio::sync::mpsc;

use super::super::kept::Seen;
use crate::input;
use crate::outcome::Failure;
use crate::output::Output;

/// Domains that are read ahead.
const AHEAD: usize = 64;
/// Faults of the list that are told one by one.
const TOLD: usize = 20;

/// Where domains come from.
pub(super) enum Source {
    /// A list, with its name and, where it is known, its length in octets.
    List { reader: Box<dyn BufRead + Send>, name: String, length: Option<u64> },
    /// Names that are known.
    Names(Vec<DomainName>),
}

/// What is known of the reading.
pub(super) struct Feed {
    shared: Arc<Shared>,
    name: String,
    /// Octets of a list, or the number of names.
    whole: Option<u64>,
}

#[derive(Default)]
struct Shared {
    done: AtomicU64,
    faults: Mutex<Faults>,
}

#[derive(Default)]
struct Faults {
    told: Vec<String>,
    more: u64,
}

impl Source {
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        let length = match file.as_os_str() == "-" {
            true => None,
            false => {
                let metadata = fs_err::metadata(file)?;
                metadata.is_file().then_some(metadata.len())
            }
        };
        let name = file.display().to_string();
        Ok(Self::List { reader: input::open(file)?, name, length })
    }
}

impl Feed {
    /// Begins to read. Domains that were seen already are passed over, and so is each that the list
    /// names a second time.
    pub(super) fn start(
        source: Source,
        mut seen: Seen,
    ) -> Result<(mpsc::Receiver<DomainName>, Self), Failure> {
        let (to, from) = mpsc::channel(AHEAD);
        let shared = Arc::new(Shared::default());
        let (name, whole) = match &source {
            Source::List { name, length, .. } => (name.clone(), *length),
            Source::Names(names) => ("the zone".to_owned(), Some(names.len() as u64)),
        };
        let reading = Arc::clone(&shared);
        let mut give = move |domain: DomainName| {
            // Nobody takes more when nothing more can be written.
            !seen.insert(domain.as_str()) || to.blocking_send(domain).is_ok()
        };
        let read = move || match source {
            Source::Names(names) => {
                for (number, name) in names.into_iter().enumerate() {
                    reading.done.store(number as u64 + 1, Ordering::Relaxed);
                    if !give(name) {
                        return;
                    }
                }
            }
            Source::List { reader, .. } => {
                let mut list = DomainList::new(reader);
                while let Some(item) = list.next() {
                    reading.done.store(list.octets(), Ordering::Relaxed);
                    match item {
                        Ok(domain) => {
                            if !give(domain) {
                                return;
                            }
                        }
                        Err(fault) => reading.fault(&fault.to_string()),
                    }
                }
            }
        };
        // A thread of its own, which nobody waits for: standard input may never end.
        let thread = thread::Builder::new().name("list".to_owned());
        thread.spawn(read).map_err(|error| Failure::of_stream("read the list", &error))?;
        Ok((from, Self { shared, name, whole }))
    }

    /// How far the reading has come, from 0 to 1, where that is known.
    pub(super) fn part_done(&self) -> Option<f64> {
        let whole = self.whole.filter(|whole| *whole > 0)?;
        let done = self.shared.done.load(Ordering::Relaxed).min(whole);
        Some(done as f64 / whole as f64)
    }

    /// Tells what could not be read; whether there was any.
    pub(super) fn tell_faults(&self, output: &mut Output) -> bool {
        let faults = self.shared.faults();
        for fault in &faults.told {
            output.say(&format!("{}: {fault}", self.name));
        }
        if faults.more > 0 {
            output.say(&format!("{}: and {} more lines like these", self.name, faults.more));
        }
        !faults.told.is_empty()
    }
}

impl Shared {
    fn faults(&self) -> std::sync::MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, text: &str) {
        let mut faults = self.faults();
        if faults.told.len() < TOLD {
            faults.told.push(text.to_owned());
        } else {
            faults.more += 1;
        }
    }
}
