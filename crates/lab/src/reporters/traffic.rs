//! What really took place: sessions, a plain table.

use std::net::{IpAddr, Ipv4Addr};

use super::{Reporter, random::Random};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;
/// Sessions take place up to here, so that a range of an hour does not reach into the next day.
const LAST_SESSION: i64 = 22 * 3600;

/// Sessions of one sender with one MX host that went alike. All began within one second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// When, in seconds since 1970.
    pub at: i64,
    /// Who sent, and reports on it.
    pub reporter: Reporter,
    /// To which domain.
    pub domain: &'static MailDomain,
    /// The MX host.
    pub mx: String,
    /// The address of the sender.
    pub sending_ip: IpAddr,
    /// The address of the MX host.
    pub receiving_ip: IpAddr,
    /// What failed, as RFC 8460 §4.3 calls it; `None` if they were as the policy asks.
    pub failure: Option<&'static str>,
    /// How many, at least one.
    pub count: u64,
}

/// A domain that mail is sent to.
#[derive(Debug, PartialEq, Eq)]
pub struct MailDomain {
    /// Its name.
    pub name: &'static str,
    /// Where its reports go.
    pub report_to: &'static str,
    /// Labels of its MX hosts.
    pub(super) mx: &'static [&'static str],
    pub(super) policy: Policy,
    /// Those who send to it.
    pub(super) senders: &'static [Reporter],
}

impl MailDomain {
    /// A domain with a policy that is published while the lab runs. It stays in memory, so there is
    /// to be one for each policy. Patterns are below the domain.
    pub(crate) fn publishing(
        name: &'static str,
        mode: &str,
        patterns: &[String],
        max_age: u32,
    ) -> &'static Self {
        let below = format!(".{name}");
        let label = |pattern: &String| -> &'static str {
            let label = pattern.strip_suffix(&below).unwrap_or(pattern);
            Box::leak(label.to_owned().into_boxed_str())
        };
        let labels: Vec<&'static str> = patterns.iter().map(label).collect();
        let labels: &'static [&'static str] = Box::leak(labels.into_boxed_slice());
        let mode = match mode {
            "testing" => "testing",
            "none" => "none",
            _ => "enforce",
        };
        let report_to = Box::leak(format!("tls-reports@{name}").into_boxed_str());
        let policy = Policy::Sts(mode, labels, max_age);
        Box::leak(Box::new(Self { name, report_to, mx: labels, policy, senders: &[] }))
    }
}

/// What is published for a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Mode, patterns below the domain and `max_age`.
    Sts(&'static str, &'static [&'static str], u32),
    Tlsa,
    /// TLSA records, and a policy that is enforced.
    Both,
    Nothing,
}

use Reporter::{Google, MailRu, Microsoft, Postfix, PostfixTwin, Stalwart};

const ALL: &[Reporter] = &Reporter::ALL;
const BIG: &[Reporter] = &[Google, Microsoft];
const WEEK: u32 = 604_800;

/// The domains whose reports are asked for. The names are those of the fleet, where there is a
/// domain that fits.
pub(super) static OURS: &[MailDomain] = &[
    sts("good.test", "tls-reports@good.test", &["mx1"], &["mx1"], ALL),
    sts("good-two-mx.test", "tls-reports@good-two-mx.test", &["mx1", "mx2"], &["mx1", "mx2"], ALL),
    sts(
        "good-wildcard.test",
        "tls-reports@good-wildcard.test",
        &["a.mail", "b.mail"],
        &["*.mail"],
        &[Google, Microsoft, Stalwart, Postfix],
    ),
    // Its reports go to another domain.
    sts("good-ipv4-only.test", "tls-reports@good.test", &["mx1"], &["mx1"], BIG),
    sts("xn--bcher-kva.test", "tls-reports@xn--bcher-kva.test", &["mx1"], &["mx1"], ALL),
    // One of its hosts is not in its policy.
    sts(
        "mx-not-covered.test",
        "tls-reports@good.test",
        &["mx1", "new.mx1"],
        &["mx1"],
        &[Google, Microsoft, MailRu],
    ),
    MailDomain {
        name: "good-testing.test",
        report_to: "tls-reports@good-testing.test",
        mx: &["mx1"],
        policy: Policy::Sts("testing", &["mx1"], 86_400),
        senders: &[Google, MailRu, Stalwart, PostfixTwin],
    },
    MailDomain {
        name: "dane-good.test",
        report_to: "tls-reports@dane-good.test",
        mx: &["mx1"],
        policy: Policy::Both,
        senders: ALL,
    },
    MailDomain {
        name: "dane-two-mx.test",
        report_to: "tls-reports@dane-two-mx.test",
        mx: &["mx1", "mx2"],
        policy: Policy::Both,
        senders: &[Microsoft, Postfix, PostfixTwin],
    },
    MailDomain {
        name: "dane-without-sts.test",
        report_to: "tls-reports@dane-without-sts.test",
        mx: &["mx1"],
        policy: Policy::Tlsa,
        senders: &[Google, Microsoft, Postfix, Stalwart],
    },
    MailDomain {
        name: "sts-record-missing.test",
        report_to: "tls-reports@sts-record-missing.test",
        mx: &["mx1"],
        policy: Policy::Nothing,
        senders: ALL,
    },
    sts(
        "good-policy-order.test",
        "tls-reports@good-policy-order.test",
        &["mx1"],
        &["mx1"],
        &[MailRu, Stalwart, Postfix, PostfixTwin],
    ),
];

/// The domains that mail is sent to, and whose reports are asked for.
pub fn domains() -> &'static [MailDomain] {
    OURS
}

