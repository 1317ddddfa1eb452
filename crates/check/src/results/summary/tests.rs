use proptest::prelude::*;

use super::text::per_cent;
use super::*;

fn line(number: u64, verdict: &str, errors: usize) -> ResultLine {
    let finding = |index: usize| {
        serde_json::json!({
            "code": format!("STS{index}"), "severity": if index == 0 { "note" } else { "error" },
            "title": "<b>bold</b>", "subject": "s", "message": "m",
        })
    };
    let findings: Vec<_> = (0..=errors).map(finding).collect();
    let line = serde_json::json!({
        "domain": format!("d{number}.test"), "verdict": verdict, "decision": null,
        "policy": { "mode": "enforce", "max_age": 86400 }, "asks_for_reports": number.is_multiple_of(2),
        "hosts": [{ "role": "mx", "name": "mx", "tlsa": if number == 0 { vec!["3 1 1 ab"] } else { vec![] } }],
        "observed": format!("2026-01-01T00:00:{:02}Z", number % 60), "findings": findings,
    });
    serde_json::from_value(line).unwrap()
}

fn summary(lines: impl IntoIterator<Item = ResultLine>) -> Summary {
    let mut summary = Summary::default();
    for line in lines {
        summary.add(&line);
    }
    summary
}

#[test]
fn sums_are_those_of_the_lines() {
    let summary = summary([line(0, "enforced", 0), line(1, "failing", 2), line(2, "failing", 1)]);
    assert_eq!(summary.domains, 3);
    assert_eq!(summary.verdicts, BTreeMap::from([("enforced", 1), ("failing", 2)]));
    assert_eq!((summary.dane, summary.ask_for_reports), (1, 2));
    let rules: Vec<_> =
        summary.rules_by_weight().iter().map(|(code, sum)| (*code, sum.domains)).collect();
    assert_eq!(rules, [("STS1", 2), ("STS2", 1), ("STS0", 3)]);
    let worst: Vec<&str> = summary.worst.iter().map(|worst| worst.domain.as_str()).collect();
    assert_eq!(worst, ["d1.test", "d2.test"]);
}

#[test]
fn the_worst_are_the_same_in_whatever_order_they_come() {
    let lines: Vec<_> =
        (0..100).map(|n| line(n, "failing", usize::try_from(n * 7 % 11).unwrap())).collect();
    let forwards = summary(lines.clone());
    let backwards = summary(lines.into_iter().rev());
    assert_eq!(forwards.worst, backwards.worst);
    assert_eq!(forwards.worst.len(), WORST);
    assert!(forwards.worst.is_sorted_by_key(|worst| std::cmp::Reverse(worst.errors)));
}

#[test]
fn the_text_keeps_to_80_columns() {
    let mut long = line(1, "failing", 40);
    for finding in &mut long.findings {
        finding.title =
            "an mx pattern is one that guides give and that does not cover what is meant".into();
    }
    let text = summary([long, line(2, "failing", 30)]).to_string();
    let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    assert!(text.contains("\n                             not cover what is meant\n"), "{text}");
}

#[test]
fn no_text_from_outside_gets_into_the_markup() {
    let summary = summary([line(0, "enforced", 1)]);
    for text in [summary.to_html(), summary.to_svg()] {
        assert!(!text.contains("<b>"), "{text}");
    }
    assert!(summary.to_html().contains("&lt;b&gt;bold"));
}

#[test]
fn no_results_make_a_summary_too() {
    let summary = Summary::default();
    assert!(summary.to_string().starts_with("0 domains\n"));
    assert!(summary.to_html().contains("No rule found anything."));
}

#[test]
fn parts_are_rounded_and_never_to_nothing_or_all() {
    for (count, whole, expected) in [
        (0, 0, "0.0"),
        (0, 5, "0.0"),
        (5, 5, "100.0"),
        (1, 3, "33.3"),
        (2, 3, "66.7"),
        (1, 100_000, "0.1"),
        (99_999, 100_000, "99.9"),
    ] {
        assert_eq!(per_cent(count, whole), expected, "{count} of {whole}");
    }
}

proptest! {
    #[test]
    fn a_part_is_at_most_the_whole(count: u64, whole: u64) {
        let (count, whole) = (count.min(whole), whole.max(1));
        let part: f64 = per_cent(count, whole).parse().unwrap();
        prop_assert!((0.0..=100.0).contains(&part));
    }
}
