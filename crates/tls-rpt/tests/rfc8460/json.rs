//! What is JSON and what is not, what is a report and what is not, and how repairs are shown.

use tls_rpt::{Parsed, Refusal, RepairKind, Report, ReportError, ReportLimits, Severity, locate};

use crate::report::{
    DETAIL, PLAIN, POLICY, SUMMARY, at, plus, read, repairs, successful, with, without,
};

#[test]
fn repairs_show_their_text() {
    let shown = |text: &str, code: &str, expected: &str| {
        let reading = read(text);
        let repair = reading.repairs.iter().find(|repair| repair.kind.code() == code);
        let span = repair.and_then(|repair| repair.span(text.as_bytes()));
        assert_eq!(span.and_then(|span| text.get(span.range())), Some(expected), "for {code}");
    };
    shown(&format!("\u{FEFF}{PLAIN}"), "byte-order-mark", "\u{FEFF}");
    shown(&format!("ok {PLAIN}"), "leading-octets", "ok ");
    shown(&format!("{PLAIN} \0\0"), "trailing-octets", "\0\0");
    shown(&format!("{PLAIN}\n{{}}"), "further-reports", "{}");
    shown(PLAIN.trim_end_matches(['}', ']']), "json-truncated", "\n");
    shown(&PLAIN.replace("\"summary\":", "summary:"), "json-broken", "s");
    shown(&with("/contact-info", "null"), "null-value", "null");
    shown(&with(&at(DETAIL, "sending-mta-ip"), "\"\""), "ip-empty", "\"\"");
    shown(&with("/policies/0/failure-details", "[{}]"), "count-missing", "{");
    shown(&plus("", "\"a\": [1, {\"b\": 2}]"), "unknown-key", "[1, {\"b\": 2}]");
}

/// Where the text stops being JSON, what was read before stays.
#[test]
fn broken_json() {
    let broken = |text: &str, codes: &[&str]| {
        let reading = read(text);
        let found: Vec<&str> = reading.repairs.iter().map(|repair| repair.kind.code()).collect();
        assert_eq!(found, codes, "for {text}");
        assert_eq!(successful(&reading.report), Some(90), "for {text}");
        assert_eq!(reading.refusal, None);
    };
    let details = PLAIN.find("\"failure-details\"").unwrap();
    let (head, _) = PLAIN.split_at(details);
    broken(&format!("{head}\"failure-details\": [}}"), &["json-broken"]);
    broken(&format!("{head}failure-details: []"), &["json-broken"]);
    broken(&format!("{head}\"failure-details\" []"), &["json-broken"]);
    broken(&format!("{head}\"failure-details\": ["), &["json-truncated"]);
    broken(&format!("{head}\"failure-det"), &["json-truncated"]);
    broken(&format!("{head}'x': 1"), &["json-broken"]);
    broken(head, &["json-truncated"]);
    broken(&PLAIN.replace("}]\n    }]", "},]\n    },]"), &["json-comma", "json-comma"]);
    broken(&PLAIN.replace("\"192.0.2.10\",", "\"192.0.2.10\""), &["json-comma"]);
    broken(&PLAIN.replace("\"192.0.2.10\",", "\"192.0.2.10\",,"), &["json-comma"]);
    broken(&format!("{PLAIN}\0"), &["trailing-octets"]);
    broken(&format!("{PLAIN}]"), &["trailing-octets"]);
    broken(&format!("{PLAIN}{PLAIN}"), &["further-reports"]);
    broken(&format!("while(1);{PLAIN}"), &["leading-octets"]);
    broken(&format!("[{PLAIN}]"), &["in-array"]);
    broken(&format!("\u{FEFF}{PLAIN}"), &["byte-order-mark"]);
}

#[test]
fn a_number_at_the_end_of_the_text_is_not_taken() {
    let count = PLAIN.find("90,").unwrap();
    let cut = PLAIN.get(..count + 1).unwrap(); // `9` of `90`
    let reading = read(cut);
    assert_eq!(successful(&reading.report), None);
    assert_eq!(reading.refusal, Some(Refusal::BrokenOff));
    let longer = PLAIN.get(..count + 3).unwrap(); // `90,`
    assert_eq!(successful(&read(longer).report), Some(90));
}

#[test]
fn encodings() {
    let units: Vec<u16> = PLAIN.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    for text in [
        little.clone(),
        big.clone(),
        [&[0xFF, 0xFE], &little[..]].concat(),
        [&[0xFE, 0xFF], &big[..]].concat(),
        [&[0xFF, 0xFE], &little[..], &[0x20]].concat(), // half a unit at the end
    ] {
        let reading = read(&text);
        assert_eq!(repairs(&reading), ["utf-16 "]);
        assert_eq!(reading.report, read(PLAIN).report);
        let span = locate(&text, &at(SUMMARY, "total-successful-session-count")).unwrap();
        let marked: Vec<u8> =
            text.get(span.range()).unwrap().iter().copied().filter(|octet| *octet != 0).collect();
        assert_eq!(marked, b"90", "at {span:?}");
    }
}

