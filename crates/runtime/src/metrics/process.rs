//! The process itself, as the kernel sees it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::{
    param::{clock_ticks_per_second, page_size},
    time::{ClockId, clock_gettime},
};

use super::{
    Definition, Exposition, Kind, Table,
    exposition::{Sample, Seconds},
};

const DEFINITIONS: &[Definition] = &[START, MEMORY, CPU, DESCRIPTORS, PANICS, BUILD];
const START: Definition = Definition::new(
    "process_start_time_seconds",
    Kind::Gauge,
    "When the process started, in seconds since 1970.",
    None,
);
const MEMORY: Definition = Definition::new(
    "process_resident_memory_bytes",
    Kind::Gauge,
    "Memory of the process that is in RAM.",
    None,
);
const CPU: Definition = Definition::new(
    "process_cpu_seconds_total",
    Kind::Counter,
    "Processor time that the process has used, in seconds.",
    None,
);
const DESCRIPTORS: Definition = Definition::new(
    "process_open_fds",
    Kind::Gauge,
    "File descriptors that are open, sockets among them.",
    None,
);
const PANICS: Definition = Definition::new(
    "sealpost_connection_panics_total",
    Kind::Counter,
    "Connections that were closed because what served them panicked, wherever they came in. It is a \
     fault of the program, and the log says where.",
    None,
);
const BUILD: Definition = Definition::new(
    "sealpost_build_info",
    Kind::Gauge,
    "Always 1; the label tells the version that runs.",
    Some(("version", &[])),
);

/// Of all servers of the process: it is one fault, whichever of them met it.
static CONNECTION_PANICS: AtomicU64 = AtomicU64::new(0);

/// What served a connection has panicked.
pub fn count_connection_panic() {
    CONNECTION_PANICS.fetch_add(1, Ordering::Relaxed);
}

/// What the kernel says of this process, read anew each time it is written.
///
/// What cannot be read, because `/proc` is not there for example, is left out.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    version: &'static str,
}

impl Process {
    /// This process, which runs this version of the program.
    pub fn new(version: &'static str) -> Self {
        Self { version }
    }
}

impl Table for Process {
    fn definitions() -> &'static [Definition] {
        DEFINITIONS
    }

    fn write(&self, text: &mut Exposition) {
        if let Some(start) = start() {
            text.series(&START).sample(Sample::Plain, Seconds(start));
        }
        if let Some(memory) = resident_memory() {
            text.series(&MEMORY).sample(Sample::Plain, memory);
        }
        if let Some(time) = processor_time() {
            text.series(&CPU).sample(Sample::Plain, Seconds(time));
        }
        if let Ok(count) = open_descriptors() {
            text.series(&DESCRIPTORS).sample(Sample::Plain, count);
        }
        text.series(&PANICS).sample(Sample::Plain, CONNECTION_PANICS.load(Ordering::Relaxed));
        let version = Sample::Labelled { name: "version", value: self.version };
        text.series(&BUILD).sample(version, 1);
    }
}

/// In nanoseconds since 1970.
fn start() -> Option<u64> {
    let machine = fs_err::read_to_string("/proc/stat").ok()?;
    let boot: u64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
    let process = fs_err::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name in parentheses, and it may hold anything; the start is the 22nd.
    let (_, fields) = process.rsplit_once(") ")?;
    let ticks: u64 = fields.split(' ').nth(19)?.parse().ok()?;
    let since_boot = ticks.checked_mul(1_000_000_000)?.checked_div(clock_ticks_per_second())?;
    boot.checked_mul(1_000_000_000)?.checked_add(since_boot)
}

/// In octets.
fn resident_memory() -> Option<u64> {
    let text = fs_err::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(page_size()).ok()?)
}

/// In nanoseconds.
fn processor_time() -> Option<u64> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(u64::try_from(time.tv_nsec).ok()?)
}

fn open_descriptors() -> io::Result<usize> {
    let entries = fs_err::read_dir("/proc/self/fd")?.count();
    // One of them is that of the folder, open only to be read.
    Ok(entries.saturating_sub(1))
}
