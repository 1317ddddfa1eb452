//! The counting of TLS sessions, and the sending of reports.

mod doctor;
mod sending;

use std::convert::Infallible;
use std::io::Read as _;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::{Address, DatagramSocket, Inherited, Limits, Server};
use sealpost_report::{
    Collector, Flusher, Intake, Leftover, LogCounter, Prober, QUEUE_WANTED, ReportApi,
    ReportMetrics, Section, SessionPosts, keep_forgetting, queue_length,
};
use sealpost_runtime::{AfterPanic, Clock, supervise};
use sealpost_store::Sessions;
use tokio::task::JoinSet;

pub(super) use self::doctor::Doctor;
use self::sending::Sending;
use super::doors::Doors;
use super::ground::{Ground, with_source};
use super::role::{Pulse, Reloaded};
use crate::outcome::Failure;
use crate::output::Output;

/// How long answers to people may take when we stop.
const GRACE: Duration = Duration::from_secs(5);
/// Octets of a post of sessions.
const POST_OCTETS: usize = 1 << 20;
/// The longest file with a token, in octets.
const TOKEN_OCTETS: u64 = 4_096;
/// What follows if the store cannot be used.
const WITHOUT: &str = "no session is counted that cannot be written down; mend the file, or name \
                       another";

/// The role that counts the sessions of a mail server and reports them.
pub(super) struct Report {
    section: Section,
    collector: Collector,
    flusher: Flusher,
    api: Arc<ReportApi>,
    doors: Doors,
    tasks: JoinSet<()>,
    sending: Sending,
    doctor: Arc<Doctor>,
}

impl Report {
    /// Counts from now on.
    pub(super) async fn start(ground: &mut Ground, output: &mut Output) -> Result<Self, Failure> {
        let section = ground.configuration.report.clone();
        let node = section.node.clone().unwrap_or_else(|| ground.host.clone());
        let clock = ground.clock.clone();
        let store = ground.store(&section.store_file(), WITHOUT).await?;
        let metrics = Arc::new(ReportMetrics::default());
        let mut inherited = ground.inherited.clone();
        let mut sockets = Vec::new();
        for address in section.sockets() {
            let socket = bind(&address, &section, &mut inherited)?;
            output.say(&format!("listening at {socket}, datagrams"));
            sockets.push(socket);
        }
        let api = ReportApi::new(Arc::clone(&metrics), store.sessions(), env!("CARGO_PKG_VERSION"));
        let api = Arc::new(api);
        let mut doors = Doors::new(inherited);
        let limits = HttpLimits { body_octets: POST_OCTETS, ..HttpLimits::default() };
        let handler = HttpHandler::new(Arc::clone(&api), limits);
        let server = Server::new(handler, Limits { grace: GRACE, ..Limits::default() });
        let named = |listener: &_| format!("{listener}, metrics over http");
        doors.open(&section.http, server, named).await?;
        for place in doors.places() {
            output.say(&format!("listening at {place}"));
        }
        warn_of_queue(output);
        let sending = Sending::start(ground, &store, &node, &metrics, output).await?;
        let started = Collector::start(
            sockets,
            &section,
            &node,
            store.sessions(),
            clock.clone(),
            Arc::clone(&metrics),
        );
        let (collector, flusher) = started
            .map_err(|error| Failure::new(format!("start the thread that counts: {error}")))?;
        if let Some(posts) =
            posts(&section, &node, collector.intake(), store.sessions(), &clock, &metrics)?
        {
            api.take_posts(posts);
        }
        let mut tasks = JoinSet::new();
        for path in section.log.clone() {
            output.say(&format!("following {}", path.display()));
            let intake = collector.intake();
            let counter = LogCounter::new(intake, &store, clock.clone(), Arc::clone(&metrics));
            tasks.spawn(follow(counter, path, Arc::clone(&metrics)));
        }
        tasks.spawn(write_down(flusher.clone(), Arc::clone(&metrics)));
        if let Some(probing) = section.probe {
            output.say("the MX hosts of domains in mode testing are tried");
            tasks.spawn(probe(Prober {
                sessions: store.sessions(),
                network: ground.network.clone(),
                probing,
                clock: clock.clone(),
                metrics: Arc::clone(&metrics),
            }));
        }
        tasks.spawn(forget(store.sessions(), section.retention_days, clock, metrics));
        let doctor = Doctor::new(section.clone(), ground);
        Ok(Self { section, collector, flusher, api, doors, tasks, sending, doctor })
    }

    pub(super) fn reload(&mut self, section: &Section, output: &mut Output) -> Reloaded {
        if *section != self.section {
            return Reloaded::StartAnew;
        }
        output.say("there is nothing to read again");
        Reloaded::Done
    }

    pub(super) async fn failed(&mut self) -> Failure {
        tokio::select! {
            // It does not end by itself.
            ended = self.collector.ended() => {
                let why = ended.err().map(|panicked| panicked.to_string());
                Failure::new(why.unwrap_or_else(|| "go on counting".to_owned()))
            }
            _ = self.tasks.join_next() => Failure::new("go on writing counters"),
            failure = self.sending.failed() => failure,
        }
    }