#[test]
fn refusals() {
    let refused = |text: &[u8], limits: &ReportLimits, refusal: Refusal| {
        let reading = Report::read(text, limits);
        assert_eq!(reading.refusal, Some(refusal), "for {}", text.escape_ascii());
        assert!(!reading.is_complete());
        assert_eq!(reading.strict(), Err(ReportError::Refused(refusal)));
    };
    let usual = ReportLimits::default();
    refused(b"", &usual, Refusal::Empty);
    refused(b" \n", &usual, Refusal::Empty);
    refused(b"hello", &usual, Refusal::NotJson);
    refused(b"\x1F\x8B\x08\0\0", &usual, Refusal::NotJson);
    refused(b"\"{}\"", &usual, Refusal::NotAReport);
    refused(b"[1, 2]", &usual, Refusal::NotJson);
    refused(b"{}", &usual, Refusal::NotAReport);
    refused(b"{\"policies\": []}", &usual, Refusal::NotAReport);
    refused(b"{\"a\": {\"report-id\": 1}}", &usual, Refusal::NotAReport);
    refused(b"{\"report-id\": \"1\", \"contact-info\": \"", &usual, Refusal::BrokenOff);

    let mut limits = ReportLimits::default();
    limits.octets = PLAIN.len() - 1;
    refused(PLAIN.as_bytes(), &limits, Refusal::TooLong { limit: PLAIN.len() - 1 });
    let mut limits = ReportLimits::default();
    limits.policies = 0;
    refused(PLAIN.as_bytes(), &limits, Refusal::TooManyPolicies { limit: 0 });
    let mut limits = ReportLimits::default();
    limits.details = 0;
    refused(PLAIN.as_bytes(), &limits, Refusal::TooManyDetails { limit: 0 });
}

#[test]
fn small_limits_keep_the_numbers() {
    let mut limits = ReportLimits::default();
    limits.depth = 1;
    limits.strings = 2;
    limits.string_octets = 12;
    limits.unknown_members = 1;
    limits.repairs = 3;
    let text = plus("", r#""x": [[1]], "y": 1, "z": 2, "zz": 3, "zzz": 4"#);
    let reading = Report::read(text.as_bytes(), &limits);
    assert_eq!(successful(&reading.report), Some(90));
    assert_eq!(reading.report.policies[0].policy.policy_string, ["version: STS", "mode: enforc"]);
    assert_eq!(reading.report.unknown.len(), 1);
    assert!(reading.repairs_left_out > 0);
    for kind in [
        RepairKind::TextTooLong,
        RepairKind::TooManyStrings,
        RepairKind::NestedTooDeep,
        RepairKind::TooManyUnknownKeys,
    ] {
        assert!(reading.has(kind), "{kind} is not told");
    }
}

#[test]
fn depth_is_no_danger() {
    let deep = "[".repeat(200_000);
    for text in [
        plus("", &format!("\"x\": {deep}{}", "]".repeat(200_000))),
        with("/policies/0/policy/policy-string", &format!("[{deep}")),
        with("/organization-name", &deep.replace('[', "{\"a\":")),
        deep.clone(),
    ] {
        let _ = read(&text);
        let _ = locate(text.as_bytes(), "/policies/0/policy/policy-string/0/0/0/0");
    }
    let kept = plus("", &format!("\"x\": {deep}{}", "]".repeat(200_000)));
    assert_eq!(successful(&read(kept).report), Some(90));
}

#[test]
fn what_is_incomplete_is_not_written() {
    let faulty = |text: &str, kind: RepairKind| match read(text).report.to_json() {
        Err(ReportError::Faulty(repair)) => assert_eq!(repair.kind, kind),
        other => panic!("{kind} was expected, not {other:?}"),
    };
    faulty(&without("", "contact-info"), RepairKind::ContactInfoMissing);
    faulty(&without(POLICY, "policy-domain"), RepairKind::PolicyDomainMissing);
    faulty(&with(&at(DETAIL, "receiving-ip"), "\"x\""), RepairKind::IpInvalid);

    let mut report = read(PLAIN).report;
    report.policies[0].policy.policy_domain = Some(Parsed::Text("example.com".to_owned()));
    assert_eq!(report.to_json(), Err(ReportError::Ambiguous));
}

#[test]
fn the_table_of_repairs_is_sound() {
    let mut codes: Vec<&str> = RepairKind::ALL.iter().map(|kind| kind.code()).collect();
    codes.sort_unstable();
    assert!(codes.is_sorted_by(|one, next| one < next), "a code is there twice: {codes:?}");
    for &kind in RepairKind::ALL {
        let (code, sentence, section) = (kind.code(), kind.sentence(), kind.section());
        assert_eq!(RepairKind::from_code(code), Some(kind));
        assert!(code.bytes().all(|c| c.is_ascii_lowercase() || c == b'-' || c.is_ascii_digit()));
        assert!(sentence.contains([';', ',']), "{code} does not say how to mend it");
        assert!(!sentence.ends_with('.') && !sentence.contains(char::is_control), "{code}");
        assert!(section.starts_with("RFC ") && section.contains(" §"), "{code}: {section}");
    }
    assert!(Severity::BreaksPeers > Severity::Wrong && Severity::Wrong > Severity::Unusual);
}

#[test]
fn a_message_names_the_place_and_escapes_it() {
    let reading = read(plus("", "\"x\\u001b[31m\": 1"));
    let message = reading.repairs[0].to_string();
    assert!(message.starts_with(r"/x\u{1b}[31m: the member is not defined"), "{message}");
}
