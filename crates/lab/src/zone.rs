//! What the lab's DNS knows: records, zones and their keys, and how look-ups are made to fail.

mod answer;
mod denial;
mod signer;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, Ipv6Addr},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use hickory_proto::{
    dnssec::rdata::DNSSECRData,
    rr::{
        Name, RData, Record, RecordType,
        rdata::{
            A, AAAA, CAA, CNAME, MX, NS, SOA, TLSA, TXT,
            tlsa::{CertUsage, Matching, Selector},
        },
    },
};

pub(crate) use answer::{Answer, Reply, Signatures, Tampering};
use signer::ZoneKey;

use crate::LabError;

/// Time to live of every record that the table gives no other, in seconds.
const TTL: u32 = 300;
/// The name server of every zone, and its address.
const NAME_SERVER: (&str, Ipv4Addr) = ("ns.lab.test", Ipv4Addr::new(127, 66, 0, 1));

/// The content of one record.
#[derive(Clone, Debug)]
pub(crate) enum RecordData {
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    /// Preference and the exchange's full name, empty for the root.
    Mx(u16, String),
    /// The character strings of one text.
    Text(Vec<Vec<u8>>),
    /// The full name of the target. In the table of the fleet, the placeholder stands for the
    /// domain.
    Alias(String),
    /// Certificate usage, selector, matching type, and the data that they are about.
    Tlsa(u8, u8, u8, Vec<u8>),
    /// Flags, property and value (RFC 8659 §4.1).
    Caa(u8, &'static str, &'static str),
}

/// How the DNS fails for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    ServerFailure,
    Refused,
    /// No answer at all.
    Silence,
}

/// What is wrong with signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// One bit is not as it was signed.
    Altered,
    /// They ended a day ago.
    Expired,
}

/// Which signatures at a name have a flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those over records of this type.
    Type(RecordType),
    /// All, and all below the name.
    Subtree,
}

/// How a zone hangs from its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delegation {
    /// It is not signed, and its parent proves that.
    Unsigned,
    /// It is signed, and the DS record at its parent is for another key.
    WrongKey,
}

/// What DNSSEC makes of an answer, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Security {
    Secure,
    Insecure,
    Bogus,
}

/// All zones of the lab, as a validating resolver sees them.
pub(crate) struct Zones {
    /// The lab's time, in seconds since 1970: signatures are made when they are asked for.
    now: AtomicU32,
    nodes: BTreeMap<Name, Node>,
    /// Every name that has a name below it, whether or not it has records.
    existing: BTreeSet<Name>,
    /// Names that the lab answers for, with all below them.
    served: Vec<Name>,
    /// Every name at which a zone begins.
    apexes: BTreeMap<Name, Apex>,
    faults: BTreeMap<Name, Vec<(Option<RecordType>, Fault)>>,
    flaws: BTreeMap<Name, (Extent, Flaw)>,
    /// Sets of records that their owner has changed since; an empty one is gone.
    changed: RwLock<BTreeMap<(Name, RecordType), Vec<RData>>>,
}

/// The records at one name.
struct Node {
    ttl: u32,
    sets: BTreeMap<RecordType, Vec<RData>>,
}

/// Where a zone begins.
struct Apex {
    /// `None` where it is not signed.
    key: Option<ZoneKey>,
    /// What this cut makes of a secure parent.
    security: Security,
}

impl Zones {
    /// The root and `.test`, both signed and secure, and `.com`, which is not signed.
    pub(crate) fn new(now: u32) -> Result<Self, LabError> {
        let mut zones = Self {
            now: AtomicU32::new(now),
            nodes: BTreeMap::new(),
            existing: BTreeSet::new(),
            served: vec![name("test")?],
            apexes: BTreeMap::new(),
            faults: BTreeMap::new(),
            flaws: BTreeMap::new(),
            changed: RwLock::default(),
        };
        for apex in [Name::root(), name("test")?] {
            let key = ZoneKey::generate(apex.clone())?;
            let ds = key.delegation()?;
            zones.begin(&apex, Some(key), Security::Secure)?;
            if !apex.is_root() {
                zones.insert(&apex, RData::DNSSEC(DNSSECRData::DS(ds)));
            }
        }
        zones.begin(&name("com")?, None, Security::Insecure)?;
        zones.add(NAME_SERVER.0, RecordData::Ipv4(NAME_SERVER.1))?;
        Ok(zones)
    }

