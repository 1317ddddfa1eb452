//! What the lab's DNS answers, with signatures and denials.

use hickory_proto::{
    dnssec::rdata::{DNSSECRData, NSEC},
    op::ResponseCode,
    rr::{Name, RData, Record, RecordType, rdata::CNAME},
};

use super::{Apex, Fault, Flaw, Node, Security, TTL, Zones, denial, records};

/// The longest chain of aliases that is followed.
const LONGEST_CHAIN: usize = 8;

/// Does the asker want to see signatures?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signatures {
    Wanted,
    Unwanted,
}

/// An answer, or none at all.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Reply(Reply),
    Silence,
}

/// An answer, but for the question and the flags.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) code: ResponseCode,
    /// What a validator makes of the worst part of it; of the question's name, if nothing is in it.
    pub(crate) security: Security,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
}

/// What is not told, or told badly.
#[derive(Default)]
pub(crate) struct Tampering {
    /// Records of this type are as if they were not there, and truly denied.
    pub(crate) withheld: Option<RecordType>,
    /// Signatures at and below these names have this flaw.
    pub(crate) flaw: Option<(Vec<Name>, Flaw)>,
}

impl Reply {
    pub(crate) fn empty(code: ResponseCode) -> Self {
        Self { code, security: Security::Insecure, answers: Vec::new(), authorities: Vec::new() }
    }
}

/// What is at a name.
enum Match<'a> {
    /// The name exists; without a node, only because of what lies below.
    Exact(Option<&'a Node>),
    /// It does not, but a wildcard stands for it.
    Wildcard { source: Name, node: &'a Node, next_closer: Name },
    /// It does not. The longest name above that exists, and the one below that on the way.
    Nothing { closest: Name, next_closer: Name },
}

impl Zones {
    /// Answers as a resolver that has followed every alias.
    pub(crate) fn answer(
        &self,
        question: &Name,
        record_type: RecordType,
        signatures: Signatures,
    ) -> Answer {
        self.answer_tampered(question, record_type, signatures, &Tampering::default())
    }

    /// The same, but for what is tampered with.
    pub(crate) fn answer_tampered(
        &self,
        question: &Name,
        record_type: RecordType,
        signatures: Signatures,
        tampering: &Tampering,
    ) -> Answer {
        if let RecordType::ANY | RecordType::RRSIG | RecordType::NSEC | RecordType::AXFR =
            record_type
        {
            return Answer::Reply(Reply::empty(ResponseCode::NotImp));
        }
        let mut draft = Draft { zones: self, signatures, tampering, security: Security::Secure };
        let mut owner = question.to_lowercase();
        let mut reply = Reply::empty(ResponseCode::NoError);
        let mut visited: Vec<Name> = Vec::new();
        for _ in 0..=LONGEST_CHAIN {
            if let Some(fault) = self.fault(&owner, record_type) {
                return match fault {
                    Fault::ServerFailure => Answer::Reply(Reply::empty(ResponseCode::ServFail)),
                    Fault::Refused => Answer::Reply(Reply::empty(ResponseCode::Refused)),
                    Fault::Silence => Answer::Silence,
                };
            }
            let zone = self.zone_of(&owner, record_type).filter(|_| self.is_served(&owner));
            let Some((apex, zone)) = zone else {
                return Answer::Reply(Reply::empty(ResponseCode::Refused));
            };
            let Some(step) = draft.step(&owner, record_type, apex, zone) else {
                return Answer::Reply(Reply::empty(ResponseCode::Refused));
            };
            reply.security = draft.security;
            reply.code = step.code;
            reply.answers.extend(step.answers);
            reply.authorities.extend(step.authorities);
            match step.next {
                Some(target) if target != owner && !visited.contains(&target) => {
                    visited.push(owner);
                    owner = target;
                }
                _ => break,
            }
        }
        // After a loop or a chain that is too long: what was found so far, and the asker may judge.
        Answer::Reply(reply)
    }

    fn fault(&self, owner: &Name, record_type: RecordType) -> Option<Fault> {
        let mut faults = self.faults.get(owner)?.iter();
        faults
            .find_map(|(only, fault)| only.is_none_or(|only| only == record_type).then_some(*fault))
    }

    fn find(&self, owner: &Name) -> Match<'_> {
        if self.existing.contains(owner) {
            return Match::Exact(self.nodes.get(owner));
        }
        let mut next_closer = owner.clone();
        let mut closest = owner.base_name();
        while !closest.is_root() && !self.existing.contains(&closest) {
            next_closer = closest;
            closest = next_closer.base_name();
        }
        if let Ok(source) = closest.prepend_label("*")
            && let Some(node) = self.nodes.get(&source)
        {
            return Match::Wildcard { source, node, next_closer };
        }
        Match::Nothing { closest, next_closer }
    }
}

/// An answer in the making.
struct Draft<'a> {
    zones: &'a Zones,
    signatures: Signatures,
    tampering: &'a Tampering,
    security: Security,
}

/// What one name adds to the answer.
struct Step {
    code: ResponseCode,
    answers: Vec<Record>,
    authorities: Vec<Record>,
    /// The target of an alias.
    next: Option<Name>,
}

/// One zone, by its first name.
type Zone<'a> = (&'a Name, &'a Apex);

