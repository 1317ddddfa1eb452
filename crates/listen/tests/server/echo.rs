//! A handler that returns each line, and what is needed to run it.

use std::{future::pending, time::Duration};

use sealpost_listen::{Connection, Ended, Handler, Limits, Listener, Server};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, split},
    select,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

/// How long a request may be behind its connection.
const MOMENT: Duration = Duration::from_millis(100);

/// Returns each line. `panic` makes it panic, `hang` makes it deaf.
pub(crate) struct Echo;

impl Handler for Echo {
    async fn serve(&self, connection: Connection) {
        let mut stopping = connection.stopping;
        let (read, mut write) = split(connection.stream);
        let mut lines = BufReader::new(read).lines();
        loop {
            let line = select! {
                biased;
                line = lines.next_line() => line,
                () = stopping.requested() => match timeout(MOMENT, lines.next_line()).await {
                    Ok(line) => line,
                    Err(_) => return,
                },
            };
            let Ok(Some(mut line)) = line else { return };
            match line.as_str() {
                "panic" => panic!("as asked"),
                "hang" => pending().await,
                _ => {}
            }
            line.push('\n');
            if write.write_all(line.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// A server at one listener, in the background.
pub(crate) struct Running {
    pub(crate) server: Server<Echo>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Ended>,
}

impl Running {
    pub(crate) fn start(listener: Listener, limits: Limits) -> Self {
        Self::join(Server::new(Echo, limits), listener)
    }

    /// One more listener for a server.
    pub(crate) fn join(server: Server<Echo>, listener: Listener) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let clone = server.clone();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            clone.serve(listener, shutdown).await
        });
        Self { server, stop, task }
    }

    /// Tells it to stop, and gives what waits for its end.
    pub(crate) fn stop(self) -> JoinHandle<Ended> {
        self.stop.send(()).unwrap();
        self.task
    }
}
