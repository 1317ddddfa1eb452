//! RFC 8461 §3.2: MTA-STS policies.

use mta_sts::{
    MaxAge, Mode, MxPattern, Policy, PolicyDefectKind as Kind, PolicyError, PolicyExtension,
};

/// A valid policy, and room for one more line.
fn with(line: &str) -> String {
    format!("version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n{line}\n")
}

#[track_caller]
fn good(body: &str) -> Policy {
    match Policy::parse(body.as_bytes()) {
        Ok(policy) => policy,
        Err(error) => panic!("{body:?} is valid, but: {error}"),
    }
}

/// The policy can be used, and yet there is this remark on this part of it.
#[track_caller]
fn remark(body: &str, message: &str, place: &str) {
    good(body);
    defect(body, message, place);
}

/// The policy cannot be used; this is said about this part of it.
#[track_caller]
fn bad(body: &str, message: &str, place: &str) {
    if let Ok(policy) = Policy::parse(body.as_bytes()) {
        panic!("{body:?} was read as {policy}");
    }
    defect(body, message, place);
}

#[track_caller]
fn defect(body: &str, message: &str, place: &str) {
    let reading = Policy::read(body.as_bytes());
    let found: Vec<_> = reading
        .defects
        .iter()
        .map(|defect| (defect.kind.to_string(), &body[defect.span.range()]))
        .collect();
    assert!(
        found.iter().any(|(said, at)| said.contains(message) && *at == place),
        "{body:?}: {message:?} at {place:?} is not among {found:?}"
    );
}

#[test]
fn the_example_is_read() {
    let body = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n\
                mx: backupmx.example.com\r\nmax_age: 604800\r\n";
    let reading = Policy::read(body.as_bytes());
    assert_eq!(reading.defects, []);
    assert_eq!(&body[reading.version.unwrap().range()], "STSv1");
    assert_eq!(&body[reading.mode.unwrap().1.range()], "enforce");
    assert_eq!(&body[reading.max_age.unwrap().1.range()], "604800");
    let spans: Vec<_> = reading.mx.iter().map(|(_, span)| &body[span.range()]).collect();
    assert_eq!(spans, ["mail.example.com", "*.example.net", "backupmx.example.com"]);
    let policy = reading.policy().unwrap();
    assert_eq!(policy.mode(), Mode::Enforce);
    assert_eq!(policy.max_age().as_secs(), 604_800);
    assert_eq!(policy.to_string(), body);
}

#[test]
fn lines_end_by_lf_or_crlf() {
    let lines = ["version: STSv1", "mode: none", "max_age: 1"];
    good(&lines.join("\n"));
    good(&lines.join("\r\n"));
    good(&(lines.join("\n") + "\n"));
    good(&(lines.join("\r\n") + "\r\n"));
    good("version: STSv1\r\nmode: none\nmax_age: 1\r\n"); // mixed
    bad(&(lines.join("\n") + "\n\n"), "a line without a field", "");
    bad(&(lines.join("\r\n") + "\r\n\r\n"), "a line without a field", "");
    bad(&(lines.join("\n") + "\n \t"), "a line without a field", " \t");
    bad(&lines.join("\n\n"), "a line without a field", "");
    bad(&lines.join("\n \n"), "a line without a field", " ");
    bad(&format!("\n{}", lines.join("\n")), "a line without a field", "");
    bad(&lines.join("\r"), "a carriage return without a line feed", "\r");
    bad(&lines.join("\n\r"), "a carriage return without a line feed", "\r");
    bad(&(lines.join("\r\n") + "\r"), "a carriage return without a line feed", "\r");
    bad(&lines.join("\r\r\n"), "a carriage return without a line feed", "\r");
    bad("", "the policy is empty", "");
    bad("\n", "a line without a field", "");
    bad("\n", "no mode", "");
}

