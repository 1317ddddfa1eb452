//! What an address is called.

use std::fmt::Write as _;
use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::{HostAddresses, Lookup};

use crate::deadline::Deadline;
use crate::network::Network;

impl Network {
    /// The names that the DNS gives an address (PTR records, RFC 1035 §3.5, RFC 3596 §2.5). Whoever
    /// holds the address decides on them: each proves something only if it leads back to it.
    pub async fn reverse_names(&self, address: IpAddr) -> Lookup<Vec<String>> {
        let deadline = Deadline::after(self.means.deadlines.domain);
        self.means.dns.pointers(&owner(address), deadline).await
    }

    /// The addresses of a host.
    pub async fn host_addresses(&self, host: &DomainName) -> HostAddresses {
        let deadline = Deadline::after(self.means.deadlines.domain);
        self.means.dns.addresses(host.as_str(), deadline).await
    }
}

fn owner(address: IpAddr) -> String {
    let mut owner = String::new();
    // Writing to a string does not fail.
    match address {
        IpAddr::V4(address) => {
            for octet in address.octets().iter().rev() {
                let _ = write!(owner, "{octet}.");
            }
            owner + "in-addr.arpa"
        }
        IpAddr::V6(address) => {
            for octet in address.octets().iter().rev() {
                let _ = write!(owner, "{:x}.{:x}.", octet & 0xf, octet >> 4);
            }
            owner + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_names_from_behind() {
        let of = |text: &str| owner(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), "1.2.0.192.in-addr.arpa");
        assert_eq!(
            of("2001:db8::567:89ab"),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
