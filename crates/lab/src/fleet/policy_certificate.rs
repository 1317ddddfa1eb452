//! Faults of the policy host's certificate.

use crate::{
    Domain,
    host::{Address, Certificate, Reply, Server, WebHost},
};

pub(super) fn domains() -> Vec<Domain> {
    let with = |name, about, certificate| {
        Domain::good(name, about).policy_host(WebHost::with_certificate(certificate))
    };
    let served =
        |certificate| Address::Served(Server { certificate, ..Server::good(Reply::good()) });
    vec![
        with("policy-certificate-expired.test", "it ended three days ago", Certificate::expired())
            .expect("broken", &["STS206"])
            .near_miss_of(&["STS207", "STS210"]),
        with(
            "policy-certificate-not-yet-valid.test",
            "it begins in two days",
            Certificate::NotYetValid,
        )
        .expect("broken", &["STS207"])
        .near_miss_of(&["STS206"]),
        with(
            "policy-certificate-wrong-name.test",
            "it is for another host",
            Certificate::WrongName,
        )
        .expect("broken", &["STS208"])
        .near_miss_of(&["STS209"]),
        with(
            "policy-certificate-common-name-only.test",
            "the host stands only in its common name",
            Certificate::CommonNameOnly,
        )
        .expect("broken", &["STS208"])
        .near_miss_of(&["STS211"]),
        with(
            "policy-certificate-partial-wildcard.test",
            "a wildcard that is not the whole first label",
            Certificate::PartialWildcard,
        )
        .expect("broken", &["STS208"])
        .near_miss_of(&["STS211"]),
        with(
            "policy-certificate-untrusted.test",
            "an unknown authority",
            Certificate::UntrustedRoot,
        )
        .expect("broken", &["STS209"])
        .near_miss_of(&["STS208"]),
        with(
            "policy-certificate-incomplete.test",
            "the server leaves out the intermediate certificate",
            Certificate::MissingIntermediate,
        )
        .expect("broken", &["STS209"])
        .near_miss_of(&["STS211"]),
        with(
            "policy-certificate-self-signed.test",
            "signed by its own key",
            Certificate::SelfSigned,
        )
        .expect("broken", &["STS209"])
        .near_miss_of(&["STS208", "STS211"]),
        with(
            "policy-certificate-self-signed-authority.test",
            "signed by its own key, and marked as an authority",
            Certificate::SelfSignedAuthority,
        )
        .expect("broken", &["STS209"])
        .near_miss_of(&["STS208", "STS211"]),
        with(
            "policy-certificate-client-only.test",
            "for clients, not servers",
            Certificate::ClientOnly,
        )
        .expect("broken", &["STS209"])
        .near_miss_of(&["STS211"]),
        with(
            "policy-certificate-constraint.test",
            "its authority may not issue for this domain",
            Certificate::OutsideConstraint,
        )
        .expect("broken", &["STS211"])
        .near_miss_of(&["STS208", "STS209"]),
        with(
            "policy-certificate-expiring.test",
            "90 days, of which 20 are left",
            Certificate::Dated { lifetime: 90, left: 20 },
        )
        .expect("enforced", &["STS210"])
        .near_miss_of(&["STS206"]),
        with(
            "policy-certificate-expiring-yearly.test",
            "398 days, of which 25 are left",
            Certificate::Dated { lifetime: 398, left: 25 },
        )
        .expect("enforced", &["STS210"])
        .near_miss_of(&["STS206"]),
        with(
            "policy-certificate-expiring-weekly.test",
            "6 days, of which one is left",
            Certificate::Dated { lifetime: 6, left: 1 },
        )
        .expect("enforced", &["STS210"])
        .near_miss_of(&["STS206"]),
        Domain::good(
            "policy-certificate-expired-at-one.test",
            "it has ended at one of two addresses",
        )
        .policy_host(WebHost::at(vec![served(Certificate::good()), served(Certificate::expired())]))
        .expect("enforced", &["STS206", "STS224"])
        .near_miss_of(&["STS204", "STS220"]),
        Domain::good(
            "policy-certificates-differ.test",
            "two addresses show different certificates, both good",
        )
        .policy_host(WebHost::at(vec![
            served(Certificate::good()),
            served(Certificate::Dated { lifetime: 90, left: 60 }),
        ]))
        .expect("enforced", &["STS224"])
        .near_miss_of(&["STS210", "STS220"]),
    ]
}
