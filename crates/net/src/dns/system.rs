//! The system's resolvers.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where the system keeps the names of its resolvers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The most resolvers that are taken; the C library takes three.
const MOST_RESOLVERS: usize = 8;

/// The system's resolvers, in their order. Where none is named, the one on this machine, as in
/// `resolv.conf(5)`.
pub(crate) fn system_resolvers() -> std::io::Result<Vec<SocketAddr>> {
    let mut octets = Vec::new();
    match fs_err::File::open(RESOLV_CONF) {
        Ok(file) => file.take(64 * 1024).read_to_end(&mut octets)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(name_servers(&String::from_utf8_lossy(&octets)))
}

fn name_servers(text: &str) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let word = words.next().unwrap_or_default();
        // The zone of a link-local address is a name here, which no address type can hold.
        match word.parse::<IpAddr>() {
            Ok(address) => servers.push(SocketAddr::new(address, 53)),
            Err(_) => tracing::warn!("{RESOLV_CONF}: {word:?} is not an address; passed over"),
        }
        if servers.len() == MOST_RESOLVERS {
            break;
        }
    }
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_in_their_order() {
        let text = "# nameserver 9.9.9.9\n; nameserver 9.9.9.9\nsearch example.com\n\
                    nameserver 192.0.2.53 # first\n nameserver\t2001:db8::53\n\
                    nameserver fe80::1%eth0\nnameserver\noptions edns0\n";
        let servers: Vec<String> = name_servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::53]:53"]);
    }

    #[test]
    fn without_any_the_local_one_is_asked() {
        assert_eq!(name_servers(""), ["127.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn their_number_is_bounded() {
        assert_eq!(name_servers(&"nameserver 192.0.2.1\n".repeat(100)).len(), MOST_RESOLVERS);
    }
}
