//! The measurements: which server, which load, how often.

use std::{error::Error, path::Path, time::Duration};

use crate::{
    dns::Security,
    fill::fill,
    load::{self, Load, Outcome},
    names::Kind,
    process::{Folder, Process, processor_time_of_this_thread},
    report::{Cold, Figures, Report},
    servers::{Dane, Programs, Server, Starter},
};

/// How thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often each is measured, in turns.
    pub rounds: usize,
    /// How long each time.
    pub duration: Duration,
}

/// Policies in the store.
const POLICIES: u64 = 50_000;
/// Domains that are asked about: the policies of so many stay in use, as at a real mail server.
const DOMAINS: u64 = 1_000;
/// Requests in a second in an open loop.
const RATE: u32 = 20_000;
/// The round-trip time of the DNS where it matters.
const ROUND_TRIP: Duration = Duration::from_millis(20);
/// They are measured for so long at least: at the beginning and at the end not all are in flight.
const LONG_ENOUGH: Duration = Duration::from_secs(3);
/// Unknown domains that are in flight at a time.
const IN_FLIGHT: usize = 512;
/// The length of a reply for a domain without a policy, `NOTFOUND `.
const NOT_FOUND: usize = 9;
/// The name under which postfix-tlspol is asked.
const TLSPOL_MAP: &str = "QUERY";

/// Cached and negative answers, beside the echo server and the peers.
pub fn hot(
    starter: &Starter<'_>,
    effort: Effort,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let (_dns, dns) = starter.dns("dns", Duration::ZERO, Security::Insecure)?;
    let store = starter.folder.path().join("store.sqlite");
    in_runtime(fill(&store, POLICIES))??;
    let ours = starter.sealpost("sealpost", &store, &dns, Dane::Unasked)?;
    report.memory("sealpost, 50,000 policies loaded", ours.process.resident()?);

    let longest = learn(&ours.tcp, "postfix", Kind::Cached)?.longest;
    learn(&ours.tcp, "postfix", Kind::Negative)?;
    let echoes = [
        starter.echo("echo", longest)?,
        starter.echo("echo-too", longest)?,
        starter.echo("echo-short", NOT_FOUND)?,
    ];
    let python = starter.python(&dns, DOMAINS)?;
    let tlspol = starter.tlspol(&dns)?;
    let [echo, too, short] = &echoes;
    let mut subjects = vec![
        Subject::new("echo", echo, Kind::Cached, ""),
        Subject::new("echo again", too, Kind::Cached, ""),
        Subject::new("sealpost, cached", &ours, Kind::Cached, "OK secure"),
        Subject::new("echo, short reply", short, Kind::Negative, ""),
        Subject::new("sealpost, negative", &ours, Kind::Negative, "NOTFOUND"),
    ];
    if let Some((server, unix)) = &python {
        for (name, kind, expected) in [
            ("mta-sts-resolver, cached", Kind::Cached, "OK secure"),
            ("mta-sts-resolver, negative", Kind::Negative, "NOTFOUND"),
        ] {
            let subject = Subject::new(name, server, kind, expected);
            subjects.push(Subject { unix: Some(unix), ..subject });
        }
    }
    if let Some((server, unix)) = &tlspol {
        for address in [&server.tcp, &server.unix] {
            learn(address, TLSPOL_MAP, Kind::Negative)?;
        }
        let subject = Subject::new("tlspol, negative", server, Kind::Negative, "NOTFOUND");
        subjects.push(Subject { unix: Some(unix), map: TLSPOL_MAP, ..subject });
    }
    report.note(&format!("replies of {longest} octets for cached policies"));
    for transport in [Transport::Tcp, Transport::Unix] {
        for rate in [None, Some(RATE)] {
            for connections in [1, 32, 256] {
                let how = rate.map_or("closed loop".to_owned(), |rate| format!("{rate}/s"));
                let title = format!("{}, {how}, {connections} conn.", transport.name());
                let case = Case { transport, connections, rate };
                report.case(&title, case.measure(&subjects, effort)?);
            }
        }
    }
    report.memory("sealpost, after the load", ours.process.resident()?);
    if let Some((server, _)) = &python {
        report.memory("mta-sts-resolver, 1,000 policies", server.process.resident()?);
    }
    if let Some((server, _)) = &tlspol {
        report.memory("tlspol, no policies", server.process.resident()?);
    }
    Ok(())
}

