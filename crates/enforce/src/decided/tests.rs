use std::time::Duration;

use super::*;

fn policy(mode: &str) -> Sts {
    let mx = if mode == "none" { "" } else { "mx: mx.a.test\n" };
    let text = format!("version: STSv1\nmode: {mode}\n{mx}max_age: 86400\n");
    Sts::Policy(FetchedPolicy::parse(text.as_bytes()).unwrap())
}

fn seen(mx: MxSecurity, tlsa: TlsaState) -> Dane {
    let (hosts, invalid) = (Box::new([]), Box::new([]));
    Dane::Seen(Arc::new(RouteSeen { mx, tlsa, hosts, invalid, life: Duration::ZERO }))
}

fn exception(word: &str) -> Option<Exception> {
    let mx = if word == "pin" { "\nmx = [\"mx.a.test\"]" } else { "" };
    let text = format!(
        "[[exception]]\ndomain = \"a.test\"\ndo = \"{word}\"\nreason = \"x\"\nuntil = \"2999-01-01\"{mx}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), text).unwrap();
    let exceptions = crate::Exceptions::load(file.path()).unwrap();
    exceptions.of(&"a.test".parse().unwrap(), 0).cloned()
}

fn level(word: &str) -> OperatorLevel {
    OperatorLevel::parse(word).unwrap()
}

#[test]
fn without_dane_the_policy_decides() {
    for (sts, expected) in [
        (policy("enforce"), SenderDecision::Secure),
        (policy("testing"), SenderDecision::NotFound), // RFC 8461 §5
        (policy("none"), SenderDecision::NotFound),
        (Sts::NoPolicy(Absence::NoRecord), SenderDecision::NotFound),
        (Sts::Unknown, SenderDecision::NotFound), // RFC 8461 §3.3
    ] {
        let decided = Decided::new(sts, Dane::NotAsked, None, level("may"));
        assert_eq!(decided.decision, expected, "{decided:?}");
    }
}

#[test]
fn the_matrix_holds_cell_by_cell() {
    use MxSecurity::{Failed, Insecure, Secure};
    use TlsaState::{
        AllUsable, FailedAll, FailedNoneUsable, FailedSomeUsable, None, OnlyUnusable, SomeUsable,
    };
    // MX, TLSA, decision with enforce, decision with any other.
    for (mx, tlsa, enforce, other) in [
        (Secure, AllUsable, "dane-only", "dane-only"),
        (Secure, SomeUsable, "dane-only", "dane"),
        (Secure, OnlyUnusable, "secure", "dane"),
        (Secure, None, "secure", "none"),
        (Secure, FailedSomeUsable, "dane-only", "dane"),
        (Secure, FailedNoneUsable, "wait", "dane"),
        (Secure, FailedAll, "wait", "wait"),
        (Insecure, AllUsable, "secure", "dane"),
        (Insecure, SomeUsable, "secure", "dane"),
        (Insecure, OnlyUnusable, "secure", "dane"),
        (Insecure, None, "secure", "none"),
        (Insecure, FailedSomeUsable, "secure", "dane"),
        (Insecure, FailedNoneUsable, "secure", "dane"),
        (Insecure, FailedAll, "secure", "dane"),
        (Failed, AllUsable, "wait", "wait"),
        (Failed, None, "wait", "wait"),
        (Failed, FailedAll, "wait", "wait"),
    ] {
        for (sts, expected) in [(policy("enforce"), enforce), (policy("testing"), other)] {
            let decided = Decided::new(sts, seen(mx, tlsa), Option::None, level("may"));
            assert_eq!(word(decided.decision), expected, "{mx:?} {tlsa:?}");
        }
    }
}

#[test]
fn what_is_not_known_in_time() {
    // A policy that is pending is as none; DANE that is pending makes mail wait.
    let decided = |sts, dane| word(Decided::new(sts, dane, None, level("may")).decision);
    assert_eq!(decided(Sts::Unknown, Dane::NotAsked), "none");
    assert_eq!(decided(Sts::Unknown, Dane::Pending), "wait");
    assert_eq!(decided(policy("enforce"), Dane::Pending), "wait");
    let dane = seen(MxSecurity::Secure, TlsaState::AllUsable);
    assert_eq!(decided(Sts::Unknown, dane), "dane-only");
}

#[test]
fn nothing_is_asked_for_before_the_level_is_known() {
    let domain = "a.test".parse().unwrap();
    let all = seen(MxSecurity::Secure, TlsaState::AllUsable);
    for (sts, dane, why) in [
        (policy("enforce"), Dane::NotAsked, "else: the policy is in mode enforce"),
        (Sts::NoPolicy(Absence::NoRecord), all, "else: the hosts have TLSA records"),
        (policy("testing"), Dane::NotAsked, "the policy is in mode testing"),
    ] {
        let decided = Decided::new(sts, dane, None, level("unknown"));
        assert_eq!(decided.decision, SenderDecision::NotFound);
        let because = decided.because(&domain);
        assert!(because.contains(why), "{because}");
        assert_eq!(because.contains("default_level is not set"), why.starts_with("else"));
    }
}

#[test]
fn exceptions_change_what_they_say_and_no_more() {
    let none = || Sts::NoPolicy(Absence::NoRecord);
    let pinned = || {
        let Some(Exception { treatment: Treatment::Pin(policy), .. }) = exception("pin") else {
            panic!()
        };
        Sts::Pinned(policy)
    };
    let secure = MxSecurity::Secure;
    let bogus = seen(MxSecurity::Failed, TlsaState::FailedAll);
    let all = seen(secure, TlsaState::AllUsable);
    let partly = seen(secure, TlsaState::FailedSomeUsable);
    let no_tlsa = seen(secure, TlsaState::None);
    for (treatment, sts, dane, operator, expected) in [
        ("off", policy("enforce"), all.clone(), "may", "none"),
        ("off", policy("enforce"), bogus.clone(), "may", "none"),
        ("testing", policy("enforce"), no_tlsa.clone(), "may", "none"),
        ("testing", policy("enforce"), all.clone(), "may", "dane-only"), // DANE goes on
        ("pin", pinned(), no_tlsa.clone(), "may", "secure"),
        ("pin", pinned(), all.clone(), "may", "dane-only"),
        ("pin", pinned(), no_tlsa.clone(), "dane-only", "none"), // never less than the default
        ("require", none(), no_tlsa.clone(), "may", "wait"),
        ("require", none(), no_tlsa.clone(), "encrypt", "wait"),
        ("require", none(), no_tlsa.clone(), "secure", "none"), // it verifies by itself
        ("require", none(), seen(secure, TlsaState::SomeUsable), "may", "wait"),
        ("require", policy("enforce"), no_tlsa.clone(), "may", "secure"),
        ("require", none(), all.clone(), "may", "dane-only"),
        ("ignore-dane-tempfail", none(), bogus.clone(), "may", "none"),
        ("ignore-dane-tempfail", policy("enforce"), bogus.clone(), "may", "secure"),
        ("ignore-dane-tempfail", policy("enforce"), Dane::Pending, "may", "secure"),
        ("ignore-dane-tempfail", none(), partly, "may", "dane"),
        ("ignore-dane-tempfail", none(), all.clone(), "may", "dane-only"),
        ("observe", policy("enforce"), no_tlsa, "may", "secure"), // who answers sees to the rest
        ("enforce", policy("enforce"), all, "may", "dane-only"),
    ] {
        let decided = Decided::new(sts, dane, exception(treatment), level(operator));
        assert_eq!(word(decided.decision), expected, "{treatment} {operator} {:?}", decided.dane);
        let because = decided.because(&"a.test".parse().unwrap());
        assert!(because.contains(&format!("exception: {treatment} until")), "{because}");
    }
}

fn word(decision: SenderDecision) -> &'static str {
    decision.as_str()
}
