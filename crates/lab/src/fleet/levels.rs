//! Domains whose mail is protected by what the sender does by itself, as no policy is enforced.

use crate::{
    Domain,
    domain::policy,
    host::{Dialogue, MailHost, Tlsa, TlsaOf},
};

pub(super) fn domains() -> Vec<Domain> {
    let without_policy = |name, about| Domain::good(name, about).sts(&[]).no_policy_host();
    let testing = |name, about| {
        Domain::good(name, about).policy(policy("testing", &["mx1.{domain}"], "604800"))
    };
    let no_starttls = || vec![MailHost::saying("mx1", Dialogue::NoStartTls)];
    let (this_key, other_key) =
        (Tlsa::new(3, 1, 1, TlsaOf::Leaf), Tlsa::new(3, 1, 1, TlsaOf::OtherKey));
    vec![
        without_policy("absent-no-starttls.test", "there is no MTA-STS, and no STARTTLS")
            .mail_hosts(no_starttls())
            .expect("absent", &["MX204", "STS101"])
            .near_miss_of(&["STS406"]),
        without_policy("absent-dane-good.test", "there is no MTA-STS, but a TLSA record that fits")
            .tlsa("mx1", &[this_key])
            .expect("absent", &["STS101", "STS406"])
            .near_miss_of(&["DANE101"]),
        without_policy(
            "absent-dane-mismatch.test",
            "no MTA-STS, and a TLSA record for another key",
        )
        .tlsa("mx1", &[other_key])
        .expect("absent", &["DANE101", "STS101", "STS406"])
        .near_miss_of(&["DANE103"]),
        testing("testing-no-starttls.test", "mode testing, and no STARTTLS")
            .mail_hosts(no_starttls())
            .expect("testing", &["MX204", "STS321"])
            .near_miss_of(&["STS407"]),
        testing("testing-dane-mismatch.test", "mode testing, and a TLSA record for another key")
            .tlsa("mx1", &[other_key])
            .expect("testing", &["DANE101", "STS321", "STS407"])
            .near_miss_of(&["DANE103"]),
    ]
}
