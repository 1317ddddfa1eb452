//! Target for signed mails: whatever is signed and keyed, the judgement follows from the verdicts.

use sealpost_dkim::{Authenticity, KeyAnswer, Message, Signature, Verdict};

use crate::names::assert_is_message;

/// The time at which everything is verified.
const NOW: i64 = 1_600_000_000;

/// The first line is the record of every key, the rest is a mail.
pub fn dkim_message(octets: &[u8]) {
    let mut parts = octets.splitn(2, |octet| *octet == b'\n');
    let record = parts.next().unwrap_or_default().to_vec();
    let mail = parts.next().unwrap_or_default();
    let message = match Message::read(mail) {
        Ok(message) => message,
        Err(error) => return assert_is_message(&error.to_string()),
    };
    let from = message.from_domain();
    if let Err(fault) = &from {
        assert_is_message(&fault.to_string());
    }
    let mut signatures: Vec<Signature> = Vec::new();
    for signature in message.signatures() {
        match signature {
            Ok(signature) => signatures.push(signature),
            Err(error) => assert_is_message(&error.to_string()),
        }
    }
    assert!(signatures.len() <= Message::MAX_SIGNATURES);

    for answer in [KeyAnswer::Found(vec![record]), KeyAnswer::Absent, KeyAnswer::Unknown] {
        let verdicts: Vec<(Signature, Verdict)> = signatures
            .iter()
            .map(|signature| (signature.clone(), signature.verify(&message, &answer, NOW)))
            .collect();
        for (signature, verdict) in &verdicts {
            assert_is_message(&verdict.to_string());
            assert!(signature.query_name().contains("._domainkey."));
            let is_found = matches!(answer, KeyAnswer::Found(_));
            assert!(is_found || !matches!(verdict, Verdict::Pass(_)));
            assert!(!matches!(verdict, Verdict::Pass(_)) || signature.body_length().is_none());
        }
        match message.authenticity(&verdicts) {
            Authenticity::Authentic(found) => {
                let proof = verdicts.get(found.signature);
                assert!(proof.is_some_and(|(signature, verdict)| {
                    *signature.domain() == found.signer && *verdict == Verdict::Pass(found.pass)
                }));
                assert_eq!(Ok(found.from), from);
            }
            Authenticity::Doubtful(doubt) => assert_is_message(&doubt.to_string()),
            Authenticity::Undecided => assert_eq!(answer, KeyAnswer::Unknown),
        }
    }
}
