//! Domains whose mail goes to large providers, and the lab's stand-ins for the providers' hosts.

use crate::{Domain, domain::policy, host::MailHost, zone::RecordData};

const GOOGLE: [&str; 2] = ["aspmx.l.google.com", "alt1.aspmx.l.google.com"];
const MICROSOFT: [&str; 1] = ["provider-test.mail.protection.outlook.com"];
const PROOFPOINT: [&str; 2] = ["mx0a-001.pphosted.com", "mx0b-001.gslb.pphosted.com"];

/// The hosts, on loopback as all others. Their zones are not signed.
pub(super) fn providers() -> Vec<Domain> {
    [
        ("google.com", &["smtp", "aspmx.l", "alt1.aspmx.l"][..]),
        ("outlook.com", &["provider-test.mail.protection"]),
        ("pphosted.com", &["mx0a-001", "mx0b-001.gslb"]),
    ]
    .into_iter()
    .map(|(name, labels)| {
        Domain::unregistered(name, "hosts of a provider")
            .mail_hosts(labels.iter().map(|label| MailHost::good(label)).collect())
            .mx(&[])
    })
    .collect()
}

pub(super) fn domains() -> Vec<Domain> {
    let with = |name, about, hosts: &[&str], patterns: &[&str]| {
        let domain = Domain::good(name, about)
            .without_mail_hosts()
            .mx(&[])
            .policy(policy("enforce", patterns, "604800"));
        (1..).map(|rank| rank * 10).zip(hosts).fold(domain, |domain, (preference, host)| {
            domain.record("@", RecordData::Mx(preference, (*host).to_owned()))
        })
    };
    vec![
        with(
            "good-provider-google.test",
            "Google's hosts, and every pattern for them",
            &["smtp.google.com", GOOGLE[0], GOOGLE[1]],
            &["smtp.google.com", "aspmx.l.google.com", "*.aspmx.l.google.com"],
        )
        .near_miss_of(&["STS323", "STS405"]),
        with(
            "good-provider-microsoft.test",
            "Microsoft's host, and the pattern for it",
            &MICROSOFT,
            &["*.mail.protection.outlook.com"],
        )
        .near_miss_of(&["STS323", "STS405"]),
        with(
            "good-provider-proofpoint.test",
            "Proofpoint's hosts, and both patterns for them",
            &PROOFPOINT,
            &["*.pphosted.com", "*.gslb.pphosted.com"],
        )
        .near_miss_of(&["STS323", "STS405"]),
        with(
            "provider-google-exact.test",
            "Google's hosts of today, and no pattern for those of tomorrow",
            &GOOGLE,
            &GOOGLE,
        )
        .expect("enforced", &["STS405"])
        .near_miss_of(&["STS323", "STS401"]),
        with(
            "provider-google-guide.test",
            "a pattern of a guide that covers none of Google's hosts",
            &GOOGLE,
            &["*.google.com"],
        )
        .expect("failing", &["STS323", "STS403", "STS404", "STS405"])
        .near_miss_of(&["STS320", "STS401"]),
        with(
            "provider-google-googlemail.test",
            "patterns of a guide that cover one of Google's hosts",
            &GOOGLE,
            &["aspmx.l.google.com", "*.googlemail.com"],
        )
        .expect("failing", &["STS323", "STS401", "STS403", "STS405"])
        .near_miss_of(&["STS404"]),
        with(
            "provider-microsoft-guide.test",
            "a pattern of a guide without its wildcard",
            &MICROSOFT,
            &["mail.protection.outlook.com"],
        )
        .expect("failing", &["STS323", "STS403", "STS404", "STS405"])
        .near_miss_of(&["STS401"]),
        with(
            "provider-microsoft-outlook.test",
            "a pattern of a guide that stands too high",
            &MICROSOFT,
            &["*.outlook.com"],
        )
        .expect("failing", &["STS323", "STS403", "STS404", "STS405"])
        .near_miss_of(&["STS320", "STS401"]),
        with(
            "provider-proofpoint-guide.test",
            "a pattern of a guide that leaves out one of Proofpoint's hosts",
            &PROOFPOINT,
            &["*.pphosted.com"],
        )
        .expect("failing", &["STS323", "STS401", "STS405"])
        .near_miss_of(&["STS403", "STS404"]),
        with("provider-absent.test", "Google's hosts, and no MTA-STS", &GOOGLE, &[])
            .sts(&[])
            .no_policy_host()
            .expect("absent", &["STS101", "STS406"])
            .near_miss_of(&["STS405"]),
    ]
}