/// A domain of somebody else.
pub(super) static THEIRS: MailDomain =
    sts("stranger.test", "tls-reports@good.test", &["mx1"], &["mx1"], ALL);

const fn sts(
    name: &'static str,
    report_to: &'static str,
    mx: &'static [&'static str],
    patterns: &'static [&'static str],
    senders: &'static [Reporter],
) -> MailDomain {
    MailDomain { name, report_to, mx, policy: Policy::Sts("enforce", patterns, WEEK), senders }
}

/// The sessions of so many days from a midnight of UTC on, in the order of their time.
pub(super) fn sessions(seed: u64, begins: i64, days: u32) -> Vec<Sessions> {
    let mut all = Vec::new();
    for (number, domain) in (0..).zip(OURS) {
        for (place, reporter) in (0..).zip(domain.senders) {
            let mut random = Random::new(seed ^ (number << 32) ^ (place << 16) ^ 0x7261_6666);
            for day in 0..i64::from(days) {
                let midnight = begins.saturating_add(day * DAY);
                one_day(&mut random, domain, *reporter, midnight, &mut all);
            }
        }
    }
    all.sort_by_key(|sessions| sessions.at);
    all
}

fn one_day(
    random: &mut Random,
    domain: &'static MailDomain,
    reporter: Reporter,
    midnight: i64,
    all: &mut Vec<Sessions>,
) {
    // Nobody writes to everybody each day.
    if random.once_in(if BIG.contains(&reporter) { 3 } else { 2 }) {
        return;
    }
    let is_bad = random.once_in(6);
    for _ in 0..=random.below(2) {
        for (number, label) in (1..).zip(domain.mx) {
            let failures = domain.failures(label);
            let failure = if is_bad { random.one_of(failures).copied() } else { None };
            let counts = [(None, 1 + random.below(900)), (failure, 1 + random.below(20))];
            let at = midnight.saturating_add(random.seconds(LAST_SESSION));
            for (failure, count) in counts.into_iter().skip(usize::from(random.once_in(9))) {
                if failure.is_none() && count < 20 && !random.once_in(2) {
                    continue;
                }
                all.push(Sessions {
                    at,
                    reporter,
                    domain,
                    mx: format!("{label}.{}", domain.name),
                    sending_ip: reporter.sending_ip(),
                    receiving_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)),
                    failure,
                    count,
                });
            }
        }
    }
}

impl MailDomain {
    /// The patterns of the policy.
    pub(super) fn patterns(&self) -> Vec<String> {
        let labels = match self.policy {
            Policy::Sts(_, patterns, _) => patterns,
            Policy::Both => self.mx,
            Policy::Tlsa | Policy::Nothing => &[],
        };
        labels.iter().map(|label| format!("{label}.{}", self.name)).collect()
    }

    /// What can go wrong at a host of the domain.
    fn failures(&self, label: &str) -> &'static [&'static str] {
        match self.policy {
            Policy::Nothing => &["starttls-not-supported"],
            Policy::Tlsa => &["starttls-not-supported", "tlsa-invalid", "validation-failure"],
            Policy::Both => &["starttls-not-supported", "certificate-expired"],
            // A wildcard stands for one label.
            Policy::Sts(..) if label.starts_with("new.") => &["validation-failure"],
            Policy::Sts(..) => &[
                "starttls-not-supported",
                "certificate-expired",
                "certificate-host-mismatch",
                "certificate-not-trusted",
                "sts-policy-fetch-error",
                "sts-webpki-invalid",
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_traffic_and_every_pair_has_some() {
        let begins = 20_000 * DAY;
        let all = sessions(1, begins, 30);
        assert_eq!(all, sessions(1, begins, 30));
        assert_ne!(all, sessions(2, begins, 30));
        assert!(all.is_sorted_by_key(|sessions| sessions.at));
        for domain in OURS {
            for reporter in domain.senders {
                let of_pair = |failed: bool| {
                    all.iter().any(|sessions| {
                        (sessions.domain, sessions.reporter) == (domain, *reporter)
                            && sessions.failure.is_some() == failed
                    })
                };
                assert!(of_pair(false), "{} {reporter:?}", domain.name);
            }
        }
        let days = begins..begins + 30 * DAY;
        assert!(all.iter().all(|sessions| days.contains(&sessions.at) && sessions.count > 0));
        assert!(all.iter().filter(|sessions| sessions.failure.is_some()).count() > 50);
    }
}
