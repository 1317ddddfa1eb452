//! A client that sends lines and reads replies.

use std::{io, net::SocketAddr};

use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
        BufStream,
    },
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::server::LONG;

pub(crate) struct Client<S: AsyncRead + AsyncWrite = TcpStream>(pub(crate) BufStream<S>);

impl Client {
    /// Connects and reads the greeting.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut client = Self::silent(address).await;
        assert_eq!(client.reply().await, "220 mx.example ESMTP sealpost");
        client
    }

    pub(crate) async fn silent(address: SocketAddr) -> Self {
        Self(BufStream::new(TcpStream::connect(address).await.unwrap()))
    }

    /// From another address of loopback.
    pub(crate) async fn from(ip: &str, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
        Self(BufStream::new(socket.connect(address).await.unwrap()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn send(&mut self, text: &str) {
        self.try_send(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write_all(octets).await?;
        self.0.flush().await
    }

    /// The next reply, its lines joined by `|`; empty if the connection is closed.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            match timeout(LONG, self.0.read_line(&mut line)).await.unwrap() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(error) => panic!("{error}"),
            }
            let line = line.trim_end();
            reply.push_str(line);
            if line.get(3..4) != Some("-") {
                return reply;
            }
            reply.push('|');
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Everything up to the point where the message is asked for.
    pub(crate) async fn begin(&mut self) {
        self.send("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<tls@mx.example>\r\nDATA\r\n")
            .await;
        for expected in ["250-mx.example", "250 2.1.0", "250 2.1.5", "354 "] {
            let reply = self.reply().await;
            assert!(reply.starts_with(expected), "{reply}");
        }
    }

    /// Sends a message and gives the reply.
    pub(crate) async fn message(&mut self, text: &str) -> String {
        self.begin().await;
        self.ask(&format!("{text}\r\n.")).await
    }

    /// Whether the server closes the connection, with nothing more to say.
    pub(crate) async fn is_closed(&mut self) -> bool {
        match timeout(LONG, self.0.read_u8()).await {
            Ok(Ok(_)) | Err(_) => false,
            Ok(Err(_)) => true,
        }
    }
}
