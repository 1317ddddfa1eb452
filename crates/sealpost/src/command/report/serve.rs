//! The daemon.

use std::convert::Infallible;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::{Address, DatagramSocket, Inherited, Limits, Listener, Server};
use sealpost_report::{
    Collector, Intake, LogCounter, QUEUE_WANTED, ReportApi, ReportMetrics, Section, SessionPosts,
    keep_forgetting, queue_length,
};
use sealpost_runtime::{AfterPanic, Clock, ServiceManager, raise_descriptor_limit, supervise};
use sealpost_store::{Settings as StoreSettings, Store};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{store_failure, with_source};
use crate::arguments::ReportArguments;
use crate::command::signals::{Cause, Signals};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// How long answers to people may take when we stop.
const GRACE: Duration = Duration::from_secs(5);

/// Octets of a post of sessions.
const POST_OCTETS: usize = 1 << 20;
/// The longest file with a token, in octets.
const TOKEN_OCTETS: u64 = 4_096;

/// Counts sessions until it is told to stop.
pub(super) async fn run(
    arguments: &ReportArguments,
    mut inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    raise_descriptor_limit();
    let mut signals = Signals::new()?;
    let manager = Arc::new(ServiceManager::from_environment().map_err(Failure::new)?);
    let configuration = arguments.configuration.load()?;
    let section = arguments.over(configuration.report);
    let host = arguments.network.ehlo_name.clone().unwrap_or(configuration.network.ehlo_name);
    let node = section.node.clone().unwrap_or(host);
    let clock = arguments.network.clock();

    let path = section.store_file();
    let opened = Store::open(StoreSettings::at(&path).for_much_writing()).await;
    let store = opened.map_err(|error| {
        let failure = store_failure(&path, &error);
        if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
            return failure.hint("make its folder, or name another file with --store");
        }
        failure
    })?;
    let metrics = Arc::new(ReportMetrics::default());
    let mut sockets = Vec::new();
    for address in section.sockets() {
        let socket = bind(&address, &section, &mut inherited)?;
        output.say(&format!("listening at {socket}, datagrams"));
        sockets.push(socket);
    }
    let listeners = listen(&section, &mut inherited, output).await?;
    warn_of_queue(output);
    let started = Collector::start(
        sockets,
        &section,
        &node,
        store.sessions(),
        clock.clone(),
        Arc::clone(&metrics),
    );
    let (mut collector, flusher) =
        started.map_err(|error| Failure::new(format!("start the thread that counts: {error}")))?;
    let posts = posts(&section, collector.intake(), &clock, &metrics)?;
    let mut doors = Doors::default();
    doors.open(listeners, &store, &metrics, posts);

    let mut tasks = JoinSet::new();
    for path in section.log.clone() {
        output.say(&format!("following {}", path.display()));
        let counter =
            LogCounter::new(collector.intake(), &store, clock.clone(), Arc::clone(&metrics));
        let metrics = Arc::clone(&metrics);
        tasks.spawn(async move {
            let make = || {
                let (counter, path) = (counter.clone(), path.clone());
                async move { counter.follow(path).await }
            };
            let _ =
                supervise("the reading of a log", AfterPanic::Restart, &metrics.panics, make).await;
        });
    }
    {
        let (flusher, metrics) = (flusher.clone(), Arc::clone(&metrics));
        tasks.spawn(async move {
            let make = || {
                let flusher = flusher.clone();
                async move { flusher.run().await }
            };
            let _ =
                supervise("the writing of counters", AfterPanic::Restart, &metrics.panics, make)
                    .await;
        });
    }
    {
        let (sessions, days) = (store.sessions(), section.retention_days);
        let metrics = Arc::clone(&metrics);
        tasks.spawn(async move {
            let make = || {
                let forgetting =
                    keep_forgetting(sessions.clone(), days, clock.clone(), Arc::clone(&metrics));
                async move {
                    let never: Infallible = forgetting.await;
                    match never {}
                }
            };
            let _ =
                supervise("the end of old counters", AfterPanic::Restart, &metrics.panics, make)
                    .await;
        });
    }
    {
        // The watchdog hears that the thread takes up work.
        let (watched, pulse) = (Arc::clone(&manager), collector.pulse());
        tasks.spawn(async move { watched.watch(|| pulse.liveness()).await });
    }
    output.say("ready");
    manager.status("ready");
    manager.ready();

    let ended = loop {
        let cause = tokio::select! {
            cause = signals.next() => cause,
            // It does not end by itself.
            ended = collector.ended() => {
                let why = ended.err().map(|panicked| panicked.to_string());
                break Err(Failure::new(why.unwrap_or_else(|| "go on counting".to_owned())));
            }
            _ = tasks.join_next() => break Err(Failure::new("go on writing counters")),
        };
        match cause {
            Cause::Stop => break Ok(Outcome::Clean),
            Cause::Reload => {
                manager.reloading();
                output.say("there is nothing to read again");
                manager.ready();
            }
        }
    };
    output.say("stopping");
    manager.stopping();
    // The queue first: then nothing more is counted, and the rest can be written.
    let stopped = collector.stop().await;
    tasks.shutdown().await;
    let unsaved = flusher.finish().await;
    doors.close().await;
    store.close().await;
    if unsaved > 0 {
        return Err(Failure::new(format!("write {unsaved} counters, which are lost"))
            .hint("the log says what was wrong with the store"));
    }
    match (ended, stopped) {
        (Ok(_), Err(panicked)) => Err(Failure::new(panicked)),
        (ended, _) => ended,
    }
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

