//! The CAA record set that counts for a name (RFC 8659 §3).

use mail_domain::DomainName;
use sealpost_evidence::{CaaLookup, Lookup};

use crate::deadline::Deadline;
use crate::network::Network;

impl Network {
    /// Climbs from the name towards the root until there are CAA records, or a look-up fails. The
    /// climb is that of the name itself: a CNAME on the way is followed for its records alone.
    pub(super) async fn caa(&self, name: &DomainName, deadline: Deadline) -> CaaLookup {
        let mut owner = name.clone();
        loop {
            let records = self.means.dns.caa(owner.as_str(), deadline).await;
            // A name has at most 127 labels, and each turn takes one away.
            match (&records, owner.parent()) {
                (Lookup::Absent(_), Some(parent)) => owner = parent,
                _ => return CaaLookup { owner, records },
            }
        }
    }
}