    /// The watchdog hears that the thread takes up work.
    pub(super) fn pulse(&self) -> Pulse {
        let pulse = self.collector.pulse();
        Arc::new(move || {
            let pulse = pulse.clone();
            Box::pin(async move { pulse.liveness().await })
        })
    }

    pub(super) fn api(&self) -> Arc<ReportApi> {
        Arc::clone(&self.api)
    }

    pub(super) fn doctor(&self) -> Arc<Doctor> {
        Arc::clone(&self.doctor)
    }

    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.halt().await.map(drop)
    }

    /// [`Self::stop`], where the process ends too and gives back all memory at once.
    pub(super) async fn end(self) -> Result<(), Failure> {
        self.halt().await.map(mem::forget)
    }

    async fn halt(mut self) -> Result<Leftover, Failure> {
        // The queue first: then nothing more is counted, and the rest can be written.
        let stopped = self.collector.stop().await;
        self.sending.stop().await;
        self.tasks.shutdown().await;
        let unsaved = self.flusher.finish().await;
        self.doors.close().await;
        if unsaved > 0 {
            return Err(Failure::new(format!("write {unsaved} counters, which are lost"))
                .hint("the log says what was wrong with the store"));
        }
        stopped.map_err(Failure::new)
    }
}

async fn follow(counter: LogCounter, path: PathBuf, metrics: Arc<ReportMetrics>) {
    let make = || {
        let (counter, path) = (counter.clone(), path.clone());
        async move { counter.follow(path).await }
    };
    // It ends when nothing is counted any more.
    let _ = supervise("the reading of a log", AfterPanic::Restart, &metrics.panics, make).await;
}

async fn write_down(flusher: Flusher, metrics: Arc<ReportMetrics>) {
    let make = || {
        let flusher = flusher.clone();
        async move { flusher.run().await }
    };
    // It gives up never.
    let _ = supervise("the writing of counters", AfterPanic::Restart, &metrics.panics, make).await;
}

async fn forget(sessions: Sessions, days: u16, clock: Clock, metrics: Arc<ReportMetrics>) {
    let make = || {
        let forgetting =
            keep_forgetting(sessions.clone(), days, clock.clone(), Arc::clone(&metrics));
        async move {
            let never: Infallible = forgetting.await;
            match never {}
        }
    };
    // It gives up never.
    let _ = supervise("the end of old counters", AfterPanic::Restart, &metrics.panics, make).await;
}

async fn probe(prober: Prober) {
    let metrics = Arc::clone(&prober.metrics);
    let make = || {
        let prober = prober.clone();
        async move {
            let never: Infallible = prober.run().await;
            match never {}
        }
    };
    // It gives up never.
    let _ = supervise("the trial of MX hosts", AfterPanic::Restart, &metrics.panics, make).await;
}

fn bind(
    address: &Address,
    section: &Section,
    inherited: &mut Inherited,
) -> Result<DatagramSocket, Failure> {
    DatagramSocket::bind(address, &section.socket_owner, inherited).map_err(|error| {
        let failure = Failure::new(with_source(&error));
        match address {
            Address::Unix { path, .. } if path.parent().is_some_and(|folder| !folder.exists()) => {
                failure.hint("make its folder, or name another place with --socket")
            }
            _ => failure,
        }
    })
}

/// What takes posts of sessions, if there is a token for them.
fn posts(
    section: &Section,
    node: &str,
    intake: Intake,
    sessions: Sessions,
    clock: &Clock,
    metrics: &Arc<ReportMetrics>,
) -> Result<Option<SessionPosts>, Failure> {
    let Some(path) = &section.token_file else { return Ok(None) };
    if section.http.is_empty() {
        return Err(Failure::new("take posts of sessions: there is no address for them")
            .hint("give one with `http` in [report], or remove `token_file`"));
    }
    let mut token = String::new();
    let file = fs_err::File::open(path)?;
    file.take(TOKEN_OCTETS)
        .read_to_string(&mut token)
        .map_err(|error| Failure::new(format!("read the token in {}: {error}", path.display())))?;
    let (clock, days, metrics) = (clock.clone(), section.retention_days, Arc::clone(metrics));
    let posts = SessionPosts::new(&token, node, intake, sessions, clock, days, metrics);
    let posts = posts.map_err(|error| {
        Failure::new(format!("{error} ({})", path.display())).hint("make one: openssl rand -hex 32")
    })?;
    Ok(Some(posts))
}

/// Says what is lost when the kernel keeps few datagrams for us, and how to mend it.
fn warn_of_queue(output: &mut Output) {
    let Some(length) = queue_length().filter(|&length| length < QUEUE_WANTED) else { return };
    output.say(&format!(
        "warning: net.unix.max_dgram_qlen is {length}: when mail servers deliver in bursts, the \
         kernel drops what they tell\n\nhint: sysctl -w net.unix.max_dgram_qlen={QUEUE_WANTED} \
         (and in /etc/sysctl.d), then start again"
    ));
}
