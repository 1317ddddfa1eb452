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
use tokio::{
    sync::watch,
    time::{error::Elapsed, timeout},
};

use crate::{
    Settings,
    enforcer::{LONGEST_LOOK_UP, lock},
    place::LookUpPlace,
};

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
    place: LookUpPlace,
}

impl MailHosts {
    /// Call this in the runtime in which look-ups run that would hold others up.
    pub(crate) fn new(settings: &Settings, network: Network) -> Self {
        let shared = Shared {
            place: LookUpPlace::new(network.clone()),
            network,
            flights: Mutex::default(),
            limit: settings.look_ups.saturating_add(settings.slow),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The hosts that receive the domain's mail; or why they are not known, or not in time.
    pub(crate) async fn of(&self, domain: &DomainName, patience: Duration) -> Hosts {
        let network = self.shared.network.clone();
        let name = domain.clone();
        // As long as a record may take, so that as many are under way at most.
        let looking = async move { timeout(LONGEST_LOOK_UP, network.mx_hosts(&name)).await };
        let mut looking = Box::pin(looking);
        // Mostly the answer of the DNS is at hand. If not, its sockets and timers belong to the runtime
        // in which it goes on.
        let runtime = self.shared.place.runtime();
        let at_once = poll_fn(|context| {
            let _inside = runtime.enter();
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
                    runtime.spawn(async move {
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

fn told<E>(domain: &DomainName, looked_up: Result<Result<Vec<DomainName>, E>, Elapsed>) -> Hosts {
    let hosts = looked_up.ok().and_then(Result::ok);
    hosts.ok_or_else(|| Reason::new(&format!("the MX hosts of {domain} are not known")))
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use sealpost_net::{DnssecMode, Settings as NetworkSettings};
    use sealpost_runtime::Clock;
    use tokio::time::{pause, resume, sleep};

    use super::*;

    /// A resolver for which every domain has the MX host `mx.test`, but those whose name begins with
    /// an `n`, about which it says nothing.
    fn resolver() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut octets = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut octets) {
                if octets[13] == b'n' {
                    continue;
                }
                // The question, up to the record of EDNS; it points to its own name.
                let end = octets[..length].iter().skip(12).position(|octet| *octet == 0).unwrap();
                let mut answer = octets[..12 + end + 5].to_vec();
                answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
                answer
                    .extend_from_slice(b"\xC0\x0C\0\x0F\0\x01\0\0\0\x3C\0\x0B\0\0\x02mx\x04test\0");
                socket.send_to(&answer, from).unwrap();
            }
        });
        address
    }

    fn mail_hosts(settings: Settings) -> MailHosts {
        let network_settings = NetworkSettings {
            resolvers: vec![resolver()],
            dnssec: DnssecMode::Off,
            ..NetworkSettings::default()
        };
        let network = Network::new(network_settings, Clock::system()).unwrap();
        MailHosts::new(&settings, network)
    }

    fn domain(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn domains_whose_servers_are_silent_delay_no_other() {
        let hosts = mail_hosts(Settings::default());
        for number in 0..600 {
            let silent = domain(&format!("n{number}.test"));
            assert!(hosts.of(&silent, Duration::ZERO).await.is_err());
        }
        assert_eq!(lock(&hosts.shared.flights).len(), 600);
        let good = hosts.of(&domain("good.test"), Duration::from_secs(2)).await;
        assert_eq!(good, Ok(vec![domain("mx.test")]));
    }

    #[tokio::test]
    async fn there_is_an_end_to_those_under_way_and_to_each() {
        let hosts = mail_hosts(Settings { look_ups: 2, slow: 2, ..Settings::default() });
        for number in 0..4 {
            let silent = domain(&format!("n{number}.test"));
            assert!(hosts.of(&silent, Duration::ZERO).await.is_err());
        }
        let good = domain("good.test");
        assert!(hosts.of(&good, Duration::from_secs(1)).await.is_err(), "there is no room");
        // What a silent server is waited for is over.
        pause();
        sleep(LONGEST_LOOK_UP + Duration::from_secs(1)).await;
        resume();
        assert!(lock(&hosts.shared.flights).is_empty());
        assert_eq!(hosts.of(&good, Duration::from_secs(2)).await, Ok(vec![domain("mx.test")]));
    }
}
