//! Where the daemon is asked.

use std::io::ErrorKind;

use sealpost_listen::{Address, Handler, Inherited, ListenError, Listener, Server};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::ground::with_source;
use crate::outcome::Failure;

/// Listeners that serve until they are told to stop.
pub(super) struct Doors {
    running: JoinSet<()>,
    stop: watch::Sender<bool>,
    inherited: Inherited,
    places: Vec<String>,
}

impl Doors {
    /// No door yet.
    pub(super) fn new(inherited: Inherited) -> Self {
        let (stop, _) = watch::channel(false);
        Self { running: JoinSet::new(), stop, inherited, places: Vec::new() }
    }

    /// Takes these sockets that were passed, from now on.
    pub(super) fn take_from(&mut self, inherited: Inherited) {
        self.inherited = inherited;
    }

    /// Listens at all these addresses or at none, and begins to serve; `describe` says to people what is served at
    /// a listener.
    pub(super) async fn open<H: Handler>(
        &mut self,
        addresses: &[Address],
        server: Server<H>,
        describe: impl Fn(&Listener) -> String,
    ) -> Result<(), Failure> {
        let mut listeners = Vec::new();
        for address in addresses {
            listeners.extend(listen(address, &mut self.inherited).await?);
        }
        for listener in listeners {
            self.places.push(describe(&listener));
            let (server, mut stopping) = (server.clone(), self.stop.subscribe());
            self.running.spawn(async move {
                let stopped = async {
                    // An error means that nobody is left to tell it.
                    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
                };
                server.serve(listener, stopped).await;
            });
        }
        Ok(())
    }

    /// Where it is listened.
    pub(super) fn places(&self) -> &[String] {
        &self.places
    }

    /// Brings what is under way to its end, and closes everything.
    pub(super) async fn close(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}

/// Listens at an address.
pub(super) async fn listen(
    address: &Address,
    inherited: &mut Inherited,
) -> Result<Vec<Listener>, Failure> {
    address.listen(inherited).await.map_err(|error| refused(&error))
}

fn refused(error: &ListenError) -> Failure {
    let failure = Failure::new(with_source(error));
    match error {
        ListenError::Tcp { address, source } => match source.kind() {
            ErrorKind::AddrInUse => failure.hint(format!(
                "another program serves there: `ss -ltnp 'sport = :{}'` names it",
                address.port()
            )),
            ErrorKind::PermissionDenied => failure.hint(
                "ports below 1024 want CAP_NET_BIND_SERVICE, or a socket that systemd passes",
            ),
            _ => failure,
        },
        _ => failure,
    }
}
