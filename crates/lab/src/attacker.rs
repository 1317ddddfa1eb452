//! The attacker: which attacks are on, and against whom.

mod dns;
mod servers;

use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use crate::{
    Attack, Domain,
    attack::Place,
    authority::{Authority, LazyIdentity},
    fleet,
    host::{Certificate, Dialogue, Reply},
    tls::Hosted,
};
pub(crate) use dns::Authentic;
pub(crate) use servers::Way;

/// The attacker's own domain, which nobody audits.
pub(crate) const DOMAIN: &str = "attacker.test";
/// His MX host, with a genuine certificate in its name.
pub(crate) const MAIL_HOST: &str = "mx.attacker.test";
/// His policy host, likewise.
pub(crate) const POLICY_HOST: &str = "mta-sts.attacker.test";
/// Where both are.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 66);
/// Where he has certificates for names in any domain, from an authority that he deceives.
pub(crate) const ISSUING_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 67);

/// Servers that he keeps ready at a time.
const MOST_KEPT: usize = 512;

/// All that is attacked: every domain of the fleet.
pub(crate) const ALL: &str = "*";

/// One for the whole lab.
pub(crate) struct Attacker {
    authority: Arc<Authority>,
    /// Every domain of the fleet.
    victims: HashMap<&'static str, Victim>,
    /// The domains whose mail each MX host takes.
    users: HashMap<String, Vec<&'static str>>,
    on: RwLock<On>,
    ready: Mutex<Ready>,
}

/// What of a domain he has to know.
struct Victim {
    name: &'static str,
    /// Its MX records; the domain itself where it has none.
    exchanges: Vec<(u16, String)>,
    /// What stands behind `*.` in the policy.
    wildcard: Option<String>,
}

/// The attacks that are on.
#[derive(Default)]
struct On {
    /// By attack and domain, the number of the moment at which it began.
    since: BTreeMap<(Attack, String), u64>,
    moments: u64,
}

/// Servers and certificates that he has made so far.
#[derive(Default)]
struct Ready {
    identities: HashMap<(String, Certificate), Arc<LazyIdentity>>,
    mail: HashMap<(String, Attack, u64), Arc<Hosted<Dialogue>>>,
    web: HashMap<(String, Attack, u64), Arc<Hosted<Reply>>>,
}

/// Why an attack cannot be switched on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// The fleet has no such domain. Choose one of it, or `*` for all.
    #[error("attack that domain: the lab's fleet has no such one, and `*` stands for all of it")]
    UnknownDomain,

    /// Another attack on the same domain changes the same thing. Cease it first.
    #[error("begin {0}: {1} is on and changes the same")]
    Contradiction(Attack, Attack),
}

impl Attacker {
    pub(crate) fn new(authority: &Arc<Authority>) -> Self {
        let mut victims = HashMap::new();
        let mut users: HashMap<String, Vec<&'static str>> = HashMap::new();
        for domain in fleet::fleet().iter().chain(fleet::estates()) {
            let victim = Victim::new(domain);
            for (_, host) in &victim.exchanges {
                users.entry(host.clone()).or_default().push(domain.name);
            }
            victims.insert(domain.name, victim);
        }
        let authority = Arc::clone(authority);
        Self { authority, victims, users, on: RwLock::default(), ready: Mutex::default() }
    }

    /// Switches the attack on for a domain of the fleet, or for all.
    pub(crate) fn attack(&self, attack: Attack, domain: &str) -> Result<(), AttackError> {
        let domain = domain.to_ascii_lowercase();
        if domain != ALL && !self.victims.contains_key(domain.as_str()) {
            return Err(AttackError::UnknownDomain);
        }
        let mut on = self.on.write().unwrap_or_else(PoisonError::into_inner);
        let meets = |other: &str| domain == ALL || other == ALL || other == domain;
        let mut others = on.since.keys().filter(|(_, other)| meets(other));
        if let Some((other, _)) = others.find(|(other, _)| attack.contradicts(*other)) {
            return Err(AttackError::Contradiction(attack, *other));
        }
        on.moments += 1;
        let moment = on.moments;
        on.since.entry((attack, domain)).or_insert(moment);
        Ok(())
    }

