//! One policy domain and one sender in simulated time: no waiting, no network.

use std::time::Duration;

use mta_sts::{
    PolicyId,
    cache::{
        Action, Entry, Event, FetchFailure, FetchedPolicy, Jitter, Note, Now, RecordLookup,
        Snapshot, Verdict,
    },
};

pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// A policy by its mode, host and lifetime.
pub(crate) fn policy(mode: &str, mx: &str, max_age: u64) -> FetchedPolicy {
    let body = format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {max_age}\n");
    FetchedPolicy::parse(body.as_bytes()).unwrap()
}

pub(crate) fn enforce(max_age: u64) -> FetchedPolicy {
    policy("enforce", "mx.example.net", max_age)
}

pub(crate) fn found(id: &str, ttl: u64) -> RecordLookup {
    RecordLookup::Found { id: PolicyId::parse(id).unwrap(), ttl: Duration::from_secs(ttl) }
}

pub(crate) fn absent(ttl: u64) -> RecordLookup {
    RecordLookup::Absent { ttl: Duration::from_secs(ttl) }
}

pub(crate) fn unusable(ttl: u64) -> RecordLookup {
    RecordLookup::Unusable { ttl: Duration::from_secs(ttl) }
}

/// The domain as it presents itself, the sender's entry for it, and what that has done so far.
pub(crate) struct World {
    pub(crate) record: RecordLookup,
    pub(crate) host: Result<FetchedPolicy, FetchFailure>,
    pub(crate) entry: Entry,
    /// What the store holds.
    pub(crate) saved: Option<Snapshot>,
    /// When the record was looked up, in seconds of the monotonic clock.
    pub(crate) look_ups: Vec<u64>,
    /// When the policy was fetched, and under which id.
    pub(crate) fetches: Vec<(u64, String)>,
    pub(crate) notes: Vec<Note>,
    monotonic: Duration,
    /// The wall clock, less the monotonic one.
    wall_offset: i64,
    seed: u64,
}

impl World {
    /// A domain that nobody has asked for.
    pub(crate) fn new(record: RecordLookup, host: Result<FetchedPolicy, FetchFailure>) -> Self {
        Self::seeded(7, record, host)
    }

    pub(crate) fn seeded(
        seed: u64,
        record: RecordLookup,
        host: Result<FetchedPolicy, FetchFailure>,
    ) -> Self {
        let start = Now { wall: 1_800_000_000, monotonic: Duration::ZERO };
        Self {
            record,
            host,
            entry: Entry::new(start, Jitter::new(seed)),
            saved: None,
            look_ups: Vec::new(),
            fetches: Vec::new(),
            notes: Vec::new(),
            monotonic: start.monotonic,
            wall_offset: start.wall,
            seed,
        }
    }

    /// A domain whose policy has just been fetched, with id `1` in a record of one hour.
    pub(crate) fn holding(policy: FetchedPolicy) -> Self {
        let mut world = Self::new(found("1", HOUR), Ok(policy));
        world.ask();
        assert!(world.applies());
        world.forget_past();
        world
    }

    pub(crate) fn now(&self) -> Now {
        let seconds = i64::try_from(self.monotonic.as_secs()).unwrap();
        Now { wall: self.wall_offset + seconds, monotonic: self.monotonic }
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.monotonic.as_secs()
    }

    /// Forgets what was done so far, to look at what follows.
    pub(crate) fn forget_past(&mut self) {
        self.look_ups.clear();
        self.fetches.clear();
        self.notes.clear();
    }

    pub(crate) fn step_wall_clock(&mut self, seconds: i64) {
        self.wall_offset += seconds;
    }

    /// Somebody asks; everything that the entry wants is done at once.
    pub(crate) fn ask(&mut self) {
        self.handle(Event::Asked);
    }

    pub(crate) fn handle(&mut self, event: Event) {
        let mut events = vec![event];
        for _ in 0..10 {
            let Some(event) = events.pop() else { return };
            for action in self.entry.handle(event, self.now()) {
                match action {
                    Action::LookUpRecord(token) => {
                        self.look_ups.push(self.seconds());
                        events.push(Event::Record(token, self.record.clone()));
                    }
                    Action::FetchPolicy(token, id) => {
                        self.fetches.push((self.seconds(), id.to_string()));
                        events.push(Event::Fetched(token, self.host.clone()));
                    }
                    Action::Save => self.saved = Some(self.entry.snapshot(self.now())),
                    Action::Note(note) => self.notes.push(note),
                }
            }
        }
        panic!("the entry does not come to rest");
    }

    /// Lets time pass, waking the entry whenever it wants to be.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let end = self.monotonic + Duration::from_secs(seconds);
        for _ in 0..100_000 {
            match self.entry.wake_at().filter(|at| *at <= end) {
                Some(at) => {
                    self.monotonic = self.monotonic.max(at); // late after a sleep
                    self.handle(Event::Woken);
                    let next = self.entry.wake_at();
                    assert!(next.is_none_or(|at| at > self.monotonic), "woken, and still due");
                }
                None => {
                    self.monotonic = end;
                    return;
                }
            }
        }
        panic!("the entry wants to be woken too often");
    }

    /// Lets time pass with somebody asking every so often.
    pub(crate) fn pass_in_use(&mut self, seconds: u64, every: u64) {
        for _ in 0..seconds / every {
            self.pass(every);
            self.ask();
        }
    }

    /// Lets time pass without anything happening: the process sleeps, or nobody wakes the entry.
    pub(crate) fn sleep(&mut self, seconds: u64) {
        self.monotonic += Duration::from_secs(seconds);
    }

    /// Ends the process and starts it again after `down` seconds, with what was saved.
    pub(crate) fn restart(&mut self, down: u64) {
        self.sleep(down);
        self.wall_offset += i64::try_from(self.monotonic.as_secs()).unwrap();
        self.monotonic = Duration::ZERO;
        self.seed += 1;
        let jitter = Jitter::new(self.seed);
        self.entry = match self.saved.clone() {
            Some(saved) => Entry::restore(saved, self.now(), jitter),
            None => Entry::new(self.now(), jitter),
        };
    }

    pub(crate) fn verdict(&self) -> Verdict<'_> {
        self.entry.verdict(self.now())
    }

    pub(crate) fn applies(&self) -> bool {
        matches!(self.verdict(), Verdict::Apply(_))
    }

    /// The text of the policy that applies.
    pub(crate) fn applied(&self) -> Option<String> {
        match self.verdict() {
            Verdict::Apply(held) => {
                Some(String::from_utf8(held.fetched().text().to_vec()).unwrap())
            }
            Verdict::NoPolicy(_) | Verdict::Pending => None,
        }
    }
}
