//! What occurs in the stead of a plain report mail.

use data_encoding::BASE64;
use tls_rpt::{MailError, MailLimits, ReportMail};

use crate::packings::{Entry, gzip, zip};

const JSON: &str = "{\"organization-name\":\"Feas Inc\"}";
const HEAD: &str = "From: a@b.test\r\nSubject: Report Domain: c.test Submitter: b.test Report-ID: <1@b.test>\r\n\
    TLS-Report-Domain: c.test\r\nTLS-Report-Submitter: b.test\r\nMIME-Version: 1.0\r\n";

fn base64(octets: &[u8]) -> String {
    let text = BASE64.encode(octets);
    text.as_bytes()
        .chunks(76)
        .map(|line| format!("{}\r\n", str::from_utf8(line).unwrap()))
        .collect()
}

/// A report mail with the parts, each with its header.
fn report(parts: &[&str]) -> String {
    let parts: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
    format!(
        "{HEAD}Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n{parts}--b--\r\n"
    )
}

fn part(header: &str, body: &str) -> String {
    format!("{header}\r\n\r\n{body}")
}

fn read(mail: &str) -> ReportMail<'_> {
    ReportMail::read(mail.as_bytes(), &MailLimits::default()).unwrap()
}

/// The parts in which reports are, and the notes.
fn good(mail: &str, parts: &[&str], notes: &[&str]) {
    let found = read(mail);
    let paths: Vec<String> = found.reports.iter().map(|report| report.part.to_string()).collect();
    assert_eq!(paths, parts, "{mail}");
    let codes: Vec<&str> = found.notes.iter().map(|note| note.kind.code()).collect();
    assert_eq!(codes, notes, "{mail}");
    assert_eq!(found.refusals, [], "{mail}");
    for report in &found.reports {
        let json = report.json.trim_ascii();
        assert!(json.starts_with(b"{") && json.ends_with(b"}"));
    }
}

#[test]
fn parts_are_found_by_what_they_are() {
    let gz = base64(&gzip(JSON.as_bytes()));
    let one = |header: &str, body: &str, notes: &[&str]| {
        good(&report(&[&part(header, body)]), &["1"], notes)
    };
    one("Content-Type: application/tlsrpt+json", JSON, &[]);
    one("Content-Type: APPLICATION/TLSRPT+JSON; charset=utf-8", JSON, &[]);
    one("Content-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: BASE64 ", &gz, &[]);
    one(
        "Content-Type: application/tlsrpt+json\r\nContent-Transfer-Encoding: base64",
        &gz,
        &["media-type-wrong"],
    );
    one(
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64",
        &gz,
        &["media-type-other", "found-by-content"],
    );
    one(
        "Content-Type: image/png\r\nContent-Transfer-Encoding: base64",
        &gz,
        &["media-type-other", "found-by-content"],
    );
    // A gateway that misspells the field (Trustwave SEG).
    one(
        "ContentType: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64",
        &gz,
        &["content-type-misspelt"],
    );
    one("Content-Type: text/plain", JSON, &["media-type-other", "found-by-content"]);
    one("", JSON, &["media-type-other", "found-by-content"]);
    // Declared encodings that are not there, and the other way round.
    one("Content-Type: application/tlsrpt+gzip", &gz, &["base64-undeclared"]);
    one(
        "Content-Type: text/plain",
        &gz,
        &["media-type-other", "found-by-content", "base64-undeclared"],
    );
    one(
        "Content-Type: application/tlsrpt+json\r\nContent-Transfer-Encoding: base64",
        JSON,
        &["transfer-encoding-wrong"],
    );
    let zipped = base64(&zip(&[
        ("a.json", JSON.as_bytes(), Entry::Deflated),
        ("b.json", JSON.as_bytes(), Entry::Stored),
    ]));
    let header = "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64";
    good(
        &report(&[&part(header, &zipped)]),
        &["1", "1"],
        &["media-type-other", "zip", "several-reports"],
    );
}

#[test]
fn names_are_read_in_every_form() {
    let named = |parameters: &str| {
        let header = format!(
            "Content-Type: application/x-unknown\r\nContent-Disposition: attachment; {parameters}"
        );
        let mail = report(&[&part(&header, JSON)]);
        read(&mail).reports.remove(0).name
    };
    assert_eq!(
        named("filename=\"b.test!c.test!1!2.json\"").as_deref(),
        Some("b.test!c.test!1!2.json")
    );
    assert_eq!(
        named("filename*=utf-8''b.test%21c.test.json").as_deref(),
        Some("b.test!c.test.json")
    ); // RFC 2231
    assert_eq!(
        named("filename*0=\"b.test!\";\r\n filename*1=c.json").as_deref(),
        Some("b.test!c.json")
    );
    assert_eq!(
        named("filename*0*=utf-8''%62.test%21;\r\n filename*1=c.json").as_deref(),
        Some("b.test!c.json")
    );
    assert_eq!(named("filename==?utf-8?q?b.json?=").as_deref(), Some("b.json")); // RFC 2047 forbids it
    let by_type = report(&[&part("Content-Type: application/x-unknown; name=c.json", JSON)]);
    assert_eq!(read(&by_type).reports[0].name.as_deref(), Some("c.json"));
    assert!(!read(&by_type).notes.iter().any(|note| note.kind.code() == "found-by-content"));
}

