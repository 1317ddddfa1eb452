//! The comparison of a server's certificates with its records (RFC 7672 §3).

use mail_domain::DomainName;

use crate::chain::Chain;
use crate::der;
use crate::name::{self, CommonNames};
use crate::outcome::{DaneOutcome, Failure, FailureCause, Match};
use crate::parameters::{MatchingType, Selector, Usage};
use crate::path::Paths;
use crate::record::TlsaRecord;
use crate::set::TlsaSet;

/// The most trust anchors that are tried which stand in records and were not sent. Each costs the
/// search of a path, and whoever publishes the records chooses their number.
const MOST_UNSENT_ANCHORS: usize = 8;

/// Compares the certificates that a server sent with the records of its TLSA RRset.
///
/// - `chain`: the certificates in DER, the server's own first, in the order sent. Only the first
///   16 are looked at.
/// - `references`: the names that the server may have, from
///   [`reference_identifiers`](crate::reference_identifiers). Only DANE-TA asks for them.
/// - `now`: seconds since 1970-01-01T00:00:00Z. Only DANE-TA asks for it.
///
/// The proof that the server holds the key of its certificate is the TLS handshake's.
pub fn verify(set: &TlsaSet, chain: &[&[u8]], references: &[DomainName], now: i64) -> DaneOutcome {
    let mut chain = Chain::new(chain);
    let mut anchors = Anchors::new(&chain, references, now);
    let (mut matches, mut failures) = (Vec::new(), Vec::new());
    for record in set.used() {
        let result = match record.usage() {
            Usage::DaneEe => end_entity(record, &mut chain),
            _ => trust_anchor(record, &mut chain, &mut anchors),
        };
        let record = record.clone();
        match result {
            Ok(depth) => matches.push(Match { record, depth }),
            Err(cause) => failures.push(Failure { record, cause }),
        }
    }
    //= https://www.rfc-editor.org/rfc/rfc7672#section-3.2
    //# When at least one usable "secure" TLSA record is found, the SMTP
    //# client MUST use TLSA records to authenticate the SMTP server.
    //# Messages MUST NOT be delivered via the SMTP server if authentication
    //# fails; otherwise, the SMTP client is vulnerable to MITM attacks.
    match (matches.is_empty(), failures.is_empty()) {
        (false, _) => DaneOutcome::Authenticated { matches, failures },
        (true, false) => DaneOutcome::NotAuthenticated { failures },
        (true, true) => DaneOutcome::NoUsableRecord,
    }
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.1.1
//# Authentication via certificate usage DANE-EE(3) TLSA records involves
//# simply checking that the server's leaf certificate matches the TLSA
//# record.
//= https://www.rfc-editor.org/rfc/rfc7672#section-3.1.1
//# The expiration date of the server certificate MUST be ignored: the
//# validity period of the TLSA record key binding is determined by the
//# validity interval of the TLSA record DNSSEC signature.
//= https://www.rfc-editor.org/rfc/rfc7671#section-5.1
//# The server
//# MUST be considered authenticated even if none of the names in the
//# certificate match the client's reference identity for the server.
//= https://www.rfc-editor.org/rfc/rfc7671#section-5.1
//# Also, with DANE-EE(3), the expiration date of the server certificate
//# MUST be ignored.
//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.1
//# The SMTP client MUST NOT perform certificate name checks with
//# certificate usage DANE-EE(3) (Section 3.1.1).
fn end_entity(record: &TlsaRecord, chain: &mut Chain<'_>) -> Result<Option<usize>, FailureCause> {
    if chain.leaf().is_none() {
        return Err(FailureCause::NoCertificate);
    }
    match chain.depths(record).first() {
        Some(0) => Ok(Some(0)),
        Some(&depth) => Err(FailureCause::WrongDepth { depth }),
        None => Err(FailureCause::NoMatch),
    }
}

fn trust_anchor(
    record: &TlsaRecord,
    chain: &mut Chain<'_>,
    anchors: &mut Anchors<'_>,
) -> Result<Option<usize>, FailureCause> {
    let depths = chain.depths(record);
    let mut first_cause = None;
    for &depth in depths.iter().filter(|depth| **depth > 0) {
        match anchors.sent(depth, chain) {
            Ok(()) => return Ok(Some(depth)),
            Err(cause) => first_cause = first_cause.or(Some(cause)),
        }
    }
    match (first_cause, depths.first()) {
        (Some(cause), _) => Err(cause),
        (None, Some(&depth)) => Err(FailureCause::WrongDepth { depth }),
        (None, None) => anchors.unsent(record, chain).map(|()| None),
    }
}

/// Trust anchors tried against one chain.
struct Anchors<'a> {
    paths: Option<Paths<'a>>,
    references: &'a [DomainName],
    /// What came of those that were sent, by depth: several records may name one certificate.
    tried: Vec<(usize, Result<(), FailureCause>)>,
    unsent_left: usize,
}

impl<'a> Anchors<'a> {
    fn new(chain: &Chain<'a>, references: &'a [DomainName], now: i64) -> Self {
        let paths = Paths::new(chain, now);
        Self { paths, references, tried: Vec::new(), unsent_left: MOST_UNSENT_ANCHORS }
    }

    /// A certificate of the chain as the trust anchor.
    fn sent(&mut self, depth: usize, chain: &Chain<'_>) -> Result<(), FailureCause> {
        if let Some((_, result)) = self.tried.iter().find(|(tried, _)| *tried == depth) {
            return result.clone();
        }
        let paths = self.paths.as_ref().ok_or(FailureCause::NoCertificate)?;
        let certificate = chain.certificates().get(depth).ok_or(FailureCause::NoMatch)?;
        let result = paths
            .below_certificate(certificate)
            .and_then(|common_names| self.check_names(common_names, chain));
        self.tried.push((depth, result.clone()));
        result
    }

    /// The trust anchor that stands in the record, if one does.
    fn unsent(&mut self, record: &TlsaRecord, chain: &Chain<'_>) -> Result<(), FailureCause> {
        let paths = self.paths.as_ref().ok_or(FailureCause::NoCertificate)?;
        if record.matching_type() != MatchingType::Full {
            return Err(FailureCause::NoMatch);
        }
        self.unsent_left = self.unsent_left.checked_sub(1).ok_or(FailureCause::TooComplex)?;
        //= https://www.rfc-editor.org/rfc/rfc7671#section-5.2.2
        //# This
        //# is also the only type of DANE-TA(2) record for which the client MUST
        //# be able to verify the server's certificate chain even if the TA
        //# certificate appears only in DNS and is absent from the TLS handshake
        //# server certificate message.
        let common_names = match record.selector() {
            Selector::Cert => paths.below_certificate(record.association())?,
            _ => {
                let key = der::public_key(record.association()).ok_or(FailureCause::NoMatch)?;
                paths.below_key(key, chain)?
            }
        };
        self.check_names(common_names, chain)
    }

    //= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2
    //# To match a server via a TLSA record with certificate usage
    //# DANE-TA(2), the client MUST perform name checks to ensure that it has
    //# reached the correct server.
    fn check_names(
        &self,
        common_names: CommonNames,
        chain: &Chain<'_>,
    ) -> Result<(), FailureCause> {
        let leaf = chain.leaf().ok_or(FailureCause::NoCertificate)?;
        name::check(leaf, self.references, common_names)
    }
}
