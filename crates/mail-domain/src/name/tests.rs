use std::collections::BTreeSet;

use proptest::prelude::*;

use super::DomainName;
use crate::error::DomainNameError as Error;

#[track_caller]
fn good(text: &str, expected: &str) {
    match DomainName::parse(text) {
        Ok(name) => assert_eq!(name.as_str(), expected, "{text:?}"),
        Err(error) => panic!("{text:?} is a name, but: {error}"),
    }
}

#[track_caller]
fn bad(text: &str, expected: &str) {
    match DomainName::parse(text) {
        Ok(name) => panic!("{text:?} was read as {name}"),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(expected), "{text:?}: {message:?} lacks {expected:?}");
        }
    }
}

fn name(text: &str) -> DomainName {
    match DomainName::parse(text) {
        Ok(name) => name,
        Err(error) => panic!("{text:?}: {error}"),
    }
}

#[test]
fn names_become_lower_case_a_labels() {
    good("example.com", "example.com");
    good("EXAMPLE.Com.", "example.com"); // case and one trailing dot mean nothing
    good("localhost", "localhost"); // a single label is a name
    good("3com.example", "3com.example"); // RFC 1123: a digit may come first
    good("123.example", "123.example"); // a number, but not at the end
    good("a--b.example", "a--b.example");
    good("ab--cd.example", "ab--cd.example"); // such host names exist
    good("bücher.example", "xn--bcher-kva.example");
    good("BÜCHER.EXAMPLE", "xn--bcher-kva.example");
    good("xn--bcher-kva.example", "xn--bcher-kva.example");
    good("XN--BCHER-KVA.example", "xn--bcher-kva.example");
    good("faß.example", "xn--fa-hia.example"); // not "fass": transitional mapping is history
    good("例え。テスト", "xn--r8jz45g.xn--zckzah"); // ideographic full stop
    good("例え。テスト。", "xn--r8jz45g.xn--zckzah"); // also at the end
    good("ｅｘａｍｐｌｅ．com", "example.com"); // full width
    good("пример.test", "xn--e1afmkfd.test");
    good("אבג.test", "xn--4dbcd.test");
    good(&format!("{}.test", "a".repeat(63)), &format!("{}.test", "a".repeat(63)));
    let longest = format!("{}{}", "a.".repeat(126), "b"); // 253 characters
    good(&longest, &longest);
    good(&format!("{longest}."), &longest);
}

#[test]
fn what_is_no_name_is_refused_with_a_hint() {
    bad("", "empty: give a domain");
    bad(".", "empty: give a domain");
    bad("..", "label 1 is empty");
    bad(".example.com", "label 1 is empty");
    bad("example..com", "label 2 is empty: remove the extra dot");
    bad("example.com..", "label 3 is empty"); // only one trailing dot is dropped
    bad("\u{ad}.example", "label 1 is empty"); // a soft hyphen maps to nothing
    bad("_mta-sts.example.com", "label 1 (`_mta-sts`) holds an underscore");
    bad("a.b_c.test", "RFC 5321 §4.1.2");
    bad("a!b.test", "holds `!`");
    bad("*.example.com", "a wildcard is a pattern");
    bad("example.com:25", "without a port");
    bad("a.test,b.test", "one name at a time");
    bad("a\u{7}b.test", "`\\u{7}`"); // escaped in the message
    bad("-a.test", "label 1 (`-a`) begins or ends with a hyphen");
    bad("a.b-.test", "label 2 (`b-`)");
    bad("user@example.com", "give the domain only");
    bad("https://example.com", "looks like a URL");
    bad("example.com/path", "looks like a URL");
    bad(" example.com", "white space at byte 0");
    bad("example.com\n", "white space at byte 11");
    bad("exam ple.com", "white space at byte 4");
    bad("example\u{3000}.com", "white space at byte 7");
    bad("192.0.2.1", "an IP address is not a domain name");
    bad("192.0.2.1.", "an IP address is not a domain name");
    bad("１９２.0.2.1", "an IP address is not a domain name"); // full-width digits
    bad("[192.0.2.1]", "an IP address is not a domain name");
    bad("[IPv6:2001:db8::1]", "an IP address is not a domain name");
    bad("2001:db8::1", "an IP address is not a domain name");
    bad("::1", "an IP address is not a domain name");
    bad("192.0.2", "last label (`2`) is a number");
    bad("example.999", "last label (`999`) is a number");
    bad("0", "last label (`0`) is a number");
    bad(&format!("{}.test", "a".repeat(64)), "has 64 characters");
    bad(&format!("a.{}.test", "ü".repeat(63)), "label 2");
    bad(&format!("{}{}", "a.".repeat(126), "bc"), "has 254 characters as A-labels");
    bad(&"a".repeat(1025), "has 1025 bytes");
    bad("xn--a.example", "label 1 (`xn--a`) is not a valid internationalized label");
    bad("a.xn--zz--9999999999.test", "label 2");
    bad("xn--.test", "label 1"); // decodes to nothing
    bad("xn--abc-.test", "label 1"); // decodes to plain ASCII
    bad("xn--BCHER-KVÄ.test", "label 1");
    bad("ab--ü.test", "label 1"); // RFC 5891 §4.2.3.1
    bad("\u{301}a.test", "label 1"); // begins with a combining mark
    bad("a\u{200d}b.test", "label 1"); // a joiner out of place
    bad("אב1a.test", "label 1"); // both writing directions in one label
    bad("a＿b.test", "label 1"); // maps to an underscore
}

