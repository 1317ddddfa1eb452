//! Who may issue certificates for the domain's hosts.

use hickory_proto::rr::RecordType;

use crate::{
    Domain,
    host::{Certificate, MailHost, WebHost},
    zone::{Fault, RecordData},
};

pub(super) fn domains() -> Vec<Domain> {
    let with = |name, about, flags, property, value| {
        Domain::good(name, about).record("@", RecordData::Caa(flags, property, value))
    };
    let of_known_authority = |domain: Domain| {
        let certificate = Certificate::NamedAuthority;
        domain
            .policy_host(WebHost::with_certificate(certificate))
            .mail_hosts(vec![MailHost::with_certificate("mx1", certificate)])
    };
    vec![
        of_known_authority(with(
            "good-caa.test",
            "CAA records that allow the authority in use",
            0,
            "issue",
            "letsencrypt.org; validationmethods=dns-01",
        ))
        .near_miss_of(&["CAA101", "CAA102", "CAA103"]),
        with(
            "good-caa-unknown-property.test",
            "a CAA property that nobody knows and nobody must",
            0,
            "lab",
            "anything",
        )
        .near_miss_of(&["CAA102"]),
        with("caa-forbids-all.test", "a CAA record that lets no authority issue", 0, "issue", ";")
            .expect("enforced", &["CAA101"])
            .near_miss_of(&["CAA102"]),
        of_known_authority(with(
            "caa-forbids-issuer.test",
            "a CAA record that allows another authority than the one in use",
            0,
            "issue",
            "digicert.com",
        ))
        .expect("enforced", &["CAA101"])
        .near_miss_of(&["CAA102"]),
        with(
            "caa-unknown-critical.test",
            "a critical CAA property that nobody knows",
            128,
            "lab",
            "anything",
        )
        .expect("enforced", &["CAA102"])
        .near_miss_of(&["CAA101"]),
        Domain::good("caa-servfail.test", "the look-up of the policy host's CAA records fails")
            .dns_fault("mta-sts", Some(RecordType::CAA), Fault::ServerFailure)
            .expect("enforced", &["CAA103"])
            .near_miss_of(&["DNS101", "STS202"]),
    ]
}
