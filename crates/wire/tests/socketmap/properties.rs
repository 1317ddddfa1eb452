//! What holds for all octets, however they are cut.

use proptest::prelude::*;
use sealpost_wire::socketmap::{
    LONGEST_REQUEST, NetstringError, NetstringReader, Question, write_netstring, write_reply,
};

/// Octets near enough to netstrings to get through.
fn near_netstrings() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::collection::vec(any::<u8>(), 0..40).prop_map(|payload| {
        let mut out = Vec::new();
        write_netstring(&payload, &mut out);
        out
    });
    let pieces = prop::sample::select(vec!["1", "0", "9", ":", ",", "7:a b", "3:abc,", "x"]);
    let piece = pieces.prop_map(|piece| piece.as_bytes().to_vec());
    prop::collection::vec(prop_oneof![6 => whole, 1 => piece], 0..12)
        .prop_map(|parts| parts.concat())
}

fn read(pieces: &[&[u8]], limit: usize) -> (Vec<Vec<u8>>, Option<NetstringError>, bool) {
    let mut reader = NetstringReader::new(limit);
    let mut payloads = Vec::new();
    let mut failure = None;
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next_payload() {
                Ok(Some(payload)) => payloads.push(payload.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
    }
    let is_between = reader.is_between_netstrings();
    (payloads, failure, is_between)
}

/// The same octets in pieces of these lengths, over and over.
fn cut<'a>(octets: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = octets;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*length).clamp(1, rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

proptest! {
    #[test]
    fn netstrings_do_not_depend_on_the_cut(
        octets in prop_oneof![near_netstrings(), prop::collection::vec(any::<u8>(), 0..60)],
        lengths in prop::collection::vec(1..20_usize, 1..6),
        limit in prop::sample::select(vec![0, 7, 30, LONGEST_REQUEST]),
    ) {
        let whole = read(&[&octets], limit);
        prop_assert_eq!(&read(&cut(&octets, &lengths), limit), &whole);
        prop_assert!(whole.0.iter().all(|payload| payload.len() <= limit));
    }

    #[test]
    fn what_is_written_is_read(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6),
        lengths in prop::collection::vec(1..50_usize, 1..6),
    ) {
        let mut octets = Vec::new();
        payloads.iter().for_each(|payload| write_netstring(payload, &mut octets));
        prop_assert_eq!(read(&cut(&octets, &lengths), 200), (payloads, None, true));
    }

    #[test]
    fn every_request_has_an_answer(payload in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Err(error) = Question::parse(&payload) {
            let mut octets = Vec::new();
            write_reply(&error.reply(), &mut octets);
            let (replies, failure, _) = read(&[&octets], 100_000);
            prop_assert_eq!(failure, None);
            prop_assert_eq!(replies.len(), 1);
            prop_assert!(replies[0].starts_with(b"PERM "));
            prop_assert!(replies[0].len() <= "PERM ".len() + 200);
            prop_assert!(replies[0].iter().all(|octet| matches!(octet, b' '..=b'~')));
        }
    }
}