/// Domains that nobody has asked about, and what slow ones among them cost the others.
pub fn cold(
    starter: &Starter<'_>,
    effort: Effort,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let (resolver, dns) = starter.dns("dns-slow", ROUND_TRIP, Security::Insecure)?;
    let (vouching, vouched) = starter.dns("dns-vouching", ROUND_TRIP, Security::Secure)?;
    let store = |name: &str| starter.folder.path().join(format!("{name}.sqlite"));
    let ours = starter.sealpost("sealpost-cold", &store("cold"), &dns, Dane::Unasked)?;
    let dane = starter.sealpost("sealpost-dane", &store("dane"), &vouched, Dane::Asked)?;
    let python = starter.python(&dns, 0)?;
    let mut subjects = vec![
        Unknown { name: "sealpost", round_trips: 1, server: &ours, resolver: &resolver },
        Unknown { name: "sealpost with DANE", round_trips: 3, server: &dane, resolver: &vouching },
    ];
    if let Some((server, _)) = &python {
        let name = "mta-sts-resolver";
        subjects.push(Unknown { name, round_trips: 1, server, resolver: &resolver });
    }
    let mut runs = 0;
    for subject in subjects {
        let mut rounds = Vec::new();
        for _ in 0..effort.rounds {
            runs += 1;
            rounds.push(subject.measure(runs, effort.duration.max(LONG_ENOUGH))?);
        }
        let most = IN_FLIGHT as f64 / (ROUND_TRIP.as_secs_f64() * f64::from(subject.round_trips));
        report.cold(subject.name, subject.round_trips, most, &rounds);
    }
    for rate in [1_000, 5_000] {
        for (name, kind) in [("none silent", Kind::Cold), ("1 in 50 silent", Kind::Mixed)] {
            runs += 1;
            let load = Load {
                kind,
                run: runs,
                connections: 1_000,
                rate: Some(rate),
                duration: Duration::from_secs(20),
                ..plain(&ours.tcp, "NOTFOUND")
            };
            let outcome = load::run(&load)?;
            check(name, &outcome)?;
            report.slow(&format!("unknown domains, {rate}/s, {name}"), &outcome);
        }
    }
    report.memory("sealpost, after the unknown domains", ours.process.resident()?);
    Ok(())
}

/// A server that is asked about unknown domains, and the DNS that it asks.
struct Unknown<'a> {
    name: &'static str,
    /// How many round trips to the DNS an answer takes.
    round_trips: u32,
    server: &'a Server,
    resolver: &'a Process,
}

impl Unknown<'_> {
    fn measure(&self, run: u64, duration: Duration) -> Result<Cold, Box<dyn Error>> {
        let load = Load {
            kind: Kind::Cold,
            run,
            connections: IN_FLIGHT,
            duration,
            ..plain(&self.server.tcp, "NOTFOUND")
        };
        let before = (self.resolver.processor_time()?, processor_time_of_this_thread()?);
        let (outcome, cost) = observe(&load, &self.server.process)?;
        // What is not known in time is counted apart: datagrams get lost here too.
        let wrong = outcome.unexpected - outcome.temporary;
        let outcome = Outcome { unexpected: wrong, ..outcome };
        check(self.name, &outcome)?;
        let resolver = self.resolver.processor_time()?.saturating_sub(before.0);
        let client = processor_time_of_this_thread()?.saturating_sub(before.1);
        let share = |spent: Duration| spent.as_secs_f64() * 1e6 / outcome.replies.max(1) as f64;
        Ok(Cold {
            per_second: outcome.known_per_second(),
            temporary: outcome.temporary,
            cost,
            resolver: share(resolver),
            client: share(client),
        })
    }
}

/// How a server is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Unix,
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Unix => "Unix socket",
        }
    }
}

