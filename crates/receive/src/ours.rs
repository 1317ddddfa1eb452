//! Which domains are ours.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use mail_domain::DomainName;
use sealpost_store::reports::Ownership;

/// The domains whose reports count. Without any, every domain is: then the operator has not said.
/// Clones share them.
#[derive(Clone, Debug, Default)]
pub struct OurDomains(Arc<RwLock<BTreeSet<DomainName>>>);

/// What a policy domain names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A mail domain.
    Domain,
    /// An MX host: all that is reported of it is DANE.
    MailHost,
}

impl OurDomains {
    /// Whose domain this is. A report is about a policy domain; the domains below ours are not ours
    /// by themselves (RFC 8461 §3.4: policies are not inherited), but MX hosts below ours are: we
    /// publish their TLSA records. Others, such as those of a provider, have to be named.
    ///
    //= https://www.rfc-editor.org/rfc/rfc8460#section-1.1
    //# For DANE, the Policy
    //# Domain is the "TLSA base domain" of the receiving SMTP server as
    //# described in Section 2.2.3 of RFC 7672 and Section 3 of RFC 6698.
    pub(crate) fn ownership(&self, domain: Option<&DomainName>, named: Named) -> Ownership {
        let domains = self.read();
        match domain {
            _ if domains.is_empty() => Ownership::Ours,
            Some(domain) if domains.contains(domain) => Ownership::Ours,
            Some(host) if named == Named::MailHost => {
                let ours = domains.iter().any(|domain| host.is_subdomain_of(domain));
                if ours { Ownership::Ours } else { Ownership::NotOurs }
            }
            _ => Ownership::NotOurs,
        }
    }

    /// Whether somebody has named this very domain, of which there are not many.
    pub(crate) fn are_said_to_be(&self, domain: &DomainName) -> bool {
        self.read().contains(domain)
    }

    /// Of the domains that somebody has named, the one closest above this one.
    pub(crate) fn above(&self, host: &DomainName) -> Option<DomainName> {
        let domains = self.read();
        let above = domains.iter().filter(|domain| host.is_subdomain_of(domain));
        above.max_by_key(|domain| domain.as_str().len()).cloned()
    }

    /// Takes up others in place of these. What is read from now on is about those.
    pub fn replace(&self, domains: impl IntoIterator<Item = DomainName>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = domains.into_iter().collect();
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeSet<DomainName>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<DomainName> for OurDomains {
    fn from_iter<I: IntoIterator<Item = DomainName>>(domains: I) -> Self {
        let ours = Self::default();
        ours.replace(domains);
        ours
    }
}
