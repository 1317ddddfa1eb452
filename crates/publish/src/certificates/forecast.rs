//! When new names get their first certificate, under the limits of the authority.

use std::collections::HashMap;

use mail_domain::DomainName;
use sealpost_store::Allowance;

/// Words below a country's domain under which others register names.
const SECOND_LEVEL: [&str; 9] = ["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"];

/// The dates at which orders for these hosts are possible, in their order. `free_at` says of a limit
/// when all of it is free again.
pub(super) fn dates(
    hosts: &[(DomainName, Allowance)],
    account: &Allowance,
    free_at: impl Fn(&str) -> i64,
    now: i64,
) -> Vec<i64> {
    let mut domains: HashMap<&str, i64> = HashMap::new();
    let mut possible: Vec<(usize, i64)> = Vec::new();
    for (number, (_, limit)) in hosts.iter().enumerate() {
        let free = domains.entry(&limit.name).or_insert_with(|| free_at(&limit.name));
        let (at, then) = limit.next(*free, now);
        *free = then;
        possible.push((number, at));
    }
    // Who has to wait for his own domain's sake is passed by the others.
    possible.sort_by_key(|(number, at)| (*at, *number));
    let mut free = free_at(&account.name);
    let mut dates: Vec<(usize, i64)> = Vec::new();
    for (number, at) in possible {
        let (at, then) = account.next(free, at);
        free = then;
        dates.push((number, at));
    }
    dates.sort_unstable();
    dates.into_iter().map(|(_, at)| at).collect()
}

/// The domain that somebody has registered, as far as that can be seen without a list: the last two
/// labels, or three below such as `co.uk`. A domain that is taken for too short shares a limit with
/// others; that delays, and harms nobody.
pub(super) fn registered_domain(host: &DomainName) -> &str {
    let text = host.as_str();
    let mut labels = text.rsplit('.');
    let (last, second) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
    let wanted = if last.len() == 2 && SECOND_LEVEL.contains(&second) { 3 } else { 2 };
    let dots = text.rmatch_indices('.').nth(wanted - 1);
    dots.and_then(|(at, _)| text.get(at + 1..)).unwrap_or(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn registered_domains_are_the_last_labels() {
        for (host, expected) in [
            ("mta-sts.example.com", "example.com"),
            ("mta-sts.mail.dept.example.com", "example.com"),
            ("mta-sts.example.co.uk", "example.co.uk"),
            ("mta-sts.a.example.co.uk", "example.co.uk"),
            ("mta-sts.example.de", "example.de"),
            ("example.com", "example.com"),
            ("com", "com"),
        ] {
            assert_eq!(registered_domain(&host.parse().unwrap()), expected, "{host}");
        }
    }

    #[test]
    fn fifty_thousand_new_domains_are_dated() {
        let limit = |name: String, burst, interval| Allowance { name, burst, interval };
        let account = limit("account".to_owned(), 300, 36);
        let hosts: Vec<_> = (0..50_000)
            .map(|number| {
                let host: DomainName = format!("mta-sts.d{number}.example").parse().unwrap();
                let name = registered_domain(&host).to_owned();
                (host, limit(name, 50, 12_096))
            })
            .collect();
        let dates = dates(&hosts, &account, |_| 0, 1_000_000);
        assert_eq!(dates.iter().filter(|at| **at == 1_000_000).count(), 300, "the burst");
        assert_eq!(dates.last(), Some(&(1_000_000 + (50_000 - 300) * 36)), "20 days and 17 hours");
    }

    #[test]
    fn one_domain_waits_for_its_own_limit_and_delays_nobody() {
        let limit =
            |name: &str, burst, interval| Allowance { name: name.to_owned(), burst, interval };
        let host = |name: &str| -> DomainName { name.parse().unwrap() };
        let hosts = [
            (host("mta-sts.a.one.example"), limit("one", 1, 100)),
            (host("mta-sts.b.one.example"), limit("one", 1, 100)),
            (host("mta-sts.two.example"), limit("two", 1, 100)),
        ];
        let account = limit("account", 10, 1);
        assert_eq!(dates(&hosts, &account, |_| 0, 5_000), [5_000, 5_100, 5_000]);
        // A limit that is used up is reckoned with.
        let used = |name: &str| if name == "two" { 5_300 } else { 0 };
        assert_eq!(dates(&hosts, &account, used, 5_000), [5_000, 5_100, 5_300]);
    }
}