#[test]
fn bytes_outside_the_grammar_are_fatal() {
    bad(&format!("\u{feff}{}", with("a: b")), "byte order mark", "\u{feff}");
    bad(&with("a: b\0c"), "control character `\\0`", "\0");
    bad(&with("a: b\u{7f}"), "control character `\\u{7f}`", "\u{7f}");
    bad(&with("a: b\tc"), "a tab within a field", "\t");
    bad(&with("a\u{b}: b"), "control character `\\u{b}`", "\u{b}");
    let mut body = with("a: ").into_bytes();
    body.splice(body.len() - 1.., *b"x\xe2\x82 y");
    let reading = Policy::read(&body);
    assert_eq!(reading.defects.len(), 1);
    assert_eq!(reading.defects[0].kind, Kind::NotUtf8);
    assert_eq!(&body[reading.defects[0].span.range()], b"\xe2\x82");
    assert!(reading.policy().is_err());
    // A value with such a byte is not taken, and not called missing either.
    let reading = Policy::read(b"version: STSv1\nmode: enf\xfforce\nmx: a.test\nmax_age: 1");
    assert_eq!((reading.mode, reading.defects.len()), (None, 1));
}

#[test]
fn a_field_is_a_name_a_colon_and_a_value() {
    good("version:STSv1\nmode:\t none\nmax_age: \t1"); // white space after the colon is free
    good("version: STSv1 \nmode: none\t \r\nmax_age: 1 \t"); // and at the end of a line
    good(&with(&format!("{}: x", "n".repeat(32))));
    good(&with("9._-: x"));
    good(&with("url: https://a.test:8443/x?y=z#w")); // further colons belong to the value
    bad(&with(" a: b"), "white space before a field", " ");
    bad(&with("\ta: b"), "white space before a field", "\t");
    bad(&with("a : b"), "white space before the colon", " ");
    bad("version : STSv1\nmode: none\nmax_age: 1", "white space before the colon", " ");
    bad(&with("a = b"), "no colon in this line", "a = b");
    bad(&with("# a comment "), "a policy has no comments", "# a comment");
    bad(&with("# a: comment"), "a policy has no comments", "# a: comment");
    bad(&with("a#: comment"), "`a#` is not a field name", "a#");
    bad(&with(": b"), "`` is not a field name", "");
    bad(&with("-a: b"), "`-a` is not a field name", "-a");
    bad(&with("a b: c"), "`a b` is not a field name", "a b");
    bad(&with("ä: b"), "`ä` is not a field name", "ä");
    bad(&with(&format!("{}: x", "n".repeat(33))), "is not a field name", &"n".repeat(33));
    bad(&with("a:"), "`a` has no value", "a:");
    bad(&with("a: \t "), "`a` has no value", "a:");
    bad(&with("mx:"), "`mx` has no value", "mx:");
}

#[test]
fn required_fields() {
    bad("mode: none\nmax_age: 1", "no version", "");
    bad("version: STSv1\nmax_age: 1\nmx: a.test", "no mode", "");
    bad("version: STSv1\nmode: none", "no max_age", "");
    bad("version: STSv1\nmode: enforce\nmax_age: 1", "no valid mx", "");
    bad("version: STSv1\nmode: testing\nmax_age: 1", "no valid mx", "");
    good("version: STSv1\nmode: none\nmax_age: 1"); // only none needs no mx
    good("version: STSv1\nmode: none\nmax_age: 1\nmx: a.test");
    bad("version: STSv1\nmode: none\nmax_age:\n", "`max_age` has no value", "max_age:");
}

#[test]
fn order_is_free() {
    good("version: STSv1\nmax_age: 1\nmx: a.test\nmode: enforce\nmx: b.test");
    remark("mode: none\nversion: STSv1\nmax_age: 1", "not the first line", "STSv1");
}

