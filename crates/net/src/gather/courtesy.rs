//! How many connections go to one place at a time.
//!
//! Who looks at ten thousand domains meets the same provider behind thousands of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// SMTP dialogues with one address at a time: mail servers let one client have 20 to 50.
const SMTP_FOR_AN_ADDRESS: usize = 8;
/// Requests to one address at a time: what any web server takes from one client.
const HTTPS_FOR_AN_ADDRESS: usize = 32;
/// Dialogues with one network at a time: a /24 of IPv4, a /48 of IPv6. Loopback has no owner to be
/// polite to.
const FOR_A_NETWORK: usize = 128;
/// Dialogues with one provider at a time, in whatever networks its hosts lie.
const FOR_A_PROVIDER: usize = 128;
/// What takes longer than this to say makes way for others, where it is told to.
const YOUNG: Duration = Duration::from_millis(250);
/// Places that are remembered before those are forgotten to which nobody talks.
const MOST_IDLE: usize = 1024;

/// Turns for dialogues.
#[derive(Debug, Default)]
pub(crate) struct Courtesy {
    places: Mutex<HashMap<Place, Arc<Semaphore>>>,
}

/// What an address is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Smtp,
    Https,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _address: Option<OwnedSemaphorePermit>,
    _network: Option<OwnedSemaphorePermit>,
    _provider: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// Does something, and gives the turn back as soon as it is done or no longer young.
    ///
    /// Anybody can have any number of names at an address that is another's too, and servers behind
    /// them that say nothing: were their turns held as long as the servers are waited for, the
    /// other's policy would not be fetched in time. So it is not the dialogues that are counted, but
    /// those that have just begun. How many there are in all is bounded by who asks for them.
    pub(crate) async fn while_young<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        match timeout(YOUNG, &mut work).await {
            Ok(done) => done,
            Err(_) => {
                drop(self);
                work.await
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Address(IpAddr, Service),
    /// The first address of the network.
    Network(IpAddr),
    /// The name below which its hosts lie.
    Provider(String),
}

impl Courtesy {
    /// Waits until one more may talk with this address, which is that of a host. Where the host's name
    /// is an alias, it is the name that has the address that counts: it is the provider's.
    pub(crate) async fn turn(&self, host: &str, address: IpAddr, service: Service) -> Turn {
        let address = address.to_canonical();
        let most = match service {
            Service::Smtp => SMTP_FOR_AN_ADDRESS,
            Service::Https => HTTPS_FOR_AN_ADDRESS,
        };
        // The narrowest first: whoever waits for it takes no turn of the wider from others.
        let own = self.take(Place::Address(address, service), most).await;
        if address.is_loopback() {
            return Turn { _address: own, _network: None, _provider: None };
        }
        let network = self.take(Place::Network(network(address)), FOR_A_NETWORK).await;
        let provider = self.take(Place::Provider(provider(host)), FOR_A_PROVIDER).await;
        Turn { _address: own, _network: network, _provider: provider }
    }

    async fn take(&self, place: Place, most: usize) -> Option<OwnedSemaphorePermit> {
        let semaphore = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            if places.len() >= MOST_IDLE && !places.contains_key(&place) {
                places.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            }
            Arc::clone(places.entry(place).or_insert_with(|| Arc::new(Semaphore::new(most))))
        };
        // Never closed; without a turn, one too many would talk at worst.
        semaphore.acquire_owned().await.ok()
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}

/// The name that a host has in common with others of whoever runs them: mostly the one that was
/// registered, which is its last two labels; three where the second is as short as in `co.uk`.
///
/// There is no list of public suffixes here. A group that is too wide costs time and nothing else.
fn provider(host: &str) -> String {
    let labels: Vec<&str> = host.trim_end_matches('.').rsplit('.').collect();
    let of = match labels.as_slice() {
        [country, short, ..] if country.len() == 2 && short.len() <= 3 => 3,
        _ => 2,
    };
    let mut labels: Vec<&str> = labels.into_iter().take(of).collect();
    labels.reverse();
    labels.join(".").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_free(courtesy: &Courtesy, address: &str) -> bool {
        // A provider for each: the tests of places are not about them.
        let turn = courtesy.turn(address, address.parse().unwrap(), Service::Smtp);
        timeout(Duration::from_millis(1), turn).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_a_few_turns_and_gives_them_back() {
        let courtesy = Courtesy::default();
        let address = "192.0.2.1".parse().unwrap();
        let mut turns = Vec::new();
        for _ in 0..SMTP_FOR_AN_ADDRESS {
            turns.push(courtesy.turn("mx.test", address, Service::Smtp).await);
        }
        assert!(!is_free(&courtesy, "192.0.2.1").await);
        assert!(!is_free(&courtesy, "::ffff:192.0.2.1").await, "the same address");
        assert!(is_free(&courtesy, "192.0.2.2").await);
        let other = courtesy.turn("mx.test", address, Service::Https);
        assert!(timeout(Duration::from_millis(1), other).await.is_ok());
        turns.pop();
        assert!(is_free(&courtesy, "192.0.2.1").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_has_more_and_loopback_is_none() {
        let courtesy = Courtesy::default();
        let mut turns = Vec::new();
        for number in 0..FOR_A_NETWORK {
            let (host, segment) = (u8::try_from(number).unwrap(), u16::try_from(number).unwrap());
            let addresses: [IpAddr; 3] = [
                [198, 51, 100, host].into(),
                [127, 0, 0, host].into(),
                Ipv6Addr::new(0x2001, 0xdb8, 1, segment, 0, 0, 0, 1).into(),
            ];
            for (family, address) in addresses.into_iter().enumerate() {
                let name = format!("mx.{number}-{family}.test");
                turns.push(courtesy.turn(&name, address, Service::Smtp).await);
            }
        }
        for (address, free) in [
            ("198.51.100.255", false),
            ("198.51.101.1", true),
            ("2001:db8:1:ffff::1", false),
            ("2001:db8:2::1", true),
            ("127.0.0.255", true),
        ] {
            assert_eq!(is_free(&courtesy, address).await, free, "{address}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_is_one_in_whatever_networks_its_hosts_lie() {
        let courtesy = Courtesy::default();
        let mut turns = Vec::new();
        for number in 0..FOR_A_PROVIDER {
            let address = [198, 51, u8::try_from(number).unwrap(), 1].into();
            let host = format!("customer{number}.mail.provider.test");
            turns.push(courtesy.turn(&host, address, Service::Smtp).await);
        }
        for (host, free) in [
            ("another.mail.Provider.test.", false),
            ("mx.other.test", true),
            ("provider.test", false),
        ] {
            let turn = courtesy.turn(host, [203, 0, 113, 1].into(), Service::Https);
            assert_eq!(timeout(Duration::from_millis(1), turn).await.is_ok(), free, "{host}");
        }
        turns.pop();
        let turn = courtesy.turn("mx.provider.test", [203, 0, 113, 1].into(), Service::Smtp);
        assert!(timeout(Duration::from_millis(1), turn).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_for_the_young_where_it_is_told_so() {
        let courtesy = Arc::new(Courtesy::default());
        let address = "192.0.2.1".parse().unwrap();
        for _ in 0..SMTP_FOR_AN_ADDRESS {
            let turn = courtesy.turn("mx.test", address, Service::Smtp).await;
            tokio::spawn(turn.while_young(std::future::pending::<()>()));
        }
        assert!(!is_free(&courtesy, "192.0.2.1").await);
        tokio::time::sleep(YOUNG).await;
        assert!(is_free(&courtesy, "192.0.2.1").await);
        let turn = courtesy.turn("mx.test", address, Service::Smtp).await;
        assert_eq!(turn.while_young(async { 7 }).await, 7);
    }

    #[test]
    fn the_name_of_a_provider_is_the_registered_one() {
        for (host, expected) in [
            ("aspmx.l.google.com", "google.com"),
            ("a-test.mail.protection.outlook.com.", "outlook.com"),
            ("mx1.a.co.uk", "a.co.uk"),
            ("mx1.a.com.br", "a.com.br"),
            ("mx.example.io", "example.io"),
            ("a.test", "a.test"),
            ("test", "test"),
        ] {
            assert_eq!(provider(host), expected, "{host}");
        }
    }

    #[tokio::test]
    async fn places_to_which_nobody_talks_are_forgotten() {
        let courtesy = Courtesy::default();
        let held = courtesy.turn("a.test", [192, 0, 2, 1].into(), Service::Https).await;
        for number in 0..5 * u32::try_from(MOST_IDLE).unwrap() {
            let host = format!("mx.{number}.test");
            courtesy.turn(&host, IpAddr::V4(number.into()), Service::Https).await;
        }
        let places = courtesy.places.lock().unwrap();
        assert!(places.len() <= MOST_IDLE + 3, "{}", places.len());
        assert!(places.contains_key(&Place::Address([192, 0, 2, 1].into(), Service::Https)));
        drop(held);
    }
}
