//! TLSA records of an MX host (RFC 7672 §2.2).

use mail_domain::DomainName;
use sealpost_evidence::{HostAddresses, Lookup, Security, TlsaLookup};

use crate::deadline::Deadline;
use crate::network::Network;

/// The port in the names of TLSA records for mail between servers. It stays where, for a test,
/// another is connected to: the records of such a test world stand for those of a real one.
pub(super) const SMTP: u16 = 25;

/// What the look-up of a host's addresses says of its TLSA records.
#[derive(Debug, PartialEq, Eq)]
enum Candidates {
    /// There are none that could be used.
    None,
    /// They are under the name itself.
    Itself,
    /// They are under the end of its CNAME chain, or else under the name itself.
    Expanded(String),
    /// The addresses at the end of its CNAME chain are not secure; the first link may be.
    PerhapsItself,
}

impl Network {
    /// The TLSA records of a host for a port, under each name that they may have; `None` where they
    /// are not asked for.
    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
    //# To avoid problems delivering mail to domains whose SMTP servers are
    //# served by these problematic nameservers, the SMTP client MUST perform
    //# any A and/or AAAA queries for the destination before attempting to
    //# locate the associated TLSA records.
    pub(super) async fn tlsa(
        &self,
        host: &DomainName,
        port: u16,
        addresses: &HostAddresses,
        deadline: Deadline,
    ) -> Option<Vec<TlsaLookup>> {
        let bases = match candidates(addresses) {
            Candidates::None => return None,
            Candidates::Itself => vec![host.clone()],
            Candidates::PerhapsItself => {
                // The chain as a whole is not secure: its first link is asked for by itself.
                let first = self.means.dns.alias(host.as_str(), deadline).await;
                match &first {
                    Lookup::Found(found) if found.security == Security::Secure => {}
                    // What could not be told is not "none" (RFC 7672 §2.1.2).
                    Lookup::Unknown(fault) => {
                        let records = Lookup::Unknown(fault.clone());
                        return Some(vec![TlsaLookup { base: host.clone(), records }]);
                    }
                    Lookup::Found(_) | Lookup::Absent(_) => return None,
                }
                vec![host.clone()]
            }
            //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3
            //# When the hostname is an alias with a "secure" (at every stage) full
            //# expansion, the list of candidate TLSA base domains (see below) is a
            //# pair of domains: the fully expanded server hostname first, and the
            //# unexpanded server hostname second.
            Candidates::Expanded(end) => {
                let end = DomainName::parse(&end).ok().filter(|name| name.as_str() == end);
                end.into_iter().chain([host.clone()]).collect()
            }
        };
        let mut lookups = Vec::new();
        for base in bases {
            let records = self.means.dns.tlsa(&format!("_{port}._tcp.{base}"), deadline).await;
            lookups.push(TlsaLookup { base, records });
        }
        Some(lookups)
    }
}

fn candidates(addresses: &HostAddresses) -> Candidates {
    let found = [security(&addresses.ipv4), security(&addresses.ipv6)];
    let found: Vec<Security> = found.into_iter().flatten().collect();
    let is_alias = !addresses.aliases().is_empty();
    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
    //# If
    //# address records are found but the DNSSEC validation status of the
    //# first query response is "insecure" (see Section 2.1.3), the SMTP
    //# client SHOULD NOT proceed to search for any associated TLSA records.
    if found.is_empty() {
        Candidates::None
    } else if found.iter().any(|security| *security != Security::Secure) {
        if is_alias && !found.contains(&Security::Indeterminate) {
            Candidates::PerhapsItself
        } else {
            Candidates::None
        }
    } else {
        match addresses.aliases().last() {
            Some(end) => Candidates::Expanded(end.clone()),
            None => Candidates::Itself,
        }
    }
}

fn security<T>(lookup: &Lookup<T>) -> Option<Security> {
    lookup.found().map(|found| found.security)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use sealpost_evidence::{Absence, AbsenceKind, Found};

    use super::*;

    fn found<T>(value: T, aliases: &[&str], security: Security) -> Lookup<T> {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        Lookup::Found(Found { value, ttl: 60, aliases, security })
    }

    #[test]
    fn only_secure_addresses_lead_to_tlsa_records() {
        use Security::{Indeterminate, Insecure, Secure};
        fn none<T>() -> Lookup<T> {
            let kind = AbsenceKind::NoSuchData;
            Lookup::Absent(Absence { kind, ttl: 0, aliases: vec![], security: Secure })
        }
        let ipv4 = |aliases: &[&str], security| HostAddresses {
            ipv4: found(vec![Ipv4Addr::LOCALHOST], aliases, security),
            ipv6: none(),
        };
        let chain = ["b.test", "c.test"];
        for (addresses, expected) in [
            (ipv4(&[], Secure), Candidates::Itself),
            (ipv4(&[], Insecure), Candidates::None),
            (ipv4(&[], Indeterminate), Candidates::None),
            (ipv4(&chain, Secure), Candidates::Expanded("c.test".to_owned())),
            (ipv4(&chain, Insecure), Candidates::PerhapsItself),
            (ipv4(&chain, Indeterminate), Candidates::None),
            (HostAddresses { ipv4: none(), ipv6: none() }, Candidates::None),
        ] {
            assert_eq!(candidates(&addresses), expected, "{addresses:?}");
        }
        let mut mixed = ipv4(&[], Secure);
        mixed.ipv6 = found(vec![std::net::Ipv6Addr::LOCALHOST], &[], Insecure);
        assert_eq!(candidates(&mixed), Candidates::None, "the weakest counts");
    }
}
