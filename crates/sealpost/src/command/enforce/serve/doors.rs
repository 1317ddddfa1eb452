//! Where the daemon is asked.

use sealpost_enforce::{Answerer, Section, TcpTables};
use sealpost_listen::{Address, Handler, Inherited, Limits, Listener, Server};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::outcome::Failure;

/// All listeners of the daemon.
pub(super) struct Doors {
    pub(super) section: Section,
    pub(super) answerer: Answerer,
    /// Turns true when they are to be closed.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Doors {
    /// Listens, tells where or why not, and serves until it is to stop.
    pub(super) async fn serve(
        self,
        mut inherited: Inherited,
        opened: oneshot::Sender<Result<Vec<String>, Failure>>,
    ) {
        let mut running = JoinSet::new();
        let told = match self.open(&mut inherited, &mut running).await {
            Ok(places) => opened.send(Ok(places)),
            Err(failure) => {
                running.shutdown().await;
                opened.send(Err(failure))
            }
        };
        // Whoever started us may have gone: then we are told to stop.
        drop(told);
        running.join_all().await;
    }

    async fn open(
        &self,
        inherited: &mut Inherited,
        running: &mut JoinSet<()>,
    ) -> Result<Vec<String>, Failure> {
        let mut places = Vec::new();
        let socketmap = Server::new(self.answerer.clone(), Limits::default());
        for address in &self.section.listen {
            for listener in listen(address, inherited).await? {
                places.push(listener.to_string());
                self.spawn(&socketmap, listener, running);
            }
        }
        for table in &self.section.tcp {
            let tables = TcpTables::new(self.answerer.clone(), table.map.0);
            let server = Server::new(tables, Limits::default());
            for listener in listen(&table.listen, inherited).await? {
                places.push(format!("{listener} as a tcp table for {}", table.map.0));
                self.spawn(&server, listener, running);
            }
        }
        Ok(places)
    }

    fn spawn<H: Handler>(&self, server: &Server<H>, listener: Listener, running: &mut JoinSet<()>) {
        let (server, mut stopping) = (server.clone(), self.stopping.clone());
        running.spawn(async move {
            let stopped = async {
                // An error means that nobody is left to tell it.
                let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
            };
            server.serve(listener, stopped).await;
        });
    }
}

async fn listen(address: &Address, inherited: &mut Inherited) -> Result<Vec<Listener>, Failure> {
    address.listen(inherited).await.map_err(|error| {
        Failure::new(match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        })
    })
}
