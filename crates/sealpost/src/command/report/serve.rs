//! The daemon.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::{Address, DatagramSocket, Inherited, Limits, Server};
use sealpost_net::MailWay;
use sealpost_report::{
    Collector, Delivery, Dispatch, DispatchParts, QUEUE_WANTED, ReportApi, ReportMetrics, Section,
    keep_forgetting, queue_length,
};
use sealpost_runtime::{AfterPanic, ServiceManager, raise_descriptor_limit, supervise};
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
    let named = configuration.network.ehlo_name.clone();
    let host = arguments.network.ehlo_name.clone().unwrap_or(named);
    let node = section.node.clone().unwrap_or_else(|| host.clone());
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
    let mut doors = Doors::default();
    doors.open(&section, &store, &metrics, inherited, output).await?;
    warn_of_queue(output);
    let dispatch = match &section.delivery {
        None => {
            output.say("no report is sent: there is no section [report.delivery]");
            None
        }
        Some(delivery) => {
            let network = arguments.network.open_over(configuration.network)?;
            let parts = DispatchParts {
                sessions: store.sessions(),
                submissions: store.submissions(),
                network,
                face: section.face(&host),
                delivery: delivery.clone(),
                retention_days: section.retention_days,
                node: node.clone(),
                clock: clock.clone(),
                metrics: Arc::clone(&metrics),
            };
            warn_of_signature(delivery, output);
            let made = Dispatch::new(parts).await;
            Some(made.map_err(|error| Failure::new(with_source(&error)))?)
        }
    };
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

    let mut tasks = JoinSet::new();
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
    let (stop_sending, stopping) = watch::channel(false);
    let mut sending = JoinSet::new();
    if let Some(dispatch) = dispatch {
        let (builder, panics) = (dispatch.clone(), Arc::clone(&metrics));
        tasks.spawn(async move {
            let make = || {
                let dispatch = builder.clone();
                async move { match dispatch.build().await {} }
            };
            let _ =
                supervise("the making of reports", AfterPanic::Restart, &panics.panics, make).await;
        });
        let panics = Arc::clone(&metrics);
        sending.spawn(async move {
            let make = || {
                let (dispatch, mut stopping) = (dispatch.clone(), stopping.clone());
                async move {
                    let stopped = async {
                        // An error means that nobody is left to tell it.
                        let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
                    };
                    dispatch.send(stopped).await;
                }
            };
            let _ = supervise("the sending of reports", AfterPanic::Restart, &panics.panics, make)
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
    stop_sending.send_replace(true);
    while sending.join_next().await.is_some() {}
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

/// Says what is lost when the kernel keeps few datagrams for us, and how to mend it.
fn warn_of_queue(output: &mut Output) {
    let Some(length) = queue_length().filter(|&length| length < QUEUE_WANTED) else { return };
    output.say(&format!(
        "warning: net.unix.max_dgram_qlen is {length}: when mail servers deliver in bursts, the \
         kernel drops what they tell\n\nhint: sysctl -w net.unix.max_dgram_qlen={QUEUE_WANTED} \
         (and in /etc/sysctl.d), then start again"
    ));
}

/// Says what receivers make of mails without a signature, where nobody else can sign them.
fn warn_of_signature(delivery: &Delivery, output: &mut Output) {
    if delivery.dkim.is_empty() && delivery.mail == MailWay::Direct {
        output.say(
            "warning: mails are sent directly and not signed, and receivers ignore such reports \
             (RFC 8460 section 3)\n\nhint: name a key in [[report.delivery.dkim]]",
        );
    }
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
    async fn open(
        &mut self,
        section: &Section,
        store: &Store,
        metrics: &Arc<ReportMetrics>,
        mut inherited: Inherited,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let api = ReportApi::new(Arc::clone(metrics), store.sessions(), env!("CARGO_PKG_VERSION"));
        let handler = HttpHandler::new(api, HttpLimits::default());
        let server = Server::new(handler, Limits { grace: GRACE, ..Limits::default() });
        for address in &section.http {
            let listeners = address.listen(&mut inherited).await;
            let listeners = listeners.map_err(|error| Failure::new(with_source(&error)))?;
            for listener in listeners {
                output.say(&format!("listening at {listener}, metrics over http"));
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
        Ok(())
    }

    async fn close(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}
