use sealpost_evidence::traffic::{Bounds, DaySeries, DayTraffic, FailureHistory, ReporterActivity};
use sealpost_rules::diagnosis::{
    Anomaly, AnomalyKind, Certainty, Thresholds, new_failures, recurring, silences, spikes,
};

use super::*;

const FIRST: &str = "2026-09-01";

fn traffic(number: i64, failed: Bounds, successful: Bounds) -> DayTraffic {
    DayTraffic { day: day(FIRST).plus(number), reports: 1, successful, failed }
}

/// Failed sessions day by day, of 1000 each.
fn series(failed: &[u64]) -> DaySeries {
    let days = (0_i64..).zip(failed).map(|(number, failed)| {
        traffic(number, Bounds::exactly(*failed), Bounds::exactly(1000 - failed))
    });
    DaySeries { domain: None, reporter: None, days: days.collect() }
}

fn spike_days(series: &DaySeries) -> Vec<(i64, Certainty)> {
    let number = |anomaly: &Anomaly| anomaly.day.number() - day(FIRST).number();
    let found = spikes(series, &Thresholds::default());
    found.iter().map(|anomaly| (number(anomaly), anomaly.certainty)).collect()
}

#[test]
fn a_spike_passes_all_three_thresholds() {
    use Certainty::Certain;
    let after = |before: &[u64], last: u64| {
        let days: Vec<u64> = before.iter().copied().chain([last]).collect();
        let at = i64::try_from(before.len()).unwrap();
        spike_days(&series(&days)).contains(&(at, Certain))
    };
    for (before, last, expected) in [
        (vec![0; 28], 10, true),
        (vec![0; 28], 9, false),  // 0.9 % of sessions
        (vec![5; 28], 15, true),  // 3 times the median
        (vec![5; 28], 14, false), // less
        (vec![], 10, true),       // nothing to compare with
        (vec![4, 5], 14, true),   // the median is 4.5
        (vec![4, 5], 13, false),
    ] {
        assert_eq!(after(&before, last), expected, "{} days, {last}", before.len());
    }
    // Fewer than 5 failures are no spike, whatever their share.
    let few = |failed| {
        let days = vec![traffic(0, Bounds::exactly(failed), Bounds::exactly(0))];
        spike_days(&DaySeries { domain: None, reporter: None, days }).len()
    };
    assert_eq!((few(4), few(5)), (0, 1));
}

#[test]
fn days_before_the_window_and_days_without_reports_do_not_count() {
    // 29 days ago there were many failures; they are not compared with.
    let mut days = vec![300];
    days.extend([3; 28]);
    days.push(12);
    let found = spike_days(&series(&days));
    assert_eq!(found.last(), Some(&(29, Certainty::Certain)));
    // Days that no report is about are unknown, not free of failures.
    let mut gaps = series(&[10, 10, 10, 10, 12]);
    for (day, number) in gaps.days.iter_mut().zip([0, 7, 14, 21, 27]) {
        day.day = super::day(FIRST).plus(number);
    }
    assert_eq!(spike_days(&gaps), [(0, Certainty::Certain)]); // the first has nothing before it
}

#[test]
fn a_spike_by_one_reading_only_is_possible() {
    let between = |lower, upper| Bounds { lower, upper };
    let last = |failed, successful| {
        let mut series = series(&[0; 28]);
        series.days.push(traffic(28, failed, successful));
        spike_days(&series).first().map(|(_, certainty)| *certainty)
    };
    // Microsoft's sessions may be counted under tlsa and sts alike.
    assert_eq!(last(between(4, 8), between(96, 192)), Some(Certainty::Possible));
    assert_eq!(last(between(8, 16), between(96, 192)), Some(Certainty::Certain));
    assert_eq!(last(between(2, 4), between(96, 192)), None);
    assert_eq!(last(between(6, 12), between(500, 1000)), Some(Certainty::Possible)); // 0.6 to 2.3 %
}

/// A year of quiet noise, with spikes at known days: all are found and no others.
#[test]
fn seeded_series() {
    for seed in 1_u64..=20 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        // Around 4 failures of 1000 a day: between 2 and 6, so that 3 times the median is 6 to 18.
        let mut failed: Vec<u64> = (0..365).map(|_| 2 + next(5)).collect();
        let mut planted: Vec<i64> =
            (0..6).map(|part| i64::try_from(35 + part * 55 + next(40)).unwrap()).collect();
        for at in &planted {
            failed[usize::try_from(*at).unwrap()] = 20 + next(200);
        }
        planted.sort_unstable();
        let found: Vec<i64> =
            spike_days(&series(&failed)).into_iter().map(|(day, _)| day).collect();
        assert_eq!(found, planted, "seed {seed}");
    }
}

