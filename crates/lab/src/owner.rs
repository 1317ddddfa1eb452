//! The owner of a domain, who renews certificates of its mail hosts while the lab runs. What he changes
//! in the DNS is in [`Zones`](crate::zone::Zones).

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    authority::{Authority, LazyIdentity},
    host::{Certificate, Dialogue, Server},
    tls::{Hosted, Tenants},
};

/// One for the whole lab.
pub(crate) struct Owner {
    authority: Arc<Authority>,
    /// MX hosts that are no longer as in the table.
    renewed: RwLock<HashMap<String, Arc<Tenants<Dialogue>>>>,
}

impl Owner {
    pub(crate) fn new(authority: &Arc<Authority>) -> Self {
        Self { authority: Arc::clone(authority), renewed: RwLock::default() }
    }

    /// Shows a new certificate at an MX host, with nothing wrong with it.
    pub(crate) fn renew(&self, host: &str) {
        let identity = Arc::new(self.certify(host));
        let server = Server::good(Dialogue::Polite);
        let hosted = Arc::new(Hosted::new(host.to_owned(), server, identity));
        let mut renewed = self.renewed.write().unwrap_or_else(PoisonError::into_inner);
        renewed.insert(host.to_owned(), Arc::new(Tenants::One(hosted)));
    }

    /// A certificate for a host, with nothing wrong with it.
    pub(crate) fn certify(&self, host: &str) -> LazyIdentity {
        LazyIdentity::new(Arc::clone(&self.authority), host.to_owned(), Certificate::good())
    }

    /// Whom a client meets at the address of an MX host, with nobody in between.
    pub(crate) fn mail_host(&self, tenants: &Arc<Tenants<Dialogue>>) -> Arc<Tenants<Dialogue>> {
        let Tenants::One(host) = &**tenants else { return Arc::clone(tenants) };
        let renewed = self.renewed.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(renewed.get(&host.name).unwrap_or(tenants))
    }
}
