//! What the operator hears.

use mta_sts::{
    Mode,
    cache::{FetchFailure, Note, RecordGone, RecordLookup, Sign, Weakening},
};

use crate::world::*;

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# To enable administrators to discover
//# problems with policy refresh, MTAs SHOULD alert administrators
//# (through the use of logs or similar) when such attempts fail, unless
//# the cached policy mode is "none".
#[test]
fn a_failing_refresh_is_told_unless_the_mode_is_none() {
    for mode in ["enforce", "testing", "none"] {
        let mut world = World::holding(policy(mode, "mx.example.net", 3 * DAY));
        world.host = Err(FetchFailure::CertificateInvalid);
        world.pass(2 * DAY);
        assert!(world.fetches.len() > 5, "{mode}: it is tried all the same");
        if mode == "none" {
            assert_eq!(world.notes, []);
            world.pass(2 * DAY);
            assert_eq!(world.notes, [], "its end is no alarm either");
            continue;
        }
        // Told each time, long before the end, with what is left.
        assert_eq!(world.notes.len(), world.fetches.len());
        for (number, (note, (at, _))) in world.notes.iter().zip(&world.fetches).enumerate() {
            let Note::RefreshFailed { failure, failures, remaining } = note else {
                panic!("{note:?}")
            };
            assert_eq!(*failure, FetchFailure::CertificateInvalid);
            assert_eq!(*failures as usize, number + 1);
            assert!((3 * DAY - at).abs_diff(remaining.as_secs()) <= 1, "{remaining:?} at {at}");
        }
        assert!(world.fetches[0].0 <= DAY);
        world.forget_past();
        world.pass(DAY + 10);
        assert_eq!(world.notes.last(), Some(&Note::Expired));
    }
}

#[test]
fn a_forged_id_with_the_policy_host_blocked_is_told() {
    let mut world = World::holding(enforce(30 * DAY));
    world.record = found("forged", 60);
    world.host = Err(FetchFailure::NotFetched);
    world.sleep(HOUR);
    world.ask();
    assert!(
        matches!(world.notes[..], [Note::RefreshFailed { failures: 1, .. }]),
        "{:?}",
        world.notes
    );
}

#[test]
fn a_policy_that_weakens_is_told() {
    let two = |mode| policy(mode, "a.example\nmx: b.example", DAY);
    let cases = [
        // before, now, and what is said; nothing where it is no weaker
        (enforce(DAY), enforce(DAY), ""),
        (enforce(DAY), enforce(7 * DAY), ""),
        (policy("testing", "mx.example.net", DAY), enforce(DAY), ""),
        (policy("none", "mx.example.net", DAY), policy("testing", "other.example", 60), ""),
        (two("enforce"), policy("enforce", "b.example\nmx: a.example\nmx: a.example", DAY), ""),
        (enforce(DAY), policy("testing", "mx.example.net", DAY), "mode enforce became testing"),
        (enforce(DAY), policy("none", "mx.example.net", DAY), "mode enforce became none"),
        (
            policy("testing", "a.example", DAY),
            policy("none", "b.example", DAY),
            "mode testing became none",
        ),
        (enforce(7 * DAY), enforce(DAY), "max_age 604800 became 86400"),
        (
            two("enforce"),
            policy("enforce", "a.example\nmx: *.evil.example", DAY),
            "new MX patterns: *.evil.example; MX patterns gone: b.example",
        ),
        (two("enforce"), policy("enforce", "a.example", DAY), "MX patterns gone: b.example"),
    ];
    for (old, new, said) in cases {
        let mut world = World::holding(old.clone());
        world.record = found("2", HOUR);
        world.host = Ok(new.clone());
        world.sleep(HOUR);
        world.ask();
        assert_eq!(world.applied().unwrap().as_bytes(), new.text());
        let told: Vec<_> = world.notes.iter().map(ToString::to_string).collect();
        let expected: Vec<_> = (!said.is_empty())
            .then(|| format!("the policy has been weakened: {said}"))
            .into_iter()
            .collect();
        assert_eq!(told, expected);
    }
    let (old, new) = (enforce(7 * DAY), policy("none", "mx.example.net", DAY));
    let weakening = Weakening::between(&old.policy(), &new.policy()).unwrap();
    assert_eq!(weakening.mode, Some((Mode::Enforce, Mode::None)));
    assert_eq!(weakening.max_age.map(|(_, new)| new.as_secs()), Some(86_400));
}

#[test]
fn long_lists_of_patterns_are_cut_in_the_text() {
    let hosts: Vec<_> = (10..30).map(|number| format!("mx{number}.example")).collect();
    let new = policy("enforce", &hosts.join("\nmx: "), DAY);
    let weakening = Weakening::between(&enforce(DAY).policy(), &new.policy()).unwrap();
    assert_eq!(weakening.mx_gained.len(), 20);
    assert!(weakening.to_string().contains("mx19.example, and 10 more;"), "{weakening}");
}

