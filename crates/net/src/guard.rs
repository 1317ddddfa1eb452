//! May this address be connected to?
//!
//! What to connect to comes from strangers' DNS. Without a guard, anyone could have an auditor talk
//! to machines inside its own network. The tables are the IANA special-purpose address registries
//! (RFC 6890 and its updates): what they do not call globally reachable is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::IpNetwork;

/// The address guard: globally routable addresses, and the networks that the operator allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    allowed: Vec<IpNetwork>,
}

impl Guard {
    /// Lets these networks through too.
    pub(crate) fn new(allowed: Vec<IpNetwork>) -> Self {
        Self { allowed }
    }

    /// Lets everything through: for a host that the operator named himself.
    pub(crate) fn open() -> Self {
        let everywhere = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let networks = everywhere.into_iter().map(IpNetwork::everything_like);
        Self { allowed: networks.collect() }
    }

    /// May this address be connected to?
    pub(crate) fn permits(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(address))
            || is_globally_routable(address)
    }
}

/// IPv4 blocks that are not globally reachable: first address, length of the prefix.
const IPV4_SPECIAL: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network (RFC 791)
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private (RFC 1918)
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carrier-grade NAT (RFC 6598)
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback (RFC 1122)
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local (RFC 3927)
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private (RFC 1918)
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments (RFC 6890)
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation (RFC 5737)
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, deprecated (RFC 7526)
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private (RFC 1918)
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks (RFC 2544)
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation (RFC 5737)
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation (RFC 5737)
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast (RFC 1112)
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, limited broadcast (RFC 1112, RFC 919)
];

/// IPv4 addresses inside [`IPV4_SPECIAL`] that are globally reachable.
const IPV4_GLOBAL: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(192, 0, 0, 9), 32), // port control anycast (RFC 7723)
    (Ipv4Addr::new(192, 0, 0, 10), 32), // TURN anycast (RFC 8155)
];

/// IPv6 blocks inside 2000::/3 that are not globally reachable.
const IPV6_SPECIAL: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments (RFC 2928)
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation (RFC 3849)
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation (RFC 9637)
];

/// IPv6 blocks inside [`IPV6_SPECIAL`] that are globally reachable.
const IPV6_GLOBAL: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 1), 128), // port control anycast (RFC 7723)
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 2), 128), // TURN anycast (RFC 8155)
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 3), 128), // DNS-SD anycast (RFC 9665)
    (Ipv6Addr::new(0x2001, 3, 0, 0, 0, 0, 0, 0), 32),  // AMT (RFC 7450)
    (Ipv6Addr::new(0x2001, 4, 0x112, 0, 0, 0, 0, 0), 48), // AS112 (RFC 7535)
    (Ipv6Addr::new(0x2001, 0x20, 0, 0, 0, 0, 0, 0), 28), // ORCHIDv2 (RFC 7343)
    (Ipv6Addr::new(0x2001, 0x30, 0, 0, 0, 0, 0, 0), 28), // drone identifiers (RFC 9374)
];

/// Is the address one that anybody on the Internet could reach?
///
/// An address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) leads to that, and is
/// judged by it.
pub(crate) fn is_globally_routable(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => ipv4_is_globally_routable(address),
        IpAddr::V6(address) => ipv6_is_globally_routable(address),
    }
}

fn ipv4_is_globally_routable(address: Ipv4Addr) -> bool {
    let lies_in = |blocks: &[(Ipv4Addr, u32)]| {
        blocks.iter().any(|(first, prefix)| {
            let differing = address.to_bits() ^ first.to_bits();
            differing.leading_zeros() >= *prefix
        })
    };
    !lies_in(IPV4_SPECIAL) || lies_in(IPV4_GLOBAL)
}

fn ipv6_is_globally_routable(address: Ipv6Addr) -> bool {
    let lies_in = |blocks: &[(Ipv6Addr, u32)]| {
        blocks.iter().any(|(first, prefix)| {
            let differing = address.to_bits() ^ first.to_bits();
            differing.leading_zeros() >= *prefix
        })
    };
    let [a, b, c, d, e, f, g, h] = address.segments();
    match [a, b, c, d, e, f] {
        // NAT64 (RFC 6052): the IPv4 address stands at the end.
        [0x64, 0xff9b, 0, 0, 0, 0] => ipv4_is_globally_routable(ipv4(g, h)),
        // 6to4 (RFC 3056): it stands behind the first 16 bits.
        [0x2002, ..] => ipv4_is_globally_routable(ipv4(b, c)),
        // Teredo (RFC 4380): the server's behind the first 32 bits, the client's inverted at the
        // end.
        [0x2001, 0, ..] => {
            ipv4_is_globally_routable(ipv4(c, d)) && ipv4_is_globally_routable(ipv4(!g, !h))
        }
        // All the rest of global unicast is 2000::/3 (RFC 3513 §2.4 and the IANA registry).
        _ => a & 0xe000 == 0x2000 && (!lies_in(IPV6_SPECIAL) || lies_in(IPV6_GLOBAL)),
    }
}

fn ipv4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_anybody_could_reach() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.0.9", // port control anycast
            "192.0.1.0",
            "192.31.196.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:500:2f::f",
            "2001:1::1",
            "2001:20::1",
            "2001:4:112::1",
            "2606:4700:4700::1111",
            "2620:4f:8000::1",
            "3ffe::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:0101:0101::1",
            "2001:0:101:101::fefe:fefe", // Teredo, 1.1.1.1 on both ends
        ] {
            assert!(is_globally_routable(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn addresses_that_are_special() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.66.0.1",
            "169.254.169.254", // where clouds keep their secrets
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::1.1.1.1",        // IPv4-compatible, deprecated
            "::ffff:127.0.0.1", // mapped
            "::ffff:10.0.0.1",
            "64:ff9b::127.0.0.1", // NAT64
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",              // local NAT64
            "100::1",                    // discard
            "2001::1",                   // Teredo with empty addresses
            "2001:0:101:101::80ff:fffe", // Teredo, client 127.0.0.1
            "2001:0:a00:1::fefe:fefe",   // Teredo, server 10.0.0.1
            "2001:2::1",                 // benchmarks
            "2001:10::1",                // ORCHID, deprecated
            "2001:db8::1",               // documentation
            "2002:7f00:1::1",            // 6to4 of 127.0.0.1
            "2002:a00:1::1",
            "3fff::1", // documentation
            "4000::1", // not allotted
            "5f00::1", // segment routing
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_globally_routable(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn allowed_networks_come_on_top() {
        let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "1.1.1.1"] {
            assert!(guard.permits(address.parse().unwrap()), "{address}");
        }
        for address in ["10.0.0.1", "::2", "64:ff9b::127.0.0.1"] {
            assert!(!guard.permits(address.parse().unwrap()), "{address}");
        }
        assert!(!Guard::default().permits("127.0.0.1".parse().unwrap()));
    }
}
