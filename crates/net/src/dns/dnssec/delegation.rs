//! Must a name be signed? From the trust anchor down, one label at a time.
//!
//! The validator of hickory begins at the name, asks for NS records without verifying them, and
//! takes any opt-out record from above the name as proof that nothing there is signed, so that one
//! of `com` would do for a host in a signed zone below. Here every zone is entered through its verified
//! DS records, and only the zone that was entered last can prove that the next is not signed.

use hickory_proto::dnssec::Proof;
use hickory_proto::dnssec::rdata::{DNSSECRData, DS};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::denial::{Denials, Verdict};
use super::validator::{Chain, verified};

/// What the delegations above a name say of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delegation {
    /// From this zone cut on, proof says, nothing is signed.
    Unsigned {
        cut: Name,
        /// For how long the proof holds, in seconds.
        ttl: u32,
    },
    /// Every zone on the way is signed, or is not proven to be unsigned.
    Signed,
}

/// What stands at one name on the way.
enum Here {
    /// Another zone begins, and is signed.
    SignedZone,
    /// Another zone begins, and is not.
    UnsignedZone { ttl: u32 },
    /// The zone goes on.
    SameZone,
    /// Nothing, and so nothing below; or nothing that is proven.
    Nothing,
}

/// Follows the delegations from `zone`, that of the trust anchor, to `name`.
pub(super) async fn delegation(name: &Name, zone: &Name, chain: &Chain) -> Delegation {
    let mut zone = zone.clone();
    let first = zone.iter().len() + 1;
    // A name is of at most 127 labels, and the look-up limits the questions.
    for labels in first..=name.iter().len() {
        let here = name.trim_to(labels);
        let query = Query::query(here.clone(), RecordType::DS);
        let found = match verified(chain, &query).await {
            Ok(message) => stands_here(&message, &here, &zone),
            // Bogus or not to be had: who asked judges by the faults of the look-up.
            Err(_) => Here::Nothing,
        };
        match found {
            Here::SignedZone => zone = here,
            Here::UnsignedZone { ttl } => return Delegation::Unsigned { cut: here, ttl },
            Here::SameZone => {}
            Here::Nothing => return Delegation::Signed,
        }
    }
    Delegation::Signed
}

fn stands_here(response: &Message, here: &Name, zone: &Name) -> Here {
    let mut digests = response
        .answers
        .iter()
        .filter(|record| record.name == *here && record.proof == Proof::Secure)
        .filter_map(digest)
        .peekable();
    if digests.peek().is_some() {
        // RFC 4035 §5.2: with algorithms that nobody here knows, a zone is as good as unsigned.
        return if digests.any(is_supported) {
            Here::SignedZone
        } else {
            Here::UnsignedZone { ttl: ttl(response) }
        };
    }
    let is_alias = response.answers.iter().any(|record| {
        record.name == *here
            && record.record_type() == RecordType::CNAME
            && record.proof == Proof::Secure
    });
    if is_alias {
        return Here::SameZone;
    }
    let Some(denials) = Denials::of(response).filter(|denials| denials.zone == zone) else {
        return Here::Nothing;
    };
    let is_missing = response.metadata.response_code == ResponseCode::NXDomain;
    let verdict =
        if is_missing { denials.no_name(here) } else { denials.no_data(here, RecordType::DS) };
    let is_cut = || denials.types_at(here).is_some_and(|types| types.contains(RecordType::NS));
    match verdict {
        Verdict::OptOut | Verdict::TooDear => Here::UnsignedZone { ttl: ttl(response) },
        Verdict::Proven if is_cut() => Here::UnsignedZone { ttl: ttl(response) },
        Verdict::Proven if !is_missing => Here::SameZone,
        Verdict::Proven | Verdict::Unproven => Here::Nothing,
    }
}

fn digest(record: &Record) -> Option<&DS> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DS(digest)) => Some(digest),
        _ => None,
    }
}

fn is_supported(digest: &DS) -> bool {
    digest.algorithm().is_supported() && digest.digest_type().is_supported()
}

fn ttl(response: &Message) -> u32 {
    let records = response.answers.iter().chain(&response.authorities);
    records.map(|record| record.ttl).min().unwrap_or_default()
}
