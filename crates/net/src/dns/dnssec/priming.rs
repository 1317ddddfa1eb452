//! From a trust anchor to the keys of its zone.
//!
//! What a validator starts from is the set of keys that the zone has now, signed by one that the
//! anchor names (RFC 4035 §5). The validator of hickory takes only single keys as anchors, and looks
//! for a DS record wherever not all keys of a set are anchors: below the root it would not find
//! one. So the whole set is verified here, and all of it handed over.

use hickory_proto::dnssec::Verifier;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG};
use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType, SerialNumber};

use super::anchors::TrustAnchor;

/// The most keys of a zone that are looked at.
const MOST_KEYS: usize = 32;

/// The most signatures that are tried.
const MOST_SIGNATURES: usize = 8;

/// The most keys that are tried on one signature: colliding tags would make the work quadratic.
const MOST_KEYS_OF_ONE_TAG: usize = 2;

impl TrustAnchor {
    /// The keys of the zone, from the answer to the question for them; empty if no signature by a
    /// key of this anchor holds at `now`.
    pub(super) fn keys_in(&self, answer: &Message, now: SerialNumber) -> Vec<DNSKEY> {
        let records: Vec<&Record> = answer
            .answers
            .iter()
            .filter(|record| {
                record.name == self.zone
                    && record.dns_class == DNSClass::IN
                    && record.record_type() == RecordType::DNSKEY
            })
            .collect();
        if records.len() > MOST_KEYS {
            return Vec::new();
        }
        let keys: Vec<&DNSKEY> = records.iter().filter_map(|record| key(record)).collect();
        let trusted: Vec<&DNSKEY> = keys.iter().copied().filter(|key| self.names(key)).collect();
        let is_signed = signatures(answer, self)
            .take(MOST_SIGNATURES)
            .filter(|signature| holds_at(signature, now))
            .any(|signature| {
                let input = signature.input();
                let fits = |key: &&&DNSKEY| {
                    key.calculate_key_tag().is_ok_and(|tag| tag == input.key_tag)
                        && key.algorithm() == input.algorithm
                };
                trusted.iter().filter(fits).take(MOST_KEYS_OF_ONE_TAG).any(|key| {
                    let records = records.iter().copied();
                    key.verify_rrsig(&self.zone, DNSClass::IN, signature, records).is_ok()
                })
            });
        if !is_signed {
            return Vec::new();
        }
        // Those that can't sign, too: the validator of hickory wants all of the set or none, and does
        // not take a signature by them.
        keys.into_iter().cloned().collect()
    }

    /// Does the anchor name this key?
    fn names(&self, key: &DNSKEY) -> bool {
        can_sign(key)
            && (self.keys.iter().any(|known| known.public_key() == key.public_key())
                || self.digests.iter().any(|digest| {
                    digest.algorithm() == key.algorithm()
                        && digest.covers(&self.zone, key).unwrap_or(false)
                }))
    }
}

fn can_sign(key: &DNSKEY) -> bool {
    key.zone_key() && !key.revoke() && key.algorithm().is_supported()
}

fn key(record: &Record) -> Option<&DNSKEY> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
        _ => None,
    }
}

fn signatures<'a>(answer: &'a Message, anchor: &TrustAnchor) -> impl Iterator<Item = &'a RRSIG> {
    answer.answers.iter().filter(|record| record.name == anchor.zone).filter_map(|record| {
        let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &record.data else { return None };
        let input = signature.input();
        (input.type_covered == RecordType::DNSKEY && input.signer_name == anchor.zone)
            .then_some(signature)
    })
}

fn holds_at(signature: &RRSIG, now: SerialNumber) -> bool {
    let input = signature.input();
    now >= input.sig_inception && now <= input.sig_expiration
}
