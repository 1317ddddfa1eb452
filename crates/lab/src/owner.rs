//! The owner of a domain, who mends its mail hosts while the lab runs. What he changes in the DNS is in
//! [`Zones`](crate::zone::Zones).

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    LabError,
    authority::{Authority, LazyIdentity},
    host::{Certificate, Dialogue, Server},
    tls::{Hosted, Tenants},
};

/// One for the whole lab.
pub(crate) struct Owner {
    authority: Arc<Authority>,
    /// The names of all MX hosts that have an address of their own.
    hosts: HashSet<String>,
    /// Those that are no longer as in the table.
    mended: RwLock<HashMap<String, Arc<Hosted<Dialogue>>>>,
}

impl Owner {
    pub(crate) fn new(authority: &Arc<Authority>, hosts: HashSet<String>) -> Self {
        Self { authority: Arc::clone(authority), hosts, mended: RwLock::default() }
    }

    /// Lets an MX host offer STARTTLS and show a new certificate, with nothing wrong with either.
    pub(crate) fn mend(&self, host: &str) -> Result<(), LabError> {
        if !self.hosts.contains(host) {
            return Err(LabError::NoMailHost(host.to_owned()));
        }
        let identity = Arc::new(self.certify(host));
        let server = Server::good(Dialogue::Polite);
        let hosted = Arc::new(Hosted::new(host.to_owned(), server, identity));
        let mut mended = self.mended.write().unwrap_or_else(PoisonError::into_inner);
        mended.insert(host.to_owned(), hosted);
        Ok(())
    }

    /// A certificate for a host, with nothing wrong with it.
    pub(crate) fn certify(&self, host: &str) -> LazyIdentity {
        LazyIdentity::new(Arc::clone(&self.authority), host.to_owned(), Certificate::good())
    }

    /// Whom a client meets at an address of MX hosts, with nobody in between.
    pub(crate) fn mail_host(&self, tenants: &Arc<Tenants<Dialogue>>) -> Arc<Tenants<Dialogue>> {
        let mended = self.mended.read().unwrap_or_else(PoisonError::into_inner);
        match &**tenants {
            Tenants::One(host) => match mended.get(&host.name) {
                Some(host) => Arc::new(Tenants::One(Arc::clone(host))),
                None => Arc::clone(tenants),
            },
            Tenants::Many(hosts) if mended.keys().any(|name| hosts.contains_key(name)) => {
                let mut hosts = hosts.clone();
                for (name, host) in &*mended {
                    if let Some(place) = hosts.get_mut(name) {
                        *place = Arc::clone(host);
                    }
                }
                Arc::new(Tenants::Many(hosts))
            }
            Tenants::Many(_) | Tenants::Issued(_) => Arc::clone(tenants),
        }
    }
}
