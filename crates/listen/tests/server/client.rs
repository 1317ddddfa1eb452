//! A client that sends lines and reads them back.

use std::{io, net::SocketAddr, path::Path, time::Duration};

use sealpost_listen::Listener;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(20);
/// Long enough to see that nothing comes.
const SHORT: Duration = Duration::from_millis(150);

pub(crate) struct Client(Box<dyn Line>);

trait Line: AsyncBufRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncBufRead + AsyncWrite + Unpin + Send> Line for T {}

impl Client {
    pub(crate) async fn tcp(address: SocketAddr) -> Self {
        Self(Box::new(BufStream::new(TcpStream::connect(address).await.unwrap())))
    }

    pub(crate) async fn unix(path: &Path) -> io::Result<Self> {
        Ok(Self(Box::new(BufStream::new(UnixStream::connect(path).await?))))
    }

    pub(crate) async fn send(&mut self, line: &str) {
        self.0.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// The next line; empty if the connection is closed.
    pub(crate) async fn receive(&mut self) -> String {
        let mut line = String::new();
        match timeout(LONG, self.0.read_line(&mut line)).await.unwrap() {
            Ok(_) => line.trim_end().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => String::new(),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.send(line).await;
        self.receive().await
    }

    /// Nothing comes, and the connection is not closed.
    pub(crate) async fn hears_nothing(&mut self) -> bool {
        let mut line = String::new();
        timeout(SHORT, self.0.read_line(&mut line)).await.is_err()
    }
}

/// A listener on loopback and its address.
pub(crate) fn loopback(ip: &str) -> (Listener, SocketAddr) {
    let listener = Listener::tcp(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
    let address = listener.tcp_address().unwrap();
    (listener, address)
}
