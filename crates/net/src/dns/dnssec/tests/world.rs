//! A small tree of signed and unsigned zones, and a resolver over it that knows everything and
//! checks nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE32_DNSSEC;
use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::sig::SigInput;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, NSEC, NSEC3, RRSIG};
use hickory_proto::dnssec::{
    Algorithm, DigestType, DnssecSigner, Nsec3HashAlgorithm, SigningKey, TBS, Verifier,
};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS, SOA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};

use crate::testing::TODAY;

pub(super) const TTL: u32 = 3600;
const DAY: i64 = 86_400;

pub(super) fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

pub(super) fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), TTL, data)
}

pub(super) fn text(owner: &str) -> Record {
    record(owner, RData::TXT(TXT::new(vec![format!("at {owner}")])))
}

pub(super) fn address(owner: &str) -> Record {
    record(owner, RData::A(A::new(127, 0, 0, 1)))
}

pub(super) fn alias(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

/// How a zone denies.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Denial {
    Nsec,
    Nsec3 { iterations: u16 },
    OptOut,
}

/// One zone. An unsigned one has no keys.
pub(super) struct Zone {
    apex: Name,
    keys: Option<[DnssecSigner; 2]>,
    denial: Denial,
    records: Vec<Record>,
    /// From when to when signatures hold, in days from today.
    pub(super) valid: (i64, i64),
}

impl Zone {
    fn bare(apex: &str) -> Self {
        let soa = SOA::new(name("ns.test"), name("hostmaster.test"), 1, 2, 3, 4, TTL);
        let records =
            vec![record(apex, RData::SOA(soa)), record(apex, RData::NS(NS(name("ns.test"))))];
        let denial = Denial::Nsec;
        Self { apex: name(apex), keys: None, denial, records, valid: (-7, 7) }
    }

    pub(super) fn unsigned(apex: &str, records: Vec<Record>) -> Self {
        let mut zone = Self::bare(apex);
        zone.records.extend(records);
        zone
    }

    pub(super) fn signed(apex: &str, denial: Denial, records: Vec<Record>) -> Self {
        let mut zone = Self::unsigned(apex, records);
        let keys = [257, 256].map(|flags| signer(&zone.apex, flags));
        for key in &keys {
            let key = RData::DNSSEC(DNSSECRData::DNSKEY(key.dnskey().clone()));
            zone.records.push(record(apex, key));
        }
        zone.keys = Some(keys);
        zone.denial = denial;
        zone
    }

    /// Delegates to a zone: with DS if it is signed.
    pub(super) fn delegate(&mut self, child: &Self) {
        let child_apex = child.apex.to_ascii();
        self.records.push(record(&child_apex, RData::NS(NS(name("ns.test")))));
        if child.keys.is_some() {
            let digest = child.digest();
            self.records.push(record(&child_apex, RData::DNSSEC(DNSSECRData::DS(digest))));
        }
    }

    /// Delegates with another DS record than the one that fits.
    pub(super) fn delegate_with(&mut self, child: &Self, digest: DS) {
        let child_apex = child.apex.to_ascii();
        self.records.push(record(&child_apex, RData::NS(NS(name("ns.test")))));
        self.records.push(record(&child_apex, RData::DNSSEC(DNSSECRData::DS(digest))));
    }

    pub(super) fn apex(&self) -> &Name {
        &self.apex
    }

    pub(super) fn key(&self) -> DNSKEY {
        self.keys.as_ref().unwrap()[0].dnskey().clone()
    }

    pub(super) fn digest(&self) -> DS {
        let key = self.key();
        let digest = key.to_digest(&self.apex, DigestType::SHA256).unwrap();
        let tag = key.calculate_key_tag().unwrap();
        DS::new(tag, key.algorithm(), DigestType::SHA256, digest.as_ref().to_vec())
    }

    fn at(&self, owner: &Name, kind: RecordType) -> Vec<Record> {
        let is_it = |record: &&Record| record.name == *owner && record.record_type() == kind;
        self.records.iter().filter(is_it).cloned().collect()
    }

    /// Does a zone below begin at or above this name?
    fn is_delegated(&self, owner: &Name) -> bool {
        self.records.iter().any(|record| {
            record.record_type() == RecordType::NS
                && record.name != self.apex
                && record.name.zone_of(owner)
        })
    }

    fn is_unsigned_delegation(&self, owner: &Name) -> bool {
        *owner != self.apex
            && !self.at(owner, RecordType::NS).is_empty()
            && self.at(owner, RecordType::DS).is_empty()
    }

    /// The names that the zone has records at; with NSEC3 also those between.
    fn names(&self) -> BTreeSet<Name> {
        let mut names = BTreeSet::new();
        for record in &self.records {
            if self.denial == Denial::OptOut && self.is_unsigned_delegation(&record.name) {
                continue;
            }
            names.insert(record.name.clone());
            let mut between = record.name.base_name();
            while self.denial != Denial::Nsec && between.iter().len() > self.apex.iter().len() {
                names.insert(between.clone());
                between = between.base_name();
            }
        }
        names
    }

