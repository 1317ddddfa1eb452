//! Faults of the MX host's certificate.

use crate::{
    Domain,
    domain::policy,
    host::{Address, Certificate, Dialogue, MailHost, Server},
};

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = failing();
    domains.extend(several());
    domains
}

/// One certificate, one fault.
fn failing() -> Vec<Domain> {
    let with = |name, about, certificate| {
        Domain::good(name, about).mail_hosts(vec![MailHost::with_certificate("mx1", certificate)])
    };
    vec![
        with("mx-certificate-expired.test", "it ended three days ago", Certificate::expired())
            .expect("failing", &["MX302"])
            .near_miss_of(&["MX303", "MX307"]),
        with(
            "mx-certificate-not-yet-valid.test",
            "it begins in two days",
            Certificate::NotYetValid,
        )
        .expect("failing", &["MX303"])
        .near_miss_of(&["MX302"]),
        with("mx-certificate-wrong-name.test", "it is for another host", Certificate::WrongName)
            .expect("failing", &["MX304"])
            .near_miss_of(&["MX305"]),
        with(
            "mx-sni-ignored.test",
            "one certificate for all, whatever name the client asks for",
            Certificate::Fixed("mail.hosting.test"),
        )
        .expect("failing", &["MX304"])
        .near_miss_of(&["MX305"]),
        with(
            "mx-certificate-common-name-only.test",
            "the host stands only in its common name",
            Certificate::CommonNameOnly,
        )
        .expect("failing", &["MX304"])
        .near_miss_of(&["MX306"]),
        with(
            "mx-certificate-partial-wildcard.test",
            "a wildcard that is not the whole first label",
            Certificate::PartialWildcard,
        )
        .expect("failing", &["MX304"])
        .near_miss_of(&["MX306"]),
        with("mx-certificate-untrusted.test", "an unknown authority", Certificate::UntrustedRoot)
            .expect("failing", &["MX305"])
            .near_miss_of(&["MX304"]),
        with(
            "mx-certificate-incomplete.test",
            "the server leaves out the intermediate certificate",
            Certificate::MissingIntermediate,
        )
        .expect("failing", &["MX305"])
        .near_miss_of(&["MX306"]),
        with("mx-certificate-self-signed.test", "signed by its own key", Certificate::SelfSigned)
            .expect("failing", &["MX305"])
            .near_miss_of(&["MX304", "MX306"]),
        with(
            "mx-certificate-self-signed-authority.test",
            "signed by its own key, and marked as an authority",
            Certificate::SelfSignedAuthority,
        )
        .expect("failing", &["MX305"])
        .near_miss_of(&["MX304", "MX306"]),
        with(
            "mx-certificate-client-only.test",
            "for clients, not servers",
            Certificate::ClientOnly,
        )
        .expect("failing", &["MX305"])
        .near_miss_of(&["MX306"]),
        with(
            "mx-certificate-constraint.test",
            "its authority may not issue for this domain",
            Certificate::OutsideConstraint,
        )
        .expect("failing", &["MX306"])
        .near_miss_of(&["MX304", "MX305"]),
        with(
            "mx-certificate-critical-extension.test",
            "a critical extension that nobody knows",
            Certificate::CriticalExtension,
        )
        .expect("failing", &["MX306"])
        .near_miss_of(&["MX304", "MX305"]),
        with(
            "mx-certificate-expiring.test",
            "90 days, of which 20 are left",
            Certificate::Dated { lifetime: 90, left: 20 },
        )
        .expect("enforced", &["MX307"])
        .near_miss_of(&["MX302"]),
        with(
            "mx-certificate-expiring-yearly.test",
            "398 days, of which 25 are left",
            Certificate::Dated { lifetime: 398, left: 25 },
        )
        .expect("enforced", &["MX307"])
        .near_miss_of(&["MX302"]),
        with(
            "mx-certificate-expiring-47-days.test",
            "47 days, of which 11 are left",
            Certificate::Dated { lifetime: 47, left: 11 },
        )
        .expect("enforced", &["MX307"])
        .near_miss_of(&["MX302"]),
        with(
            "mx-certificate-expiring-weekly.test",
            "6 days, of which one is left",
            Certificate::Dated { lifetime: 6, left: 1 },
        )
        .expect("enforced", &["MX307"])
        .near_miss_of(&["DANE108", "MX302"]),
    ]
}

/// Several faults, several addresses, several hosts.
fn several() -> Vec<Domain> {
    let served =
        |certificate| Address::Served(Server { certificate, ..Server::good(Dialogue::Polite) });
    vec![
        Domain::good("mx-certificate-self-signed-expired.test", "signed by its own key, and ended")
            .mail_hosts(vec![MailHost::with_certificate("mx1", Certificate::SelfSignedExpired)])
            .expect("failing", &["MX302", "MX305"])
            .near_miss_of(&["MX307"]),
        Domain::good("mx-certificate-expired-at-one.test", "it has ended at one of two addresses")
            .mail_hosts(vec![MailHost::at(
                "mx1",
                vec![served(Certificate::good()), served(Certificate::expired())],
            )])
            .expect("failing", &["MX302", "MX308"])
            .near_miss_of(&["MX201"]),
        Domain::good(
            "mx-certificates-differ.test",
            "two addresses show different certificates, both good",
        )
        .mail_hosts(vec![MailHost::at(
            "mx1",
            vec![
                served(Certificate::good()),
                served(Certificate::Dated { lifetime: 90, left: 60 }),
            ],
        )])
        .expect("enforced", &["MX308"])
        .near_miss_of(&["MX304", "MX307"]),
        Domain::good("mx-certificate-expired-backup.test", "it has ended at the second MX host")
            .mail_hosts(vec![
                MailHost::good("mx1"),
                MailHost::with_certificate("mx2", Certificate::expired()),
            ])
            .policy(policy("enforce", &["mx1.{domain}", "mx2.{domain}"], "604800"))
            .expect("failing", &["MX302"])
            .near_miss_of(&["STS401"]),
    ]
}
