//! Reports on their way out: what we compose, our own readers take without a remark.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use mail_domain::DomainName;
use proptest::prelude::*;
use tls_rpt::{
    AppliedPolicy, ComposedMail, DateRange, FailureDetail, MailAddress, MailHead, MailLimits,
    MessageId, MessageIdError, PackError, PackedReport, Parsed, PayloadLimits, Payloads,
    PolicyReport, PolicyType, Purpose, Report, ReportMail, ReportSubject, ResultType, SessionCount,
    Summary,
};

fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

/// A report of the day before 26 November 2026.
fn report(id: &str, contact: &str) -> Report {
    Report {
        organization_name: Some("Reporter".to_owned()),
        date_range: DateRange {
            start: Some("2026-11-25T00:00:00Z".parse().unwrap()),
            end: Some("2026-11-25T23:59:59Z".parse().unwrap()),
        },
        contact_info: Some(contact.to_owned()),
        report_id: Some(id.to_owned()),
        policies: vec![PolicyReport {
            policy: AppliedPolicy {
                policy_type: Some(PolicyType::NoPolicyFound),
                policy_domain: Some(Parsed::Valid(domain("example.com"))),
                ..AppliedPolicy::default()
            },
            summary: Summary {
                successful: Some(SessionCount::from(12)),
                failed: Some(SessionCount::from(3)),
                ..Summary::default()
            },
            ..PolicyReport::default()
        }],
        ..Report::default()
    }
}

fn packed() -> PackedReport {
    let report = report("2026-11-25.example.com.7f@reporter.example", "tls@reporter.example");
    PackedReport::pack(&report, &domain("example.com")).unwrap()
}

