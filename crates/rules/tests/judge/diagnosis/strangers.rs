//! Whatever a stranger writes into a report, it neither harms nor rules.

use proptest::prelude::*;
use sealpost_evidence::traffic::ReporterActivity;
use sealpost_rules::Severity;
use sealpost_rules::diagnosis::{RESULT_NAMES, causes, judge_groups, read_reason, reasons};

use super::*;

/// Texts as a report may hold them, known ones among them.
fn text() -> impl Strategy<Value = String> {
    let known: Vec<String> = RESULT_NAMES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .chain(reasons().iter().map(|reason| reason.text.to_owned()))
        .chain(
            ["mx1.good.test", "sts", "tlsa", "no-policy-found", "; rm -rf ~", "$(id)", "`id`"]
                .map(str::to_owned),
        )
        .collect();
    prop_oneof![
        4 => proptest::sample::select(known),
        2 => any::<String>(),
        1 => "[\u{0}-\u{1f}\u{7f}\u{202a}-\u{202e}\u{2066}-\u{2069}\"\\\\a-z.]{0,300}",
    ]
}

prop_compose! {
    fn any_group()(
        signer in prop_oneof![Just(String::new()), Just("google.com".to_owned()), text()],
        (organisation, policy_type, result_type) in (text(), text(), text()),
        (mx_host, reason) in (proptest::option::of(text()), proptest::option::of(text())),
        receiving_ip in proptest::option::of(any::<std::net::IpAddr>()),
        sending_ip in proptest::option::of(any::<std::net::IpAddr>()),
        (sessions, reports) in any::<(u64, u64)>(),
        (first, last) in any::<(i32, i32)>(),
        with_domain in any::<bool>(),
    ) -> FailureGroup {
        FailureGroup {
            domain: with_domain.then(|| "good.test".parse().unwrap()),
            reporter: Reporter { signer, organisation },
            policy_type, result_type, mx_host, receiving_ip, sending_ip, reason, sessions, reports,
            first_day: Day::new(first.into()),
            last_day: Day::new(last.into()),
        }
    }
}

/// Nothing that moves the cursor, reorders or ends a line.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_harms(
        group in any_group(),
        strings in proptest::collection::vec(text(), 0..6),
        mx_hosts in proptest::collection::vec(text(), 0..6),
        (look, early) in any::<(bool, bool)>(),
        today in any::<i32>(),
    ) {
        let good = evidence::good();
        let known = Known {
            evidence: look.then_some(&good),
            earlier: early.then_some(&good),
            reported: Some(ReportedPolicy { strings: &strings, mx_hosts: &mx_hosts }),
            ..Known::nothing(Day::new(today.into()))
        };
        let diagnosis = diagnose(&group, &known);
        prop_assert_eq!(&diagnosis, &diagnose(&group, &known));
        let texts = [Some(&diagnosis.sentence), Some(&diagnosis.action), diagnosis.publish.as_ref()];
        for text in texts.into_iter().flatten().chain(&diagnosis.grounds) {
            prop_assert!(is_plain(text) && !text.is_empty(), "{:?}", text);
            prop_assert!(text.len() < 4096);
        }
        if let Some(command) = &diagnosis.command {
            let allowed = |c: char| c.is_ascii_alphanumeric() || " .:/_-+@<>&|[]2".contains(c);
            prop_assert!(command.chars().all(allowed), "{}", command);
        }
        if group.reporter.signer.is_empty() {
            prop_assert!(diagnosis.severity <= Severity::Warning);
            prop_assert!(diagnosis.grounds.iter().any(|ground| ground.starts_with("Nobody vouches")));
        }
    }

    #[test]
    fn many_groups_are_judged_once_each(
        groups in proptest::collection::vec(any_group(), 0..20),
        days in proptest::collection::vec(any::<i32>(), 1..5),
    ) {
        let days: Vec<Day> = days.into_iter().map(|number| Day::new(number.into())).collect();
        let activity = ReporterActivity {
            reporter: Reporter { signer: "mail.ru".to_owned(), organisation: String::new() },
            contact: None,
            first_day: days[0],
            last_day: days[0],
            last_received_at: i64::MAX,
            days,
        };
        let spreads = judge_groups(&groups, &[activity]);
        let mut places: Vec<usize> = spreads.iter().flat_map(|s| s.groups.clone()).collect();
        places.sort_unstable();
        prop_assert_eq!(places, (0..groups.len()).collect::<Vec<_>>());
        for spread in &spreads {
            prop_assert!(is_plain(&spread.sentence), "{:?}", spread.sentence);
            prop_assert!(spread.failing <= spread.heard || spread.cause.code == "FAIL607");
        }
    }

    #[test]
    fn no_reason_harms(text in any::<String>()) {
        prop_assert!(read_reason(&text).len() <= 4);
    }
}

/// Every cause of the table is either reached by a test here or named below.
#[test]
fn the_table_has_no_cause_that_nothing_leads_to() {
    let tests = [
        include_str!("mail_host.rs"),
        include_str!("path.rs"),
        include_str!("policy.rs"),
        include_str!("policy_host.rs"),
        include_str!("dane.rs"),
        include_str!("spread.rs"),
        include_str!("days.rs"),
    ]
    .concat();
    // Found by a function of its own, whose tests count them.
    let by_name = ["FAIL701", "FAIL702", "FAIL703"];
    for cause in causes() {
        assert!(
            tests.contains(cause.code) || by_name.contains(&cause.code),
            "no test leads to {}",
            cause.code
        );
    }
}
