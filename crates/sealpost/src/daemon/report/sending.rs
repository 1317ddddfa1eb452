//! The sending of reports.

use std::sync::Arc;

use sealpost_net::MailWay;
use sealpost_report::{Delivery, Dispatch, DispatchParts, ReportMetrics};
use sealpost_runtime::{AfterPanic, supervise};
use sealpost_store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::ground::{Ground, with_source};
use crate::outcome::Failure;
use crate::output::Output;

/// What makes reports and sends them; nothing, where the configuration does not say how.
pub(super) struct Sending {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Sending {
    pub(super) async fn start(
        ground: &Ground,
        store: &Store,
        node: &str,
        metrics: &Arc<ReportMetrics>,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let section = &ground.configuration.report;
        let Some(delivery) = &section.delivery else {
            output.say("no report is sent: there is no section [report.delivery]");
            return Ok(Self { tasks, stop });
        };
        warn_of_signature(delivery, output);
        let dispatch = Dispatch::new(DispatchParts {
            sessions: store.sessions(),
            submissions: store.submissions(),
            network: ground.network.clone(),
            face: section.face(&ground.host),
            delivery: delivery.clone(),
            retention_days: section.retention_days,
            node: node.to_owned(),
            clock: ground.clock.clone(),
            metrics: Arc::clone(metrics),
        });
        let dispatch = dispatch.await.map_err(|error| Failure::new(with_source(&error)))?;
        tasks.spawn(make(dispatch.clone(), stopping.clone(), Arc::clone(metrics)));
        tasks.spawn(send(dispatch, stopping, Arc::clone(metrics)));
        Ok(Self { tasks, stop })
    }

    /// Waits until a task has ended, which should not happen.
    pub(super) async fn failed(&mut self) -> Failure {
        if self.tasks.is_empty() {
            std::future::pending::<()>().await;
        }
        self.tasks.join_next().await;
        Failure::new("go on sending reports")
    }

    /// Lets what is under way come to its end, for a few seconds.
    pub(super) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What it is at when it is told to stop, the next one does.
async fn make(dispatch: Dispatch, stopping: watch::Receiver<bool>, metrics: Arc<ReportMetrics>) {
    let make = || {
        let (dispatch, stopping) = (dispatch.clone(), stopping.clone());
        async move {
            tokio::select! {
                never = dispatch.build() => match never {},
                () = told(stopping) => {}
            }
        }
    };
    // It ends only when it is told to.
    let _ = supervise("the making of reports", AfterPanic::Restart, &metrics.panics, make).await;
}

async fn send(dispatch: Dispatch, stopping: watch::Receiver<bool>, metrics: Arc<ReportMetrics>) {
    let make = || {
        let (dispatch, stopping) = (dispatch.clone(), stopping.clone());
        async move { dispatch.send(told(stopping)).await }
    };
    // It ends only when it is told to.
    let _ = supervise("the sending of reports", AfterPanic::Restart, &metrics.panics, make).await;
}

/// Waits for the word.
async fn told(mut stopping: watch::Receiver<bool>) {
    // An error means that nobody is left to tell it.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
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
