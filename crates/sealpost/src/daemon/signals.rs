//! What operators and service managers send.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::outcome::Failure;

/// The signals that a program takes which runs until it is told to stop.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// What a signal wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// SIGINT or SIGTERM: an end.
    Stop,
    /// SIGHUP: what may change while it runs is to be read again.
    Reload,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::new(format!("listen for signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for one that wants an end.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Cause::Stop {}
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) -> Cause {
        tokio::select! {
            _ = self.interrupt.recv() => Cause::Stop,
            _ = self.terminate.recv() => Cause::Stop,
            _ = self.hang_up.recv() => Cause::Reload,
        }
    }
}
