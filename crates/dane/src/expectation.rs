//! Which keys a TLSA RRset is about: the one in use, and those to come or gone (RFC 7671 §8).

use crate::chain::Chain;
use crate::der;
use crate::parameters::{MatchingType, Selector, Usage};
use crate::record::TlsaRecord;
use crate::set::TlsaSet;

/// The records of a server, by whether they mean the certificates that it sends today.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// Records of a certificate that the server sends.
    pub current: Vec<TlsaRecord>,
    /// Records of none: the next key, published ahead, or a retired one.
    pub other: Vec<TlsaRecord>,
    /// Usage, selector and matching type of which no record is current. A client that understands
    /// only these can't authenticate the server.
    pub uncovered: Vec<(Usage, Selector, MatchingType)>,
}

/// Sorts the records by whether they match what the server sends, for advice on rolling over keys.
///
/// Unlike [`verify`](crate::verify) this compares contents alone (paths, dates and names play no
/// part), and looks at all records whose selector and matching type are known, those that digest
/// agility passes over and those that SMTP does not use included. A trust anchor that stands in full
/// in its record and was not sent is current when a certificate that was sent names it as issuer.
///
/// `chain`: DER, the server's own certificate first.
pub fn expects(set: &TlsaSet, chain: &[&[u8]]) -> Expectation {
    let mut chain = Chain::new(chain);
    let mut expectation = Expectation::default();
    for record in set.members().iter().map(|member| &member.record) {
        let comparable = !matches!(record.selector(), Selector::Other(_))
            && !matches!(record.matching_type(), MatchingType::Other(_));
        if !comparable {
            continue;
        }
        let depths = chain.depths(record);
        let is_current = match record.usage() {
            Usage::DaneEe | Usage::PkixEe => depths.first() == Some(&0),
            Usage::DaneTa | Usage::PkixTa => {
                depths.last().is_some_and(|depth| *depth > 0) || is_named_issuer(record, &chain)
            }
            Usage::Other(_) => continue,
        };
        let kind = if is_current { &mut expectation.current } else { &mut expectation.other };
        kind.push(record.clone());
    }
    //= https://www.rfc-editor.org/rfc/rfc7671#section-8
    //# Such past or future records
    //# MUST NOT at any time be the only records published for any given
    //# combination of usage, selector, and matching type.
    let mut uncovered: Vec<_> = expectation.other.iter().map(parameters).collect();
    uncovered.dedup();
    uncovered.retain(|combination| {
        !expectation.current.iter().any(|record| parameters(record) == *combination)
    });
    expectation.uncovered = uncovered;
    expectation
}

fn is_named_issuer(record: &TlsaRecord, chain: &Chain<'_>) -> bool {
    if (record.selector(), record.matching_type()) != (Selector::Cert, MatchingType::Full) {
        return false;
    }
    let subject = der::certificate(record.association()).map(|anchor| anchor.subject);
    let mut sent = chain.certificates().iter().filter_map(|sent| der::certificate(sent));
    subject.is_some_and(|subject| sent.any(|sent| sent.issuer == subject))
}

fn parameters(record: &TlsaRecord) -> (Usage, Selector, MatchingType) {
    (record.usage(), record.selector(), record.matching_type())
}
