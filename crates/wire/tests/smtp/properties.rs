//! What holds for every server, however its octets are cut.

use proptest::prelude::*;
use sealpost_wire::smtp::{
    Action, EhloName, Limits, Probe, Reply, ReplyError, ReplyReader, Summary,
};

/// Octets near enough to a conversation to reach every stage.
fn near_smtp() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "220 mx.example\r\n",
        "250-mx.example\r\n",
        "250 STARTTLS\r\n",
        "250-STARTTLS\r\n",
        "220 go\r\n",
        "221 bye\r\n",
        "454 no\r\n",
        "554 no\r\n",
        "220",
        "250-",
        "250 ",
        " ",
        "\r",
        "\n",
        "\r\n",
        "x",
        "199 x\r\n",
        "\0",
        "é",
    ];
    let piece = prop::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec());
    let anything = prop::collection::vec(any::<u8>(), 0..4);
    let long = (0..3_000_usize).prop_map(|length| vec![b'y'; length]);
    let part = prop_oneof![20 => piece, 2 => anything, 1 => long];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
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

fn replies(pieces: &[&[u8]], limits: Limits) -> (Vec<Reply>, Option<ReplyError>, Vec<u8>) {
    let mut reader = ReplyReader::new(limits);
    let mut replies = Vec::new();
    for piece in pieces {
        let mut octets = *piece;
        loop {
            match reader.push(octets) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error), Vec::new()),
            }
            octets = b"";
        }
    }
    (replies, None, reader.surplus().to_vec())
}

/// Plays the octets to a probe; TLS stands as soon as it is asked for.
fn conversation(pieces: &[&[u8]]) -> (Vec<u8>, Summary, Vec<String>) {
    let mut sent = Vec::new();
    let Ok(name) = EhloName::parse("probe.example") else { unreachable!("the name is valid") };
    let mut probe = Probe::new(name);
    for piece in pieces.iter().map(|piece| Some(*piece)).chain([None]) {
        match piece {
            Some(octets) => probe.received(octets),
            None => probe.closed(),
        }
        // There are three commands in the open.
        let mut actions = 0;
        while let Action::Send(command) = probe.next() {
            sent.extend(command);
            actions += 1;
            assert!(actions < 10, "the probe does not come to an end");
        }
    }
    assert_eq!(probe.next(), Action::Done, "a closed connection is the end");
    let transcript = probe.transcript().iter().map(|line| line.text.clone()).collect();
    (sent, probe.summary().clone(), transcript)
}

const SMALL: Limits = Limits { line: 24, lines: 3, octets: 50 };

proptest! {
    #[test]
    fn replies_do_not_depend_on_the_cut(
        octets in near_smtp(),
        lengths in prop::collection::vec(1..40_usize, 1..8),
    ) {
        for limits in [Limits::default(), SMALL] {
            let whole = replies(&[&octets], limits);
            prop_assert_eq!(&replies(&cut(&octets, &lengths), limits), &whole);
            for reply in &whole.0 {
                prop_assert!((200..=599).contains(&reply.code));
                prop_assert!((1..=limits.lines).contains(&reply.lines.len()));
                prop_assert!(reply.lines.iter().all(|line| line.bytes().all(|b| matches!(b, b' '..=b'~'))));
            }
        }
    }

    #[test]
    fn a_look_does_not_depend_on_the_cut(
        octets in near_smtp(),
        lengths in prop::collection::vec(1..40_usize, 1..8),
    ) {
        prop_assert_eq!(conversation(&cut(&octets, &lengths)), conversation(&[&octets]));
    }

    #[test]
    fn nothing_but_these_commands_is_ever_sent(octets in near_smtp()) {
        let (sent, summary, transcript) = conversation(&[&octets]);
        let sent = String::from_utf8_lossy(&sent).into_owned();
        for command in sent.split_terminator("\r\n") {
            prop_assert!(matches!(command, "EHLO probe.example" | "STARTTLS" | "QUIT"), "{command:?}");
        }
        prop_assert!(transcript.len() <= Probe::MAX_TRANSCRIPT_LINES);
        prop_assert!(summary.ehlo_over_tls.is_none(), "TLS never stood");
    }

    #[test]
    fn any_octets(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let _ = conversation(&pieces);
        let _ = replies(&pieces, SMALL);
    }

    #[test]
    fn enhanced_codes_fit_their_reply(code in 200..600_u16, text in "[2-6. 0-9x]{0,12}") {
        let reply = Reply { code, lines: vec![text.clone()], oddities: Vec::new() };
        if let Some(enhanced) = reply.enhanced_code() {
            prop_assert_eq!(u16::from(enhanced.class), code / 100);
            prop_assert!(enhanced.subject < 1_000 && enhanced.detail < 1_000);
        }
    }
}
