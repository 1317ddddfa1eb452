//! What holds for every octet string.

use proptest::prelude::*;
use tls_rpt::{MailLimits, PayloadLimits, Payloads, ReportMail};

use crate::packings::{Entry, gzip, zip};

/// Octets near enough to mails to reach every branch of the reader.
fn near_mail() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "From: a@b.test\r\n",
        "Subject: =?utf-8?q?Report?=\r\n",
        "TLS-Report-Domain: b.test\r\n",
        "Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n",
        "Content-Type: multipart/mixed; boundary=\"c\"\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: application/tlsrpt+json\r\n",
        "Content-Type: application/tlsrpt+gzip\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        "Content-Disposition: attachment; filename*0*=utf-8''a%2Ejson\r\n",
        "\r\n",
        "\n",
        "--b\r\n",
        "--b--\r\n",
        "--c\r\n",
        "{\"report-id\":\"1\"}",
        "e30=",
        "=7B=7D",
        "H4sIAAAAAAAA",
        " ",
        "\t=\r\n",
        ":",
        "\0",
        "\u{e9}",
    ]);
    let anything = prop::collection::vec(any::<u8>(), 0..3);
    let part = prop_oneof![9 => piece.prop_map(|p| p.as_bytes().to_vec()), 1 => anything];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

fn json() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..200).prop_map(|mut octets| {
        octets.insert(0, b'{');
        // Zeros would make it UTF-16.
        octets.retain(|octet| *octet != 0);
        octets.push(b'}');
        octets
    })
}

proptest! {
    #[test]
    fn mails_never_panic_and_stay_in_bounds(octets in near_mail()) {
        let mut limits = MailLimits::default();
        limits.parts = 10;
        limits.depth = 3;
        limits.messages = 3;
        limits.reports = 3;
        if let Ok(mail) = ReportMail::read(&octets, &limits) {
            prop_assert!((1..=3).contains(&mail.messages.len()));
            prop_assert!(mail.reports.len() <= 3);
            prop_assert!(mail.notes.len() <= ReportMail::MAX_NOTES);
            prop_assert_eq!(&*mail.messages[0].octets, octets.as_slice());
            for report in &mail.reports {
                prop_assert!(report.message < mail.messages.len());
                prop_assert!(!report.json.is_empty());
            }
            for note in &mail.notes {
                prop_assert!(note.message < mail.messages.len());
            }
        }
    }

    #[test]
    fn what_is_packed_comes_out(json in json()) {
        let limits = PayloadLimits::default();
        let packed = [
            json.clone(),
            gzip(&json),
            gzip(&gzip(&json)),
            zip(&[("a.json", &json, Entry::Stored)]),
            zip(&[("a.json", &json, Entry::Deflated)]),
            zip(&[("a.json", &json, Entry::Described)]),
            zip(&[("a.json.gz", &gzip(&json), Entry::DescribedBare)]),
        ];
        for octets in packed {
            let found = Payloads::read(&octets, &limits).unwrap();
            prop_assert_eq!(found.reports.len(), 1);
            prop_assert_eq!(&found.reports[0].json, &json);
        }
    }

    #[test]
    fn octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300), kind in 0..4_u8) {
        let start: &[u8] = match kind {
            0 => b"\x1f\x8b\x08",
            1 => b"PK\x03\x04",
            2 => b"\xff\xfe{\0",
            _ => b"",
        };
        let octets = [start, &octets].concat();
        match Payloads::read(&octets, &PayloadLimits::default()) {
            Ok(found) => prop_assert!(!found.reports.is_empty()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
