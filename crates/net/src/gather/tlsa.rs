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

/// What was looked up of a host's TLSA records.
pub(super) struct TlsaAnswers {
    /// The records under each name that they may have, and that name; `None` where they were not
    /// asked for.
    pub(super) lookups: Option<Vec<(String, Lookup<Vec<String>>)>>,
    /// For how many seconds the first link of the host's CNAME chain holds, where it was asked for
    /// by itself.
    pub(super) link_ttl: Option<u32>,
}

impl Network {
    /// The TLSA records of a host for a port.
    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
    //# To avoid problems delivering mail to domains whose SMTP servers are
    //# served by these problematic nameservers, the SMTP client MUST perform
    //# any A and/or AAAA queries for the destination before attempting to
    //# locate the associated TLSA records.
    pub(super) async fn tlsa(
        &self,
        host: &str,
        port: u16,
        addresses: &HostAddresses,
        deadline: Deadline,
    ) -> TlsaAnswers {
        let mut link_ttl = None;
        let bases = match candidates(addresses) {
            Candidates::None => return TlsaAnswers { lookups: None, link_ttl },
            Candidates::Itself => vec![host.to_owned()],
            Candidates::PerhapsItself => {
                // The chain as a whole is not secure: its first link is asked for by itself.
                let first = self.means.dns.alias(host, deadline).await;
                link_ttl = Some(first.ttl());
                match first {
                    Lookup::Found(found) if found.security == Security::Secure => {}
                    // What could not be told is not "none" (RFC 7672 §2.1.2).
                    Lookup::Unknown(fault) => {
                        let lookups = Some(vec![(host.to_owned(), Lookup::Unknown(fault))]);
                        return TlsaAnswers { lookups, link_ttl };
                    }
                    Lookup::Found(_) | Lookup::Absent(_) => {
                        return TlsaAnswers { lookups: None, link_ttl };
                    }
                }
                vec![host.to_owned()]
            }
            //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3
            //# When the hostname is an alias with a "secure" (at every stage) full
            //# expansion, the list of candidate TLSA base domains (see below) is a
            //# pair of domains: the fully expanded server hostname first, and the
            //# unexpanded server hostname second.
            Candidates::Expanded(end) => {
                let end = Some(end).filter(|end| is_host_name(end));
                end.into_iter().chain([host.to_owned()]).collect()
            }
        };
        let mut lookups = Vec::new();
        for base in bases {
            let records = self.means.dns.tlsa(&format!("_{port}._tcp.{base}"), deadline).await;
            lookups.push((base, records));
        }
        TlsaAnswers { lookups: Some(lookups), link_ttl }
    }
}

impl TlsaAnswers {
    /// Those under domain names.
    pub(super) fn under_domains(self) -> Option<Vec<TlsaLookup>> {
        let under_domain = |(base, records): (String, _)| {
            Some(TlsaLookup { base: DomainName::parse(&base).ok()?, records })
        };
        Some(self.lookups?.into_iter().filter_map(under_domain).collect())
    }
}

/// Whether mail may go to a host of this name, in lower case and without a trailing dot: a domain
/// name, or what would be one if an underscore were a letter, as Postfix has it.
pub(super) fn is_host_name(name: &str) -> bool {
    let with_letters = name.replace('_', "x");
    DomainName::parse(&with_letters).is_ok_and(|domain| domain.as_str() == with_letters)
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