#[test]
fn a_vanished_record_is_told_once_with_what_the_policy_host_says() {
    let none = policy("none", "mx.example.net", DAY);
    let failure = FetchFailure::NotFetched;
    let cases = [
        (Ok(enforce(7 * DAY)), Sign::PolicyStillServed),
        (Ok(policy("testing", "mx.example.net", 7 * DAY)), Sign::PolicyStillServed),
        (Ok(none), Sign::OptedOut),
        (Err(failure), Sign::PolicyHostFails(failure)),
    ];
    for (gone, lookup) in
        [(RecordGone::Absent, absent(HOUR)), (RecordGone::Unusable, unusable(HOUR))]
    {
        for (host, expected) in cases.clone() {
            let mut world = World::holding(enforce(7 * DAY));
            world.record = lookup.clone();
            world.host = host;
            world.sleep(HOUR);
            world.ask();
            assert_eq!(world.fetches.len(), 1, "the policy host is asked at once");
            let vanished = Note::RecordVanished { record: gone, sign: expected };
            assert_eq!(world.notes[0], vanished, "{expected:?}");
            assert!(world.applies());
            world.pass_in_use(DAY, HOUR);
            let told = world.notes.iter().filter(|note| **note == vanished).count();
            assert_eq!(told, 1, "{expected:?}");
        }
    }
}

#[test]
fn a_record_that_came_back_may_vanish_again() {
    let mut world = World::holding(enforce(7 * DAY));
    let vanished = |world: &World| {
        let of = |note: &&Note| matches!(note, Note::RecordVanished { .. });
        world.notes.iter().filter(of).count()
    };
    for times in 1..4 {
        world.record = absent(60);
        world.pass_in_use(HOUR, MINUTE);
        assert_eq!(vanished(&world), times);
        world.record = found("1", 60);
        world.pass_in_use(HOUR, MINUTE);
    }
}

#[test]
fn a_vanished_record_is_told_at_once_if_the_policy_host_is_known_to_fail() {
    let mut world = World::holding(enforce(30 * DAY));
    world.host = Err(FetchFailure::NotFetched);
    world.pass_in_use(26 * HOUR, MINUTE);
    assert!(world.entry.backoff().unwrap().failures() >= 4);
    world.forget_past();
    world.record = absent(60);
    world.pass_in_use(HOUR, MINUTE);
    let sign = Sign::PolicyHostFails(FetchFailure::NotFetched);
    assert!(
        world.notes.contains(&Note::RecordVanished { record: RecordGone::Absent, sign }),
        "{:?}",
        world.notes
    );
}

#[test]
fn no_alarm_for_a_record_that_could_not_be_told_or_that_nobody_needs() {
    let mut world = World::holding(enforce(7 * DAY));
    world.record = RecordLookup::Unknown;
    world.pass_in_use(2 * DAY, HOUR);
    assert_eq!(world.notes, [], "a time-out is not \"missing\"");

    let mut world = World::holding(policy("none", "mx.example.net", 7 * DAY));
    world.record = absent(HOUR);
    world.host = Err(FetchFailure::NotFetched);
    world.pass_in_use(8 * DAY, HOUR);
    assert_eq!(world.notes, [], "it has opted out as it should");
}

#[test]
fn too_short_a_life_to_be_refreshed_is_no_alarm() {
    let mut world = World::holding(enforce(60));
    world.pass(HOUR);
    assert!(!world.applies());
    assert_eq!(world.notes, []);
}

#[test]
fn what_the_dns_answers_becomes_a_look_up() {
    let ttl = std::time::Duration::from_secs(300);
    let cases: [(&[&str], RecordLookup); 7] = [
        (&["v=STSv1; id=a1;"], found("a1", 300)),
        (&["v=spf1 -all", "v=STSv1; id=a1"], found("a1", 300)),
        (&["v=STSv1 ; id=1"], found("1", 300)), // alone, white space is allowed
        (&[], absent(300)),
        (&["v=spf1 -all"], absent(300)),
        (&["v=STSv1; id=a-b;"], unusable(300)),
        (&["v=STSv1; id=a;", "v=STSv1; id=b;"], unusable(300)),
    ];
    for (records, expected) in cases {
        assert_eq!(RecordLookup::answered(records, ttl), expected, "{records:?}");
    }
}

#[test]
fn failures_have_stable_names() {
    for name in ["sts-policy-fetch-error", "sts-webpki-invalid", "sts-policy-invalid"] {
        assert_eq!(FetchFailure::from_result_type(name).unwrap().result_type(), name);
    }
    assert_eq!(FetchFailure::from_result_type("starttls-not-supported"), None);
    let error = mta_sts::Policy::parse(b"").unwrap_err();
    assert_eq!(error.result_type(), FetchFailure::from(error).result_type());
}
