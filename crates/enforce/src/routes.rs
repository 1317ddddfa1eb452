//! The hosts of next hops, as far as DANE is about them, for as long as the DNS says.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use mail_domain::DomainName;
use sealpost_evidence::{Lookup, LookupFaultKind};
use sealpost_net::{MailRoute, Network, NextHop, RouteHost};
use sealpost_rules::matrix::{Holding, MxSecurity, TlsaState};
use sealpost_runtime::Stopwatch;
use tokio::{sync::watch, time::timeout};

use crate::{
    EnforceMetrics, Settings,
    enforcer::{LONGEST_LOOK_UP, late, lock},
    place::LookUpPlace,
    turns::Turns,
};

/// How many parts the memory has. Each has a lock of its own.
const SHARDS: usize = 16;
/// For how long an answer with a failure in it is given again before the DNS is asked anew.
const FAILED_FOR: Duration = Duration::from_secs(5);
/// An answer is kept no longer than this, whatever its TTL.
const LONGEST_LIFE: Duration = Duration::from_hours(1);
/// One part of so many goes when there is no room: to look through all of them for each new one would
/// take longer than to look it up.
const GOES_AT_ONCE: usize = 8;
/// What has lived for so many eighths of its life is looked up again beside the next answer.
const AHEAD: u32 = 7;

/// What DANE makes of a next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSeen {
    /// What DNSSEC says of the way to the hosts.
    pub mx: MxSecurity,
    /// What the hosts have, in sum.
    pub tlsa: TlsaState,
    /// The hosts by preference, and what each has; without those whose names hold underscores, which
    /// count in the sum alone: no answer names them.
    pub hosts: Box<[(DomainName, Holding)]>,
    /// The look-ups that brought no valid answer: not those that merely took too long.
    pub invalid: Box<[InvalidLookup]>,
    /// For how long it may be relied on.
    pub life: Duration,
}

/// A look-up that brought no valid answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLookup {
    /// The host whose addresses or TLSA records were looked up; `None` for the MX records.
    pub host: Option<DomainName>,
    /// Whether DNSSEC says so, or the server could not tell, as validating resolvers put it.
    pub kind: LookupFaultKind,
}

/// What is known of next hops, and what is being looked up. Clones share it.
#[derive(Clone)]
pub(crate) struct Routes {
    shared: Arc<Shared>,
}

struct Shared {
    network: Network,
    shards: [Mutex<HashMap<NextHop, Slot>>; SHARDS],
    places: RandomState,
    /// How many next hops each shard may hold.
    limit: usize,
    turns: Turns,
    metrics: Arc<EnforceMetrics>,
    /// Where look-ups run.
    place: LookUpPlace,
}

#[derive(Default)]
struct Slot {
    known: Option<(Arc<RouteSeen>, Stopwatch)>,
    flight: Option<Flight>,
}

/// A look-up that is under way. If the sender is gone and has sent nothing, it has panicked.
type Flight = watch::Receiver<Option<Arc<RouteSeen>>>;

