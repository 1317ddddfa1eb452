//! Mails and packings made to exhaust a reader: each is answered soon, with little memory.

use tls_rpt::{MailError, MailLimits, PayloadErrorKind, PayloadLimits, Payloads, ReportMail};

use crate::packings::{Entry, gzip, zip};

fn codes(mail: &ReportMail<'_>) -> Vec<&'static str> {
    mail.notes.iter().map(|note| note.kind.code()).collect()
}

fn read(mail: &[u8]) -> ReportMail<'_> {
    ReportMail::read(mail, &MailLimits::default()).unwrap()
}

fn refused(octets: &[u8], limits: &PayloadLimits, kind: PayloadErrorKind) {
    assert_eq!(Payloads::read(octets, limits).unwrap_err().kind, kind);
    assert!(kind.is_limit());
}

#[test]
fn a_hundred_thousand_parts_are_cut() {
    let mut mail = b"From: a@b.test\r\nContent-Type: multipart/report; boundary=b\r\n\r\n".to_vec();
    let json = b"--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n{}\r\n";
    for _ in 0..100_000 {
        mail.extend(json);
    }
    let found = read(&mail);
    assert_eq!(found.reports.len(), MailLimits::default().reports);
    assert!(codes(&found).contains(&"parts-cut") && codes(&found).contains(&"reports-cut"));
    assert!(!found.is_whole());
    assert_eq!(found.notes.len(), 2 + 4, "{:?}", codes(&found));
}

#[test]
fn what_is_nested_deeper_than_read_is_cut() {
    let mut multiparts = b"From: a@b.test\r\n".to_vec();
    for level in 0..20_000 {
        multiparts.extend(
            format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n")
                .bytes(),
        );
    }
    let found = read(&multiparts);
    assert!(codes(&found).contains(&"depth-cut"));

    // A tree of these has crashed parsers.
    let messages = b"Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let found = read(&messages);
    assert!(codes(&found).contains(&"depth-cut"));
    assert_eq!(found.messages.len(), MailLimits::default().depth + 1);

    let mut digest = b"Content-Type: multipart/digest; boundary=b\r\n\r\n".to_vec();
    for _ in 0..1000 {
        digest.extend(b"--b\r\n\r\nA: b\r\n\r\nx\r\n");
    }
    let found = read(&digest);
    assert!(codes(&found).contains(&"messages-cut"));
    assert_eq!(found.messages.len(), MailLimits::default().messages);
}

/// Looking for each of many boundaries to the end takes time that grows with their square.
#[test]
fn boundaries_that_never_come_cost_one_look_each() {
    let mut mail = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for number in 0..100_000 {
        mail.extend(
            format!("--b\r\nContent-Type: multipart/mixed; boundary=q{number}\r\n\r\nx\r\n")
                .bytes(),
        );
    }
    assert!(codes(&read(&mail)).contains(&"parts-cut"));
}

