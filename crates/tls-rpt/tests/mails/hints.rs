//! What the headers of mails say.

use tls_rpt::{MailHints, MailLimits, ReportMail, ReportSubject};

use crate::read;

fn hints(header: &str) -> MailHints {
    let mail = format!("{header}\r\n\r\n{{}}");
    let mail = ReportMail::read(mail.as_bytes(), &MailLimits::default()).unwrap();
    mail.messages.first().unwrap().hints()
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
//= type=test
//# The "TLS-Report-Submitter" value MUST match the value found in the
//# domain [RFC5321] of the "contact-info" from the report body.
#[test]
fn real_headers_are_read() {
    let google = read("field/mjl-__mox/example.eml");
    let hints = google.messages[0].hints();
    assert_eq!(hints.report_domain.as_deref(), Some("test.xmox.nl"));
    assert_eq!(hints.submitter.as_deref(), Some("google.com"));
    assert_eq!(hints.from.as_deref(), Some("noreply-smtp-tls-reporting@google.com"));
    let subject = hints.report_subject().unwrap();
    assert_eq!(subject.domain, "test.xmox.nl");
    assert_eq!(subject.submitter, "google.com");
    assert!(subject.report_id.ends_with("@google.com"), "{subject:?}");
    // The submitter is that of the contact-info in the report.
    let json = String::from_utf8(google.reports[0].json.clone()).unwrap();
    assert!(json.contains("\"contact-info\":\"smtp-tls-reporting@google.com\""), "{json}");

    let microsoft = read("field/mjl-__mox/microsoft.eml");
    let hints = microsoft.messages[0].hints();
    assert_eq!(hints.from.as_deref(), Some("tlsrpt-noreply@microsoft.com"));
    assert!(hints.message_id.as_ref().unwrap().contains('@'));
    assert!(hints.date.unwrap() > 1_600_000_000);
}

#[test]
fn fields_are_decoded() {
    let found = hints(
        "Subject: =?utf-8?q?Report_Domain:?= a.test\r\n Submitter: b.test\r\n\tReport-ID: <1@b.test>\r\n\
         From: \"TLS, reports\" <t@b.test>, other@c.test\r\n\
         Date: Sat, 22 Nov 2025 00:05:00 +0100\r\n\
         Message-ID: <x@b.test>\r\n\
         tls-report-DOMAIN:  a.test \r\n\
         TLS-Report-Submitter: =?iso-8859-1?q?Feas=20Inc=07?=",
    );
    assert_eq!(
        found.subject.as_deref(),
        Some("Report Domain: a.test Submitter: b.test Report-ID: <1@b.test>")
    );
    let subject = found.report_subject().unwrap();
    assert_eq!((subject.domain.as_str(), subject.report_id.as_str()), ("a.test", "1@b.test"));
    assert_eq!(found.from.as_deref(), Some("t@b.test"));
    assert_eq!(found.date, Some(1_763_766_300));
    assert_eq!(found.message_id.as_deref(), Some("x@b.test"));
    assert_eq!(found.report_domain.as_deref(), Some("a.test"));
    assert_eq!(found.submitter.as_deref(), Some("Feas Inc\u{FFFD}")); // no control characters
}

#[test]
fn what_is_not_there_is_none() {
    assert_eq!(hints("X: y"), MailHints::default());
    assert_eq!(
        hints("Subject:\r\nFrom:\r\nDate: soon\r\nMessage-ID: \r\nTLS-Report-Domain:"),
        MailHints::default()
    );
}

#[test]
fn subjects_are_read_by_their_words() {
    let good = |subject: &str, domain: &str, submitter: &str, id: &str| {
        let found = ReportSubject::parse(subject).unwrap();
        assert_eq!(found.domain, domain);
        assert_eq!(found.submitter, submitter);
        assert_eq!(found.report_id, id);
    };
    let bad = |subject: &str| assert_eq!(ReportSubject::parse(subject), None, "{subject}");
    good(
        "Report Domain: a.test Submitter: b.test Report-ID: <1@b.test>",
        "a.test",
        "b.test",
        "1@b.test",
    );
    good(
        "Report  Domain:\ta.test Submitter: b.test Report-ID: <1@b.test> (x)",
        "a.test",
        "b.test",
        "1@b.test",
    );
    good("REPORT domain: a.test submitter: b.test report-id: 1", "a.test", "b.test", "1");
    bad("");
    bad("Report Domain: a.test Submitter: b.test"); // DMARC and TLS reports differ here
    bad("Fwd: Report Domain: a.test Submitter: b.test Report-ID: <1@b.test>"); // forwarded
    bad("Report Domain: Submitter: b.test Report-ID: <1@b.test>");
}