impl Routes {
    /// Knows nothing yet. Call this in the runtime in which look-ups run that would hold others up.
    pub(crate) fn new(settings: &Settings, network: Network, metrics: Arc<EnforceMetrics>) -> Self {
        let shared = Shared {
            place: LookUpPlace::new(network.clone()),
            network,
            metrics,
            shards: std::array::from_fn(|_| Mutex::default()),
            places: RandomState::new(),
            limit: settings.next_hops.div_ceil(SHARDS).max(1),
            turns: Turns::new(settings.look_ups, settings.slow / 4),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What DANE makes of a next hop; `None` if that could not be found out in time. The look-up goes
    /// on beside it.
    pub(crate) async fn of(
        &self,
        next_hop: &NextHop,
        patience: Duration,
    ) -> Option<Arc<RouteSeen>> {
        let mut flight = match self.known(next_hop)? {
            Known::Seen(seen) => return Some(seen),
            Known::Flight(flight) => flight,
        };
        let seen = timeout(patience, flight.wait_for(Option::is_some)).await.ok()?.ok()?;
        seen.clone()
    }

    /// `None` if there is no room even for a look-up.
    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.2
    //# If any DNS queries used to locate
    //# TLSA records fail (due to "bogus" or "indeterminate" records,
    //# timeouts, malformed replies, SERVFAIL responses, etc.), then the SMTP
    //# client MUST treat that server as unreachable and MUST NOT deliver the
    //# message via that server.
    fn known(&self, next_hop: &NextHop) -> Option<Known> {
        let shared = &*self.shared;
        let mut shard = lock(self.shard(next_hop));
        if !shard.contains_key(next_hop) && !make_room(&mut shard, shared.limit) {
            return None;
        }
        let slot = shard.entry(next_hop.clone()).or_default();
        if slot.flight.as_ref().is_some_and(|flight| flight.has_changed().is_err()) {
            slot.flight = None;
        }
        let valid = slot.valid().map(|(seen, is_old)| (Arc::clone(seen), is_old));
        if let Some((seen, is_old)) = valid {
            if is_old && slot.flight.is_none() {
                slot.flight = Some(self.look_up(next_hop.clone()));
            }
            return Some(Known::Seen(seen));
        }
        let flight = slot.flight.get_or_insert_with(|| self.look_up(next_hop.clone()));
        Some(Known::Flight(flight.clone()))
    }

    fn look_up(&self, next_hop: NextHop) -> Flight {
        let (sender, flight) = watch::channel(None);
        let routes = self.clone();
        self.shared.place.runtime().spawn(async move {
            let shared = &routes.shared;
            let look_up = pin!(async {
                let since = Stopwatch::start();
                let route = shared.network.mail_route(&next_hop).await;
                shared.metrics.dane_seconds.observe(since.elapsed());
                (route, since)
            });
            let looked_up = timeout(LONGEST_LOOK_UP, shared.turns.take(look_up)).await;
            let (route, since) = looked_up.unwrap_or_else(|_| {
                let records = Some(Lookup::Unknown(late()));
                (MailRoute { records, hosts: Vec::new(), left_out: 0 }, Stopwatch::start())
            });
            let seen = Arc::new(RouteSeen::new(&route));
            if let Some(slot) = lock(routes.shard(&next_hop)).get_mut(&next_hop) {
                // The first answer may be as old as the look-up. Those who wait now get it whatever
                // is left of its life.
                slot.known = Some((Arc::clone(&seen), since));
                slot.flight = None;
            }
            // Nobody may be waiting any more.
            sender.send_replace(Some(seen));
        });
        flight
    }

    fn shard(&self, next_hop: &NextHop) -> &Mutex<HashMap<NextHop, Slot>> {
        let shared = &*self.shared;
        let index = shared.places.hash_one(next_hop) as usize % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "the index is a remainder by the length")]
        &shared.shards[index]
    }
}

enum Known {
    Seen(Arc<RouteSeen>),
    Flight(Flight),
}

impl Slot {
    /// Since when it is known, if it is not being looked up now.
    fn idle_since(&self) -> Option<Stopwatch> {
        self.known.as_ref().filter(|_| self.flight.is_none()).map(|(_, since)| *since)
    }

    /// What is known and still holds, and whether it should be looked up again.
    fn valid(&self) -> Option<(&Arc<RouteSeen>, bool)> {
        let (seen, since) = self.known.as_ref()?;
        let age = since.elapsed();
        let is_old = age.saturating_mul(8) >= seen.life.saturating_mul(AHEAD);
        (age < seen.life).then_some((seen, is_old))
    }
}

/// Makes room for one more and some that will follow: what no longer holds goes first, then what was
/// looked up longest ago and is not being looked up. To forget one costs a look-up.
fn make_room(shard: &mut HashMap<NextHop, Slot>, limit: usize) -> bool {
    if shard.len() < limit {
        return true;
    }
    shard.retain(|_, slot| slot.flight.is_some() || slot.valid().is_some());
    let surplus = shard.len().saturating_sub(limit - limit.div_ceil(GOES_AT_ONCE));
    let idle = shard.iter().filter_map(|(hop, slot)| Some((slot.idle_since()?, hop.clone())));
    let mut idle: Vec<(Stopwatch, NextHop)> = idle.collect();
    idle.sort_unstable_by_key(|(since, _)| *since);
    for (_, next_hop) in idle.into_iter().take(surplus) {
        shard.remove(&next_hop);
    }
    shard.len() < limit
}