    fn exists(&self, owner: &Name) -> bool {
        self.records.iter().any(|record| owner.zone_of(&record.name))
    }

    fn closest_encloser(&self, owner: &Name) -> Name {
        let mut encloser = owner.base_name();
        while !self.exists(&encloser) {
            encloser = encloser.base_name();
        }
        encloser
    }

    /// Adds signatures to a record set; `from` is the wildcard that it was made from.
    fn sign(&self, set: Vec<Record>, from: &Name) -> Vec<Record> {
        let (Some([key_signing, zone_signing]), Some(first)) = (&self.keys, set.first()) else {
            return set;
        };
        let signer =
            if first.record_type() == RecordType::DNSKEY { key_signing } else { zone_signing };
        let today = TODAY.parse::<jiff::Timestamp>().unwrap().as_second();
        let day = |days| SerialNumber::new(u32::try_from(today + days * DAY).unwrap());
        let input = SigInput {
            type_covered: first.record_type(),
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: from.num_labels(),
            original_ttl: first.ttl,
            sig_expiration: day(self.valid.1),
            sig_inception: day(self.valid.0),
            key_tag: signer.calculate_key_tag().unwrap(),
            signer_name: self.apex.clone(),
        };
        let tbs = TBS::from_input(&first.name, DNSClass::IN, &input, set.iter()).unwrap();
        let signature = RRSIG::from_sig(input, signer.sign(&tbs).unwrap());
        let data = RData::DNSSEC(DNSSECRData::RRSIG(signature));
        let signature = Record::from_rdata(first.name.clone(), first.ttl, data);
        set.into_iter().chain([signature]).collect()
    }

    fn signed_set(&self, owner: &Name, kind: RecordType) -> Vec<Record> {
        let set = self.at(owner, kind);
        // What is only handed on to the zone below is not signed.
        let is_glue = self.is_delegated(owner) && kind != RecordType::DS;
        if is_glue { set } else { self.sign(set, owner) }
    }

    fn types_at(&self, owner: &Name) -> BTreeSet<RecordType> {
        let here = self.records.iter().filter(|record| record.name == *owner);
        let mut types: BTreeSet<RecordType> = here.map(Record::record_type).collect();
        if !types.is_empty() && self.keys.is_some() && !self.is_unsigned_delegation(owner) {
            types.insert(RecordType::RRSIG);
        }
        types
    }

    /// The record of the denial that is at this name, or that covers it.
    fn denial_for(&self, owner: &Name) -> Vec<Record> {
        match self.denial {
            Denial::Nsec => {
                let names = self.names();
                let here = names.range(..=owner.clone()).next_back().unwrap_or(&self.apex);
                let next = names.iter().find(|name| *name > here).unwrap_or(&self.apex);
                let mut types = self.types_at(here);
                types.extend([RecordType::NSEC, RecordType::RRSIG]);
                let data = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new(next.clone(), types)));
                self.sign(vec![Record::from_rdata(here.clone(), TTL, data)], here)
            }
            Denial::Nsec3 { .. } | Denial::OptOut => {
                let names = self.names();
                let mut hashes: Vec<(Vec<u8>, &Name)> =
                    names.iter().map(|name| (self.hash(name), name)).collect();
                hashes.sort();
                let hash = self.hash(owner);
                let place = hashes
                    .iter()
                    .rposition(|(other, _)| *other <= hash)
                    .unwrap_or(hashes.len() - 1);
                let (here, original) = &hashes[place];
                let next = &hashes[(place + 1) % hashes.len()].0;
                let data = NSEC3::new(
                    Nsec3HashAlgorithm::SHA1,
                    self.denial == Denial::OptOut,
                    self.iterations(),
                    vec![],
                    next.clone(),
                    self.types_at(original),
                );
                let label = BASE32_DNSSEC.encode(here);
                let owner = self.apex.prepend_label(label.as_str()).unwrap();
                let data = RData::DNSSEC(DNSSECRData::NSEC3(data));
                self.sign(vec![Record::from_rdata(owner.clone(), TTL, data)], &owner)
            }
        }
    }

    fn iterations(&self) -> u16 {
        match self.denial {
            Denial::Nsec3 { iterations } => iterations,
            Denial::Nsec | Denial::OptOut => 0,
        }
    }

    fn hash(&self, name: &Name) -> Vec<u8> {
        let hash = Nsec3HashAlgorithm::SHA1.hash(&[], name, self.iterations()).unwrap();
        hash.as_ref().to_vec()
    }

    /// The authority section of "there is none".
    fn denials(&self, owner: &Name) -> Vec<Record> {
        let mut records = self.signed_set(&self.apex, RecordType::SOA);
        if self.keys.is_none() {
            return records;
        }
        let mut names = vec![owner.clone()];
        let is_shown =
            self.names().contains(owner) || self.denial == Denial::Nsec && self.exists(owner);
        if !is_shown {
            let encloser = self.closest_encloser(owner);
            let wildcard = encloser.prepend_label("*").unwrap();
            if self.denial != Denial::Nsec {
                let next_closer = owner.trim_to(encloser.iter().len() + 1);
                names = vec![encloser, next_closer];
            }
            names.push(wildcard);
        }
        for name in names {
            for record in self.denial_for(&name) {
                if !records.contains(&record)
                    && !records.iter().any(|other| is_same(other, &record))
                {
                    records.push(record);
                }
            }
        }
        records
    }
}