    /// Switches the attack off where it was switched on.
    pub(crate) fn cease(&self, attack: Attack, domain: &str) {
        let mut on = self.on.write().unwrap_or_else(PoisonError::into_inner);
        on.since.remove(&(attack, domain.to_ascii_lowercase()));
    }

    pub(crate) fn cease_all(&self) {
        self.on.write().unwrap_or_else(PoisonError::into_inner).since.clear();
    }

    /// What is on, and where.
    pub(crate) fn attacks(&self) -> Vec<(Attack, String)> {
        self.on.read().unwrap_or_else(PoisonError::into_inner).since.keys().cloned().collect()
    }

    /// The attack that is on for one of these domains and changes this, and since when.
    fn on(&self, domains: &[&'static str], place: Place) -> Option<(Attack, u64)> {
        let on = self.on.read().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |domain: &str| domain == ALL || domains.contains(&domain);
        on.since
            .iter()
            .find(|((attack, domain), _)| attack.touches(place) && is_meant(domain))
            .map(|((attack, _), moment)| (*attack, *moment))
    }

    /// The domain of the fleet that this name belongs to.
    fn victim_above(&self, name: &str) -> Option<&Victim> {
        let mut rest = name;
        loop {
            if let Some(victim) = self.victims.get(rest) {
                return Some(victim);
            }
            (_, rest) = rest.split_once('.')?;
        }
    }

    /// The domains whose mail goes to this host.
    fn users_of(&self, host: &str) -> &[&'static str] {
        self.users.get(host).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Victim {
    fn new(domain: &'static Domain) -> Self {
        let policy = String::from_utf8_lossy(&domain.policy).into_owned();
        let patterns = policy.lines().filter_map(|line| line.strip_prefix("mx:"));
        let wildcard = patterns
            .filter_map(|pattern| pattern.trim().strip_prefix("*."))
            .map(|parent| String::from_utf8_lossy(&domain.fill(parent.as_bytes())).into_owned())
            .next();
        let mut exchanges = domain.exchanges();
        if exchanges.is_empty() {
            exchanges.push((0, domain.name.to_owned()));
        }
        Self { name: domain.name, exchanges, wildcard }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn attacks_meet_whom_they_are_meant_for_and_contradict_no_other() {
        let now = Timestamp::from_second(1_900_000_000).unwrap();
        let attacker = Attacker::new(&Arc::new(Authority::new(now).unwrap()));
        let session = |domain| attacker.on(&[domain], Place::Session).map(|(attack, _)| attack);
        let refused = AttackError::Contradiction(Attack::StartTlsRefused, Attack::StartTlsStripped);
        attacker.attack(Attack::StartTlsStripped, "Good.test").unwrap();
        attacker.attack(Attack::StartTlsStripped, "good.test").unwrap();
        attacker.attack(Attack::StartTlsRefused, "good-two-mx.test").unwrap();
        assert_eq!(attacker.attack(Attack::StartTlsRefused, "good.test"), Err(refused.clone()));
        assert_eq!(attacker.attack(Attack::StartTlsRefused, "*"), Err(refused));
        assert_eq!(session("good.test"), Some(Attack::StartTlsStripped));
        assert_eq!(session("good-two-mx.test"), Some(Attack::StartTlsRefused));
        assert_eq!(session("good-wildcard.test"), None);
        for name in ["nobody.test", "mx1.good.test", "attacker.test", ""] {
            assert_eq!(attacker.attack(Attack::MxForged, name), Err(AttackError::UnknownDomain));
        }
        attacker.attack(Attack::DnsSlow, "*").unwrap();
        assert_eq!(attacker.attacks().len(), 3);
        attacker.cease(Attack::StartTlsStripped, "good.test");
        assert_eq!(session("good.test"), None);
        attacker.cease_all();
        assert!(attacker.attacks().is_empty());
    }
}