impl Draft<'_> {
    fn step(
        &mut self,
        owner: &Name,
        record_type: RecordType,
        apex: &Name,
        zone: &Apex,
    ) -> Option<Step> {
        self.security = self.security.max(self.zones.security_of(apex));
        let zone = (apex, zone);
        let found = self.zones.find(owner);
        let changed = self.zones.changed(owner, record_type);
        if let Some(set) = changed.filter(|_| self.tampering.withheld != Some(record_type)) {
            if set.is_empty() {
                return self.deny(owner, record_type, zone, &found);
            }
            let answers = self.signed(owner, records(owner, TTL, &set), zone);
            let code = ResponseCode::NoError;
            return Some(Step { code, answers, authorities: Vec::new(), next: None });
        }
        let (node, source) = match &found {
            Match::Exact(node) => (*node, owner),
            Match::Wildcard { source, node, .. } => (Some(*node), source),
            Match::Nothing { .. } => (None, owner),
        };
        let withheld = self.tampering.withheld;
        let set = |record_type| {
            let set = node?.sets.get(&record_type).filter(|_| withheld != Some(record_type))?;
            Some((record_type, set, node?.ttl))
        };
        let Some((found_type, set, ttl)) = set(record_type).or_else(|| set(RecordType::CNAME))
        else {
            return self.deny(owner, record_type, zone, &found);
        };
        let answers = self.signed(owner, records(source, ttl, set), zone);
        let authorities = match &found {
            Match::Wildcard { next_closer, .. } => self.cover(next_closer, zone)?,
            Match::Exact(_) | Match::Nothing { .. } => Vec::new(),
        };
        let next = match set.as_slice() {
            [RData::CNAME(CNAME(target))] if found_type != record_type => {
                Some(target.to_lowercase())
            }
            _ => None,
        };
        Some(Step { code: ResponseCode::NoError, answers, authorities, next })
    }

    /// "No such name" or "no such data", with the SOA record that RFC 2308 asks for.
    fn deny(
        &mut self,
        owner: &Name,
        record_type: RecordType,
        zone: Zone<'_>,
        found: &Match<'_>,
    ) -> Option<Step> {
        let (apex, _) = zone;
        let soa = self.zones.nodes.get(apex)?.sets.get(&RecordType::SOA)?;
        let mut authorities = self.signed(apex, records(apex, TTL, soa), zone);
        let code = match found {
            Match::Exact(node) => {
                authorities.extend(self.match_name(owner, *node, record_type, zone)?);
                ResponseCode::NoError
            }
            Match::Wildcard { source, node, next_closer } => {
                authorities.extend(self.match_name(source, Some(node), record_type, zone)?);
                authorities.extend(self.cover(next_closer, zone)?);
                ResponseCode::NoError
            }
            Match::Nothing { closest, next_closer } => {
                authorities.extend(self.cover(next_closer, zone)?);
                let wildcard = closest.prepend_label("*").ok()?;
                authorities.extend(self.cover(&wildcard, zone)?);
                ResponseCode::NXDomain
            }
        };
        Some(Step { code, answers: Vec::new(), authorities, next: None })
    }

    /// Proves which types a name has.
    fn match_name(
        &mut self,
        owner: &Name,
        node: Option<&Node>,
        record_type: RecordType,
        zone: Zone<'_>,
    ) -> Option<Vec<Record>> {
        let is_parent_side = record_type == RecordType::DS && self.zones.apexes.contains_key(owner);
        let belongs = |kind: &RecordType| match *kind {
            RecordType::NS => true,
            RecordType::DS => is_parent_side,
            kind => !is_parent_side && self.tampering.withheld != Some(kind),
        };
        let types = node.into_iter().flat_map(|node| node.sets.keys().copied()).filter(belongs);
        let next = denial::first_below(owner)?;
        Some(self.nsec(owner, NSEC::new_cover_self(next, types), zone))
    }

    /// Proves that neither the name nor any below it exists.
    fn cover(&mut self, name: &Name, zone: Zone<'_>) -> Option<Vec<Record>> {
        let (before, after) = (denial::just_before(name)?, denial::just_after(name)?);
        Some(self.nsec(&before, NSEC::new_cover_self(after, []), zone))
    }

    fn nsec(&mut self, owner: &Name, nsec: NSEC, zone: Zone<'_>) -> Vec<Record> {
        if zone.1.key.is_none() {
            return Vec::new();
        }
        let data = RData::DNSSEC(DNSSECRData::NSEC(nsec));
        let proof = self.signed(owner, records(owner, TTL, &[data]), zone);
        if self.signatures == Signatures::Wanted { proof } else { Vec::new() }
    }

    /// The set under the name that was asked for, and its signature.
    fn signed(&mut self, owner: &Name, mut set: Vec<Record>, zone: Zone<'_>) -> Vec<Record> {
        let (apex, Apex { key: Some(key), .. }) = zone else {
            return renamed(set, owner);
        };
        let Some(first) = set.first() else { return set };
        let flaw = match &self.tampering.flaw {
            Some((names, flaw)) if names.iter().any(|name| name.zone_of(&first.name)) => {
                Some(*flaw)
            }
            _ => self.zones.flaw(&first.name, first.record_type()),
        };
        if flaw.is_some() && self.zones.security_of(apex) == Security::Secure {
            self.security = Security::Bogus;
        }
        if self.signatures == Signatures::Wanted {
            match key.sign(&set, self.zones.now(), flaw) {
                Ok(signature) => set.extend(signature),
                Err(error) => tracing::error!("{owner} is not signed: {error}"),
            }
        }
        renamed(set, owner)
    }
}

/// What a wildcard stands for bears the name that was asked for.
fn renamed(mut set: Vec<Record>, owner: &Name) -> Vec<Record> {
    for record in &mut set {
        record.name = owner.clone();
    }
    set
}
