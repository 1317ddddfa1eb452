use sealpost_store::{Backoff, FetchedPolicy};

use super::*;

const DAY: i64 = 86_400;

fn remembered(text: &[u8], fetched_at: i64) -> Remembered {
    Remembered {
        domain: "a.test".parse().unwrap(),
        policy: Some(FetchedPolicy { id: "a1".parse().unwrap(), text: text.to_vec(), fetched_at }),
        backoff: None,
        last_used: fetched_at,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn a_policy_is_listed_with_what_follows_from_it() {
    let text = b"version: STSv1\nmode: enforce\nmx: *.a.test\nmax_age: 604800\n";
    let listed = Listed::new(&remembered(text, 0), at(7 * DAY));
    let policy = listed.policy.as_ref().unwrap();
    assert_eq!((policy.mode, policy.state), (Some("enforce"), PolicyState::Valid));
    assert_eq!(policy.expires_at, Some(at(7 * DAY)));
    assert_eq!(policy.refresh_by, Some(at(DAY)));
    assert!(listed.is_enforced());
    let expired = Listed::new(&remembered(text, 0), at(7 * DAY + 1));
    assert!(!expired.is_enforced() && expired.row().contains("  expired  "));
    assert_eq!(expired.policy.unwrap().refresh_by, None);

    let unused = Remembered { last_used: -180 * DAY, ..remembered(text, 0) };
    assert_eq!(Listed::new(&unused, at(0)).policy.unwrap().refresh_by, None);
    let short = b"version: STSv1\nmode: testing\nmx: a.test\nmax_age: 1800\n";
    let policy = Listed::new(&remembered(short, 0), at(0)).policy.unwrap();
    assert_eq!((policy.mode, policy.refresh_by), (Some("testing"), Some(at(900))));
}

#[test]
fn nothing_from_outside_is_shown_as_it_came() {
    let text = b"version: STSv1\r\nmode: none\nmax_age: 9\nx: \x1b[31m\xe2\x80\xae\x9b\n";
    let mut remembered = remembered(text, i64::MAX);
    let (id, failure) = ("a1".parse().unwrap(), "\u{1b}[2J".to_owned());
    remembered.backoff = Some(Backoff { id, failure, failures: 3, failed_at: i64::MIN });
    let listed = Listed::new(&remembered, at(0));
    for text in [listed.to_string(), listed.row()] {
        assert!(text.chars().all(|c| c == '\n' || matches!(c, ' '..='~')), "{text:?}");
    }
    assert!(listed.to_string().contains(r"x: \x1b[31m\xe2\x80\xae\x9b\n"), "{listed}");
}

#[test]
fn what_is_no_policy_is_told() {
    let listed = Listed::new(&remembered(b"<html>", 0), at(0));
    assert_eq!(listed.policy.as_ref().unwrap().state, PolicyState::Unreadable);
    assert!(listed.row().contains("  unreadable  ") && !listed.is_enforced());
}