#[test]
fn failures_that_recur() {
    let last = |failed: &[u64], today: i64| {
        let found = recurring(&series(failed), day(FIRST).plus(today), &Thresholds::default());
        found.map(|anomaly| match anomaly.kind {
            AnomalyKind::Recurring { failing, of } => (failing, of),
            _ => panic!("another kind"),
        })
    };
    for (failed, today, expected) in [
        (&[0, 1, 0, 1][..], 3, Some((2, 3))),
        (&[1, 0, 0, 1][..], 3, None),
        (&[1, 1, 1][..], 2, Some((3, 3))),
        (&[1, 1][..], 1, Some((2, 2))),
        (&[1][..], 0, None),
        (&[][..], 0, None),
        (&[1, 1, 0, 0][..], 1, Some((2, 2))), // as of an earlier day
        (&[1, 1, 1][..], 30, Some((3, 3))),   // the last report is 28 days old
        (&[1, 1, 1][..], 31, None),
    ] {
        assert_eq!(last(failed, today), expected, "{failed:?} as of {today}");
    }
    let mut unsure = series(&[1, 0, 1]);
    unsure.days[2].failed = Bounds { lower: 0, upper: 3 };
    let found = recurring(&unsure, day(FIRST).plus(2), &Thresholds::default()).unwrap();
    assert_eq!(found.certainty, Certainty::Possible);
    assert!(found.severity <= sealpost_rules::Severity::Warning);
}

fn activity(signer: &str, days: &[i64], received_after: i64) -> ReporterActivity {
    let days: Vec<Day> = days.iter().map(|number| day(FIRST).plus(*number)).collect();
    let last = *days.last().unwrap();
    ReporterActivity {
        reporter: Reporter { signer: signer.to_owned(), organisation: "O\u{202e}".to_owned() },
        contact: None,
        first_day: days[0],
        last_day: last,
        last_received_at: last.plus(received_after).begins_at(),
        days,
    }
}

fn history(signer: &str, result_type: &str, first: i64) -> FailureHistory {
    FailureHistory {
        domain: Some("good.test".parse().unwrap()),
        reporter: Reporter { signer: signer.to_owned(), organisation: "O".to_owned() },
        policy_type: "sts".to_owned(),
        result_type: result_type.to_owned(),
        sessions: 1,
        reports: 1,
        first_day: day(FIRST).plus(first),
        last_day: day(FIRST).plus(40),
    }
}

#[test]
fn a_new_kind_of_failure() {
    let reporters = [activity("google.com", &[0, 1, 40], 1)];
    let found = |histories: &[FailureHistory], today: i64| {
        let found =
            new_failures(histories, &reporters, day(FIRST).plus(today), &Thresholds::default());
        found.into_iter().map(|anomaly| anomaly.sentence).collect::<Vec<_>>()
    };
    let fresh = history("google.com", "certificate-expired", 39);
    assert_eq!(
        found(std::slice::from_ref(&fresh), 40),
        ["certificate-expired was reported for the first time on 2026-10-10, by google.com."]
    );
    let known = history("mail.ru", "Certificate_Expired", 10);
    assert_eq!(found(&[fresh.clone(), known], 40).len(), 0); // another reporter knew it
    assert_eq!(found(std::slice::from_ref(&fresh), 46).len(), 0); // no longer new
    assert_eq!(found(std::slice::from_ref(&fresh), 45).len(), 1);
    assert_eq!(found(&[history("", "certificate-expired", 39)], 40).len(), 0); // not vouched for
    assert_eq!(found(&[history("google.com", "x\n", 2)], 3).len(), 0); // all is new at the begin
    let odd = found(&[history("google.com", "x\n", 39)], 40);
    assert!(odd[0].starts_with(r#""x\u{a}" was reported"#), "{odd:?}");
}

#[test]
fn a_reporter_falls_silent() {
    let daily: Vec<i64> = (0..30).collect();
    let weekly: Vec<i64> = (0..10).map(|week| week * 7).collect();
    let working_days: Vec<i64> = (0..40).filter(|number| number % 7 < 5).collect();
    let quiet = |days: &[i64], received_after: i64, after: i64| {
        let activity = activity("google.com", days, received_after);
        let today = activity.last_day.plus(after);
        !silences(None, &[activity], today, &Thresholds::default()).is_empty()
    };
    for (days, received_after, last_fine) in [
        (&daily, 1, 5),
        (&daily, 3, 7),       // its reports come late
        (&daily, 10_000, 34), // at most 30 days are allowed for
        (&weekly, 1, 23),
        (&working_days, 1, 5), // the week-end is within
    ] {
        assert!(!quiet(days, received_after, last_fine), "{last_fine} too early");
        assert!(quiet(days, received_after, last_fine + 1), "{last_fine} too late");
    }
    assert!(!quiet(&[0, 1, 2, 3, 4, 5, 6], 1, 100)); // its cadence is not known yet
    assert!(quiet(&[0, 1, 2, 3, 4, 5, 6, 7], 1, 100));
    let nobody = activity("", &daily, 1);
    let today = nobody.last_day.plus(100);
    assert!(silences(None, &[nobody], today, &Thresholds::default()).is_empty());
}

#[test]
fn if_all_fall_silent_the_fault_is_ours() {
    let daily: Vec<i64> = (0..30).collect();
    let [one, two] = ["google.com", "mail.ru"].map(|signer| activity(signer, &daily, 1));
    let today = one.last_day.plus(20);
    let codes = |reporters: &[ReporterActivity]| {
        let found = silences(None, reporters, today, &Thresholds::default());
        found.iter().map(|anomaly| anomaly.cause.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&[one.clone(), two.clone()]), ["FAIL705"]);
    let on: Vec<i64> = (0..50).collect();
    assert_eq!(codes(&[one.clone(), activity("mail.ru", &on, 1)]), ["FAIL704"]);
    assert_eq!(codes(&[one]), ["FAIL704"]);
}
