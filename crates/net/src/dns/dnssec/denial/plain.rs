//! NSEC: the names of a zone in their order (RFC 4035 §5.4).

use hickory_proto::dnssec::rdata::NSEC;
use hickory_proto::rr::{Name, RecordType, RecordTypeSet};

use super::{Verdict, deny, leads_elsewhere};

type Records<'a> = [(&'a Name, &'a NSEC)];

pub(super) fn no_name(records: &Records<'_>, name: &Name) -> Verdict {
    let is_proven = records.iter().filter(|record| covers(record, name)).any(|record| {
        let encloser = encloser(record, name);
        // A name that has names below it exists, even if it has no records.
        encloser != *name
            && wildcard(&encloser).is_some_and(|wildcard| is_covered(records, &wildcard))
    });
    verdict(is_proven)
}

pub(super) fn no_data(records: &Records<'_>, name: &Name, kind: RecordType) -> Verdict {
    if let Some(types) = types_at(records, name) {
        return verdict(deny(types, kind));
    }
    let is_proven = records.iter().filter(|record| covers(record, name)).any(|record| {
        let encloser = encloser(record, name);
        // There are only names below, or else a wildcard without this type.
        encloser == *name
            || wildcard(&encloser)
                .and_then(|wildcard| types_at(records, &wildcard))
                .is_some_and(|types| deny(types, kind))
    });
    verdict(is_proven)
}

pub(super) fn expansion(records: &Records<'_>, name: &Name, from: &Name) -> Verdict {
    let is_proven =
        records.iter().any(|record| covers(record, name) && encloser(record, name) == *from);
    verdict(is_proven)
}

pub(super) fn types_at<'a>(records: &Records<'a>, name: &Name) -> Option<&'a RecordTypeSet> {
    records.iter().find(|(owner, _)| *owner == name).map(|(_, denial)| denial.type_set())
}

fn is_covered(records: &Records<'_>, name: &Name) -> bool {
    records.iter().any(|record| covers(record, name))
}

/// Does the name fall between this record's and the next?
fn covers((owner, denial): &(&Name, &NSEC), name: &Name) -> bool {
    if owner.zone_of(name) && leads_elsewhere(denial.type_set()) {
        return false;
    }
    let next = denial.next_domain_name();
    // The last record of a zone leads back to its apex, above everything in it.
    let is_last = next <= *owner;
    name > *owner && if is_last { next.zone_of(name) } else { name < next }
}

/// The nearest name at or above this one that the record shows to exist.
fn encloser((owner, denial): &(&Name, &NSEC), name: &Name) -> Name {
    let with_owner = common(name, owner);
    let with_next = common(name, denial.next_domain_name());
    name.trim_to(with_owner.max(with_next))
}

/// How many labels two names have in common, from the right.
fn common(one: &Name, other: &Name) -> usize {
    let most = one.iter().len().min(other.iter().len());
    (0..=most).rev().find(|labels| one.trim_to(*labels) == other.trim_to(*labels)).unwrap_or(0)
}

pub(super) fn wildcard(encloser: &Name) -> Option<Name> {
    encloser.prepend_label("*").ok()
}

fn verdict(is_proven: bool) -> Verdict {
    if is_proven { Verdict::Proven } else { Verdict::Unproven }
}
