//! MX hosts that the policy leaves out, and patterns that match none.

use crate::{Domain, domain::policy, host::MailHost};

pub(super) fn domains() -> Vec<Domain> {
    let two = || vec![MailHost::good("mx1"), MailHost::good("mx2")];
    vec![
        Domain::good("mx-not-covered.test", "the second MX host is not in the policy")
            .mail_hosts(two())
            .expect("failing", &["STS401"])
            .near_miss_of(&["STS402", "STS403", "STS404"]),
        Domain::good("mx-not-covered-testing.test", "the same, in mode testing")
            .mail_hosts(two())
            .policy(policy("testing", &["mx1.{domain}"], "604800"))
            .expect("testing", &["STS321", "STS402"])
            .near_miss_of(&["STS401", "STS404"]),
        Domain::good("pattern-unused.test", "the policy still lists an MX host of the past")
            .policy(policy("enforce", &["mx1.{domain}", "mx-old.{domain}"], "604800"))
            .expect("enforced", &["STS403"])
            .near_miss_of(&["STS401", "STS404"]),
        Domain::good("no-mx-covered.test", "the policy lists another host than the MX record")
            .policy(policy("enforce", &["mail.{domain}"], "604800"))
            .expect("failing", &["STS403", "STS404"])
            .near_miss_of(&["STS401"]),
        Domain::good("no-mx-covered-testing.test", "the same, in mode testing")
            .policy(policy("testing", &["mail.{domain}"], "604800"))
            .expect("testing", &["STS321", "STS403", "STS404"])
            .near_miss_of(&["STS402"]),
        Domain::good("wildcard-two-labels.test", "a wildcard stands for one label, not for two")
            .mail_hosts(vec![MailHost::good("a.b.mail")])
            .policy(policy("enforce", &["*.mail.{domain}"], "604800"))
            .expect("failing", &["STS403", "STS404"])
            .near_miss_of(&["STS320"]),
        Domain::good("wildcard-no-label.test", "a wildcard does not stand for its own parent")
            .mail_hosts(vec![MailHost::good("mail")])
            .policy(policy("enforce", &["*.mail.{domain}"], "604800"))
            .expect("failing", &["STS403", "STS404"])
            .near_miss_of(&["STS320"]),
    ]
}