#[test]
fn long_headers_are_refused() {
    let limits = MailLimits::default();
    for line in
        ["a:b\r\n", "Subject: =?utf-8?q?a?=\r\n =?utf-8?q?b?=\r\n", " folded\r\n", "no field\r\n"]
    {
        let lines = limits.header / line.len() + 1;
        let mail = ["From: a@b.test\r\n", &line.repeat(lines), "\r\n{}"].concat();
        let error = MailError::HeaderTooLong { limit: limits.header };
        assert_eq!(ReportMail::read(mail.as_bytes(), &limits), Err(error), "{line}");
    }
    // Just below the limit, one field after the other is read, and none takes long.
    for (name, word) in [
        ("Subject", "=?utf-8?q?a?= "),
        ("From", "a@b.test, "),
        ("From", "(((((("),
        ("From", "\"\\\\"),
        ("Date", "(1 "),
        ("Message-ID", "<a@b> "),
        ("Content-Type", "a/b; f*1*=utf-8''x; "),
        ("Content-Disposition", "a; f=\"\\\"; "),
    ] {
        let mail = format!("{name}: {}\r\n\r\n{{}}", word.repeat(200_000 / word.len()));
        let _ = read(mail.as_bytes());
    }
    // In a part it costs the part.
    let long = "a:b\r\n".repeat(limits.header);
    let mail = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{long}\r\n{{}}\r\n--b\r\n\r\n{{\"policies\":[]}}\r\n--b--"
    );
    let found = read(mail.as_bytes());
    assert_eq!(found.reports.len(), 1);
    assert!(codes(&found).contains(&"header-cut"));
}

#[test]
fn large_mails_are_refused_before_they_are_read() {
    let limits = MailLimits::default();
    let mail = vec![b'a'; limits.octets + 1];
    let error = MailError::TooLarge { size: limits.octets + 1, limit: limits.octets };
    assert_eq!(ReportMail::read(&mail, &limits), Err(error));
}

#[test]
fn octets_that_grow_too_much_are_refused() {
    let default = PayloadLimits::default();
    let zeros = vec![b' '; default.unpacked + 1];
    let mut bomb = b"{".to_vec();
    bomb.extend(&zeros);
    refused(&gzip(&bomb), &default, PayloadErrorKind::RatioTooHigh { limit: default.ratio });
    let many = vec![gzip(&bomb[..default.unpacked / 8]); 9].concat();
    refused(&many, &default, PayloadErrorKind::RatioTooHigh { limit: default.ratio });
    refused(&gzip(&gzip(&bomb)), &default, PayloadErrorKind::RatioTooHigh { limit: default.ratio });
    for entry in [Entry::Deflated, Entry::Described] {
        let archive = zip(&[("a.json", &bomb, entry)]);
        refused(&archive, &default, PayloadErrorKind::RatioTooHigh { limit: default.ratio });
    }
    // A limit on the octets themselves, whatever the ratio.
    let mut limits = default;
    limits.ratio = usize::MAX;
    let too_large = PayloadErrorKind::TooLargeUnpacked { limit: default.unpacked };
    refused(&gzip(&bomb), &limits, too_large);
    refused(&many, &limits, too_large);
    // A report that packs well is one all the same while it is small.
    let mut report = b"{\"policies\":[".to_vec();
    report.extend(b"{\"policy\":{\"policy-type\":\"no-policy-found\"}},".repeat(20_000));
    assert!(report.len() > 200 * gzip(&report).len() && report.len() < PayloadLimits::RATIO_FREE);
    assert!(Payloads::read(&gzip(&report), &default).is_ok());
}

#[test]
fn counts_and_layers_are_bounded() {
    let default = PayloadLimits::default();
    let too_many = PayloadErrorKind::TooMany { limit: default.entries };
    refused(&gzip(b"{}").repeat(default.entries + 1), &default, too_many);
    refused(&gzip(b"").repeat(100_000), &default, too_many);
    let entries = vec![("a.json", &b"{}"[..], Entry::Stored); default.entries + 1];
    refused(&zip(&entries), &default, too_many);
    let folders = vec![("a/", &b""[..], Entry::Stored); 10_000];
    refused(&zip(&folders), &default, too_many);
    // Archives in archives, each within the limits.
    let inner = zip(&vec![("a.json", &b"{}"[..], Entry::Stored); default.entries]);
    refused(
        &zip(&[("a.zip", &inner, Entry::Stored), ("b.zip", &inner, Entry::Stored)]),
        &default,
        too_many,
    );

    let mut layers = b"{}".to_vec();
    for _ in 0..default.layers {
        layers = gzip(&layers);
    }
    assert!(Payloads::read(&layers, &default).is_ok());
    refused(&gzip(&layers), &default, PayloadErrorKind::TooDeep { limit: default.layers });
    let packed = vec![b'{'; default.packed + 1];
    let too_large = PayloadErrorKind::TooLarge { size: default.packed + 1, limit: default.packed };
    refused(&packed, &default, too_large);
}

/// Each part alone stays below the limits, and all together would take a gigabyte.
#[test]
fn many_bombs_in_one_mail_share_one_limit() {
    let mut report = b"{".to_vec();
    report.resize(12 << 20, b' ');
    // Noise, so that the ratio is low.
    let mut state = 1_u32;
    for octet in report.iter_mut().skip(1).take(1 << 17) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *octet = (state >> 24) as u8;
    }
    let packed = gzip(&report);
    assert!(packed.len() * 200 > report.len());
    let text = data_encoding::BASE64.encode(&packed);
    let mut mail = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
    for _ in 0..60 {
        mail.push_str(
            "--b\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        );
        mail.push_str(&text);
        mail.push_str("\r\n");
    }
    let found = read(mail.as_bytes());
    assert_eq!(found.reports.len(), 1);
    assert_eq!(found.refusals.len(), 59);
    assert!(found.refusals.iter().all(|refusal| refusal.error.kind.is_limit()));
}
