//! What of an answer counts: the records at the name that was asked for, or the denial of them.
//!
//! A validator that is shown one link of a CNAME chain at a time has less to get wrong: the one of
//! hickory holds the denial at the end of a chain against the name at its beginning. And what does
//! not count costs no verification.

use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// The most records of a denial; one by NSEC3 has eight.
const MOST_RECORDS_OF_DENIAL: usize = 24;

/// The most signatures of one record set that are tried. Each costs a verification with each key of
/// its tag, and whoever owns a zone chooses their number.
const MOST_SIGNATURES: usize = 8;

/// The answer without all that says nothing about the query, and with one link at most of a chain.
/// It holds answers if it says that the records are there, or a CNAME instead of them; else it is a
/// denial.
pub(super) fn relevant(mut message: Message, query: &Query) -> Message {
    let name = query.name();
    let kinds = [query.query_type(), RecordType::CNAME];
    let there = kinds.into_iter().find(|kind| {
        message.answers.iter().any(|record| record.name == *name && record.record_type() == *kind)
    });
    message.additionals.clear();
    let Some(kind) = there else {
        message.answers.clear();
        message.authorities.retain(|record| {
            is_of_kind(record, &[RecordType::SOA, RecordType::NSEC, RecordType::NSEC3])
        });
        message.authorities.truncate(MOST_RECORDS_OF_DENIAL);
        return message;
    };
    message.answers.retain(|record| record.name == *name && is_of_kind(record, &[kind]));
    let mut signatures = 0;
    message.answers.retain(|record| {
        signatures += usize::from(signature(record).is_some());
        signature(record).is_none() || signatures <= MOST_SIGNATURES
    });
    // The code of a chain is that of its end (RFC 6604 §3).
    message.metadata.response_code = ResponseCode::NoError;
    // Only what a wildcard has made needs a denial beside it: that of the name itself.
    let is_expanded = message
        .answers
        .iter()
        .filter_map(signature)
        .any(|signature| signature.input().num_labels < name.num_labels());
    if is_expanded {
        message
            .authorities
            .retain(|record| is_of_kind(record, &[RecordType::NSEC, RecordType::NSEC3]));
        message.authorities.truncate(MOST_RECORDS_OF_DENIAL);
    } else {
        message.authorities.clear();
    }
    message
}

/// Is anything in the message signed?
pub(super) fn is_signed(message: &Message) -> bool {
    message.answers.iter().chain(&message.authorities).any(|record| signature(record).is_some())
}

/// Is the answer a CNAME record without a signature?
pub(super) fn is_unsigned_alias(message: &Message) -> bool {
    let is_alias = |record: &Record| record.record_type() == RecordType::CNAME;
    !message.answers.is_empty() && message.answers.iter().all(is_alias)
}

/// The name above this one from which a DNAME record leads elsewhere. Nobody has verified that.
pub(super) fn redirected_from(message: &Message, name: &Name) -> Option<Name> {
    message
        .answers
        .iter()
        .find(|record| {
            record.record_type() == RecordType::DNAME
                && record.name != *name
                && record.name.zone_of(name)
        })
        .map(|record| record.name.clone())
}

/// The data of a signature.
pub(super) fn signature(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
        _ => None,
    }
}

/// Is the record of one of these types, or a signature of one that is?
fn is_of_kind(record: &Record, kinds: &[RecordType]) -> bool {
    let kind = signature(record)
        .map_or_else(|| record.record_type(), |signature| signature.input().type_covered);
    kinds.contains(&kind)
}
