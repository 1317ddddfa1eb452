//! The domains of a list, read beside the looking.

use std::io::BufRead;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use mail_domain::DomainName;
use sealpost_check::DomainList;
use tokio::sync::mpsc;

use super::super::seen::Seen;
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
    /// How far the list is read, and how much of that named nothing to look at; in octets, or names.
    read: AtomicU64,
    passed_over: AtomicU64,
    /// Domains that were handed out.
    given: AtomicU64,
    faults: Mutex<Faults>,
}

#[derive(Default)]
struct Faults {
    told: Vec<String>,
    more: u64,
}

impl Source {
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        let reader = input::open(file)?;
        let name = file.display().to_string();
        let length = match file.as_os_str() == "-" {
            true => None,
            false => {
                let metadata = fs_err::metadata(file)?;
                if metadata.is_dir() {
                    return Err(Failure::new(format!("read {name}: it is a folder")));
                }
                metadata.is_file().then_some(metadata.len())
            }
        };
        Ok(Self::List { reader, name, length })
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
        let keeping = Arc::clone(&shared);
        let mut give = move |domain: DomainName| match seen.insert(domain.as_str()) {
            Ok(false) => true,
            Ok(true) => {
                keeping.given.fetch_add(1, Ordering::Relaxed);
                // Nobody takes more when nothing more can be written.
                to.blocking_send(domain).is_ok()
            }
            Err(error) => {
                keeping.fault(&format!(
                    "the list ends here: keep the domains that were seen: {error}"
                ));
                false
            }
        };
        let read = move || match source {
            Source::Names(names) => {
                for (number, name) in (1..).zip(names) {
                    if !reading.go_on(number, || give(name)) {
                        return;
                    }
                }
            }
            Source::List { reader, .. } => {
                let mut list = DomainList::new(reader);
                while let Some(item) = list.next() {
                    let goes_on = reading.go_on(list.octets(), || match item {
                        Ok(domain) => give(domain),
                        Err(fault) => {
                            reading.fault(&fault.to_string());
                            true
                        }
                    });
                    if !goes_on {
                        return;
                    }
                }
            }
        };
        // A thread of its own, which nobody waits for: standard input may never end.
        let thread = thread::Builder::new().name("list".to_owned());
        thread.spawn(read).map_err(|error| Failure::of_stream("read the list", &error))?;
        Ok((from, Self { shared, name, whole }))
    }

    /// How much of what there is to look at is done, from 0 to 1, where that is known: by how many
    /// domains were in what has been read, without what was passed over.
    pub(super) fn part_done(&self, done: usize) -> Option<f64> {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed) as f64;
        let whole = self.whole? as f64;
        let passed_over = load(&self.shared.passed_over);
        let part_read = (load(&self.shared.read) - passed_over) / (whole - passed_over);
        let expected = load(&self.shared.given) / part_read;
        let part = done as f64 / expected;
        part.is_finite().then(|| part.clamp(0.0, 1.0))
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
    /// Takes what was read up to here; whether to read on.
    fn go_on(&self, read: u64, take: impl FnOnce() -> bool) -> bool {
        let before = self.read.swap(read, Ordering::Relaxed);
        let given = self.given.load(Ordering::Relaxed);
        let goes_on = take();
        if self.given.load(Ordering::Relaxed) == given {
            self.passed_over.fetch_add(read - before, Ordering::Relaxed);
        }
        goes_on
    }

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
