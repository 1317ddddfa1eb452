//! NSEC3: the hashes of the names of a zone in their order (RFC 5155 §8).

use std::cmp::Ordering;

use data_encoding::BASE32_DNSSEC;
use hickory_proto::dnssec::rdata::NSEC3;
use hickory_proto::rr::{Name, RecordType, RecordTypeSet};

use super::plain::wildcard;
use super::{Verdict, deny, leads_elsewhere};

/// The most iterations that are counted through; more say that the zone does not care (RFC 9276
/// §3.2).
const MOST_ITERATIONS: u16 = 100;

/// The denials of one zone, all with the same parameters.
#[derive(Debug)]
pub(super) struct Hashed<'a> {
    zone: &'a Name,
    pub(super) records: Vec<(Vec<u8>, &'a NSEC3)>,
}

/// What encloses a name that does not exist.
struct Enclosed<'a> {
    encloser: Name,
    /// The record that covers the name one label longer.
    cover: &'a NSEC3,
}

impl<'a> Hashed<'a> {
    /// Takes the records that stand directly below the zone's apex and have the parameters of the
    /// first (RFC 5155 §8.2).
    pub(super) fn new(zone: &'a Name, records: Vec<(&'a Name, &'a NSEC3)>) -> Self {
        let parameters =
            |denial: &NSEC3| (denial.hash_algorithm(), denial.iterations(), denial.salt().to_vec());
        let first = records.first().map(|(_, denial)| parameters(denial));
        let records = records
            .into_iter()
            .filter(|(owner, denial)| {
                owner.base_name() == *zone && Some(parameters(denial)) == first
            })
            .filter_map(|(owner, denial)| {
                let label = owner.iter().next()?.to_ascii_lowercase();
                Some((BASE32_DNSSEC.decode(&label).ok()?, denial))
            })
            .collect();
        Self { zone, records }
    }

    pub(super) fn no_name(&self, name: &Name) -> Verdict {
        if self.is_too_dear() {
            return Verdict::TooDear;
        }
        let Some(Enclosed { encloser, cover }) = self.enclosed(name) else {
            return Verdict::Unproven;
        };
        let is_proven = wildcard(&encloser).is_some_and(|wildcard| self.cover(&wildcard).is_some());
        if is_proven { verdict(cover) } else { Verdict::Unproven }
    }

    pub(super) fn no_data(&self, name: &Name, kind: RecordType) -> Verdict {
        if self.is_too_dear() {
            return Verdict::TooDear;
        }
        if let Some(types) = self.types_at(name) {
            return if deny(types, kind) { Verdict::Proven } else { Verdict::Unproven };
        }
        let Some(Enclosed { encloser, cover }) = self.enclosed(name) else {
            return Verdict::Unproven;
        };
        let types = wildcard(&encloser).and_then(|wildcard| self.types_at(&wildcard));
        if types.is_some_and(|types| deny(types, kind)) {
            verdict(cover)
        } else if cover.opt_out() {
            Verdict::OptOut
        } else {
            Verdict::Unproven
        }
    }

    pub(super) fn expansion(&self, name: &Name, encloser: &Name) -> Verdict {
        if self.is_too_dear() {
            return Verdict::TooDear;
        }
        let next_closer = name.trim_to(encloser.iter().len() + 1);
        self.cover(&next_closer).map_or(Verdict::Unproven, verdict)
    }

    pub(super) fn types_at(&self, name: &Name) -> Option<&'a RecordTypeSet> {
        if self.is_too_dear() {
            return None;
        }
        self.matching(name).map(NSEC3::type_set)
    }

    fn is_too_dear(&self) -> bool {
        self.records.iter().any(|(_, denial)| denial.iterations() > MOST_ITERATIONS)
    }

    /// The closest encloser of a name that does not exist, if that is proven (RFC 5155 §8.3).
    fn enclosed(&self, name: &Name) -> Option<Enclosed<'a>> {
        let lengths = self.zone.iter().len()..name.iter().len();
        let (encloser, denial) = lengths.rev().find_map(|labels| {
            let candidate = name.trim_to(labels);
            let denial = self.matching(&candidate)?;
            Some((candidate, denial))
        })?;
        if leads_elsewhere(denial.type_set()) {
            return None;
        }
        let cover = self.cover(&name.trim_to(encloser.iter().len() + 1))?;
        Some(Enclosed { encloser, cover })
    }

    fn matching(&self, name: &Name) -> Option<&'a NSEC3> {
        let hash = self.hash(name)?;
        self.records.iter().find(|(owner, _)| *owner == hash).map(|(_, denial)| *denial)
    }

    fn cover(&self, name: &Name) -> Option<&'a NSEC3> {
        let hash = self.hash(name)?;
        let covers = |owner: &[u8], next: &[u8]| match owner.cmp(next) {
            Ordering::Less => owner < hash.as_slice() && hash.as_slice() < next,
            // The last record of a zone leads back to the first.
            Ordering::Greater => owner < hash.as_slice() || hash.as_slice() < next,
            Ordering::Equal => owner != hash.as_slice(),
        };
        self.records
            .iter()
            .find(|(owner, denial)| covers(owner, denial.next_hashed_owner_name()))
            .map(|(_, denial)| *denial)
    }

    fn hash(&self, name: &Name) -> Option<Vec<u8>> {
        let (_, denial) = self.records.first()?;
        let hash = denial.hash_algorithm().hash(denial.salt(), name, denial.iterations()).ok()?;
        Some(hash.as_ref().to_vec())
    }
}

fn verdict(cover: &NSEC3) -> Verdict {
    if cover.opt_out() { Verdict::OptOut } else { Verdict::Proven }
}
