//! The names of a certificate, and those that it could be for (RFC 7672 §3.2.3).

use mail_domain::DomainName;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::outcome::FailureCause;
use crate::path::malformed;

/// The most names of one certificate that a failure shows.
const MOST_SHOWN: usize = 100;
/// How much of each a failure shows, in characters: no DNS name is longer.
const LONGEST_SHOWN: usize = 253;

/// Whether the common name may stand in where a certificate has no DNS names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommonNames {
    /// It may.
    Considered,
    /// An authority in the path has name constraints. They do not reach common names, so a name
    /// that they forbid could hide there.
    Ignored,
}

/// Whether a certificate (DER) is for one of the reference identifiers.
pub(crate) fn check(
    certificate: &[u8],
    references: &[DomainName],
    common_names: CommonNames,
) -> Result<(), FailureCause> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(malformed)?;
    //= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.3
    //# When name checks are applicable (certificate usage DANE-TA(2)), if
    //# the server certificate contains a Subject Alternative Name extension
    //# [RFC5280] with at least one DNS-ID [RFC6125], then only the DNS-IDs
    //# are matched against the client's reference identifiers.  The CN-ID
    //# [RFC6125] is only considered when no DNS-IDs are present.
    let presented = match dns_names(&certificate)? {
        Some(dns_names) => dns_names,
        None if common_names == CommonNames::Considered => {
            let names = certificate.subject().iter_common_name();
            names.filter_map(|name| name.as_str().ok()).collect()
        }
        None => Vec::new(),
    };
    //= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.3
    //# The server
    //# certificate is considered matched when one of its presented
    //# identifiers [RFC5280] matches any of the client's reference
    //# identifiers.
    let matched =
        presented.iter().any(|name| references.iter().any(|reference| matches(name, reference)));
    if matched {
        return Ok(());
    }
    let shown = presented.into_iter().take(MOST_SHOWN).map(|name| {
        name.chars().take(LONGEST_SHOWN).flat_map(char::escape_debug).collect::<String>().into()
    });
    Err(FailureCause::NameMismatch { presented: shown.collect() })
}

/// The DNS names among the subject alternative names; `None` when there is none.
fn dns_names<'a>(
    certificate: &'a X509Certificate<'_>,
) -> Result<Option<Vec<&'a str>>, FailureCause> {
    let names = certificate.subject_alternative_name().map_err(malformed)?;
    let names = names.map_or(&[][..], |names| &names.value.general_names);
    // One that can't be read may have been meant as a DNS name, and then no common name counts.
    let counts =
        |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(_) | GeneralName::Invalid(..));
    let readable = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    Ok(names.iter().any(counts).then(|| readable.collect()))
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.3
//# The wildcard character must be the entire first label of the DNS-ID
//# or CN-ID.  Thus, "*.example.com" is valid, while "smtp*.example.com"
//# and "*smtp.example.com" are not.  SMTP clients MUST support wildcards
//# that match the first label of the reference identifier, with the
//# remaining labels matching verbatim.
fn matches(presented: &str, reference: &DomainName) -> bool {
    let reference = reference.as_str();
    match presented.strip_prefix("*.") {
        Some(base) => {
            reference.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(base))
        }
        None => reference.eq_ignore_ascii_case(presented),
    }
}
