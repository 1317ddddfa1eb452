//! The records of one server together.

use std::collections::BTreeMap;

use crate::parameters::{MatchingType, Selector, Usage};
use crate::record::TlsaRecord;
use crate::usability::{UnusableReason, Usability};

/// The TLSA records of one server and port, each with its part in authentication.
///
/// The caller vouches for the DNSSEC status: only a *secure* RRset belongs here (RFC 7672 §2.2).
/// Records are kept in their own order and once each, so that the order of a DNS answer makes no
/// difference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsaSet {
    members: Vec<Member>,
}

/// A record of a [`TlsaSet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The record.
    pub record: TlsaRecord,
    /// Its part in authentication.
    pub standing: Standing,
}

/// The part of a record in the authentication of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The server is authenticated if its certificates match this record.
    Used,
    /// Not looked at: for the same usage and selector there is a stronger digest (RFC 7671 §9).
    Outranked {
        /// The digest that is used instead.
        by: MatchingType,
    },
    /// Not looked at: no client for SMTP can use it.
    Unusable(UnusableReason),
}

/// What the records oblige a client to do before it delivers, RFC 7672 §2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requirement {
    /// There is no record: opportunistic TLS, as without DANE.
    Nothing,
    /// Records, none of them usable: TLS, whoever the server is.
    Encryption,
    /// At least one usable record: TLS with a server that matches.
    Authentication,
}

impl TlsaSet {
    /// Gathers the records of one secure RRset.
    pub fn new(records: impl IntoIterator<Item = TlsaRecord>) -> Self {
        let mut records: Vec<TlsaRecord> = records.into_iter().collect();
        records.sort_unstable();
        records.dedup();
        let strongest = strongest_digests(&records);
        let members = records.into_iter().map(|record| {
            let standing = standing(&record, &strongest);
            Member { record, standing }
        });
        Self { members: members.collect() }
    }

    /// Every record with its standing, in the order of the records.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The records that authenticate.
    pub fn used(&self) -> impl Iterator<Item = &TlsaRecord> {
        self.members
            .iter()
            .filter(|member| member.standing == Standing::Used)
            .map(|member| &member.record)
    }

    /// What the records oblige a client to do.
    pub fn requirement(&self) -> Requirement {
        if self.members.is_empty() {
            Requirement::Nothing
        } else if self.used().next().is_none() {
            //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2
            //# A "secure" non-empty TLSA RRset where all the records are unusable:
            //# Any connection to the MTA MUST be made via TLS, but authentication
            //# is not required.
            Requirement::Encryption
        } else {
            //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2
            //# A "secure" TLSA RRset with at least one usable record:  Any
            //# connection to the MTA MUST employ TLS encryption and MUST
            //# authenticate the SMTP server using the techniques discussed in the
            //# rest of this document.
            Requirement::Authentication
        }
    }
}

impl FromIterator<TlsaRecord> for TlsaSet {
    fn from_iter<T: IntoIterator<Item = TlsaRecord>>(records: T) -> Self {
        Self::new(records)
    }
}

/// For each usage and selector, the strongest digest among the usable records.
type Strongest = BTreeMap<(Usage, Selector), MatchingType>;

fn strongest_digests(records: &[TlsaRecord]) -> Strongest {
    let mut strongest = Strongest::new();
    let usable = records.iter().filter(|record| record.usability() == Usability::Usable);
    for record in usable {
        let digest =
            strongest.entry((record.usage(), record.selector())).or_insert(MatchingType::Full);
        // Usable records have known matching types, whose order is that of their strength.
        *digest = (*digest).max(record.matching_type());
    }
    strongest
}

//= https://www.rfc-editor.org/rfc/rfc7671#section-9
//# For each usage and selector, the client
//# SHOULD process only any usable records with a matching type of
//# Full(0) and the usable records whose digest algorithm is considered
//# by the client to be the strongest among usable records with the given
//# usage and selector.
fn standing(record: &TlsaRecord, strongest: &Strongest) -> Standing {
    if let Usability::Unusable(reason) = record.usability() {
        return Standing::Unusable(reason);
    }
    match strongest.get(&(record.usage(), record.selector())) {
        Some(&by)
            if record.matching_type() != MatchingType::Full && record.matching_type() < by =>
        {
            Standing::Outranked { by }
        }
        _ => Standing::Used,
    }
}
