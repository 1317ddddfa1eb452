//! What verified NSEC and NSEC3 records prove (RFC 4035 §5.4, RFC 5155 §8, RFC 6840 §4).
//!
//! Their signatures are verified by hickory. The conclusions are drawn here: those of hickory are
//! wrong about a wildcard directly above the name, and do not tell an opt-out from a proof.

mod hashed;
mod plain;

use hickory_proto::dnssec::Proof;
use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC, NSEC3};
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, Record, RecordType, RecordTypeSet};

use super::relevant::signature;
use hashed::Hashed;

/// The verified denials of one zone.
#[derive(Debug)]
pub(super) struct Denials<'a> {
    /// The zone that has signed them.
    pub(super) zone: &'a Name,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    Plain(Vec<(&'a Name, &'a NSEC)>),
    Hashed(Hashed<'a>),
}

/// What denials prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What was asked.
    Proven,
    /// That it is so, or that an unsigned zone begins there (RFC 5155 §6).
    OptOut,
    /// Nothing, for it would take too many iterations: the zone counts as unsigned (RFC 9276
    /// §3.2).
    TooDear,
    /// Nothing.
    Unproven,
}

impl<'a> Denials<'a> {
    /// The verified denials in a message: of one zone, and of one kind. `None` if there are none.
    pub(super) fn of(message: &'a Message) -> Option<Self> {
        let verified = || {
            message.authorities.iter().filter_map(|record| {
                let zone = (record.proof == Proof::Secure).then(|| signer(message, record))??;
                Some((zone, record))
            })
        };
        let is_denial =
            |record: &Record| matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
        let (zone, first) = verified().find(|(_, record)| is_denial(record))?;
        let of_zone = verified().filter(|(signer, _)| *signer == zone);
        let kind = if first.record_type() == RecordType::NSEC {
            Kind::Plain(
                of_zone.filter_map(|(_, record)| Some((&record.name, plain(record)?))).collect(),
            )
        } else {
            let records = of_zone.filter_map(|(_, record)| Some((&record.name, hashed(record)?)));
            Kind::Hashed(Hashed::new(zone, records.collect()))
        };
        Some(Self { zone, kind })
    }

    /// That there is no such name, and no wildcard that could stand for it.
    pub(super) fn no_name(&self, name: &Name) -> Verdict {
        if !self.zone.zone_of(name) {
            return Verdict::Unproven;
        }
        match &self.kind {
            Kind::Plain(records) => plain::no_name(records, name),
            Kind::Hashed(records) => records.no_name(name),
        }
    }

    /// That the name has no records of this type, itself or through a wildcard.
    pub(super) fn no_data(&self, name: &Name, kind: RecordType) -> Verdict {
        // DS records are the business of the zone above (RFC 4035 §5.2).
        if !self.zone.zone_of(name) || (kind == RecordType::DS && self.zone == name) {
            return Verdict::Unproven;
        }
        match &self.kind {
            Kind::Plain(records) => plain::no_data(records, name, kind),
            Kind::Hashed(records) => records.no_data(name, kind),
        }
    }

    /// That nothing stands between the name and the wildcard below `encloser` which its records
    /// were made from.
    pub(super) fn expansion(&self, name: &Name, encloser: &Name) -> Verdict {
        if !self.zone.zone_of(encloser) {
            return Verdict::Unproven;
        }
        match &self.kind {
            Kind::Plain(records) => plain::expansion(records, name, encloser),
            Kind::Hashed(records) => records.expansion(name, encloser),
        }
    }

    /// The types at the name, if a record says them.
    pub(super) fn types_at(&self, name: &Name) -> Option<&RecordTypeSet> {
        match &self.kind {
            Kind::Plain(records) => plain::types_at(records, name),
            Kind::Hashed(records) => records.types_at(name),
        }
    }
}

/// Whose verified signature a record has.
fn signer<'a>(message: &'a Message, record: &Record) -> Option<&'a Name> {
    message
        .authorities
        .iter()
        .filter(|other| other.name == record.name && other.proof == Proof::Secure)
        .filter_map(signature)
        .find(|signature| signature.input().type_covered == record.record_type())
        .map(|signature| &signature.input().signer_name)
}

fn plain(record: &Record) -> Option<&NSEC> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(denial)) => Some(denial),
        _ => None,
    }
}

fn hashed(record: &Record) -> Option<&NSEC3> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC3(denial)) => Some(denial),
        _ => None,
    }
}

/// Do these types at a name deny this one there?
fn deny(types: &RecordTypeSet, kind: RecordType) -> bool {
    // What stands on the upper side of a zone cut says nothing of the zone below, but for DS.
    let is_of_right_side = if kind == RecordType::DS {
        !types.contains(RecordType::SOA)
    } else {
        !is_delegation(types)
    };
    is_of_right_side && !types.contains(kind) && !types.contains(RecordType::CNAME)
}

/// Are these the types on the upper side of a zone cut?
fn is_delegation(types: &RecordTypeSet) -> bool {
    types.contains(RecordType::NS) && !types.contains(RecordType::SOA)
}

/// Does what is below a name with these types lie elsewhere? (RFC 6840 §4.1)
fn leads_elsewhere(types: &RecordTypeSet) -> bool {
    is_delegation(types) || types.contains(RecordType::DNAME)
}

#[cfg(test)]
mod tests;