#[test]
fn an_error_shows_only_the_start_of_a_long_label() {
    let error = DomainName::parse(&format!("{}_", "a".repeat(900))).unwrap_err();
    let Error::Underscore { label, .. } = error else { panic!("{error}") };
    assert_eq!(&*label, format!("{}…", "a".repeat(64)));
}

#[test]
fn names_have_labels_parents_and_children() {
    let www = name("www.example.com");
    assert_eq!(www.labels().collect::<Vec<_>>(), ["www", "example", "com"]);
    assert_eq!(www.labels().next_back(), Some("com"));
    assert_eq!(www.parent(), Some(name("example.com")));
    assert_eq!(name("com").parent(), None);
    assert_eq!(name("example.com").child("WWW"), Ok(www));
    assert_eq!(name("example.com").child("ü"), Ok(name("xn--tda.example.com")));
    for label in ["", "a.b", "a.", ".", "a。b", "_mta-sts", "a@b", "-", "*"] {
        assert!(name("example.com").child(label).is_err(), "{label:?}");
    }
    let longest = name(&format!("{}{}", "a.".repeat(126), "b"));
    assert_eq!(longest.child("a"), Err(Error::TooLong { length: 255, limit: 253 }));
}

#[test]
fn a_subdomain_lies_below() {
    let zone = name("example.com");
    assert!(name("a.example.com").is_subdomain_of(&zone));
    assert!(name("a.b.example.com").is_subdomain_of(&zone));
    assert!(!zone.is_subdomain_of(&zone)); // not below itself
    assert!(!name("badexample.com").is_subdomain_of(&zone));
    assert!(!name("com").is_subdomain_of(&zone));
    assert!(!name("example.com.test").is_subdomain_of(&zone));
}

#[test]
fn order_is_by_zone() {
    let sorted: Vec<_> =
        ["b.test", "a.b.test", "z.a.test", "a.test", "a-b.test", "example", "test"]
            .into_iter()
            .map(name)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(String::from)
            .collect();
    let expected = ["example", "test", "a.test", "z.a.test", "a-b.test", "b.test", "a.b.test"];
    assert_eq!(sorted, expected);
}

#[test]
fn people_read_unicode() {
    assert_eq!(name("xn--bcher-kva.example").to_unicode(), "bücher.example");
    assert_eq!(name("ab--cd.xn--bcher-kva.example").to_unicode(), "ab--cd.bücher.example");
    assert_eq!(name("example.com").to_unicode(), "example.com");
}

#[cfg(feature = "serde")]
#[test]
fn serde_checks_what_it_reads() {
    let read: Vec<DomainName> = serde_json::from_str(r#"["Bücher.example."]"#).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), r#"["xn--bcher-kva.example"]"#);
    let error = serde_json::from_str::<DomainName>(r#""a_b.test""#).unwrap_err();
    assert!(error.to_string().contains("underscore"), "{error}");
}

/// Text near the border between names and other things.
fn near_names() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z0-9]{1,8}",
        1 => "[A-Z0-9-]{1,20}",
        1 => r"xn--[a-z0-9-]{0,12}",
        1 => r"[a-zäßéжا-ي。．ーアー\u{200d}\u{ad}\u{301}]{1,5}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.join("."))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_short_cut_for_plain_names_changes_nothing(
        text in prop_oneof![near_names(), "[a-cA1-2.-]{0,6}", "(xn--)?[a-z.-]{60,70}\\.[0-9a-z]{1,2}", "([a-z]{40,63}\\.){3}[a-z]{40,63}"],
    ) {
        prop_assert_eq!(DomainName::parse(&text), DomainName::parse_or_explain(&text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        if let Err(error) = DomainName::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn a_name_reads_back_as_itself(text in near_names()) {
        if let Ok(name) = DomainName::parse(&text) {
            prop_assert_eq!(DomainName::parse(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(DomainName::parse(&name.to_unicode()), Ok(name.clone()));
            prop_assert!(name.as_str().len() <= 253);
            prop_assert!(name.labels().all(|label| (1..=63).contains(&label.len())));
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
            prop_assert!(name.as_str().bytes().all(plain), "{}", name);
            if let Some(parent) = name.parent() {
                prop_assert_eq!(DomainName::parse(parent.as_str()), Ok(parent.clone()));
                prop_assert!(name.is_subdomain_of(&parent));
                prop_assert!(parent < name);
            }
        }
    }
}
