//! Section 4.3: result types.

use tls_rpt::ResultType;

#[test]
fn registered_names_are_read_and_written() {
    let names = [
        ("starttls-not-supported", ResultType::StartTlsNotSupported),
        ("certificate-host-mismatch", ResultType::CertificateHostMismatch),
        ("certificate-expired", ResultType::CertificateExpired),
        ("certificate-not-trusted", ResultType::CertificateNotTrusted),
        ("validation-failure", ResultType::ValidationFailure),
        ("tlsa-invalid", ResultType::TlsaInvalid),
        ("dnssec-invalid", ResultType::DnssecInvalid),
        ("dane-required", ResultType::DaneRequired),
        ("sts-policy-fetch-error", ResultType::StsPolicyFetchError),
        ("sts-policy-invalid", ResultType::StsPolicyInvalid),
        ("sts-webpki-invalid", ResultType::StsWebpkiInvalid),
    ];
    assert_eq!(names.len(), ResultType::REGISTERED.len());
    for (name, result_type) in names {
        assert_eq!(ResultType::from(name), result_type);
        assert_eq!(name.parse(), Ok(result_type.clone()));
        assert_eq!(result_type.to_string(), name);
        assert!(result_type.is_registered());
        assert!(ResultType::REGISTERED.contains(&result_type), "{name} is not in REGISTERED");
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.3
//= type=test
//# The list of result types will start with the minimal set below and is
//# expected to grow over time based on real-world experience.
#[test]
fn unknown_names_are_kept() {
    for name in ["dns-error", "Tlsa-Invalid", "", "tlsa-invalid "] {
        let result_type = ResultType::from(name);
        assert_eq!(result_type, ResultType::Other(name.to_owned()));
        assert_eq!(result_type.as_str(), name);
        assert!(!result_type.is_registered());
    }
}
