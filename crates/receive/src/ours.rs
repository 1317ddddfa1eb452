//! Which domains are ours.

use std::collections::BTreeSet;

use mail_domain::DomainName;
use sealpost_store::reports::Ownership;

/// The domains whose reports count. Without any, every domain is: then the operator has not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OurDomains(BTreeSet<DomainName>);

impl OurDomains {
    /// Whose domain this is. A report is about a policy domain; the domains below ours are not ours
    /// by themselves (RFC 8461 §3.4: policies are not inherited).
    pub fn ownership(&self, domain: Option<&DomainName>) -> Ownership {
        match domain {
            _ if self.0.is_empty() => Ownership::Ours,
            Some(domain) if self.0.contains(domain) => Ownership::Ours,
            _ => Ownership::NotOurs,
        }
    }

    /// Those that were named.
    pub fn iter(&self) -> impl Iterator<Item = &DomainName> {
        self.0.iter()
    }
}

impl FromIterator<DomainName> for OurDomains {
    fn from_iter<I: IntoIterator<Item = DomainName>>(domains: I) -> Self {
        Self(domains.into_iter().collect())
    }
}