    /// Makes the name the beginning of a zone of its own.
    pub(crate) fn delegate(&mut self, apex: &str, delegation: Delegation) -> Result<(), LabError> {
        let apex = name(apex)?;
        match delegation {
            Delegation::Unsigned => self.begin(&apex, None, Security::Insecure),
            Delegation::WrongKey => {
                let other = ZoneKey::generate(apex.clone())?.delegation()?;
                let key = ZoneKey::generate(apex.clone())?;
                self.begin(&apex, Some(key), Security::Bogus)?;
                self.insert(&apex, RData::DNSSEC(DNSSECRData::DS(other)));
                Ok(())
            }
        }
    }

    /// Answers for this name outside `.test` and for all below it.
    pub(crate) fn serve(&mut self, domain: &str) -> Result<(), LabError> {
        self.served.push(name(domain)?);
        Ok(())
    }

    pub(crate) fn add(&mut self, owner: &str, data: RecordData) -> Result<(), LabError> {
        self.insert(&name(owner)?, data.rdata()?);
        Ok(())
    }

    /// Sets the lab's time.
    pub(crate) fn set_time(&self, now: u32) {
        self.now.store(now, Ordering::Relaxed);
    }

    fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    /// Publishes these records of a type in the place of those before, while questions are answered.
    /// In a zone that is signed, what there was before would still be proven.
    pub(crate) fn change(
        &self,
        owner: &str,
        record_type: RecordType,
        records: Vec<RecordData>,
    ) -> Result<(), LabError> {
        let records = records.into_iter().map(RecordData::rdata).collect::<Result<_, _>>()?;
        let mut changed = self.changed.write().unwrap_or_else(PoisonError::into_inner);
        changed.insert((name(owner)?, record_type), records);
        Ok(())
    }

    /// The records that have taken the place of those before, if any have.
    fn changed(&self, owner: &Name, record_type: RecordType) -> Option<Vec<RData>> {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        changed.get(&(owner.clone(), record_type)).cloned()
    }

    /// Gives every record at the name this time to live.
    pub(crate) fn live(&mut self, owner: &str, ttl: u32) -> Result<(), LabError> {
        let owner = name(owner)?;
        self.nodes.entry(owner).or_default().ttl = ttl;
        Ok(())
    }

    pub(crate) fn fail(
        &mut self,
        owner: &str,
        record_type: Option<RecordType>,
        fault: Fault,
    ) -> Result<(), LabError> {
        let owner = name(owner)?;
        self.exists(&owner);
        self.faults.entry(owner).or_default().push((record_type, fault));
        Ok(())
    }

    /// Signs badly at the name from now on.
    pub(crate) fn spoil(
        &mut self,
        owner: &str,
        extent: Extent,
        flaw: Flaw,
    ) -> Result<(), LabError> {
        self.flaws.insert(name(owner)?, (extent, flaw));
        Ok(())
    }

    /// The keys to trust, a DNSKEY record a line: of the root, and of `.test` for validators that
    /// shall not climb further.
    pub(crate) fn trust_anchors(&self) -> String {
        let secure = |(apex, zone): (&Name, &Apex)| {
            let key = zone.key.as_ref().filter(|_| apex.num_labels() < 2)?;
            Some(format!("{apex} {TTL} IN DNSKEY {}\n", key.dnskey()))
        };
        self.apexes.iter().filter_map(secure).collect()
    }

    /// What a validator makes of true records at this name.
    pub(crate) fn security_at(&self, owner: &Name) -> Security {
        self.apex_of(owner).map_or(Security::Insecure, |apex| self.security_of(&apex))
    }

    /// The name at which the zone of this name begins.
    pub(crate) fn apex_of(&self, owner: &Name) -> Option<Name> {
        self.zone_of(owner, RecordType::A).map(|(apex, _)| apex.clone())
    }

    fn begin(
        &mut self,
        apex: &Name,
        key: Option<ZoneKey>,
        security: Security,
    ) -> Result<(), LabError> {
        let (server, mailbox) = (name(NAME_SERVER.0)?, name("hostmaster.lab.test")?);
        let soa = SOA::new(server.clone(), mailbox, 1, 3600, 600, 86_400, TTL);
        self.insert(apex, RData::SOA(soa));
        self.insert(apex, RData::NS(NS(server)));
        if let Some(key) = &key {
            self.insert(apex, RData::DNSSEC(DNSSECRData::DNSKEY(key.dnskey().clone())));
        }
        self.apexes.insert(apex.clone(), Apex { key, security });
        Ok(())
    }

