//! The result types, and what each means before anything else is known.

use tls_rpt::ResultType;

use crate::Quoted;

use super::causes::{
    Cause, FAIL102, FAIL111, FAIL113, FAIL114, FAIL131, FAIL201, FAIL211, FAIL221, FAIL231,
    FAIL301, FAIL311, FAIL321, FAIL331, FAIL501, FAIL502,
};

/// Every name of a result type that is known, with the cause that it stands for by itself: first
/// those of RFC 8460 §4.3 in its order, then names that occur and are not registered.
pub static RESULT_NAMES: &[(&str, &Cause)] = &[
    ("starttls-not-supported", &FAIL102),
    ("certificate-host-mismatch", &FAIL113),
    ("certificate-expired", &FAIL111),
    ("certificate-not-trusted", &FAIL114),
    ("validation-failure", &FAIL131),
    ("tlsa-invalid", &FAIL301),
    ("dnssec-invalid", &FAIL311),
    ("dane-required", &FAIL321),
    ("sts-policy-fetch-error", &FAIL211),
    ("sts-policy-invalid", &FAIL231),
    ("sts-webpki-invalid", &FAIL221),
    // Named in guides, and registered nowhere.
    ("dns-error", &FAIL331),
    // Of early drafts of RFC 8460; now it comes as validation-failure.
    ("mx-mismatch", &FAIL201),
    // Of Stalwart; its reason code says more.
    ("other", &FAIL501),
];

/// The longest name that is looked at, in bytes.
const LONGEST: usize = 64;

/// A result type for a sentence: one that is not registered is quoted, as it is from outside.
pub(super) fn shown_result(result: &ResultType) -> String {
    match result {
        ResultType::Other(name) if name.trim().is_empty() => "a failure of no said type".to_owned(),
        ResultType::Other(name) => Quoted(name).to_string(),
        known => known.as_str().to_owned(),
    }
}

/// The result type that a reporter means: upper case, blanks and underscores are looked through,
/// since they occur. A name that is still not registered is kept as it was written.
pub fn read_result(name: &str) -> ResultType {
    let exact = ResultType::from(name);
    if exact.is_registered() || name.len() > LONGEST {
        return exact;
    }
    match canonical(name) {
        Some((known, _)) => ResultType::from(*known),
        None => exact,
    }
}

/// What a result type stands for by itself.
pub fn cause_of_result(name: &str) -> &'static Cause {
    if name.trim().is_empty() {
        return &FAIL502;
    }
    let known = if name.len() > LONGEST { None } else { canonical(name) };
    known.map_or(&FAIL501, |(_, cause)| cause)
}

fn canonical(name: &str) -> Option<&'static (&'static str, &'static Cause)> {
    let name: String = name
        .trim()
        .chars()
        .map(|c| if c == '_' || c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect();
    RESULT_NAMES.iter().find(|(known, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registered_type_has_a_cause() {
        let registered: Vec<_> = ResultType::REGISTERED.iter().map(ResultType::as_str).collect();
        let listed: Vec<_> = RESULT_NAMES.iter().map(|(name, _)| *name).take(11).collect();
        assert_eq!(listed, registered);
    }

    #[test]
    fn names_are_read_as_they_are_meant() {
        for (name, meant, code) in [
            ("certificate-expired", "certificate-expired", "FAIL111"),
            ("Certificate-Expired", "certificate-expired", "FAIL111"), // in a quirk of the corpus
            ("starttls_not_supported", "starttls-not-supported", "FAIL102"), // log of Postfix
            (" sts-policy-invalid ", "sts-policy-invalid", "FAIL231"),
            ("dns-error", "dns-error", "FAIL331"),
            ("mx-mismatch", "mx-mismatch", "FAIL201"),
            ("other", "other", "FAIL501"),
            ("policy-not-found-in-registry", "policy-not-found-in-registry", "FAIL501"),
            ("certificate-expire", "certificate-expire", "FAIL501"), // near, and not it
            ("", "", "FAIL502"),                                     // nothing is said
        ] {
            assert_eq!(read_result(name).as_str(), meant, "{name}");
            assert_eq!(cause_of_result(name).code, code, "{name}");
        }
        let long = "x".repeat(1_000_000);
        assert_eq!(read_result(&long).as_str(), long);
    }
}