impl RouteSeen {
    /// Sums up what was looked up.
    pub fn new(route: &MailRoute) -> Self {
        let holding = |host: &RouteHost| Holding::of(&host.addresses, host.tlsa.as_ref());
        let mut holdings: Vec<Holding> = route.hosts.iter().map(holding).collect();
        let named = |(host, holding): (&RouteHost, &Holding)| {
            let name = DomainName::parse(&host.name).ok()?;
            Some((name, *holding))
        };
        let hosts = route.hosts.iter().zip(&holdings).filter_map(named).collect();
        if route.left_out > 0 {
            // More than sixty hosts come before these: no mail server gets so far (Postfix tries
            // five addresses). A failure would make mail wait for ever for their sake. So they
            // count as hosts that can be delivered to over TLS only, whoever they are: not all
            // hosts have usable records, and where none of the others has any, a policy decides.
            holdings.push(Holding::Unusable);
        }
        let tlsa = TlsaState::of(&holdings);
        let first_host = route.hosts.first().map(|host| &host.addresses);
        let mx = if route.takes_no_mail() && route.is_judged() {
            // There is nobody to whom mail could be misled.
            MxSecurity::Insecure
        } else {
            MxSecurity::of(route.records.as_ref(), first_host)
        };
        let life = if mx == MxSecurity::Failed || holdings.contains(&Holding::Failed) {
            FAILED_FOR
        } else {
            Duration::from_secs(route.ttl().into()).min(LONGEST_LIFE)
        };
        Self { mx, tlsa, hosts, invalid: invalid(route), life }
    }
}

