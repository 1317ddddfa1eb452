//! Where a domain wants its reports.

use mail_domain::DomainName;
use sealpost_evidence::{Lookup, Octets, TextRecord};
use sealpost_net::Network;
use tls_rpt::{Host, Record, ReportUri, Selection, select_record};

/// The most destinations of a report; no record has as many.
const MOST: usize = 16;
/// The longest URI that is kept, in characters.
const LONGEST: usize = 2_048;

/// What the TLS-RPT record of a domain says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Reports, here; at least one place.
    Here(Vec<ReportUri>),
    /// None.
    Nowhere,
    /// It could not be looked up.
    Unknown(String),
}

/// Looks the record up.
pub(super) async fn look_up(network: &Network, domain: &DomainName) -> Wanted {
    let texts: Vec<Octets> = match network.text_records(&format!("_smtp._tls.{domain}")).await {
        Lookup::Found(found) => found.value.iter().map(TextRecord::text).collect(),
        Lookup::Absent(_) => Vec::new(),
        Lookup::Unknown(fault) => return Wanted::Unknown(fault.text),
    };
    let Selection::One(place) = select_record(texts.iter().map(Octets::as_slice)) else {
        return Wanted::Nowhere;
    };
    let text = texts.get(place).map(Octets::as_slice).unwrap_or_default();
    let uris = Record::parse(text).map(|record| record.rua).unwrap_or_default();
    let fits = |uri: &ReportUri| uri.as_str().chars().count() <= LONGEST;
    let uris: Vec<ReportUri> = uris.into_iter().filter(fits).take(MOST).collect();
    if uris.is_empty() { Wanted::Nowhere } else { Wanted::Here(uris) }
}

/// Whom a destination burdens.
pub(super) fn host(uri: &ReportUri) -> String {
    match uri {
        ReportUri::Mailto(uri) => uri.domain().to_string(),
        ReportUri::Https(uri) => match uri.host() {
            Host::Domain(name) => name.to_string(),
            Host::Address(address) => address.to_string(),
        },
    }
}