#[test]
fn other_parts_are_left_alone() {
    let found = |header: &str, body: &str| {
        let mail = report(&[&part(header, body)]);
        let found = read(&mail);
        assert_eq!(found.reports, [], "{header}");
        found.refusals.iter().map(|refusal| refusal.error.kind.code()).collect::<Vec<_>>()
    };
    assert!(found("Content-Type: text/plain", "{not a report, but in braces}").is_empty());
    assert!(found("Content-Type: text/html", "<p>{\"policies\"}</p>").is_empty());
    let document = base64(&zip(&[("word/document.xml", b"<?xml?>", Entry::Deflated)]));
    let header =
        "Content-Type: application/vnd.openxmlformats\r\nContent-Transfer-Encoding: base64";
    assert!(found(header, &document).is_empty());
    // What is promised and not there is told.
    let dmarc = base64(&gzip(b"<?xml version=\"1.0\"?><feedback/>"));
    let header = "Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64";
    assert_eq!(found(header, &dmarc), ["no-report"]);
    assert_eq!(found("Content-Type: application/tlsrpt+gzip", "nothing"), ["no-report"]);
    assert_eq!(found("Content-Type: application/tlsrpt+json", ""), ["empty"]);
}

#[test]
fn several_reports_are_all_found() {
    let json = part("Content-Type: application/tlsrpt+json", JSON);
    let text = part("Content-Type: text/plain", "This is a report.");
    good(&report(&[&text, &json, &json]), &["2", "3"], &["several-reports"]);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
//= type=test
//# Inside it, there are two parts: The first part is human readable,
//# typically "text/plain", and the second part is machine readable with
//# a new media type defined called "application/tlsrpt+json".
#[test]
fn forwarded_messages_are_kept_byte_for_byte() {
    let text = part("Content-Type: text/plain", "This is a report.");
    let inner = report(&[&text, &part("Content-Type: application/tlsrpt+json", JSON)]);
    let outer = |header: &str, body: &str| {
        format!(
            "From: me@c.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee below\r\n--x\r\n{header}\r\n\r\n{body}\r\n--x--\r\n"
        )
    };
    let in_base64 = base64(inner.as_bytes());
    for (header, body) in [
        ("Content-Type: message/rfc822", &inner),
        ("Content-Type: application/octet-stream; name=\"Report.EML\"", &inner),
        ("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64", &in_base64),
    ] {
        let mail = outer(header, body);
        let found = read(&mail);
        assert_eq!(found.reports.len(), 1);
        assert_eq!(found.reports[0].message, 1);
        assert_eq!(found.reports[0].part.to_string(), "2.2");
        assert_eq!(found.messages.len(), 2);
        assert_eq!(found.messages[0].octets, mail.as_bytes());
        assert_eq!(found.messages[1].octets, inner.as_bytes());
        assert_eq!(found.messages[1].within, Some(0));
        assert_eq!(found.messages[1].hints().submitter.as_deref(), Some("b.test"));
        assert_eq!(found.messages[0].hints().submitter, None);
        let codes: Vec<&str> = found.notes.iter().map(|note| note.kind.code()).collect();
        assert_eq!(codes, ["forwarded"]);
    }
    // In a digest the type need not be given.
    let digest = format!(
        "From: me@c.test\r\nContent-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n{inner}\r\n--x--\r\n"
    );
    assert_eq!(read(&digest).reports.len(), 1);
    // As the whole body, and twice.
    let once = format!("From: me@c.test\r\nContent-Type: message/rfc822\r\n\r\n{inner}");
    let twice = format!("From: me@c.test\r\nContent-Type: message/rfc822\r\n\r\n{once}");
    assert_eq!(read(&twice).messages.len(), 3);
    assert_eq!(read(&twice).messages[2].within, Some(1));
    assert_eq!(read(&twice).reports[0].message, 2);
}

#[test]
fn damaged_structure_does_not_cost_the_report() {
    let json = part("Content-Type: application/tlsrpt+json", JSON);
    let whole = report(&[&json]);
    good(&whole.replace("\r\n", "\n"), &["1"], &[]); // a mailbox of Unix
    good(&whole.replace("--b--", ""), &["1"], &["multipart-open"]);
}

#[test]
fn the_boundary_is_guessed_when_it_is_wrong() {
    let json = part("Content-Type: application/tlsrpt+json", JSON);
    let mail = report(&[&json]);
    good(&mail.replace("boundary=b", "boundary=c"), &["1"], &["boundary-guessed"]);
    good(&mail.replace("; boundary=b", ""), &["1"], &["boundary-guessed"]);
}

#[test]
fn odd_headers_are_told() {
    let json = part("Content-Type: application/tlsrpt+json", JSON);
    let whole = report(&[&json]);
    good(
        &format!("From root Thu Nov 26 17:01:49 2026\r\n{whole}"),
        &["1"],
        &["other-lines-in-header"],
    );
    good(&format!("From: z@z.test\r\n{whole}"), &["1"], &["field-repeated"]);
    good(&whole.replace("report-type=tlsrpt; ", ""), &["1"], &["report-type-other"]);
    good(&whole.replace("report-type=tlsrpt", "report-type=\"TLSRPT\""), &["1"], &[]);
    good(&whole.replace("Subject: Report", "Subject: Fwd: Report"), &["1"], &["subject-form"]);
    good(&whole.replace("TLS-Report-Domain", "X-Domain"), &["1"], &["tls-headers-missing"]);
}

#[test]
fn what_is_no_mail_is_refused() {
    let bad = |octets: &[u8], error: MailError| {
        assert_eq!(ReportMail::read(octets, &MailLimits::default()), Err(error));
    };
    bad(b"", MailError::NoHeader);
    bad(b"\r\nFrom: a@b.test\r\n", MailError::NoHeader);
    bad(JSON.as_bytes(), MailError::NoHeader);
    bad(&gzip(JSON.as_bytes()), MailError::NoHeader);
    bad(b"hello\r\n", MailError::NoHeader);
}
