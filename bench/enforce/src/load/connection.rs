//! One connection of the load client.

use std::{
    io::{self, Read, Write},
    time::Instant,
};

use mio::{
    Interest, Registry, Token,
    event::Source,
    net::{TcpStream, UnixStream},
};

use crate::echo::first_netstring;

/// Room for the largest reply there is.
const ROOM: usize = 16 * 1024;

pub struct Connection {
    stream: Stream,
    asked: Option<Asked>,
    buffer: Vec<u8>,
    filled: usize,
}

/// The request that waits for its reply.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub number: u64,
    pub at: Instant,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Connection {
    pub fn open(address: &str) -> io::Result<Self> {
        // Connecting blocks, which a nonblocking connection to a full queue would not survive.
        let stream = match address.strip_prefix("unix:") {
            Some(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                Stream::Unix(UnixStream::from_std(stream))
            }
            None => {
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                Stream::Tcp(TcpStream::from_std(stream))
            }
        };
        Ok(Self { stream, asked: None, buffer: vec![0; ROOM], filled: 0 })
    }

    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let source: &mut dyn Source = match &mut self.stream {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        };
        source.register(registry, token, Interest::READABLE)
    }

    /// Sends a request. There is never more than one on its way, so it fits.
    pub fn send(&mut self, request: &[u8], number: u64, at: Instant) -> io::Result<()> {
        self.asked = Some(Asked { number, at });
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(request),
            Stream::Unix(stream) => stream.write_all(request),
        }
    }

    /// The payload of the reply, and what was asked, once it has come.
    pub fn receive(&mut self) -> io::Result<Option<(&[u8], Asked)>> {
        loop {
            let room = &mut self.buffer[self.filled..];
            let offered = room.len();
            let read = match &mut self.stream {
                Stream::Tcp(stream) => stream.read(room),
                Stream::Unix(stream) => stream.read(room),
            };
            let length = match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            };
            self.filled += length;
            if let Some(whole) = first_netstring(&self.buffer[..self.filled]) {
                if whole != self.filled {
                    return Err(io::Error::other("more octets than one reply"));
                }
                self.filled = 0;
                let Some(asked) = self.asked.take() else {
                    return Err(io::Error::other("a reply without a request"));
                };
                let start = self.buffer.iter().position(|octet| *octet == b':').unwrap_or(0) + 1;
                return Ok(Some((&self.buffer[start..whole - 1], asked)));
            }
            // The kernel had no more: the next event comes with the rest.
            if length < offered {
                return Ok(None);
            }
        }
    }
}