/// Binds where people ask.
async fn listen(
    section: &Section,
    inherited: &mut Inherited,
    output: &mut Output,
) -> Result<Vec<Listener>, Failure> {
    let mut all = Vec::new();
    for address in &section.http {
        let listeners = address.listen(inherited).await;
        for listener in listeners.map_err(|error| Failure::new(with_source(&error)))? {
            output.say(&format!("listening at {listener}, metrics over http"));
            all.push(listener);
        }
    }
    Ok(all)
}

/// What takes posts of sessions, if there is a token for them.
fn posts(
    section: &Section,
    intake: Intake,
    clock: &Clock,
    metrics: &Arc<ReportMetrics>,
) -> Result<Option<SessionPosts>, Failure> {
    let Some(path) = &section.token_file else { return Ok(None) };
    if section.http.is_empty() {
        return Err(Failure::new("take posts of sessions: there is no address for them")
            .hint("give one with `http` in [report], or remove `token_file`"));
    }
    let mut token = String::new();
    let file = fs_err::File::open(path).map_err(Failure::new)?;
    file.take(TOKEN_OCTETS)
        .read_to_string(&mut token)
        .map_err(|error| Failure::new(format!("read the token in {}: {error}", path.display())))?;
    let posts = SessionPosts::new(&token, intake, clock.clone(), Arc::clone(metrics));
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

/// Where people ask.
struct Doors {
    running: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Default for Doors {
    fn default() -> Self {
        Self { running: JoinSet::new(), stop: watch::channel(false).0 }
    }
}

impl Doors {
    fn open(
        &mut self,
        listeners: Vec<Listener>,
        store: &Store,
        metrics: &Arc<ReportMetrics>,
        posts: Option<SessionPosts>,
    ) {
        let mut api =
            ReportApi::new(Arc::clone(metrics), store.sessions(), env!("CARGO_PKG_VERSION"));
        if let Some(posts) = posts {
            api = api.with_posts(posts);
        }
        let limits = HttpLimits { body_octets: POST_OCTETS, ..HttpLimits::default() };
        let handler = HttpHandler::new(api, limits);
        let server = Server::new(handler, Limits { grace: GRACE, ..Limits::default() });
        for listener in listeners {
            let (server, mut stopping) = (server.clone(), self.stop.subscribe());
            self.running.spawn(async move {
                let stopped = async {
                    // An error means that nobody is left to tell it.
                    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
                };
                server.serve(listener, stopped).await;
            });
        }
    }

    async fn close(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}
