//! The CAA record set that counts for a name (RFC 8659 §3).

use mail_domain::DomainName;
use sealpost_evidence::{CaaLookup, HostAddresses, Lookup, LookupFault, LookupFaultKind};

use crate::deadline::Deadline;
use crate::network::Network;

/// The most names asked on one climb. Hardly any name has so many labels, and whoever makes one
/// that has could make us ask 127 questions for each of his hosts.
const MOST_NAMES: usize = 16;

impl Network {
    /// The CAA records that count for a name.
    pub async fn caa_records(&self, name: &DomainName) -> CaaLookup {
        self.caa(name, Deadline::after(self.means.deadlines.dns)).await
    }

    /// The addresses of a name.
    pub async fn addresses(&self, name: &DomainName) -> HostAddresses {
        let deadline = Deadline::after(self.means.deadlines.dns);
        self.means.dns.addresses(name.as_str(), deadline).await
    }

    /// Climbs from the name towards the root until there are CAA records, or a look-up fails. The
    /// climb is that of the name itself: a CNAME on the way is followed for its records alone.
    pub(super) async fn caa(&self, name: &DomainName, deadline: Deadline) -> CaaLookup {
        let mut owner = name.clone();
        for _ in 0..MOST_NAMES {
            let records = self.means.dns.caa(owner.as_str(), deadline).await;
            match (&records, owner.parent()) {
                (Lookup::Absent(_), Some(parent)) => owner = parent,
                _ => return CaaLookup { owner, records },
            }
        }
        let text = format!("no CAA record at the first {MOST_NAMES} names");
        let records = Lookup::Unknown(LookupFault { kind: LookupFaultKind::TooLarge, text });
        CaaLookup { owner, records }
    }
}