fn compose(packed: &PackedReport, to: &MailAddress, purpose: Purpose) -> ComposedMail {
    packed.mail(&MailHead {
        from: &address("noreply@reporter.example"),
        to,
        date: "2026-11-26T03:04:05Z".parse().unwrap(),
        message_id: &MessageId::parse("m1@reporter.example").unwrap(),
        purpose,
    })
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
//= type=test
//# These
//# message header fields MUST be included
#[test]
fn the_header_is_that_of_the_rfc() {
    let mail = compose(&packed(), &address("tls@example.com"), Purpose::Report);
    let text = str::from_utf8(mail.octets()).unwrap();
    let (header, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        header,
        "From: noreply@reporter.example\r\n\
         To: tls@example.com\r\n\
         Subject: Report Domain: example.com\r\n Submitter: reporter.example\r\n \
         Report-ID: <2026-11-25.example.com.7f@reporter.example>\r\n\
         Date: Thu, 26 Nov 2026 03:04:05 +0000\r\n\
         Message-ID: <m1@reporter.example>\r\n\
         TLS-Report-Domain: example.com\r\n\
         TLS-Report-Submitter: reporter.example\r\n\
         TLS-Required: No\r\n\
         Auto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n \
         boundary=\"=_tlsrpt_20261125examplecom7f\""
    );
    assert!(body.contains("Sessions with the TLS that was wanted:    12\r\n"), "{body}");
    assert!(body.contains("Sessions without it:                      3\r\n"), "{body}");
    assert!(!body.contains("This is a test"), "{body}");
}

#[test]
fn a_trial_says_that_it_is_one() {
    let mail = compose(&packed(), &address("tls@example.com"), Purpose::Trial);
    assert!(str::from_utf8(mail.octets()).unwrap().contains("\r\nThis is a test: "));
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.1
//= type=test
//# The extension MUST be "json" for a plain JSON file or "json.gz" for a
//# JSON file compressed using gzip.
#[test]
fn the_file_name_is_that_of_the_rfc() {
    assert_eq!(
        packed().file_name(),
        "reporter.example!example.com!1795564800!1795651199!20261125examplecom7f.json.gz"
    );
    let odd = report("-_-@reporter.example", "tls@reporter.example");
    let odd = PackedReport::pack(&odd, &domain("example.com")).unwrap();
    assert_eq!(odd.file_name(), "reporter.example!example.com!1795564800!1795651199.json.gz");
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
//= type=test
//# The "TLS-Report-Submitter" value MUST match the value found in the
//# domain [RFC5321] of the "contact-info" from the report body.
#[test]
fn the_submitter_is_the_domain_of_the_contact() {
    let report = report("1@other.example", "tls@mail.Reporter.example");
    let packed = PackedReport::pack(&report, &domain("example.com")).unwrap();
    assert_eq!(packed.submitter(), &domain("mail.reporter.example"));
}

#[test]
fn what_could_not_stand_in_a_header_is_refused() {
    let about = domain("example.com");
    let bad = |id: &str, contact: &str| PackedReport::pack(&report(id, contact), &about).err();
    for id in [
        "1",                           // no domain
        "2026-11-25T00:00:00Z@r.test", // a colon is no atext
        "a..b@r.test",
        ".a@r.test",
        "@r.test",
        "a@R.test", // would be read back as another
        "a b@r.test",
        "a@r.test\r\nBcc: x@y.test",
        "a\r\nBcc: x@y.test@r.test",
        "ä@r.test",
    ] {
        assert!(matches!(bad(id, "a@r.test"), Some(PackError::Id(_))), "{id:?}");
    }
    let long = format!("{}@r.test", "a".repeat(321));
    assert_eq!(bad(&long, "a@r.test"), Some(PackError::Id(MessageIdError::TooLong)));
    for contact in ["nobody", "mailto:a@r.test\r\nX: y", "A <a@r.test>", "a@r.test\r\nX: y"] {
        let error = bad("1@r.test", contact);
        assert!(
            matches!(error, Some(PackError::Contact(_) | PackError::Report(_))),
            "{contact:?}: {error:?}"
        );
    }
    let mut timeless = report("1@r.test", "a@r.test");
    timeless.date_range = DateRange::default();
    assert!(PackedReport::pack(&timeless, &about).is_err());
}

#[test]
fn a_signature_stands_first() {
    let mail = compose(&packed(), &address("tls@example.com"), Purpose::Report);
    let signed = mail.with_signature("DKIM-Signature: v=1\r\n");
    assert_eq!(signed.octets().strip_prefix(b"DKIM-Signature: v=1\r\n"), Some(mail.octets()));
}

fn name() -> impl Strategy<Value = DomainName> {
    prop::string::string_regex("[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z]{2,20}){1,8}")
        .unwrap()
        .prop_filter_map("a domain name", |text| DomainName::parse(&text).ok())
}

fn mailbox() -> impl Strategy<Value = MailAddress> {
    let plain = "[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,32}(\\.[a-z0-9]{1,8}){0,2}";
    let quoted = "\"([ !#-\\[\\]-~]|\\\\[ -~]){1,24}\"";
    let local = prop_oneof![
        4 => prop::string::string_regex(plain).unwrap(),
        1 => prop::string::string_regex(quoted).unwrap(),
    ];
    (local, name()).prop_filter_map("a mailbox", |(local, domain)| {
        MailAddress::parse(&format!("{local}@{domain}")).ok()
    })
}

fn detail() -> impl Strategy<Value = FailureDetail> {
    let kind = prop::sample::select(vec![
        ResultType::StartTlsNotSupported,
        ResultType::ValidationFailure,
        ResultType::TlsaInvalid,
    ]);
    (kind, name(), any::<u32>(), ".{1,40}").prop_map(|(kind, mx, count, reason)| FailureDetail {
        result_type: Some(kind),
        sending_mta_ip: Some(Parsed::Valid("192.0.2.1".parse().unwrap())),
        receiving_mx_hostname: Some(Parsed::Valid(mx)),
        receiving_ip: Some(Parsed::Valid("2001:db8::1".parse().unwrap())),
        failed_session_count: Some(SessionCount::from(count)),
        failure_reason_code: Some(reason.replace(char::is_control, "x")),
        ..FailureDetail::default()
    })
}

fn policy() -> impl Strategy<Value = PolicyReport> {
    let details = prop::collection::vec(detail(), 0..6);
    (name(), any::<u32>(), details).prop_map(|(name, good, details)| {
        let counts = details.iter().filter_map(|detail| detail.failed_session_count);
        let failed = SessionCount::new(counts.map(u64::from).sum());
        PolicyReport {
            policy: AppliedPolicy {
                policy_type: Some(PolicyType::Sts),
                policy_string: vec!["version: STSv1".to_owned(), "mode: testing".to_owned()],
                policy_domain: Some(Parsed::Valid(name)),
                mx_host: vec!["*.example.com".to_owned()],
                ..AppliedPolicy::default()
            },
            summary: Summary {
                successful: Some(SessionCount::from(good)),
                failed,
                ..Summary::default()
            },
            failure_details: details,
            ..PolicyReport::default()
        }
    })
}

prop_compose! {
    fn outgoing()(
        organisation in "[^\\p{C}\\p{Z}]{1,30}",
        contact in mailbox(),
        left in "[a-zA-Z0-9_+-]{1,30}(\\.[a-z0-9]{1,20}){0,3}",
        start in 1_420_070_400..4_000_000_000_i64,
        length in 3_599..100_000_i64,
        policies in prop::collection::vec(policy(), 1..5),
    ) -> Report {
        let time = |seconds| Timestamp::from_second(seconds).ok();
        Report {
            organization_name: Some(organisation),
            date_range: DateRange { start: time(start), end: time(start + length) },
            report_id: Some(format!("{left}@{}", contact.domain())),
            contact_info: Some(contact.to_string()),
            policies,
            ..Report::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_we_compose_is_read_without_a_remark(
        report in outgoing(),
        about in name(),
        from in mailbox(),
        to in mailbox(),
        date in 0..4_000_000_000_i64,
    ) {
        let packed = match PackedReport::pack(&report, &about) {
            Ok(packed) => packed,
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert_eq!(&PackedReport::pack(&report, &about).unwrap(), &packed);

        let by_post = Payloads::read(packed.gzip(), &PayloadLimits::default()).unwrap();
        prop_assert!(by_post.notes.is_empty(), "{:?}", by_post.notes);
        let json = &by_post.reports.first().unwrap().json;
        prop_assert_eq!(&Report::parse(json).unwrap(), &report);

        let mail = packed.mail(&MailHead {
            from: &from,
            to: &to,
            date: Timestamp::from_second(date).unwrap(),
            message_id: packed.id(),
            purpose: Purpose::Report,
        });
        for line in str::from_utf8(mail.octets()).unwrap().split_terminator("\r\n") {
            prop_assert!(line.len() <= 998, "{} octets", line.len());
            prop_assert!(line.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{line:?}");
        }
        prop_assert!(mail.octets().ends_with(b"\r\n"));

        let read = ReportMail::read(mail.octets(), &MailLimits::default()).unwrap();
        prop_assert!(read.notes.is_empty(), "{:?}", read.notes);
        prop_assert!(read.is_whole());
        prop_assert_eq!(read.reports.len(), 1);
        let part = read.reports.first().unwrap();
        prop_assert_eq!(&part.json, json);
        prop_assert_eq!(&part.name, &Some(packed.file_name()));

        let hints = read.messages.first().unwrap().hints();
        prop_assert_eq!(hints.date, Some(date));
        prop_assert_eq!(hints.report_domain.as_deref(), Some(about.as_str()));
        prop_assert_eq!(hints.submitter.as_deref(), Some(packed.submitter().as_str()));
        prop_assert_eq!(hints.message_id.as_deref(), report.report_id.as_deref());
        prop_assert_eq!(
            hints.report_subject(),
            Some(ReportSubject {
                domain: about.to_string(),
                submitter: packed.submitter().to_string(),
                report_id: report.report_id.clone().unwrap(),
            })
        );
    }
}
