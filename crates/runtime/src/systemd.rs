//! What a service manager is told (`sd_notify(3)`) and how it watches us.
//!
//! # Limitations
//!
//! - The variables stay in the environment, because removing them is unsafe once there are threads.
//!   A child process could speak for us, unless the unit says `NotifyAccess=main`, the default.
//! - No `vsock:` addresses, which only virtual machines as a whole have.

use std::{
    env,
    ffi::OsString,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    path::Path,
    process,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Longest status, in characters.
const LONGEST_STATUS: usize = 512;

/// The service manager that started us, if one did. Without one, everything here does nothing.
#[derive(Debug)]
pub struct ServiceManager {
    channel: Option<(UnixDatagram, SocketAddr)>,
    /// It restarts us when it has heard nothing for so long.
    watchdog: Option<Duration>,
}

/// What a check of liveness found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Liveness {
    /// Work is being done.
    Alive,
    /// It is not, and a restart would help.
    Stuck,
}

/// Why a service manager that wants to be told cannot be. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceManagerError {
    /// `NOTIFY_SOCKET` is neither an absolute path nor an abstract name.
    #[error("read NOTIFY_SOCKET: {0:?} is neither an absolute path nor `@` and a name")]
    Address(OsString),
    /// The system gives no socket.
    #[error("open a socket to the service manager")]
    Socket(#[source] io::Error),
    /// `WATCHDOG_USEC` is not a number of microseconds.
    #[error("read WATCHDOG_USEC: {0:?} is not a number of microseconds")]
    Watchdog(OsString),
}

impl ServiceManager {
    /// The one that the environment speaks of: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    /// Call it once, at the start.
    ///
    /// # Errors
    ///
    /// [`ServiceManagerError`] if the variables are there and make no sense.
    pub fn from_environment() -> Result<Self, ServiceManagerError> {
        Self::from_variables(env::var_os)
    }

    /// None, for a process that shall not look.
    pub fn none() -> Self {
        Self { channel: None, watchdog: None }
    }

    fn from_variables(
        variable: impl Fn(&'static str) -> Option<OsString>,
    ) -> Result<Self, ServiceManagerError> {
        let Some(address) = variable("NOTIFY_SOCKET").filter(|text| !text.is_empty()) else {
            return Ok(Self::none());
        };
        let address = address_of(&address).ok_or(ServiceManagerError::Address(address))?;
        let open = || {
            let socket = UnixDatagram::unbound()?;
            // A manager that is too busy to listen must not stop us.
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(ServiceManagerError::Socket)?;
        let watchdog = watchdog(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"))?;
        Ok(Self { channel: Some((socket, address)), watchdog })
    }

    /// We are started, or have finished reloading.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// What we are doing, in one line for people.
    pub fn status(&self, text: &str) {
        // A line break would begin another message.
        let line: String = text
            .chars()
            .take(LONGEST_STATUS)
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        self.send(&format!("STATUS={line}"));
    }

    /// We begin to reload; [`ready`](Self::ready) says when it is done.
    pub fn reloading(&self) {
        // With the time, the manager can tell this message from that of an earlier reload.
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// We begin to stop.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// After how long a silence we are restarted, if we are watched.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Tells the manager that we live, at half its interval, as long as `check` says so; a check
    /// that takes longer than that has failed. Without a watchdog it only waits. It never ends: run
    /// it beside the work, and drop it when the work is done.
    pub async fn watch<F: Future<Output = Liveness>>(&self, mut check: impl FnMut() -> F) {
        let Some(watchdog) = self.watchdog else { return std::future::pending().await };
        let pause = (watchdog / 2).max(Duration::from_micros(1));
        let mut ticks = interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Liveness::Alive;
        loop {
            ticks.tick().await;
            let now = timeout(pause, check()).await.unwrap_or(Liveness::Stuck);
            match now {
                Liveness::Alive => self.send("WATCHDOG=1"),
                Liveness::Stuck if last == Liveness::Alive => {
                    tracing::error!(?watchdog, "work is stuck, so the watchdog will restart us");
                }
                Liveness::Stuck => {}
            }
            last = now;
        }
    }

    fn send(&self, message: &str) {
        if let Some((socket, address)) = &self.channel
            && let Err(error) = socket.send_to_addr(message.as_bytes(), address)
        {
            tracing::warn!(%error, ?message, "failed to tell the service manager");
        }
    }
}

fn address_of(text: &OsString) -> Option<SocketAddr> {
    match text.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(Path::new(text)).ok(),
        [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name).ok(),
        _ => None,
    }
}

/// The interval, unless it is another process that is watched.
fn watchdog(
    interval: Option<OsString>,
    process: Option<OsString>,
) -> Result<Option<Duration>, ServiceManagerError> {
    let Some(interval) = interval.filter(|text| !text.is_empty()) else { return Ok(None) };
    let own = process::id().to_string();
    if process.is_some_and(|process| process.as_bytes() != own.as_bytes()) {
        return Ok(None);
    }
    match interval.to_str().and_then(|text| text.parse().ok()) {
        Some(microseconds) if microseconds > 0 => Ok(Some(Duration::from_micros(microseconds))),
        _ => Err(ServiceManagerError::Watchdog(interval)),
    }
}

#[cfg(test)]
mod tests;
