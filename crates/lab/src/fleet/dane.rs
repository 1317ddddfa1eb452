//! TLSA records of MX hosts. None of them changes what MTA-STS makes of the domain.

use hickory_proto::rr::RecordType;

use crate::{
    Domain,
    domain::policy,
    host::{Certificate, Dialogue, MailHost, Tlsa, TlsaOf},
    zone::{Extent, Fault, Flaw, RecordData},
};

/// What most guides publish: the digest of the key.
const THIS_KEY: Tlsa = Tlsa::new(3, 1, 1, TlsaOf::Leaf);
const OTHER_KEY: Tlsa = Tlsa::new(3, 1, 1, TlsaOf::OtherKey);

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = good();
    domains.extend(wrong());
    domains.extend(insecure());
    domains.extend(keys());
    domains
}

/// Each kind of record that senders use.
fn good() -> Vec<Domain> {
    let with = |name, about, record| Domain::good(name, about).tlsa("mx1", &[record]);
    vec![
        with("dane-good.test", "a TLSA record for the key, 3 1 1", THIS_KEY)
            .near_miss_of(&["DANE101", "DANE105", "DANE107", "DANE108", "DANE109"]),
        with(
            "dane-certificate.test",
            "a TLSA record for the whole certificate, 3 0 1",
            Tlsa::new(3, 0, 1, TlsaOf::Leaf),
        )
        .near_miss_of(&["DANE101", "DANE102"]),
        with(
            "dane-sha-512.test",
            "a TLSA record with SHA-512, 3 1 2",
            Tlsa::new(3, 1, 2, TlsaOf::Leaf),
        )
        .near_miss_of(&["DANE101", "DANE103"]),
        with(
            "dane-full.test",
            "a TLSA record with the whole key, 3 1 0",
            Tlsa::new(3, 1, 0, TlsaOf::Leaf),
        )
        .near_miss_of(&["DANE101", "DANE103"]),
        with(
            "dane-trust-anchor.test",
            "a TLSA record for the authority that issued the certificate, 2 1 1",
            Tlsa::new(2, 1, 1, TlsaOf::Intermediate),
        )
        .near_miss_of(&["DANE101", "DANE103"]),
        with(
            "dane-trust-anchor-root.test",
            "a TLSA record for the root certificate, which the server sends, 2 0 1",
            Tlsa::new(2, 0, 1, TlsaOf::Root),
        )
        .mail_hosts(vec![MailHost::with_certificate("mx1", Certificate::WithRoot)])
        .near_miss_of(&["DANE101", "DANE103"]),
        Domain::good(
            "dane-mx-alias.test",
            "the MX record points to an alias, and the TLSA record stands at its end",
        )
        .mail_hosts(vec![MailHost::good("mx1").alias_of("host")])
        .tlsa("mx1", &[THIS_KEY])
        .expect("enforced", &["MX107"])
        .near_miss_of(&["DANE101", "DANE104"]),
        Domain::good("dane-digests.test", "the same key twice, with SHA-256 and with SHA-512")
            .tlsa("mx1", &[THIS_KEY, Tlsa::new(3, 1, 2, TlsaOf::Leaf)])
            .near_miss_of(&["DANE102", "DANE107"]),
        Domain::good("dane-two-mx.test", "two MX hosts, each with its TLSA record")
            .mail_hosts(vec![MailHost::good("mx1"), MailHost::good("mx2")])
            .policy(policy("enforce", &["mx1.{domain}", "mx2.{domain}"], "604800"))
            .tlsa("mx1", &[THIS_KEY])
            .tlsa("mx2", &[THIS_KEY])
            .near_miss_of(&["DANE104"]),
    ]
}