/// ECDSA signs the same differently each time.
fn is_same(one: &Record, other: &Record) -> bool {
    let covered = |record: &Record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input().type_covered),
        _ => None,
    };
    one.name == other.name
        && one.record_type() == other.record_type()
        && covered(one) == covered(other)
}

fn signer(apex: &Name, flags: u16) -> DnssecSigner {
    let pkcs8 = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256).unwrap();
    let key = EcdsaSigningKey::from_pkcs8(&pkcs8, Algorithm::ECDSAP256SHA256).unwrap();
    let dnskey = DNSKEY::with_flags(flags, key.to_public_key().unwrap());
    DnssecSigner::new(dnskey, Box::new(key), apex.clone(), Duration::from_secs(1))
}

/// All zones.
pub(super) struct World(pub(super) Vec<Zone>);

impl World {
    /// What a resolver answers that follows aliases and hands out signatures.
    pub(super) fn answer(&self, query: &Message) -> Message {
        let asked = query.queries[0].clone();
        let mut message = query.clone().into_response();
        message.metadata.recursion_available = true;
        message.metadata.authentic_data = false;
        let mut owner = asked.name().clone();
        for _ in 0..9 {
            let Some(zone) = self.zone(&owner, asked.query_type()) else {
                message.metadata.response_code = ResponseCode::Refused;
                return message;
            };
            let (found, denial) = zone_answer(zone, &owner, asked.query_type());
            message.add_authorities(denial);
            let target = found.iter().find_map(|record| match &record.data {
                RData::CNAME(target) if asked.query_type() != RecordType::CNAME => {
                    Some(target.0.clone())
                }
                _ => None,
            });
            let is_empty = found.is_empty();
            message.add_answers(found);
            match target {
                Some(target) => owner = target,
                None if is_empty => {
                    message.add_authorities(zone.denials(&owner));
                    let wildcard = zone.closest_encloser_wildcard(&owner);
                    if !zone.exists(&owner) && !zone.exists(&wildcard) {
                        message.metadata.response_code = ResponseCode::NXDomain;
                    }
                    return message;
                }
                None => return message,
            }
        }
        message
    }

    /// What a zone has to cover or match a name, be that in it or not, with its SOA record.
    pub(super) fn denial_of(&self, apex: &str, owner: &str) -> Vec<Record> {
        let zone = self.0.iter().find(|zone| zone.apex == name(apex)).unwrap();
        let mut records = zone.signed_set(&zone.apex, RecordType::SOA);
        records.extend(zone.denial_for(&name(owner)));
        records
    }

    fn zone(&self, owner: &Name, kind: RecordType) -> Option<&Zone> {
        let holds = |zone: &&Zone| {
            zone.apex.zone_of(owner) && !(kind == RecordType::DS && zone.apex == *owner)
        };
        self.0.iter().filter(holds).max_by_key(|zone| zone.apex.iter().len())
    }
}

impl Zone {
    fn closest_encloser_wildcard(&self, owner: &Name) -> Name {
        self.closest_encloser(owner).prepend_label("*").unwrap()
    }
}

/// The records of a name in its zone, or the CNAME there, made from a wildcard if need be, with what
/// must be denied for that.
fn zone_answer(zone: &Zone, owner: &Name, kind: RecordType) -> (Vec<Record>, Vec<Record>) {
    for kind in [kind, RecordType::CNAME] {
        let here = zone.signed_set(owner, kind);
        if !here.is_empty() {
            return (here, vec![]);
        }
    }
    if zone.exists(owner) {
        return (vec![], vec![]);
    }
    let wildcard = zone.closest_encloser_wildcard(owner);
    for kind in [kind, RecordType::CNAME] {
        let mut here = zone.sign(zone.at(&wildcard, kind), &wildcard);
        if !here.is_empty() {
            for record in &mut here {
                record.name = owner.clone();
            }
            let next_closer = owner.trim_to(wildcard.iter().len());
            let denial = if zone.keys.is_some() { zone.denial_for(&next_closer) } else { vec![] };
            return (here, denial);
        }
    }
    (vec![], vec![])
}

pub(super) type Shared = Arc<World>;
