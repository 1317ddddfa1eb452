//! The load client: strict request and reply on each connection, as Postfix speaks, all on one
//! thread.
//!
//! **Closed loop**: each connection asks anew as soon as it has its reply. It tells the throughput.
//!
//! **Open loop**: requests fall due at a fixed rate, whether or not replies come. The time of a
//! request counts from the moment when it fell due, also if no connection was free then; so a server
//! that stops for a moment pays for every request of that moment.

mod connection;

use std::{
    collections::VecDeque,
    error::Error,
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};

use self::connection::Connection;
use crate::{echo::netstring, names::Kind};

/// What to ask, whom and how.
#[derive(Clone, Debug)]
pub struct Load {
    /// `127.0.0.1:8461` or `unix:/path`.
    pub address: String,
    /// The name of the map.
    pub map: &'static str,
    /// Which domains.
    pub kind: Kind,
    /// Keeps the domains of this measurement apart from those of others, where they must be new.
    pub run: u64,
    /// How many different domains, where they may be asked again.
    pub domains: u64,
    pub connections: usize,
    /// Requests in a second; `None` for a closed loop.
    pub rate: Option<u32>,
    pub duration: Duration,
    /// With what each reply must begin.
    pub expected: &'static str,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Replies, and how long it took until the last.
    pub replies: u64,
    pub elapsed: Duration,
    /// Replies that began otherwise.
    pub unexpected: u64,
    /// Of these, those that say `TEMP`: what was asked for was not known in time.
    pub temporary: u64,
    /// The times of all requests but those that the DNS leaves without an answer, sorted.
    pub times: Vec<Duration>,
    /// The longest payload of a reply, in octets.
    pub longest: usize,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.replies as f64 / self.elapsed.as_secs_f64()
    }

    /// Without those that say that something was not known.
    pub fn known_per_second(&self) -> f64 {
        (self.replies - self.temporary) as f64 / self.elapsed.as_secs_f64()
    }

    /// The time within which this share of all requests had their replies.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.times.get(index).copied().unwrap_or_default()
    }
}

/// Asks for as long as the load says, and then waits for the replies that are missing.
pub fn run(load: &Load) -> Result<Outcome, Box<dyn Error>> {
    let mut client = Client::connect(load)?;
    client.ask()?;
    Ok(client.outcome())
}

struct Client<'a> {
    load: &'a Load,
    poll: Poll,
    connections: Vec<Connection>,
    /// Those that wait for no reply, the longest idle first.
    idle: VecDeque<usize>,
    /// When the requests fell due that no connection was free for.
    overdue: VecDeque<Instant>,
    requests: Requests,
    replies: u64,
    unexpected: u64,
    temporary: u64,
    times: Vec<Duration>,
    longest: usize,
    elapsed: Duration,
}

impl<'a> Client<'a> {
    fn connect(load: &'a Load) -> Result<Self, Box<dyn Error>> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(load.connections);
        for index in 0..load.connections {
            let mut connection = Connection::open(&load.address)?;
            connection.register(poll.registry(), Token(index))?;
            connections.push(connection);
        }
        Ok(Self {
            load,
            poll,
            connections,
            idle: (0..load.connections).collect(),
            overdue: VecDeque::new(),
            requests: Requests::new(load),
            replies: 0,
            unexpected: 0,
            temporary: 0,
            times: Vec::new(),
            longest: 0,
            elapsed: Duration::ZERO,
        })
    }

    fn ask(&mut self) -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        let end = start + self.load.duration;
        let mut events = Events::with_capacity(1024);
        let mut due = self.load.rate.map(|rate| (start, Duration::from_secs(1) / rate));
        loop {
            let now = Instant::now();
            match &mut due {
                Some((next, interval)) => {
                    while *next <= now && *next < end {
                        self.overdue.push_back(*next);
                        *next += *interval;
                    }
                }
                None if now < end => self.overdue.extend(self.idle.iter().map(|_| now)),
                None => {}
            }
            while !self.overdue.is_empty()
                && let Some(index) = self.idle.pop_front()
            {
                let at = self.overdue.pop_front().unwrap_or(now);
                let (number, request) = self.requests.next();
                self.connections[index].send(request, number, at)?;
            }
            let is_all_asked = now >= end && self.overdue.is_empty();
            if is_all_asked && self.idle.len() == self.connections.len() {
                self.elapsed = now - start;
                return Ok(());
            }
            // An open loop looks again at once: a timer would be late by more than a reply takes.
            let wait = match due {
                Some((next, _)) if !is_all_asked && next < now + Duration::from_millis(1) => {
                    Duration::ZERO
                }
                _ => Duration::from_millis(1),
            };
            self.poll.poll(&mut events, Some(wait))?;
            for event in &events {
                self.read(event.token().0)?;
            }
        }
    }

    fn read(&mut self, index: usize) -> Result<(), Box<dyn Error>> {
        let Some((payload, asked)) = self.connections[index].receive()? else { return Ok(()) };
        self.replies += 1;
        self.longest = self.longest.max(payload.len());
        self.unexpected += u64::from(!payload.starts_with(self.load.expected.as_bytes()));
        self.temporary += u64::from(payload.starts_with(b"TEMP "));
        if !self.load.kind.is_silent(asked.number) {
            self.times.push(asked.at.elapsed());
        }
        self.idle.push_back(index);
        Ok(())
    }

    fn outcome(mut self) -> Outcome {
        self.times.sort_unstable();
        Outcome {
            replies: self.replies,
            elapsed: self.elapsed,
            unexpected: self.unexpected,
            temporary: self.temporary,
            times: self.times,
            longest: self.longest,
        }
    }
}

/// The requests, made in advance where the domains may be asked again.
struct Requests {
    map: &'static str,
    kind: Kind,
    run: u64,
    next: u64,
    made: Vec<Vec<u8>>,
    new: Vec<u8>,
}

impl Requests {
    fn new(load: &Load) -> Self {
        let &Load { map, kind, run, .. } = load;
        let made = match kind {
            Kind::Cached | Kind::Negative => 0..load.domains,
            Kind::Cold | Kind::Mixed => 0..0,
        };
        let made = made.map(|number| request(map, &kind.domain(0, number))).collect();
        Self { map, kind, run, next: 0, made, new: Vec::new() }
    }

    fn next(&mut self) -> (u64, &[u8]) {
        let number = self.next;
        self.next += 1;
        if self.made.is_empty() {
            self.new = request(self.map, &self.kind.domain(self.run, number));
            return (number, &self.new);
        }
        // A stride without a common factor, so that neighbours in time are none in the store.
        let index = (number * 7_919) as usize % self.made.len();
        (number, &self.made[index])
    }
}

fn request(map: &str, domain: &str) -> Vec<u8> {
    netstring(format!("{map} {domain}").as_bytes())
}