#[test]
fn versions_and_modes_have_their_case() {
    for (version, place) in
        [("stsv1", "stsv1"), ("STSv2", "STSv2"), ("STSv1;", "STSv1;"), ("1", "1")]
    {
        bad(&format!("version: {version}\nmode: none\nmax_age: 1"), "is not the version", place);
    }
    for mode in ["Enforce", "NONE", "report", "enforce,", "enforce testing"] {
        bad(
            &format!("version: STSv1\nmode: {mode}\nmx: a.test\nmax_age: 1"),
            "is not a mode",
            mode,
        );
    }
    for (text, mode) in
        [("enforce", Mode::Enforce), ("testing", Mode::Testing), ("none", Mode::None)]
    {
        let policy = good(&format!("version: STSv1\nmode: {text}\nmx: a.test\nmax_age: 1"));
        assert_eq!(policy.mode(), mode);
        assert_eq!((mode.to_string().as_str(), text.parse()), (text, Ok(mode)));
    }
    bad("Version: STSv1\nmode: none\nmax_age: 1", "write `version`", "Version: STSv1");
    bad("Version: STSv1\nmode: none\nmax_age: 1", "no version", "");
    bad("version: STSv1\nmode: none\nmax-age: 1", "write `max_age`", "max-age: 1");
    bad("version: STSv1\nmode: none\nmaxage: 1", "write `max_age`", "maxage: 1");
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# "max_age": Max lifetime of the policy (plaintext non-negative
//# integer seconds, maximum value of 31557600).
#[test]
fn max_age_is_1_to_10_digits() {
    for (text, seconds) in [("0", 0), ("1", 1), ("0000086400", 86_400), ("31557600", 31_557_600)] {
        let policy = good(&format!("version: STSv1\nmode: none\nmax_age: {text}"));
        assert_eq!(policy.max_age().as_secs(), seconds);
        assert_eq!(Policy::read(policy.to_string().as_bytes()).defects, []);
    }
    for text in ["31557601", "4294967296", "9999999999"] {
        let body = format!("version: STSv1\nmode: none\nmax_age: {text}");
        remark(&body, "is above the maximum", text);
        assert_eq!(good(&body).max_age(), MaxAge::MAX);
    }
    for text in [
        "00000000001",
        "99999999999",
        "-1",
        "+1",
        "1.5",
        "1e5",
        "0x10",
        "604800;",
        "1 2",
        "1d",
        "١",
    ] {
        let body = format!("version: STSv1\nmode: none\nmax_age: {text}");
        bad(&body, "is not a number of seconds", text);
    }
}

#[test]
fn max_age_has_a_maximum() {
    assert_eq!(MaxAge::from_secs(31_557_600), Some(MaxAge::MAX));
    assert_eq!(MaxAge::from_secs(31_557_601), None);
    assert_eq!(MaxAge::clamped_from_secs(u64::MAX), MaxAge::MAX);
    assert_eq!(MaxAge::clamped_from_secs(u64::from(u32::MAX) + 2), MaxAge::MAX);
    assert_eq!(MaxAge::clamped_from_secs(60).to_string(), "60");
    assert_eq!(MaxAge::clamped_from_secs(60).as_duration().as_secs(), 60);
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# If a policy specifies more than one
//# MX, each MX MUST have its own "mx:" key, and each MX key/value pair
//# MUST be on its own line in the policy file.
#[test]
fn every_pattern_has_its_line() {
    remark(&with("mx: a.test, b.test"), "an `mx` line of its own", "a.test, b.test");
    remark(&with("mx: a.test b.test"), "an `mx` line of its own", "a.test b.test");
    remark(&with("mx: a.test mx: b.test"), "an `mx` line of its own", "a.test mx: b.test");
    let policy = Policy::new(
        Mode::Testing,
        MaxAge::clamped_from_secs(60),
        ["a.test", "*.b.test", "A.test"].map(|text| MxPattern::parse(text).unwrap()),
    );
    assert_eq!(
        policy.unwrap().to_string(),
        "version: STSv1\r\nmode: testing\r\nmx: a.test\r\nmx: *.b.test\r\nmax_age: 60\r\n"
    );
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# In the case of
//# Internationalized Domain Names [RFC5891], the "mx" value MUST specify
//# the Punycode-encoded A-label [RFC3492] to match against, and not the
//# Unicode-encoded U-label.
#[test]
fn names_are_a_labels() {
    good("version: STSv1\nmode: enforce\nmx: *.xn--bcher-kva.example\nmax_age: 1");
    remark(&with("mx: *.bücher.example"), "*.xn--bcher-kva.example", "*.bücher.example");
    bad("version: STSv1\nmode: enforce\nmx: bücher.example\nmax_age: 1", "no valid mx", "");
    // Conversion is slow, so only some names are converted for the message.
    let lines: String = (0..20).map(|number| format!("mx: bücher.mx{number}.test\n")).collect();
    let reading = Policy::read((with("a: b") + &lines).as_bytes());
    let said: Vec<_> = reading.defects.iter().map(|defect| defect.kind.to_string()).collect();
    assert_eq!(said.iter().filter(|text| text.contains("A-labels")).count(), 20);
    assert_eq!(said.iter().filter(|text| text.contains("xn--bcher-kva.mx")).count(), 10);
}

#[test]
fn an_invalid_mx_is_ignored_beside_a_valid_one() {
    for value in ["*", "*.", "a*.test", "*.*.test", ".a.test", "a.test.", "192.0.2.1", "a_b.test"] {
        let body = with(&format!("mx: {value}"));
        remark(&body, "senders ignore this mx", value);
        let policy = good(&body);
        assert_eq!(policy.mx().len(), 1);
        assert_eq!(policy.extensions(), []);
        let alone = format!("version: STSv1\nmode: enforce\nmx: {value}\nmax_age: 1");
        bad(&alone, "no valid mx", "");
        good(&alone.replace("enforce", "none")); // which needs none
    }
    bad(&with("mx: a\tb"), "a tab within a field", "\t"); // not even an extension
    remark(&with("mx: MAIL.example.com"), "given before", "MAIL.example.com");
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# If any non-repeated field -- i.e., all fields
//# excepting "mx" -- is duplicated, all entries except for the first
//# SHALL be ignored.
#[test]
fn the_first_of_duplicates_counts() {
    remark(&with("mode: none"), "`mode` was given before", "mode: none");
    assert_eq!(good(&with("mode: none")).mode(), Mode::Enforce);
    assert_eq!(good(&with("max_age: 1")).max_age().as_secs(), 604_800);
    good(&with("mode: nonsense")); // well formed, and ignored
    good(&with("version: STSv2"));
    good(&with("max_age: -1"));
    bad(&with("mode:"), "`mode` has no value", "mode:"); // outside the grammar, first or not
    bad("version: STSv1\nmode: no\nmode: none\nmax_age: 1", "`no` is not a mode", "no");
    bad("version: STSv2\nversion: STSv1\nmode: none\nmax_age: 1", "not the version", "STSv2");
    bad("version: STSv1\nmode: none\nmax_age: x\nmax_age: 1", "not a number of seconds", "x");
    let policy = good(&with("a: 1\na: 2"));
    assert_eq!(policy.extensions(), [PolicyExtension::new("a", "1").unwrap()]);
    assert_eq!(good(&with("mx: other.example.com")).mx().len(), 2); // mx alone repeats
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# Parsers MUST accept TXT records and policy files that are
//# syntactically valid (i.e., valid key/value pairs separated by
//# semicolons for TXT records), possibly containing additional key/value
//# pairs not specified in this document, in which case unknown fields
//# SHALL be ignored.
#[test]
fn unknown_fields_are_kept_and_ignored() {
    remark(&with("note: über uns"), "unknown field `note`", "note: über uns");
    let policy = good(&with("note:\t über uns: } { \t"));
    assert_eq!(policy.extensions(), [PolicyExtension::new("note", "über uns: } {").unwrap()]);
    assert!(policy.to_string().ends_with("max_age: 604800\r\nnote: über uns: } {\r\n"));
    good(&with("note: \u{85}\u{10ffff}")); // all of UTF-8 but the control characters of ASCII
    // However many there are.
    let many: String = (0..5_000).map(|number| format!("x{number}: y\n")).collect();
    let body = many + &with("z: y");
    let reading = Policy::read(body.as_bytes());
    assert_eq!(reading.policy().unwrap().mx().len(), 1);
    assert_eq!((reading.defects.len(), reading.extensions.len()), (201, 100));
    assert_eq!(reading.defects.last().unwrap().kind, Kind::TooMany);
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# This resource contains the following CRLF-separated key/value pairs:
#[test]
fn policies_are_written_with_crlf() {
    let text = good(&with("a: b")).to_string();
    assert_eq!(text.matches("\r\n").count(), text.lines().count());
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(text.ends_with("\r\n"));
    assert_eq!(good(&text).id(), good(&with("a: b")).id());
    assert_ne!(good(&text).id(), good(&with("a: c")).id());
}

#[test]
fn a_policy_without_patterns_cannot_be_made() {
    for mode in [Mode::Enforce, Mode::Testing] {
        let refused = Policy::new(mode, MaxAge::MAX, []);
        assert_eq!(refused, Err(PolicyError::MxMissing { mode }));
    }
    let none = Policy::new(Mode::None, MaxAge::MAX, []).unwrap();
    assert_eq!(none.to_string(), "version: STSv1\r\nmode: none\r\nmax_age: 31557600\r\n");
}

#[test]
fn an_extension_cannot_break_out_of_its_line() {
    for (name, value) in [
        ("", "x"),
        ("mode", "x"),
        ("mx", "x"),
        ("version", "x"),
        ("max_age", "x"),
        ("a:b", "x"),
        ("a b", "x"),
        ("a", ""),
        ("a", " x"),
        ("a", "x "),
        ("a", "x\nmode: none"),
        ("a", "x\ty"),
        ("a", "x\ry"),
        ("a", "x\u{7f}"),
    ] {
        assert_eq!(PolicyExtension::new(name, value), None, "{name:?} {value:?}");
    }
    let policy = good(&with("a: 1"));
    let longer = policy.with_extension(PolicyExtension::new("b", "2").unwrap()).unwrap();
    let same = longer.clone().with_extension(PolicyExtension::new("a", "3").unwrap()).unwrap();
    assert_eq!(longer, same);
    assert_eq!(good(&longer.to_string()), longer);
}

#[test]
fn an_error_names_the_first_fatal_defect_and_counts_the_others() {
    let error =
        Policy::parse(b"version: STSv1\nfoo: bar\nmode = enforce\nmx: a.test\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid policy: no colon in this line: write `name: value` (and 2 more)"
    );
    assert_eq!(error.result_type(), "sts-policy-invalid");
}

#[test]
fn garbage_is_reported_up_to_a_bound() {
    let reading = Policy::read("\n".repeat(60_000).as_bytes());
    assert_eq!(reading.defects.len(), 201);
    assert_eq!(reading.defects.last().unwrap().kind, Kind::TooMany);
    // The one fatal defect behind many remarks is not lost.
    let remarks: String = (0..300).map(|number| format!("x{number}: y\n")).collect();
    let reading = Policy::read((with("a: b") + &remarks + "\n").as_bytes());
    assert!(reading.defects.iter().any(|defect| defect.kind == Kind::BlankLine));
    assert!(reading.policy().is_err());
    good(&(with("a: b") + &remarks));
}

#[test]
fn what_a_message_repeats_is_escaped_and_short() {
    let body =
        format!("version: STSv1\nmode: {}\u{1b}[31m\nmx: a.test\nmax_age: 1", "é".repeat(500));
    let reading = Policy::read(body.replace('\u{1b}', "\u{202e}").as_bytes());
    let message = reading.defects[0].kind.to_string();
    assert!(message.starts_with(&format!("`{}…` is not a mode", "é".repeat(64))), "{message}");
    let reading = Policy::read("version: STS\u{202e}v1\nmode: none\nmax_age: 1".as_bytes());
    assert!(reading.defects[0].kind.to_string().contains("`STS\\u{202e}v1`"));
}
