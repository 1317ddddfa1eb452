//! Faults of the TLS-RPT record. None of them changes what happens to mail.

use crate::Domain;

pub(super) fn domains() -> Vec<Domain> {
    let with = |name, about, records: &[&str]| Domain::good(name, about).tls_rpt(records);
    vec![
        with("tls-rpt-missing.test", "nobody is asked for reports", &[])
            .expect("enforced", &["RPT101"])
            .near_miss_of(&["RPT102", "RPT105"]),
        with(
            "tls-rpt-spf-only.test",
            "an SPF record in the TLS-RPT record's place",
            &["v=spf1 -all"],
        )
        .expect("enforced", &["RPT101"])
        .near_miss_of(&["RPT104", "RPT105"]),
        with(
            "tls-rpt-twice.test",
            "two TLS-RPT records, of which senders take neither",
            &["v=TLSRPTv1; rua=mailto:a@{domain}", "v=TLSRPTv1; rua=mailto:b@{domain}"],
        )
        .expect("enforced", &["RPT103"])
        .near_miss_of(&["RPT104", "RPT111"]),
        with(
            "tls-rpt-foreign.test",
            "another text at the name of the TLS-RPT record",
            &["v=TLSRPTv1; rua=mailto:a@{domain}", "site-verification=abc123"],
        )
        .expect("enforced", &["RPT104"])
        .near_miss_of(&["RPT103", "RPT105"]),
        with(
            "tls-rpt-version-2.test",
            "a version that does not exist",
            &["v=TLSRPTv2; rua=mailto:a@{domain}"],
        )
        .expect("enforced", &["RPT105"])
        .near_miss_of(&["RPT101"]),
        with(
            "tls-rpt-version-upper-case.test",
            "`v=TLSRPTV1`: the version counts its case",
            &["v=TLSRPTV1; rua=mailto:a@{domain}"],
        )
        .expect("enforced", &["RPT105"])
        .near_miss_of(&["RPT101"]),
        with("tls-rpt-rua-missing.test", "the record has no rua", &["v=TLSRPTv1;"])
            .expect("enforced", &["RPT106"])
            .near_miss_of(&["RPT107", "RPT110"]),
        with(
            "tls-rpt-rua-without-mailto.test",
            "an address without `mailto:`",
            &["v=TLSRPTv1; rua=tls-reports@{domain}"],
        )
        .expect("enforced", &["RPT107", "RPT108"])
        .near_miss_of(&["RPT106", "RPT109"]),
        with(
            "tls-rpt-rua-http.test",
            "reports over unencrypted HTTP",
            &["v=TLSRPTv1; rua=http://reports.{domain}/tls"],
        )
        .expect("enforced", &["RPT107", "RPT109"])
        .near_miss_of(&["RPT106", "RPT108"]),
        with(
            "tls-rpt-one-uri-invalid.test",
            "one of two addresses is none",
            &["v=TLSRPTv1; rua=mailto:tls-reports@{domain},mailto:nobody"],
        )
        .expect("enforced", &["RPT108"])
        .near_miss_of(&["RPT107"]),
        with(
            "tls-rpt-one-uri-ftp.test",
            "one of two URIs is for FTP",
            &["v=TLSRPTv1; rua=mailto:tls-reports@{domain},ftp://reports.{domain}/"],
        )
        .expect("enforced", &["RPT109"])
        .near_miss_of(&["RPT107", "RPT108"]),
        with(
            "tls-rpt-empty-field.test",
            "two semicolons side by side",
            &["v=TLSRPTv1;; rua=mailto:tls-reports@{domain}"],
        )
        .expect("enforced", &["RPT110"])
        .near_miss_of(&["RPT105", "RPT106"]),
        with(
            "tls-rpt-rua-twice.test",
            "two rua fields, of which the first counts",
            &["v=TLSRPTv1; rua=mailto:a@{domain}; rua=mailto:b@{domain}"],
        )
        .expect("enforced", &["RPT111"])
        .near_miss_of(&["RPT103", "RPT110"]),
        with(
            "tls-rpt-unknown-field.test",
            "a field that RFC 8460 does not know, before rua",
            &["v=TLSRPTv1; note=hello; rua=mailto:tls-reports@{domain}"],
        )
        .expect("enforced", &["RPT112"])
        .near_miss_of(&["RPT106", "RPT110", "RPT111"]),
        with(
            "tls-rpt-space.test",
            "white space before the first semicolon",
            &["v=TLSRPTv1 ; rua=mailto:tls-reports@{domain}"],
        )
        .expect("enforced", &["RPT113"])
        .near_miss_of(&["RPT105", "RPT110"]),
    ]
}
