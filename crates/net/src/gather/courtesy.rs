//! How many connections go to one place at a time.
//!
//! Who looks at ten thousand domains meets the same provider behind thousands of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// SMTP dialogues with one address at a time: mail servers let one client have 20 to 50.
const SMTP_FOR_AN_ADDRESS: usize = 8;
/// Requests to one address at a time: what any web server takes from one client.
const HTTPS_FOR_AN_ADDRESS: usize = 32;
/// Dialogues with one network at a time: a /24 of IPv4, a /48 of IPv6. Loopback has no owner to be
/// polite to.
const FOR_A_NETWORK: usize = 128;
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Address(IpAddr, Service),
    /// The first address of the network.
    Network(IpAddr),
}

impl Courtesy {
    /// Waits until one more may talk with this address.
    pub(crate) async fn turn(&self, address: IpAddr, service: Service) -> Turn {
        let address = address.to_canonical();
        let most = match service {
            Service::Smtp => SMTP_FOR_AN_ADDRESS,
            Service::Https => HTTPS_FOR_AN_ADDRESS,
        };
        // The address first: whoever waits for it takes no turn of the network from others.
        let own = self.take(Place::Address(address, service), most).await;
        let network = match address.is_loopback() {
            true => None,
            false => self.take(Place::Network(network(address)), FOR_A_NETWORK).await,
        };
        Turn { _address: own, _network: network }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_free(courtesy: &Courtesy, address: &str) -> bool {
        let turn = courtesy.turn(address.parse().unwrap(), Service::Smtp);
        timeout(Duration::from_millis(1), turn).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_a_few_turns_and_gives_them_back() {
        let courtesy = Courtesy::default();
        let address = "192.0.2.1".parse().unwrap();
        let mut turns = Vec::new();
        for _ in 0..SMTP_FOR_AN_ADDRESS {
            turns.push(courtesy.turn(address, Service::Smtp).await);
        }
        assert!(!is_free(&courtesy, "192.0.2.1").await);
        assert!(!is_free(&courtesy, "::ffff:192.0.2.1").await, "the same address");
        assert!(is_free(&courtesy, "192.0.2.2").await);
        assert!(
            timeout(Duration::from_millis(1), courtesy.turn(address, Service::Https)).await.is_ok()
        );
        turns.pop();
        assert!(is_free(&courtesy, "192.0.2.1").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_has_more_and_loopback_is_none() {
        let courtesy = Courtesy::default();
        let mut turns = Vec::new();
        for number in 0..FOR_A_NETWORK {
            let host = u8::try_from(number).unwrap();
            turns.push(courtesy.turn([198, 51, 100, host].into(), Service::Smtp).await);
            turns.push(courtesy.turn([127, 0, 0, host].into(), Service::Smtp).await);
            let segment = u16::try_from(number).unwrap();
            turns.push(
                courtesy
                    .turn(
                        Ipv6Addr::new(0x2001, 0xdb8, 1, segment, 0, 0, 0, 1).into(),
                        Service::Smtp,
                    )
                    .await,
            );
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

    #[tokio::test]
    async fn places_to_which_nobody_talks_are_forgotten() {
        let courtesy = Courtesy::default();
        let held = courtesy.turn([192, 0, 2, 1].into(), Service::Https).await;
        for number in 0..5 * u32::try_from(MOST_IDLE).unwrap() {
            courtesy.turn(IpAddr::V4(number.into()), Service::Https).await;
        }
        let places = courtesy.places.lock().unwrap();
        assert!(places.len() <= MOST_IDLE + 2, "{}", places.len());
        assert!(places.contains_key(&Place::Address([192, 0, 2, 1].into(), Service::Https)));
        drop(held);
    }
}