/// A server with the questions that it is asked.
struct Subject<'a> {
    name: &'static str,
    server: &'a Server,
    /// The process at the Unix socket, if it is another.
    unix: Option<&'a Process>,
    map: &'static str,
    kind: Kind,
    expected: &'static str,
}

impl<'a> Subject<'a> {
    fn new(name: &'static str, server: &'a Server, kind: Kind, expected: &'static str) -> Self {
        Self { name, server, unix: None, map: "postfix", kind, expected }
    }

    fn at(&self, transport: Transport) -> (&str, &Process) {
        match transport {
            Transport::Tcp => (&self.server.tcp, &self.server.process),
            Transport::Unix => (&self.server.unix, self.unix.unwrap_or(&self.server.process)),
        }
    }
}

/// A way to ask.
#[derive(Clone, Copy, Debug)]
struct Case {
    transport: Transport,
    connections: usize,
    rate: Option<u32>,
}

impl Case {
    /// Measures all subjects in turns, so that a busy moment of the machine falls on all of them.
    fn measure(
        self,
        subjects: &[Subject<'_>],
        effort: Effort,
    ) -> Result<Vec<(&'static str, Vec<Figures>)>, Box<dyn Error>> {
        let mut all: Vec<_> = subjects.iter().map(|subject| (subject.name, Vec::new())).collect();
        for round in 0..effort.rounds {
            for turn in 0..subjects.len() {
                let index = (turn + round) % subjects.len();
                let subject = &subjects[index];
                let (address, process) = subject.at(self.transport);
                let load = Load {
                    map: subject.map,
                    kind: subject.kind,
                    connections: self.connections,
                    rate: self.rate,
                    duration: effort.duration,
                    ..plain(address, subject.expected)
                };
                let (outcome, cost) = observe(&load, process)?;
                check(subject.name, &outcome)?;
                all[index].1.push(Figures::of(&outcome, cost));
            }
        }
        Ok(all)
    }
}

fn plain(address: &str, expected: &'static str) -> Load {
    Load {
        address: address.to_owned(),
        map: "postfix",
        kind: Kind::Cached,
        run: 0,
        domains: DOMAINS,
        connections: 1,
        rate: None,
        duration: Duration::from_secs(1),
        expected,
    }
}

/// Asks about every domain once or more, so that all is known from then on.
fn learn(address: &str, map: &'static str, kind: Kind) -> Result<Outcome, Box<dyn Error>> {
    let duration = Duration::from_secs(2);
    let load = Load { map, kind, connections: 32, duration, ..plain(address, "") };
    let outcome = load::run(&load)?;
    if outcome.replies < DOMAINS {
        return Err("too slow to ask about every domain once".into());
    }
    Ok(outcome)
}

/// Runs a load, and tells how many microseconds of processor time each reply took.
fn observe(load: &Load, process: &Process) -> Result<(Outcome, f64), Box<dyn Error>> {
    let before = process.processor_time()?;
    let outcome = load::run(load)?;
    let spent = process.processor_time()?.saturating_sub(before);
    let cost = spent.as_secs_f64() * 1e6 / outcome.replies.max(1) as f64;
    Ok((outcome, cost))
}

fn check(name: &str, outcome: &Outcome) -> Result<(), Box<dyn Error>> {
    if outcome.unexpected == 0 {
        return Ok(());
    }
    Err(format!("{name}: {} of {} replies are wrong", outcome.unexpected, outcome.replies).into())
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn in_runtime<T>(work: impl Future<Output = T>) -> Result<T, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}

/// Runs the parts whose names are given, all if none is.
pub fn all(
    programs: &Programs,
    parts: &[String],
    effort: Effort,
    place: crate::process::Place,
) -> Result<Report, Box<dyn Error>> {
    let folder = Folder::new()?;
    let starter = Starter { programs, folder: &folder, place };
    let mut report = Report::default();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if is_wanted("hot") {
        hot(&starter, effort, &mut report)?;
    }
    if is_wanted("cold") {
        cold(&starter, effort, &mut report)?;
    }
    Ok(report)
}

/// Fills a store, for profiles.
pub fn fill_only(path: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    in_runtime(fill(path, count))?
}
