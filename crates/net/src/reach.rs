//! Has this machine a route there?
//!
//! The question is put to the routing table by `connect()` on a UDP socket, which looks up the route
//! and chooses the source address, and sends nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sealpost_evidence::Reach;

use crate::guard::is_globally_routable;

/// A well-known address of each family, for "can IPv6 be reached at all?": a root name server's.
pub(crate) const IPV4_AT_LARGE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 5, 5, 241));
/// The same over IPv6.
pub(crate) const IPV6_AT_LARGE: IpAddr =
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf));

/// Has this machine a route to this address?
///
/// Where only a source address of local scope could be used for a global IPv6 target, there is no
/// way back for its answers, and so no route. (IPv4 is commonly translated, IPv6 is not.)
pub(crate) fn route_to(target: IpAddr) -> Reach {
    match source_towards(target) {
        Ok(source) if can_be_answered(source, target) => Reach::Routed,
        Ok(_) | Err(_) => Reach::NoRoute,
    }
}

fn source_towards(target: IpAddr) -> std::io::Result<IpAddr> {
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    // The port is of no matter: nothing is sent.
    socket.connect(SocketAddr::new(target, 9))?;
    Ok(socket.local_addr()?.ip())
}

fn can_be_answered(source: IpAddr, target: IpAddr) -> bool {
    match (source, target) {
        (IpAddr::V6(source), IpAddr::V6(_)) if is_globally_routable(target) => {
            !(source.is_unique_local() || source.is_unicast_link_local() || source.is_loopback())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn loopback_can_be_reached_and_broadcast_can_not() {
        assert_eq!(route_to(address("127.66.0.1")), Reach::Routed);
        assert_eq!(route_to(address("::1")), Reach::Routed);
        assert_eq!(route_to(address("255.255.255.255")), Reach::NoRoute);
    }

    #[test]
    fn a_local_source_gets_no_answer_from_the_ipv6_internet() {
        assert!(!can_be_answered(address("fd00::2"), IPV6_AT_LARGE));
        assert!(!can_be_answered(address("fe80::2"), IPV6_AT_LARGE));
        assert!(can_be_answered(address("fd00::2"), address("fd00::3")));
        assert!(can_be_answered(address("2606:4700::1"), IPV6_AT_LARGE));
        assert!(can_be_answered(address("10.0.0.1"), IPV4_AT_LARGE), "IPv4 is translated");
    }

    #[test]
    fn the_well_known_addresses_are_global() {
        assert!(is_globally_routable(IPV4_AT_LARGE) && is_globally_routable(IPV6_AT_LARGE));
    }
}
