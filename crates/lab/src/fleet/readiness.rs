//! What a domain could do next, and what hides it.

use crate::{
    Domain,
    domain::policy,
    host::{Certificate, MailHost},
    zone::RecordData,
};

pub(super) fn domains() -> Vec<Domain> {
    let text = |text: &str| RecordData::Text(vec![text.as_bytes().to_vec()]);
    vec![
        Domain::good("mail.good.test", "a subdomain does not inherit the policy of its parent")
            .sts(&[])
            .no_policy_host()
            .expect("absent", &["STS101", "STS406"])
            .near_miss_of(&["RPT101", "STS114"]),
        Domain::good("absent-mx-expired.test", "there is no MTA-STS, and the MX host is not ready")
            .sts(&[])
            .no_policy_host()
            .mail_hosts(vec![MailHost::with_certificate("mx1", Certificate::expired())])
            .expect("absent", &["MX302", "STS101"])
            .near_miss_of(&["STS406"]),
        Domain::good("testing-without-reports.test", "mode testing, and nobody would tell")
            .tls_rpt(&[])
            .policy(policy("testing", &["mx1.{domain}"], "604800"))
            .expect("testing", &["RPT101", "STS321"])
            .near_miss_of(&["STS407"]),
        Domain::good("testing-mx-expired.test", "mode testing, and the MX host is not ready")
            .policy(policy("testing", &["mx1.{domain}"], "604800"))
            .mail_hosts(vec![MailHost::with_certificate("mx1", Certificate::expired())])
            .expect("testing", &["MX302", "STS321"])
            .near_miss_of(&["STS407"]),
        Domain::good("testing-mx-wrong-name.test", "mode testing, and the MX host is another one")
            .policy(policy("testing", &["mx1.{domain}"], "604800"))
            .mail_hosts(vec![MailHost::with_certificate("mx1", Certificate::WrongName)])
            .expect("testing", &["MX304", "STS321"])
            .near_miss_of(&["STS407"]),
        Domain::good("sts-record-misplaced.test", "the STS record stands at the domain itself")
            .sts(&[])
            .no_policy_host()
            .record("@", text("v=STSv1; id=20260429;"))
            .expect("absent", &["STS101", "STS115", "STS406"])
            .near_miss_of(&["STS105", "STS114"]),
        Domain::good("tls-rpt-misplaced.test", "the TLS-RPT record stands at the domain itself")
            .tls_rpt(&[])
            .record("@", text("v=TLSRPTv1; rua=mailto:tls-reports@{domain}"))
            .expect("enforced", &["RPT101", "RPT120"])
            .near_miss_of(&["RPT105", "STS115"]),
        Domain::good("sts-record-long-ttl.test", "the STS record lives for two days")
            .ttl("_mta-sts", 172_800)
            .expect("enforced", &["STS116"])
            .near_miss_of(&["STS318"]),
        Domain::good("good-ttl-of-a-day.test", "the STS record lives for a day")
            .ttl("_mta-sts", 86_400)
            .near_miss_of(&["STS116"]),
    ]
}
