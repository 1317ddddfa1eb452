//! Who has how many connections.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{Connection, Handler, Peer};

/// Counts the connections of each source: an IPv4 address, or 64 bits of an IPv6 address, which one
/// household or server has to itself. Clones share the counts.
///
/// Socket files are not counted: who may connect there is said by their permissions.
#[derive(Clone, Debug)]
pub struct Sources {
    most: usize,
    open: Arc<Mutex<HashMap<Source, usize>>>,
    refused: Arc<AtomicU64>,
}

/// Who counts as one: an IPv4 address, or 64 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(Network);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4(Ipv4Addr),
    /// The first four groups.
    V6([u16; 4]),
}

/// A connection counts as long as this lives.
#[derive(Debug)]
pub struct Place(Option<(Sources, Source)>);

/// Hands connections to a handler, and closes at once those beyond the limit of their source. Where
/// there is TLS, it belongs in front: a handshake costs more than a refusal. (The handler of SMTP
/// counts by itself, for it can say why.)
#[derive(Debug)]
pub struct PerSource<H> {
    handler: H,
    sources: Sources,
}

impl Sources {
    /// At most so many connections from one source.
    pub fn new(most: usize) -> Self {
        Self { most, open: Arc::default(), refused: Arc::default() }
    }

    /// A place for a connection of this peer; `None` if its source has too many.
    pub fn enter(&self, peer: Peer) -> Option<Place> {
        let Some(source) = Source::of(peer) else { return Some(Place(None)) };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(source).or_default();
        if *count >= self.most {
            if *count == 0 {
                open.remove(&source);
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *count += 1;
        Some(Place(Some((self.clone(), source))))
    }

    /// Connections that found no place.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn leave(&self, source: Source) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&source);
            }
        }
    }
}

impl Source {
    /// That of a peer; those at socket files have none.
    pub fn of(peer: Peer) -> Option<Self> {
        match peer {
            Peer::Tcp(address) => Some(Self::at(address.ip())),
            Peer::Unix => None,
        }
    }

    /// That of an address.
    pub fn at(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => Network::V4(address),
            IpAddr::V6(address) => {
                let [first, second, third, fourth, ..] = address.segments();
                Network::V6([first, second, third, fourth])
            }
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((sources, source)) = &self.0 {
            sources.leave(*source);
        }
    }
}

impl<H> PerSource<H> {
    /// The handler, behind the limit. Several handlers may share the counts.
    pub fn new(handler: H, sources: Sources) -> Self {
        Self { handler, sources }
    }
}

impl<H: Handler> Handler for PerSource<H> {
    async fn serve(&self, connection: Connection) {
        let Some(place) = self.sources.enter(connection.peer) else {
            tracing::debug!(peer = %connection.peer, "too many connections from there");
            return;
        };
        self.handler.serve(connection).await;
        drop(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(address: &str) -> Peer {
        Peer::Tcp((address.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn sources_are_counted_apart() {
        let sources = Sources::new(2);
        let first = sources.enter(tcp("192.0.2.1")).unwrap();
        let _second = sources.enter(tcp("::ffff:192.0.2.1")).unwrap(); // the same one
        assert!(sources.enter(tcp("192.0.2.1")).is_none());
        let _other = sources.enter(tcp("192.0.2.2")).unwrap();
        drop(first);
        assert!(sources.enter(tcp("192.0.2.1")).is_some());
        assert_eq!(sources.refused(), 1);
    }

    #[test]
    fn ipv6_is_counted_by_network() {
        let sources = Sources::new(1);
        let _place = sources.enter(tcp("2001:db8::1")).unwrap();
        assert!(sources.enter(tcp("2001:db8:0:0:2::1")).is_none());
        assert!(sources.enter(tcp("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let sources = Sources::new(1);
        for last in 0..100 {
            let _ = sources.enter(tcp(&format!("192.0.2.{last}")));
        }
        assert!(sources.open.lock().unwrap().is_empty());
        let none = Sources::new(0);
        assert!(none.enter(tcp("192.0.2.1")).is_none());
        assert!(none.open.lock().unwrap().is_empty());
        assert!(none.enter(Peer::Unix).is_some());
    }
}
