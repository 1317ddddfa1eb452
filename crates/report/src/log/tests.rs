use mta_sts::PolicyId;

use super::*;

#[test]
fn a_date_without_a_year_is_that_of_the_last_such_day() {
    let local = |month, day, hour| LogTime::Local { month, day, hour, minute: 0, second: 0 };
    let of = |written, offset: i8, now: &str| {
        let time = moment(written, Offset::constant(offset), now.parse().unwrap());
        time.map(|time| time.to_string())
    };
    let now = "2026-01-01T00:30:00Z";
    assert_eq!(of(local(12, 31, 23), 0, now).as_deref(), Some("2025-12-31T23:00:00Z"));
    assert_eq!(of(local(1, 1, 0), 0, now).as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(of(local(1, 1, 1), 1, now).as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(of(local(1, 2, 0), 0, now).as_deref(), Some("2025-01-02T00:00:00Z"));
    // West of Greenwich it is still last year, and a clock may be a little ahead.
    assert_eq!(of(local(12, 31, 19), -5, now).as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(of(local(1, 1, 1), 0, now).as_deref(), Some("2026-01-01T01:00:00Z"));
    assert_eq!(of(local(2, 29, 0), 0, now), None);
    assert_eq!(of(LogTime::Unknown, 0, now), None);
    let whole = LogTime::Whole("2020-02-02T00:00:00Z".parse().unwrap());
    assert_eq!(of(whole, 5, now).as_deref(), Some("2020-02-02T00:00:00Z"));
}

#[test]
fn only_a_policy_that_holds_is_one_that_was_honoured() {
    let domain: DomainName = "a.test".parse().unwrap();
    let of = |mode: &str, at: i64| {
        let text =
            format!("version: STSv1\r\nmode: {mode}\r\nmx: *.a.test\r\nmax_age: 86400\r\nx: y\r\n");
        let id = PolicyId::parse("1").unwrap();
        honoured(&domain, &FetchedPolicy { id, text: text.into(), fetched_at: 1_000 }, at)
    };
    let seen = of("enforce", 2_000).unwrap();
    assert_eq!(seen.policy_type, PolicyType::Sts);
    // The text as it was fetched, not as we would write it.
    assert_eq!(
        seen.strings,
        ["version: STSv1", "mode: enforce", "mx: *.a.test", "max_age: 86400", "x: y"]
    );
    assert_eq!(seen.mx_host, ["*.a.test"]);
    assert_eq!(of("enforce", 1_000 + 86_399), Some(seen));
    assert_eq!(of("enforce", 1_000 + 86_400), None);
    assert_eq!(of("enforce", 999), None);
    assert_eq!(of("testing", 2_000), None);
    assert_eq!(of("none", 2_000), None);
}
