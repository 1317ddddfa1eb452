//! The table of domains is well formed.

use std::collections::BTreeSet;

use mail_domain::DomainName;
use sealpost_lab::Lab;

const VERDICTS: [&str; 8] =
    ["absent", "broken", "enforced", "failing", "no-mail", "off", "testing", "unknown"];

#[test]
fn names_are_domains_under_test_and_each_stands_once() {
    let mut seen = BTreeSet::new();
    for domain in Lab::fleet() {
        let name = DomainName::parse(domain.name).unwrap();
        assert_eq!(name.as_str(), domain.name);
        let parent = name.parent().unwrap();
        let is_in_fleet = Lab::fleet().iter().any(|domain| domain.name == parent.as_str());
        assert!(parent.as_str() == "test" || is_in_fleet, "{name} hangs in the air");
        assert!(seen.insert(name), "{} stands twice", domain.name);
    }
    assert!(seen.len() >= 200, "{} domains", seen.len());
}

#[test]
fn every_domain_says_what_is_expected_of_it() {
    let mut verdicts = BTreeSet::new();
    for domain in Lab::fleet() {
        let name = domain.name;
        assert!(!domain.about.is_empty() && !domain.about.ends_with('.'), "{name}");
        assert!(VERDICTS.contains(&domain.expect.verdict), "{name}");
        verdicts.insert(domain.expect.verdict);
        for codes in [domain.expect.findings, domain.near_miss_of] {
            assert!(codes.is_sorted_by(|left, right| left < right), "{name}: {codes:?}");
            for code in codes {
                let (letters, digits) = code.split_at(code.len() - 3);
                let groups = ["CAA", "DANE", "DNS", "MX", "OBS", "RPT", "STS"];
                assert!(groups.contains(&letters), "{name}: {code}");
                assert!(digits.bytes().all(|digit| digit.is_ascii_digit()), "{name}: {code}");
            }
        }
        for code in domain.near_miss_of {
            assert!(!domain.expect.findings.contains(code), "{name} both fires and misses {code}");
        }
        assert!(
            !name.starts_with("good") || domain.expect.verdict != "failing",
            "{name} is not good"
        );
    }
    assert_eq!(verdicts.len(), VERDICTS.len(), "some verdict has no domain: {verdicts:?}");
}

#[test]
fn every_code_is_fired_by_one_domain_and_nearly_by_another() {
    let fired: BTreeSet<_> =
        Lab::fleet().iter().flat_map(|domain| domain.expect.findings).collect();
    let missed: BTreeSet<_> = Lab::fleet().iter().flat_map(|domain| domain.near_miss_of).collect();
    let lacking: Vec<_> = fired.symmetric_difference(&missed).collect();
    assert!(lacking.is_empty(), "fired only or nearly fired only: {lacking:?}");
    assert!(fired.len() >= 115, "{} codes", fired.len());
}
