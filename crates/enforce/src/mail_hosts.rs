//! The MX hosts of domains, for mail servers that are to be told their names.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use mail_domain::DomainName;
use sealpost_net::Network;
use sealpost_wire::postfix::Reason;
use tokio::{runtime::Handle, sync::watch, time::timeout};

use crate::{Settings, enforcer::lock};

type Hosts = Result<Vec<DomainName>, Reason>;
/// A look-up that is under way. If the sender is gone and has sent nothing, it has panicked.
type Flight = watch::Receiver<Option<Hosts>>;

/// Looks up MX hosts. What is found is remembered by the [`Network`], for as long as the DNS says.
///
/// A look-up that nobody waits for any more goes on: it would else begin anew with every question,
/// and the hosts of a domain whose name servers are slow would never be known.
pub(crate) struct MailHosts {
    shared: Arc<Shared>,
}

struct Shared {
    network: Network,
    flights: Mutex<HashMap<DomainName, Flight>>,
    /// How many look-ups may be under way.
    limit: usize,
    /// Where they run.
    runtime: Handle,
}

impl MailHosts {
    /// Call this in the runtime in which look-ups shall run.
    pub(crate) fn new(settings: &Settings, network: Network) -> Self {
        let shared = Shared {
            network,
            flights: Mutex::default(),
            limit: settings.look_ups.saturating_add(settings.slow),
            runtime: Handle::current(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The hosts that receive the domain's mail; or why they are not known, or not in time.
    pub(crate) async fn of(&self, domain: &DomainName, patience: Duration) -> Hosts {
        let network = self.shared.network.clone();
        let name = domain.clone();
        let mut looking = Box::pin(async move { network.mx_hosts(&name).await });
        // Mostly the answer of the DNS is at hand. If not, its sockets and timers belong to the runtime
        // in which it goes on.
        let at_once = poll_fn(|context| {
            let _inside = self.shared.runtime.enter();
            Poll::Ready(looking.as_mut().poll(context))
        });
        let at_once = at_once.await;
        if let Poll::Ready(looked_up) = at_once {
            return told(domain, looked_up);
        }
        let flight = {
            let mut flights = lock(&self.shared.flights);
            let under_way = flights.get(domain).filter(|flight| flight.has_changed().is_ok());
            match under_way.cloned() {
                Some(flight) => Ok(flight),
                None if flights.len() >= self.shared.limit => Err(()),
                None => {
                    let (sender, flight) = watch::channel(None);
                    flights.insert(domain.clone(), flight.clone());
                    let (shared, name) = (Arc::clone(&self.shared), domain.clone());
                    self.shared.runtime.spawn(async move {
                        let hosts = told(&name, looking.await);
                        lock(&shared.flights).remove(&name);
                        // Nobody may be waiting any more.
                        sender.send_replace(Some(hosts));
                    });
                    Ok(flight)
                }
            }
        };
        let late = || Reason::new(&format!("the MX hosts of {domain} are not known in time"));
        let Ok(mut flight) = flight else { return Err(late()) };
        let known = match timeout(patience, flight.wait_for(Option::is_some)).await {
            Ok(Ok(hosts)) => hosts.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        known.unwrap_or_else(|| Err(late()))
    }
}

fn told<E>(domain: &DomainName, looked_up: Result<Vec<DomainName>, E>) -> Hosts {
    looked_up.map_err(|_| Reason::new(&format!("the MX hosts of {domain} are not known")))
}
