use hickory_proto::op::Query;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{RData, Record, RecordType, TSigResponseContext, TSigner};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_790_000_000;

fn clock() -> Clock {
    Clock::simulated(Timestamp::from_second(NOW).unwrap())
}

fn key(secret: &str) -> TsigKey {
    TsigKey::parse(&format!("hmac-sha256:Transfer.test:{secret}")).unwrap()
}

fn question() -> Message {
    let mut question = Message::query();
    question.add_query(Query::query(Name::from_ascii("a.test.").unwrap(), RecordType::AXFR));
    question
}

/// An answer signed by hickory, which shares nothing with our verification, at this time.
fn signed_answer(question: &Message, secret: &str, time: i64) -> Vec<u8> {
    let key = key(secret);
    let name = Name::from_ascii("transfer.test.").unwrap();
    let signer =
        TSigner::new(key.signer().key().to_vec(), TsigAlgorithm::HmacSha256, name, FUDGE).unwrap();
    let mac = question.signature().unwrap().data.mac.clone();
    let mut answer = question.clone().into_response();
    answer.take_signature();
    let data = RData::A(A::new(192, 0, 2, 1));
    answer.add_answer(Record::from_rdata(Name::from_ascii("mx.a.test.").unwrap(), 60, data));
    let time = u64::try_from(time).unwrap();
    let context = TSigResponseContext::new(answer.metadata.id, time, signer, mac, None);
    let signature = context.sign(&answer.to_vec().unwrap()).unwrap();
    answer.set_signature(signature);
    answer.to_vec().unwrap()
}

fn verdict(octets: &[u8], verifier: &mut Verifier<'_>) -> Result<(), Unverified> {
    verifier.take(octets, &Message::from_vec(octets).unwrap())
}

#[test]
fn what_hickory_signs_is_believed_and_nothing_else() {
    let (clock, key) = (clock(), key("c2VjcmV0"));
    for (secret, time, expected) in [
        ("c2VjcmV0", NOW, Ok(())),
        ("c2VjcmV0", NOW - 299, Ok(())),
        ("c2VjcmV0", NOW + 301, Err(Unverified::OtherTime(301))),
        ("c2VjcmV1", NOW, Err(Unverified::WrongMac)),
    ] {
        let mut question = question();
        let mut verifier = sign(&mut question, &key, &clock).unwrap();
        assert_eq!(verifier.finish(), Err(Unverified::Unsigned), "there is no answer yet");
        let octets = signed_answer(&question, secret, time);
        assert_eq!(verdict(&octets, &mut verifier), expected, "{secret} {time}");
        assert_eq!(verifier.finish().is_ok(), expected.is_ok());
    }
}

#[test]
fn hickory_believes_what_we_sign() {
    let (clock, key) = (clock(), key("c2VjcmV0"));
    let mut question = question();
    sign(&mut question, &key, &clock).unwrap();
    let name = Name::from_ascii("transfer.test.").unwrap();
    let signer =
        TSigner::new(key.signer().key().to_vec(), TsigAlgorithm::HmacSha256, name, FUDGE).unwrap();
    let octets = question.to_vec().unwrap();
    let (_, time, _) = signer.verify_message_byte(&octets, None, true).unwrap();
    assert_eq!(i64::try_from(time), Ok(NOW));
}

#[test]
fn an_octet_that_was_changed_is_noticed() {
    let (clock, key) = (clock(), key("c2VjcmV0"));
    let mut question = question();
    let whole = signed_answer(
        {
            sign(&mut question, &key, &clock).unwrap();
            &question
        },
        "c2VjcmV0",
        NOW,
    );
    // All but the identifier, which the signature names once more.
    for at in 2..whole.len() {
        let mut octets = whole.clone();
        octets[at] ^= 1;
        let Ok(message) = Message::from_vec(&octets) else { continue };
        let mut fresh = question.clone();
        fresh.take_signature();
        let mut verifier = sign(&mut fresh, &key, &clock).unwrap();
        // The clock stands still, so that the question has the same MAC.
        verifier.mac.clone_from(&question.signature().unwrap().data.mac);
        assert!(verifier.take(&octets, &message).is_err(), "octet {at}");
    }
}

#[test]
fn messages_without_a_signature_are_few_and_never_the_last() {
    let (clock, key) = (clock(), key("c2VjcmV0"));
    let mut question = question();
    let mut verifier = sign(&mut question, &key, &clock).unwrap();
    let mut plain = question.clone().into_response();
    plain.take_signature();
    let plain = plain.to_vec().unwrap();
    assert_eq!(verdict(&plain, &mut verifier), Err(Unverified::Unsigned), "the first");
    let octets = signed_answer(&question, "c2VjcmV0", NOW);
    verdict(&octets, &mut verifier).unwrap();
    for _ in 0..MOST_UNSIGNED {
        verdict(&plain, &mut verifier).unwrap();
    }
    assert_eq!(verifier.finish(), Err(Unverified::Unsigned));
    assert_eq!(verdict(&plain, &mut verifier), Err(Unverified::TooManyUnsigned));
}

proptest! {
    #[test]
    fn the_last_record_is_looked_for_in_any_octets(octets: Vec<u8>) {
        if let Some(start) = start_of_last(&octets) {
            prop_assert!((HEADER..octets.len()).contains(&start));
        }
    }
}
