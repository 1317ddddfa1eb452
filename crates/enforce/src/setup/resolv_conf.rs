//! `resolv.conf`, as the C library reads it for Postfix.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The most resolvers that the C library asks.
const MOST_RESOLVERS: usize = 3;

/// What a `resolv.conf` says about resolvers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    resolvers: Vec<SocketAddr>,
    trusts_ad: bool,
}

impl ResolvConf {
    /// Reads the text. A line that is not understood counts for nothing, as for the C library.
    pub fn read(text: &str) -> Self {
        let mut resolvers = Vec::new();
        let mut trusts_ad = false;
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    // A scope behind a link-local address is beside the point: it is not loopback.
                    let word = words.next().unwrap_or_default();
                    let address = word.split('%').next().unwrap_or_default().parse::<IpAddr>();
                    resolvers.extend(address.map(|address| SocketAddr::new(address, 53)));
                }
                Some("options") => trusts_ad |= words.any(|word| word == "trust-ad"),
                _ => {}
            }
        }
        resolvers.truncate(MOST_RESOLVERS);
        // As resolv.conf(5) says.
        if resolvers.is_empty() {
            resolvers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
        }
        Self { resolvers, trusts_ad }
    }

    /// The resolvers that are asked, in their order; three at most, and that on this machine where
    /// none is named.
    pub fn resolvers(&self) -> &[SocketAddr] {
        &self.resolvers
    }

    /// Does the C library leave the AD bit of answers as it came (`options trust-ad`)?
    pub fn trusts_ad(&self) -> bool {
        self.trusts_ad
    }
}
