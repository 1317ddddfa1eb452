//! Section 4.4: the members of a report, as they should be and as they are.

use tls_rpt::{Parsed, PolicyType, RepairKind, Report, ResultType, locate};

use crate::report::{
    DETAIL, PLAIN, POLICY, SUMMARY, at, plus, read, repairs, successful, with, without,
};

/// A text that needs exactly these repairs at this place, and is read like this.
fn mended<T: PartialEq + std::fmt::Debug>(
    (place, text): (&str, &str),
    codes: &[&str],
    look: impl Fn(&Report) -> T,
    expected: T,
) {
    let report = with(place, text);
    let reading = read(&report);
    let found = repairs(&reading);
    let at_place: Vec<&str> =
        found.iter().filter_map(|line| line.strip_suffix(&format!(" {place}"))).collect();
    assert_eq!(at_place, codes, "for {text} at {place}; all repairs: {found:?}");
    let (found, expected) = (look(&reading.report), expected);
    assert_eq!(found, expected, "for {text} at {place}");
    assert_eq!(reading.refusal, None, "for {text} at {place}");
}

#[test]
fn a_plain_report_needs_no_repair() {
    let reading = read(PLAIN);
    assert_eq!(repairs(&reading), Vec::<String>::new());
    assert!(reading.is_complete());
    let report = Report::parse(PLAIN.as_bytes()).expect("the plain report is right");
    assert_eq!(report, reading.report);
    let written = report.to_json().expect("what is right can be written");
    assert_eq!(Report::parse(written.as_bytes()), Ok(report));
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//= type=test
//# "failed-session-count": The number of (attempted) sessions that
//# match the relevant "result-type" for this section (an integer,
//# encoded as a JSON number).
#[test]
fn counts() {
    let place = at(SUMMARY, "total-successful-session-count");
    let count = |text: &str, codes: &[&str], expected: Option<u64>| {
        mended((&place, text), codes, successful, expected);
    };
    count("0", &[], Some(0));
    count("9007199254740991", &[], Some((1 << 53) - 1)); // the greatest
    count("9007199254740992", &["count-too-large"], None);
    count("18446744073709551616", &["count-too-large"], None); // above 64 bits
    count("1e400", &["count-too-large"], None); // above a double
    count("90.0", &["count-decimal"], Some(90));
    count("9e1", &["count-decimal"], Some(90));
    count("-0", &["count-decimal"], Some(0));
    count("89.5", &["count-fractional"], Some(90)); // upwards
    count("1e-9", &["count-fractional"], Some(1));
    count("-1", &["count-negative"], None);
    count("-1e400", &["count-negative"], None);
    count("\"90\"", &["count-text"], Some(90));
    count("\" 90 \"", &["count-text"], Some(90));
    count("\"90.0\"", &["count-text", "count-decimal"], Some(90));
    count("\"-3\"", &["count-text", "count-negative"], None);
    count("\"\"", &["count-unreadable"], None);
    count("\"many\"", &["count-unreadable"], None);
    count("\"1,000\"", &["count-text", "count-unreadable"], None); // 1 or 1000
    count("\"0x10\"", &["count-text", "count-unreadable"], None);
    count("\"inf\"", &["count-unreadable"], None);
    count("null", &["null-value", "count-unreadable"], None);
    count("true", &["count-unreadable"], None);
    count("NaN", &["count-unreadable", "json-word"], None);
    count("-Infinity", &["count-unreadable", "json-word"], None);
    count("[90]", &["wrong-type", "count-unreadable"], None);
    count("{}", &["wrong-type", "count-unreadable"], None);
    count("090", &["json-number"], Some(90));
    count("+90", &["count-decimal", "json-number"], Some(90));
    count("", &["count-unreadable", "json-comma"], None); // `"a":,`
}

#[test]
fn the_loss_of_a_count_is_told() {
    let place = at(SUMMARY, "total-failure-session-count");
    for (text, is_complete) in
        [("\"3\"", true), ("3.0", true), ("NaN", false), ("-1", false), ("1e300", false)]
    {
        assert_eq!(read(with(&place, text)).is_complete(), is_complete, "for {text}");
    }
    assert!(!read(without(SUMMARY, "total-failure-session-count")).is_complete());
    assert!(read(without("", "contact-info")).is_complete());
    assert!(!read(with(SUMMARY, "null")).is_complete());
    assert!(!read(with("/policies", "null")).is_complete());
    assert!(!read(with("/policies/0", "5")).is_complete());
    assert!(read(with(&at(POLICY, "policy-string"), "5")).is_complete());
    assert!(read(plus("", r#""contact-info": "other@reporter.example""#)).is_complete());
    assert!(!read(plus(SUMMARY, r#""total-failure-session-count": 3"#)).is_complete());
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//= type=test
//# It is provided as a string formatted according
//# to "Internet Date/Time Format", Section 5.6 of [RFC3339].
#[test]
fn dates() {
    let date = |text: &str, codes: &[&str], expected: Option<&str>| {
        mended(
            ("/date-range/start-datetime", text),
            codes,
            |report| report.date_range.start.map(|time| time.to_string()),
            expected.map(str::to_owned),
        );
    };
    let midnight = Some("2026-09-10T00:00:00Z");
    date("\"2026-09-10T00:00:00Z\"", &[], midnight);
    date("\"2026-09-10t00:00:00z\"", &[], midnight); // RFC 3339 allows lower case
    date("\"2026-09-10T00:00:00.000Z\"", &[], midnight);
    date("\"2026-09-10T00:00:00+00:00\"", &[], midnight);
    date("\"2026-09-10T00:00:00-00:00\"", &[], midnight);
    date("\"2026-09-09T23:59:60Z\"", &[], Some("2026-09-09T23:59:59Z")); // a leap second
    date("\"2026-09-10T02:00:00+02:00\"", &["date-offset"], midnight);
    date("\"2026-09-09T19:30:00-04:30\"", &["date-offset"], midnight);
    date("\"2026-09-10T00:00:00\"", &["date-no-zone"], midnight);
    date("\"2026-09-10T00:00:00.5\"", &["date-no-zone"], Some("2026-09-10T00:00:00.5Z"));
    date("\"2026-09-10 00:00:00\"", &["date-form", "date-no-zone"], midnight);
    date("\"2026-09-10 00:00:00 UTC\"", &["date-form"], midnight);
    date("\" 2026-09-10T00:00:00Z \"", &["date-form"], midnight);
    date("\"2026-09-10T00:00Z\"", &["date-form"], midnight);
    date("\"2026-09-10T00:00:00+0000\"", &["date-form"], midnight);
    date("\"2026-09-10T00:00:00,25Z\"", &["date-form"], Some("2026-09-10T00:00:00.25Z"));
    date("\"2026-09-09T24:00:00Z\"", &["date-form"], midnight);
    date("\"2026-09-10T00:00:00.0000000001Z\"", &[], midnight); // below a nanosecond
    date("\"Thu, 10 Sep 2026 00:00:00 +0000\"", &["date-form"], midnight);
    date("\"2026-09-10\"", &["date-only"], midnight);
    date("1788998400", &["date-number"], midnight);
    date("1788998400000", &["date-number"], midnight); // milliseconds
    date("1788998400.0", &["date-number"], midnight);
    date("\"1788998400\"", &["date-number"], midnight);
    date("1e99", &["date-unreadable"], None);
    date("99999999999999999999999", &["date-unreadable"], None);
    date("\"2026-02-30T00:00:00Z\"", &["date-unreadable"], None);
    date("\"2026-09-10T25:00:00Z\"", &["date-unreadable"], None);
    date("\"2026-09-10T00:00:00+99:00\"", &["date-unreadable"], None);
    date("\"0000-01-01T00:00:00+00:01\"", &["date-unreadable"], None); // before the year 0
    date("-99999999999", &["date-unreadable"], None);
    date("\"10.09.2026\"", &["date-unreadable"], None);
    // The basic form of ISO 8601. It was taken for a number of seconds, of August 1970.
    date("20260910", &["date-only"], Some("2026-09-10T00:00:00Z"));
    date("\" 20260910 \"", &["date-only"], Some("2026-09-10T00:00:00Z"));
    date("20261310", &["date-unreadable"], None); // no month, and no time of a report
    // No report is of a time before there were any.
    date("0", &["date-unreadable"], None);
    date("1420070399", &["date-unreadable"], None);
    date("1420070400", &["date-number"], Some("2015-01-01T00:00:00Z"));
    date("\"1970-01-01T00:00:00Z\"", &["date-unreadable"], None);
    date("\"2014-12-31T23:59:59Z\"", &["date-unreadable"], None);
    date("\"2026-09-10T00:00:00Zzz\"", &["date-unreadable"], None);
    date("\"\"", &["text-empty"], None);
    date("null", &["null-value"], None);
    date("{}", &["wrong-type"], None);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.1
//= type=test
//# The report SHOULD cover a full day, from 00:00-24:00 UTC.
#[test]
fn ranges() {
    let range = |start: &str, end: &str, codes: &[&str]| {
        let text = format!(r#"{{"start-datetime": "{start}", "end-datetime": "{end}"}}"#);
        mended(("/date-range", &text), codes, |report| report.date_range.is_empty(), false);
    };
    range("2026-09-10T00:00:00Z", "2026-09-10T23:59:59Z", &[]);
    range("2026-09-10T00:00:00Z", "2026-09-10T23:59:59.999Z", &[]);
    range("2026-09-10T00:00:00Z", "2026-09-11T00:00:00Z", &["date-end-midnight"]);
    range("2026-09-10T00:00:00Z", "2026-09-10T00:59:59Z", &["date-range-not-a-day"]);
    range("2026-09-10T18:00:00Z", "2026-09-11T17:59:59Z", &["date-range-not-a-day"]);
    range("2026-09-10T00:00:00Z", "2026-09-16T23:59:59Z", &["date-range-not-a-day"]);
    range(
        "2026-09-10T00:00:00Z",
        "2026-09-17T00:00:00Z",
        &["date-end-midnight", "date-range-not-a-day"],
    );
    range("2026-09-10T00:00:00Z", "2026-09-10T00:00:00Z", &["date-range-empty"]);
    range("2026-09-10T23:59:59Z", "2026-09-10T00:00:00Z", &["date-range-reversed"]);
    range("2026-09-10", "2026-09-10", &[]); // the whole day; the dates are noted by themselves

    let swapped = read(with(
        "/date-range",
        r#"{"start-datetime": "2026-09-10T23:59:59Z", "end-datetime": "2026-09-10T00:00:00Z"}"#,
    ));
    assert!(swapped.report.date_range.start < swapped.report.date_range.end);
    let half = read(with("/date-range", r#"{"start-datetime": "2026-09-10T00:00:00Z"}"#));
    assert_eq!(repairs(&half), ["date-missing /date-range/end-datetime"]);
    assert_eq!(repairs(&read(without("", "date-range"))), ["date-range-missing /date-range"]);
}

#[test]
fn texts() {
    let name = |text: &str, codes: &[&str], expected: Option<&str>| {
        mended(
            ("/organization-name", text),
            codes,
            |report| report.organization_name.clone(),
            expected.map(str::to_owned),
        );
    };
    name(r#""A \"B\" \u00e9 \ud83d\ude00 \/""#, &[], Some("A \"B\" é 😀 /"));
    name(r#""""#, &["text-empty"], None);
    name("null", &["null-value"], None);
    name("None", &["null-value", "json-word"], None);
    name("17", &["number-for-text"], Some("17"));
    name(r#"["A", "B"]"#, &["array-for-text"], Some("A"));
    name("[]", &["array-for-text"], None);
    name("{\"a\": 1}", &["wrong-type"], None);
    name("true", &["wrong-type"], None);
    name("\"a\tb\"", &["json-string"], Some("a\tb")); // a raw tab
    name("\"a\\d\"", &["json-string"], Some("a\\d"));
    name(r#""\ud83d""#, &["json-string"], Some("\u{FFFD}"));
    name(r#""\ud83dx""#, &["json-string"], Some("\u{FFFD}x"));
    name(r#""\ud83d\u0041""#, &["json-string"], Some("\u{FFFD}A"));
    name(r#""\u12g4""#, &["json-string"], Some("\u{FFFD}12g4"));
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//= type=test
//# It is provided as a string formatted according to
//# "Addr-Spec Specification", Section 3.4.1 of [RFC5322].
#[test]
fn contacts() {
    let contact = |text: &str, codes: &[&str]| {
        let quoted = serde_json::to_string(text).unwrap();
        let expected = Some(text.to_owned());
        mended(("/contact-info", &quoted), codes, |r| r.contact_info.clone(), expected);
    };
    contact("tls@reporter.example", &[]);
    contact("\"a b\"@reporter.example", &[]);
    contact("mailto:tls@reporter.example", &["contact-info-form"]);
    contact("Reporter <tls@reporter.example>", &["contact-info-form"]);
    contact("https://reporter.example", &["contact-info-form"]);
    contact("tls@", &["contact-info-form"]);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//= type=test
//# "report-id": A unique identifier for the report.
#[test]
fn report_ids() {
    let id = |text: &str, codes: &[&str], hint: Option<&str>| {
        let quoted = format!("\"{text}\"");
        let look = |report: &Report| report.domain_hint().map(|domain| domain.as_str().to_owned());
        mended(("/report-id", &quoted), codes, look, hint.map(str::to_owned));
    };
    id("5065427c-23d3-47ca-b6e0-946ea0e8c4be", &[], None);
    id("2026-09-10T00:00:00Z_example.com", &["report-id-not-unique"], Some("example.com")); // Google
    id("2026-09-10T00:00:00Z_idx1_a.example", &["report-id-not-unique"], Some("a.example"));
    id("2026-09-10T00:00:00Z_example.com@reporter.example", &[], None);
    id("133526718584528772+example.com", &[], Some("example.com")); // Microsoft
    id("133944884956529435+", &["report-id-open"], None); // Microsoft, 2025
    id("1730332800_11732957880687192466", &[], None); // Stalwart
    id("2026-09-1é", &[], None);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//= type=test
//# Presently, the only three valid choices are "tlsa",
//# "sts", and the literal string "no-policy-found".
#[test]
fn types() {
    let policy = |text: &str, codes: &[&str], expected: PolicyType| {
        let quoted = format!("\"{text}\"");
        let place = at(POLICY, "policy-type");
        let look = |report: &Report| report.policies[0].policy.policy_type.clone();
        mended((&place, &quoted), codes, look, Some(expected));
    };
    policy("sts", &[], PolicyType::Sts);
    policy("tlsa", &[], PolicyType::Tlsa);
    policy("no-policy-found", &[], PolicyType::NoPolicyFound);
    policy("STS", &["policy-type-form"], PolicyType::Sts);
    policy("No_Policy_Found", &["policy-type-form"], PolicyType::NoPolicyFound);
    policy("sts2", &["policy-type-unknown"], PolicyType::Other("sts2".to_owned()));

    let result = |text: &str, codes: &[&str], expected: ResultType| {
        let quoted = format!("\"{text}\"");
        let place = at(DETAIL, "result-type");
        let look = |report: &Report| report.policies[0].failure_details[0].result_type.clone();
        mended((&place, &quoted), codes, look, Some(expected));
    };
    result("tlsa-invalid", &[], ResultType::TlsaInvalid);
    result("TLSA-Invalid ", &["result-type-form"], ResultType::TlsaInvalid);
    result("mx-mismatch", &["result-type-unknown"], ResultType::Other("mx-mismatch".to_owned()));
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//= type=test
//# "policy-string": An encoding of the applied policy as a JSON array
//# of strings, whether it's a TLSA record ([RFC6698], Section 2.3) or
//# an MTA-STS Policy.
#[test]
fn policy_strings() {
    let strings = |text: &str, codes: &[&str], expected: &[&str]| {
        let place = at(POLICY, "policy-string");
        let look = |report: &Report| report.policies[0].policy.policy_string.clone();
        mended((&place, text), codes, look, expected.iter().map(|s| (*s).to_owned()).collect());
    };
    strings(r#"["a: 1", "b: 2"]"#, &[], &["a: 1", "b: 2"]);
    strings(r#""a: 1\r\nb: 2\n""#, &["policy-string-text"], &["a: 1", "b: 2"]);
    strings(r#"["a: 1\nb: 2"]"#, &["policy-string-joined"], &["a: 1", "b: 2"]);
    strings(
        r#"["[\"3 1 1 aa\",\"3 1 1 bb\"]"]"#,
        &["policy-string-nested"],
        &["3 1 1 aa", "3 1 1 bb"],
    );
    strings(r#""[\"3 1 1 aa\"]""#, &["policy-string-text", "policy-string-nested"], &["3 1 1 aa"]);
    strings(r#""3 1 1 aa; 3 1 1 bb""#, &["policy-string-text"], &["3 1 1 aa", "3 1 1 bb"]); // section 4
    strings(
        r#"["[\"3 1 1 aa;3 1 1 bb\",\"\"]"]"#,
        &["policy-string-nested", "policy-string-joined"],
        &["3 1 1 aa", "3 1 1 bb"],
    );
    strings(r#"["[oops"]"#, &[], &["[oops"]); // a policy as it was published
    strings("[]", &["empty-array", "policy-string-missing"], &[]);
    strings("null", &["null-value", "policy-string-missing"], &[]);
    strings(r#"{"mode": "enforce"}"#, &["wrong-type", "policy-string-missing"], &[]);

    let nested = read(with(&at(POLICY, "policy-string"), r#"[["3 1 1 aa"], ["3 1 1 bb"]]"#));
    assert_eq!(nested.report.policies[0].policy.policy_string, ["3 1 1 aa", "3 1 1 bb"]);
    assert!(nested.has(RepairKind::PolicyStringNested));
}

// Erratum 6241: the example of the RFC has one string.
#[test]
fn mx_hosts() {
    let hosts = |text: &str, codes: &[&str], expected: &[&str]| {
        let place = at(POLICY, "mx-host");
        let look = |report: &Report| report.policies[0].policy.mx_host.clone();
        mended((&place, text), codes, look, expected.iter().map(|s| (*s).to_owned()).collect());
    };
    hosts(r#"["*.example.com", "mx.example.net"]"#, &[], &["*.example.com", "mx.example.net"]);
    hosts(r#""*.example.com""#, &["mx-host-text"], &["*.example.com"]);
    hosts(r#""a.example, b.example""#, &["mx-host-text"], &["a.example", "b.example"]);
    hosts(r#"["mx: a.example"]"#, &["mx-host-prefix"], &["a.example"]);
    hosts(r#"["MX:mx: a.example"]"#, &["mx-host-prefix"], &["a.example"]);
    hosts(r#"["mx:"]"#, &[], &["mx:"]);
    hosts("[]", &["empty-array", "mx-host-missing"], &[]);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//= type=test
//# In the case of Internationalized Domain Names
//# [RFC5891], the domain MUST consist of the Punycode-encoded
//# A-labels [RFC3492] and not the U-labels.
#[test]
fn names() {
    let name = |text: &str, codes: &[&str], expected: &str| {
        let quoted = serde_json::to_string(text).unwrap();
        for place in [at(POLICY, "policy-domain"), at(DETAIL, "receiving-mx-hostname")] {
            let look = |report: &Report| {
                let entry = &report.policies[0];
                if place.contains("policy-domain") {
                    entry.policy.policy_domain.as_ref().map(ToString::to_string)
                } else {
                    entry.failure_details[0].receiving_mx_hostname.as_ref().map(ToString::to_string)
                }
            };
            mended((&place, &quoted), codes, look, Some(expected.to_owned()));
        }
    };
    name("mx.example.com", &[], "mx.example.com");
    name("MX.Example.com", &["name-upper-case"], "mx.example.com");
    name("mx.example.com.", &["name-trailing-dot"], "mx.example.com");
    name("Example.COM.", &["name-upper-case", "name-trailing-dot"], "example.com");
    name("bücher.example", &["name-not-a-label"], "xn--bcher-kva.example");
    name("[192.0.2.1]", &["name-invalid"], "[192.0.2.1]");
    name("a b", &["name-invalid"], "a b");
}

#[test]
fn addresses() {
    let address = |text: &str, codes: &[&str], expected: Option<Parsed<&str>>| {
        let quoted = format!("\"{text}\"");
        let place = at(DETAIL, "sending-mta-ip");
        let look = |report: &Report| report.policies[0].failure_details[0].sending_mta_ip.clone();
        let expected = expected.map(|expected| match expected {
            Parsed::Valid(address) => Parsed::Valid(address.parse().unwrap()),
            Parsed::Text(text) => Parsed::Text(text),
        });
        mended((&place, &quoted), codes, look, expected);
    };
    address("192.0.2.1", &[], Some(Parsed::Valid("192.0.2.1")));
    address("2001:db8::1", &[], Some(Parsed::Valid("2001:db8::1")));
    address("2001:DB8:0:0::1", &["ip-not-canonical"], Some(Parsed::Valid("2001:db8::1")));
    address("", &["ip-empty"], None); // Google, 2024
    address("[2001:db8::1]", &["ip-form"], Some(Parsed::Valid("2001:db8::1")));
    address("[IPv6:2001:db8::1]", &["ip-form"], Some(Parsed::Valid("2001:db8::1")));
    address("[2001:db8::1]:25", &["ip-form"], Some(Parsed::Valid("2001:db8::1")));
    address("[192.0.2.1]:25", &["ip-form"], Some(Parsed::Valid("192.0.2.1")));
    address("192.0.2.1:25", &["ip-form"], Some(Parsed::Valid("192.0.2.1")));
    address("fe80::1%eth0", &["ip-form"], Some(Parsed::Valid("fe80::1")));
    address(" 192.0.2.1", &["ip-form"], Some(Parsed::Valid("192.0.2.1")));
    address("mta.example", &["ip-invalid"], Some(Parsed::Text("mta.example".to_owned())));
    address("192.0.2.010", &["ip-invalid"], Some(Parsed::Text("192.0.2.010".to_owned()))); // 8 or 10
}

#[test]
fn keys() {
    let renamed = |place: &str, key: &str, other: &str, code: &str| {
        let text = PLAIN.replace(&format!("\"{key}\""), &format!("\"{other}\""));
        let reading = read(&text);
        assert_eq!(repairs(&reading), [format!("{code} {place}/{other}")], "for {other}");
        assert_eq!(reading.report, read(PLAIN).report, "for {other}");
    };
    renamed(POLICY, "mx-host", "mx-host-pattern", "draft-key");
    renamed(DETAIL, "additional-information", "additional-info-uri", "draft-key");
    renamed(DETAIL, "failure-reason-code", "failure-error-code", "draft-key");
    renamed("", "organization-name", "Organization_Name", "key-form");
    renamed(DETAIL, "result-type", "result type", "key-form");

    // The proper name wins wherever it stands, and the last of two.
    let both = read(plus(POLICY, r#""mx-host-pattern": ["draft.example"]"#));
    assert_eq!(both.report.policies[0].policy.mx_host, ["mx.example.com"]);
    assert_eq!(repairs(&both), [format!("draft-key {POLICY}/mx-host-pattern")]);
    let twice = read(plus(SUMMARY, r#""total-successful-session-count": 7"#));
    assert_eq!(successful(&twice.report), Some(7));
    assert_eq!(
        repairs(&twice),
        [format!("duplicate-numbers {SUMMARY}/total-successful-session-count")]
    );
    let worse = read(plus(SUMMARY, r#""total-successful-session-count": null"#));
    assert_eq!(successful(&worse.report), Some(90), "null does not replace a number");
}

#[test]
fn unknown_members_survive() {
    for place in ["", POLICY, SUMMARY, DETAIL, "/policies/0"] {
        let text = plus(place, r#""x~/y": {"a": [1, 1e999, "é\n", null, true, {}]}, "z": 0.10"#);
        let reading = read(&text);
        let expected = [format!("unknown-key {place}/x~0~1y"), format!("unknown-key {place}/z")];
        assert_eq!(repairs(&reading), expected);
        let written = reading.report.to_json().expect("unknown members are allowed");
        assert!(written.contains(r#""x~/y":{"a":[1,1e999,"é\n",null,true,{}]},"z":0.10"#));
        assert_eq!(read(&written).report, reading.report);
    }
}

#[test]
fn what_is_missing_has_a_place() {
    for (object, key, code) in [
        ("", "organization-name", "organization-name-missing"),
        ("", "contact-info", "contact-info-missing"),
        ("", "report-id", "report-id-missing"),
        ("", "date-range", "date-range-missing"),
        ("", "policies", "policies-missing"),
        ("/policies/0", "policy", "policy-missing"),
        ("/policies/0", "summary", "summary-missing"),
        (POLICY, "policy-type", "policy-type-missing"),
        (POLICY, "policy-domain", "policy-domain-missing"),
        (POLICY, "policy-string", "policy-string-missing"),
        (POLICY, "mx-host", "mx-host-missing"),
        (SUMMARY, "total-successful-session-count", "count-missing"),
        (SUMMARY, "total-failure-session-count", "count-missing"),
        ("/policies/0", "failure-details", "failure-details-missing"),
        (DETAIL, "result-type", "result-type-missing"),
        (DETAIL, "sending-mta-ip", "sending-mta-ip-missing"),
        (DETAIL, "receiving-ip", "receiving-ip-missing"),
        (DETAIL, "receiving-mx-hostname", "receiving-mx-hostname-missing"),
        (DETAIL, "failed-session-count", "count-missing"),
    ] {
        let text = without(object, key);
        let reading = read(&text);
        assert_eq!(repairs(&reading), [format!("{code} {object}/{key}")]);
        let bracket = locate(text.as_bytes(), &format!("{object}/{key}")).unwrap();
        assert!(matches!(text.get(bracket.range()), Some("{" | "[")), "{key} is at {bracket:?}");
    }
    for optional in ["receiving-mx-helo", "additional-information", "failure-reason-code"] {
        assert_eq!(repairs(&read(without(DETAIL, optional))), Vec::<String>::new());
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4
//= type=test
//# Because of this, even in the
//# case where only a single policy was applied, the "policies" field of
//# the report body MUST be an array and not a singular value.
#[test]
fn one_thing_for_an_array_of_it() {
    let policies = with(
        "/policies",
        &serde_json::from_str::<serde_json::Value>(PLAIN).unwrap()["policies"][0].to_string(),
    );
    let reading = read(&policies);
    assert_eq!(repairs(&reading), ["object-for-array /policies"]);
    assert_eq!(reading.report, read(PLAIN).report);
    let details = with(
        "/policies/0/failure-details",
        r#"{"result-type": "tlsa-invalid", "failed-session-count": 10}"#,
    );
    assert_eq!(read(&details).report.policies[0].failure_details.len(), 1);
    let mixed = read(with("/policies/0/failure-details", r#"[null, 5, "x"]"#));
    assert!(mixed.report.policies[0].failure_details.is_empty());
    assert_eq!(mixed.refusal, None);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4
//= type=test
//# Note that the failure types are non-exclusive; an aggregate report
//# may contain overlapping "counts" of failure types when a single send
//# attempt encountered multiple errors.
#[test]
fn sums() {
    let sum = |counts: &[u32], codes: &[&str]| {
        let details: Vec<String> = counts
            .iter()
            .map(|count| {
                format!(
                    r#"{{"result-type": "sts-policy-invalid", "failed-session-count": {count}}}"#
                )
            })
            .collect();
        let text = format!("[{}]", details.join(","));
        let look = |report: &Report| report.policies[0].failure_details.len();
        mended(("/policies/0/failure-details", &text), codes, look, counts.len());
    };
    sum(&[10], &[]);
    sum(&[4, 6], &[]);
    sum(&[4, 5], &["details-below-total"]);
    sum(&[10, 10], &["details-above-total"]);
    sum(&[11], &["detail-above-total"]);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.3.1
//= type=test
//# When
//# using this declaration, the reporting MTA SHOULD utilize the
//# "failure-reason-code" to provide more information to the receiving
//# entity.
//= https://www.rfc-editor.org/rfc/rfc8460#section-4.3.3
//= type=test
//# When this category is used, the
//# reporter SHOULD also use "failure-reason-code" to give some feedback
//# to the receiving entity.
#[test]
fn general_results_need_a_reason() {
    let codes = |result: &str| {
        let detail = format!(
            r#"{{"result-type": "{result}", "sending-mta-ip": "192.0.2.1", "receiving-ip": "192.0.2.2",
            "receiving-mx-hostname": "mx.example.com", "failed-session-count": 10}}"#
        );
        repairs(&read(with(DETAIL, &detail)))
    };
    let missing = [format!("failure-reason-code-missing {DETAIL}/failure-reason-code")];
    assert_eq!(codes("validation-failure"), missing);
    assert_eq!(codes("certificate-not-trusted"), missing);
    assert_eq!(codes("certificate-expired"), [""; 0]);
}