    fn insert(&mut self, owner: &Name, data: RData) {
        self.exists(owner);
        let node = self.nodes.entry(owner.clone()).or_default();
        node.sets.entry(data.record_type()).or_default().push(data);
    }

    /// The name and all above it exist, if only because of what lies below.
    fn exists(&mut self, owner: &Name) {
        let mut owner = owner.clone();
        while self.existing.insert(owner.clone()) && !owner.is_root() {
            owner = owner.base_name();
        }
    }

    /// The zone that answers the question: a DS record belongs to the zone above.
    fn zone_of(&self, owner: &Name, record_type: RecordType) -> Option<(&Name, &Apex)> {
        let mut name = match record_type {
            RecordType::DS if !owner.is_root() => owner.base_name(),
            _ => owner.clone(),
        };
        loop {
            if let Some(found) = self.apexes.get_key_value(&name) {
                return Some(found);
            }
            if name.is_root() {
                return None;
            }
            name = name.base_name();
        }
    }

    /// What a validator makes of the keys of this zone.
    fn security_of(&self, apex: &Name) -> Security {
        let mut name = apex.clone();
        let mut cuts = Vec::new();
        loop {
            cuts.extend(self.apexes.get(&name).map(|zone| zone.security));
            if name.is_root() {
                break;
            }
            name = name.base_name();
        }
        // From the root down, the first cut that is not secure decides for all below it.
        cuts.into_iter().rev().find(|cut| *cut != Security::Secure).unwrap_or(Security::Secure)
    }

    /// What is wrong with the signature over this record set.
    fn flaw(&self, owner: &Name, record_type: RecordType) -> Option<Flaw> {
        if let Some((extent, flaw)) = self.flaws.get(owner)
            && (*extent == Extent::Subtree || *extent == Extent::Type(record_type))
        {
            return Some(*flaw);
        }
        let mut name = owner.clone();
        while !name.is_root() {
            name = name.base_name();
            if let Some((Extent::Subtree, flaw)) = self.flaws.get(&name) {
                return Some(*flaw);
            }
        }
        None
    }

    /// Does the lab know all about this name? The zones above are known at their own names.
    fn is_served(&self, owner: &Name) -> bool {
        self.apexes.contains_key(owner) || self.served.iter().any(|domain| domain.zone_of(owner))
    }
}

impl RecordData {
    fn rdata(self) -> Result<RData, LabError> {
        Ok(match self {
            Self::Ipv4(address) => RData::A(A(address)),
            Self::Ipv6(address) => RData::AAAA(AAAA(address)),
            Self::Mx(preference, exchange) => RData::MX(MX::new(preference, name(&exchange)?)),
            Self::Text(strings) => {
                RData::TXT(TXT::from_bytes(strings.iter().map(Vec::as_slice).collect()))
            }
            Self::Alias(target) => RData::CNAME(CNAME(name(&target)?)),
            Self::Tlsa(usage, selector, matching, data) => RData::TLSA(TLSA::new(
                CertUsage::from(usage),
                Selector::from(selector),
                Matching::from(matching),
                data,
            )),
            Self::Caa(flags, property, value) => {
                let mut caa = CAA::new_issue(flags & 128 != 0, None, Vec::new());
                caa.reserved_flags = flags & 127;
                caa.tag = property.to_owned();
                caa.value = value.as_bytes().to_vec();
                RData::CAA(caa)
            }
        })
    }
}

impl Default for Node {
    fn default() -> Self {
        Self { ttl: TTL, sets: BTreeMap::new() }
    }
}

/// A full name without its trailing dot; empty for the root.
fn name(text: &str) -> Result<Name, LabError> {
    Name::from_ascii(format!("{text}.")).map_err(|_| LabError::Name(text.to_owned()))
}

/// The records of a set.
fn records(owner: &Name, ttl: u32, set: &[RData]) -> Vec<Record> {
    set.iter().map(|data| Record::from_rdata(owner.clone(), ttl, data.clone())).collect()
}