fn wrong() -> Vec<Domain> {
    let with = |name, about, records: &[Tlsa]| Domain::good(name, about).tlsa("mx1", records);
    vec![
        with("dane-mismatch.test", "the TLSA record is for another key", &[OTHER_KEY])
            .expect("enforced", &["DANE101"])
            .near_miss_of(&["DANE103", "DANE107"]),
        with(
            "dane-mismatch-in-stronger-digest.test",
            "the record with SHA-256 fits, and the one with SHA-512, which counts, does not",
            &[THIS_KEY, Tlsa::new(3, 1, 2, TlsaOf::OtherKey)],
        )
        .expect("enforced", &["DANE101"])
        .near_miss_of(&["DANE102", "DANE107"]),
        with(
            "dane-mismatch-trust-anchor.test",
            "the TLSA record is for an authority that the server does not send",
            &[Tlsa::new(2, 0, 1, TlsaOf::Root)],
        )
        .expect("enforced", &["DANE101"])
        .near_miss_of(&["DANE103"]),
        with(
            "dane-one-unusable.test",
            "a TLSA record of usage 1 beside a good one",
            &[THIS_KEY, Tlsa::new(1, 1, 1, TlsaOf::Leaf)],
        )
        .expect("enforced", &["DANE102"])
        .near_miss_of(&["DANE103", "DANE107"]),
        with(
            "dane-only-usage-1.test",
            "the only TLSA record is of usage 1, which mail does not use",
            &[Tlsa::new(1, 1, 1, TlsaOf::Leaf)],
        )
        .expect("enforced", &["DANE103"])
        .near_miss_of(&["DANE101", "DANE102"]),
        with(
            "dane-only-unknown-selector.test",
            "the only TLSA record has a selector that nobody knows",
            &[Tlsa::new(3, 9, 1, TlsaOf::Leaf)],
        )
        .expect("enforced", &["DANE103"])
        .near_miss_of(&["DANE101", "DANE102"]),
        Domain::good("dane-partial.test", "one of two MX hosts has a TLSA record")
            .mail_hosts(vec![MailHost::good("mx1"), MailHost::good("mx2")])
            .policy(policy("enforce", &["mx1.{domain}", "mx2.{domain}"], "604800"))
            .tlsa("mx1", &[THIS_KEY])
            .expect("enforced", &["DANE104"])
            .near_miss_of(&["DANE106"]),
        with("dane-servfail.test", "the look-up of the TLSA records fails", &[])
            .dns_fault("_25._tcp.mx1", Some(RecordType::TLSA), Fault::ServerFailure)
            .expect("enforced", &["DANE106"])
            .near_miss_of(&["DANE104", "DNS101"]),
        with("dane-timeout.test", "nobody answers for the TLSA records", &[])
            .dns_fault("_25._tcp.mx1", Some(RecordType::TLSA), Fault::Silence)
            .expect("enforced", &["DANE106"])
            .near_miss_of(&["DANE104", "DNS101"]),
        with("dane-bogus.test", "the signature of the TLSA records does not fit", &[THIS_KEY])
            .bogus_at("_25._tcp.mx1", Extent::Subtree, Flaw::Altered)
            .expect("enforced", &["DNS101"])
            .near_miss_of(&["DANE101", "DANE106"]),
        with(
            "dane-without-starttls.test",
            "a TLSA record promises TLS, and the MX host does not offer it",
            &[THIS_KEY],
        )
        .mail_hosts(vec![MailHost::saying("mx1", Dialogue::NoStartTls)])
        .expect("failing", &["DANE109", "MX204"])
        .near_miss_of(&["DANE101"]),
    ]
}

/// TLSA records without the signatures that they need.
fn insecure() -> Vec<Domain> {
    let mx1_of_dane_good = RecordData::Mx(10, "mx1.dane-good.test".to_owned());
    vec![
        Domain::good(
            "dane-insecure-mx.test",
            "an unsigned domain whose MX host has signed TLSA records",
        )
        .unsigned()
        .without_mail_hosts()
        .mx(&[])
        .record("@", mx1_of_dane_good)
        .policy(policy("enforce", &["mx1.dane-good.test"], "604800"))
        .expect("enforced", &["DANE105"])
        .near_miss_of(&["DANE101", "DANE104"]),
        Domain::good("dane-unsigned.test", "TLSA records that nobody signs")
            .unsigned()
            .tlsa("mx1", &[OTHER_KEY])
            .near_miss_of(&["DANE101", "DANE105"]),
        Domain::good(
            "dane-alias-unsigned.test",
            "the TLSA records are an alias of others, which nobody signs",
        )
        .record("_25._tcp.mx1", RecordData::Alias("_25._tcp.mx1.dane-unsigned.test".to_owned()))
        .expect("enforced", &["DANE105"])
        .near_miss_of(&["DANE101", "DANE106"]),
    ]
}

/// Certificates that end, and keys that follow.
fn keys() -> Vec<Domain> {
    let with = |name, about, certificate, records: &[Tlsa]| {
        Domain::good(name, about)
            .mail_hosts(vec![MailHost::with_certificate("mx1", certificate)])
            .tlsa("mx1", records)
    };
    let ending = Certificate::Dated { lifetime: 90, left: 20 };
    vec![
        with(
            "dane-next-key.test",
            "the TLSA record of the next key is there already",
            Certificate::good(),
            &[THIS_KEY, OTHER_KEY],
        )
        .expect("enforced", &["DANE107"])
        .near_miss_of(&["DANE101", "DANE102"]),
        with(
            "dane-next-key-missing.test",
            "the certificate ends soon, and no TLSA record is there for what follows",
            ending,
            &[THIS_KEY],
        )
        .expect("enforced", &["DANE108", "MX307"])
        .near_miss_of(&["DANE107"]),
        with(
            "dane-next-key-in-time.test",
            "the certificate ends soon, and the TLSA record of the next key is there",
            ending,
            &[THIS_KEY, OTHER_KEY],
        )
        .expect("enforced", &["DANE107", "MX307"])
        .near_miss_of(&["DANE108"]),
        with(
            "dane-certificate-expired.test",
            "the certificate has ended, which DANE does not mind",
            Certificate::expired(),
            &[THIS_KEY],
        )
        .expect("failing", &["MX302"])
        .near_miss_of(&["DANE101", "DANE108"]),
        with(
            "dane-self-signed.test",
            "the certificate is signed by its own key, which DANE does not mind",
            Certificate::SelfSigned,
            &[THIS_KEY],
        )
        .expect("failing", &["MX305"])
        .near_miss_of(&["DANE101"]),
    ]
}