/// The look-ups of a route that brought no valid answer, each host once.
fn invalid(route: &MailRoute) -> Box<[InvalidLookup]> {
    fn kind<T>(lookup: &Lookup<T>) -> Option<LookupFaultKind> {
        let kind = lookup.fault()?.kind;
        let is_invalid = matches!(kind, LookupFaultKind::Bogus | LookupFaultKind::ServerFailure);
        is_invalid.then_some(kind)
    }
    let records = route.records.as_ref().and_then(kind);
    let records = records.map(|kind| InvalidLookup { host: None, kind });
    let hosts = route.hosts.iter().filter_map(|host| {
        let name = DomainName::parse(&host.name).ok()?;
        let addresses = [kind(&host.addresses.ipv4), kind(&host.addresses.ipv6)];
        let tlsa = host.tlsa.iter().flatten().map(kind);
        let kind = addresses.into_iter().chain(tlsa).flatten().next()?;
        Some(InvalidLookup { host: Some(name), kind })
    });
    records.into_iter().chain(hosts).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use sealpost_evidence::{Absence, AbsenceKind, Found, HostAddresses, LookupFault, Security};

    use super::*;

    fn found<T>(value: T) -> Lookup<T> {
        Lookup::Found(Found { value, ttl: 60, aliases: Vec::new(), security: Security::Secure })
    }

    fn host(name: &str, tlsa: &[&str]) -> RouteHost {
        let absence = Absence {
            kind: AbsenceKind::NoSuchData,
            ttl: 60,
            aliases: Vec::new(),
            security: Security::Secure,
        };
        let records = match tlsa {
            [] => Lookup::Absent(absence.clone()),
            records => found(records.iter().map(|text| (*text).to_owned()).collect()),
        };
        RouteHost {
            name: name.to_owned(),
            addresses: HostAddresses {
                ipv4: found(vec![Ipv4Addr::LOCALHOST]),
                ipv6: Lookup::Absent(absence),
            },
            tlsa: Some(vec![records]),
            link_ttl: None,
        }
    }

    /// To look through all for each new one took twice as long as to look it up.
    #[test]
    fn the_oldest_make_room_for_some_that_follow() {
        let next_hop =
            |number: usize| NextHop::of_domain(format!("d{number}.test").parse().unwrap());
        let records = Some(found(Vec::new()));
        let seen = RouteSeen::new(&MailRoute { records, hosts: Vec::new(), left_out: 0 });
        let seen = Arc::new(RouteSeen { life: Duration::from_secs(60), ..seen });
        let over = Arc::new(RouteSeen { life: Duration::ZERO, ..RouteSeen::clone(&seen) });
        let (sender, flight) = watch::channel(None);
        let known = |seen: &Arc<RouteSeen>| Some((Arc::clone(seen), Stopwatch::start()));
        let mut shard = HashMap::new();
        for number in 0..80 {
            let flight = (number < 4).then(|| flight.clone());
            shard.insert(next_hop(number), Slot { known: known(&seen), flight });
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(make_room(&mut shard, 81) && shard.len() == 80, "there is room");
        assert!(make_room(&mut shard, 80));
        let gone: Vec<usize> =
            (0..80).filter(|number| !shard.contains_key(&next_hop(*number))).collect();
        assert_eq!(gone, (4..14).collect::<Vec<_>>());
        // What holds no longer is enough.
        for number in 80..90 {
            shard.insert(next_hop(number), Slot { known: known(&over), flight: None });
        }
        assert!(make_room(&mut shard, 80) && shard.len() == 70);
        shard.retain(|_, slot| slot.flight.is_some());
        assert!(!make_room(&mut shard, 4) && shard.len() == 4, "all are being looked up");
        drop(sender);
    }

    #[test]
    fn a_host_with_an_underscore_counts_in_the_sum_and_is_not_named() {
        let usable = format!("3 1 1 {}", "07".repeat(32));
        let sum = |hosts: Vec<RouteHost>| {
            let route = MailRoute { records: Some(found(Vec::new())), hosts, left_out: 0 };
            let seen = RouteSeen::new(&route);
            let names: Vec<_> = seen.hosts.iter().map(|(name, _)| name.to_string()).collect();
            (seen.tlsa, names)
        };
        let named = || vec!["mx.a.test".to_owned()];
        let all = vec![host("mx.a.test", &[&usable]), host("mx_1.a.test", &[&usable])];
        assert_eq!(sum(all), (TlsaState::AllUsable, named()));
        let some = vec![host("mx.a.test", &[&usable]), host("mx_1.a.test", &[])];
        assert_eq!(sum(some), (TlsaState::SomeUsable, named()));
        let other = vec![host("mx.a.test", &[]), host("mx_1.a.test", &[&usable])];
        assert_eq!(sum(other), (TlsaState::SomeUsable, named()));
        assert_eq!(sum(vec![host("mx_1.a.test", &[&usable])]), (TlsaState::AllUsable, Vec::new()));
    }

    /// Mail for the domain would else wait for ever.
    #[test]
    fn hosts_that_nobody_reaches_make_no_mail_wait() {
        use sealpost_rules::matrix::{MtaDnssec, SenderDecision, StsState};

        let usable = format!("3 1 1 {}", "07".repeat(32));
        let decided = |tlsa: &[&str], sts: StsState| {
            let hosts = vec![host("mx1.a.test", tlsa), host("mx2.a.test", tlsa)];
            let route = MailRoute { records: Some(found(Vec::new())), hosts, left_out: 3 };
            let seen = RouteSeen::new(&route);
            assert_eq!(seen.life, Duration::from_secs(60));
            SenderDecision::of(seen.mx, seen.tlsa, sts, MtaDnssec::Proven)
        };
        assert_eq!(decided(&[], StsState::Enforce), SenderDecision::Secure);
        assert_eq!(decided(&[], StsState::Other), SenderDecision::Dane);
        assert_eq!(decided(&[&usable], StsState::Enforce), SenderDecision::DaneOnly);
        assert_eq!(decided(&[&usable], StsState::Other), SenderDecision::Dane);
    }

    #[test]
    fn what_is_not_valid_is_told_apart_from_what_is_late() {
        use LookupFaultKind::{Bogus, ServerFailure, TimedOut, Unreachable};
        let failed = |kind| LookupFault { kind, text: "x".to_owned() };
        let seen = |records: LookupFaultKind, tlsa: LookupFaultKind| {
            let bad = RouteHost {
                tlsa: Some(vec![Lookup::Unknown(failed(tlsa))]),
                ..host("mx.a.test", &[])
            };
            let records = Some(Lookup::Unknown(failed(records)));
            let hosts = vec![host("good.a.test", &[]), bad];
            RouteSeen::new(&MailRoute { records, hosts, left_out: 0 }).invalid.into_vec()
        };
        let of = |host: Option<&str>, kind| InvalidLookup {
            host: host.map(|it| it.parse().unwrap()),
            kind,
        };
        assert_eq!(seen(TimedOut, Unreachable), []);
        assert_eq!(seen(Bogus, TimedOut), [of(None, Bogus)]);
        assert_eq!(seen(Unreachable, ServerFailure), [of(Some("mx.a.test"), ServerFailure)]);
        assert_eq!(seen(Bogus, Bogus), [of(None, Bogus), of(Some("mx.a.test"), Bogus)]);
    }
}
