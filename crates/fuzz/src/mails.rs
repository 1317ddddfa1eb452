//! Targets for what reports come in: everything found lies within the limits and within the mail.

use tls_rpt::{Layer, MailLimits, Medium, PayloadError, PayloadLimits, Payloads, ReportMail};

use crate::names::assert_is_message;

/// Packed reports.
pub fn report_payload(octets: &[u8]) {
    let mut tight = PayloadLimits::default();
    tight.packed = 2048;
    tight.unpacked = 8192;
    tight.entries = 4;
    tight.layers = 2;
    for limits in [PayloadLimits::default(), tight] {
        match Payloads::read(octets, &limits) {
            Ok(found) => {
                assert!((1..=limits.entries).contains(&found.reports.len()));
                for report in &found.reports {
                    assert!(report.layers.len() <= limits.layers);
                    assert_eq!(Medium::of(&report.json), Some(Medium::Json));
                    // Taken out once, it is taken out again.
                    let again = Payloads::read(&report.json, &PayloadLimits::default());
                    assert!(again.is_ok_and(|again| again.reports.len() == 1));
                }
                let unpacked: usize = found.reports.iter().map(|report| report.json.len()).sum();
                // Plain text is not unpacked, and UTF-16 grows by half when it becomes UTF-8.
                assert!(unpacked <= 2 * limits.unpacked.max(limits.packed));
                for note in &found.notes {
                    assert_is_message(&note.to_string());
                    assert_is_code(note.code());
                }
            }
            Err(error) => assert_is_sound(octets, &error),
        }
    }
}

/// Mails with reports in them.
pub fn report_mail(octets: &[u8]) {
    let mut tight = MailLimits::default();
    tight.octets = 4096;
    tight.header = 512;
    tight.parts = 6;
    tight.depth = 2;
    tight.messages = 3;
    tight.reports = 2;
    for limits in [MailLimits::default(), tight] {
        let mail = match ReportMail::read(octets, &limits) {
            Ok(mail) => mail,
            Err(error) => {
                assert_is_message(&error.to_string());
                continue;
            }
        };
        assert!((1..=limits.messages).contains(&mail.messages.len()));
        assert!(mail.messages.iter().all(|message| message.octets.len() <= octets.len()));
        assert!(mail.reports.len() <= limits.reports);
        assert!(mail.refusals.len() <= limits.parts);
        assert!(mail.notes.len() <= ReportMail::MAX_NOTES);
        for report in &mail.reports {
            assert!(report.message < mail.messages.len());
            assert!(!report.json.is_empty());
        }
        for refusal in &mail.refusals {
            assert_is_message(&refusal.error.to_string());
        }
        for note in &mail.notes {
            assert!(note.message < mail.messages.len());
            assert_is_message(&note.kind.to_string());
            assert_is_code(note.kind.code());
        }
        for message in &mail.messages {
            let hints = message.hints();
            for text in [&hints.subject, &hints.from, &hints.submitter, &hints.message_id] {
                assert!(!text.as_ref().is_some_and(|text| text.contains(char::is_control)));
            }
            let _ = hints.report_subject();
        }
    }
}

fn assert_is_sound(octets: &[u8], error: &PayloadError) {
    assert_is_message(&error.to_string());
    assert_is_code(error.kind.code());
    assert!(error.layers.iter().all(|layer| matches!(layer, Layer::Gzip(1..) | Layer::Zip(1..))));
    assert!(error.layers.len() > 1 || error.offset <= octets.len());
}

/// Codes stay when texts change.
fn assert_is_code(code: &str) {
    assert!(
        !code.is_empty() && code.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    );
}
