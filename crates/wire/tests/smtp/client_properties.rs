//! What holds for every server that a message is handed to.

use std::sync::Arc;

use proptest::prelude::*;
use sealpost_wire::smtp::client::{Dispatch, Fate, Outgoing, TlsUse};
use sealpost_wire::smtp::server::{
    BeginAnswer, Delivery, Event, Message, Protocol, RecipientAnswer, Session, Settings, Tls,
};
use sealpost_wire::smtp::{Action, EhloName};

use super::client::{mailbox, outgoing, terms};

/// Octets near enough to a conversation to reach every stage.
fn near_smtp() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "220 mx.example\r\n",
        "250-mx.example\r\n",
        "250 STARTTLS\r\n",
        "250 SIZE 9\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "354 go\r\n",
        "220 go\r\n",
        "421 bye\r\n",
        "502 what\r\n",
        "552 no\r\n",
        "250-",
        "\r",
        "\n",
        "x",
        "\0",
    ];
    let piece = prop::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec());
    let anything = prop::collection::vec(any::<u8>(), 0..4);
    prop::collection::vec(prop_oneof![20 => piece, 1 => anything], 0..16)
        .prop_map(|parts| parts.concat())
}

/// All that was sent, and the fates. TLS stands as soon as it is asked for.
fn conversation(
    octets: &[u8],
    length: usize,
    protocol: Protocol,
    tls: TlsUse,
) -> (Vec<u8>, Vec<Option<Fate>>) {
    let outgoing = outgoing(&["a@x.example", "b@x.example"], ".A: b\r\n\r\n");
    let mut dispatch = Dispatch::new(terms(protocol, tls), outgoing);
    let mut pieces = octets.chunks(length);
    let mut sent = Vec::new();
    for _ in 0..octets.len() + 40 {
        match dispatch.next() {
            Action::Send(octets) => sent.extend(octets),
            Action::StartTls => dispatch.tls_established(),
            Action::Wait => match pieces.next() {
                Some(piece) => dispatch.received(piece),
                None => dispatch.closed(),
            },
            Action::Done => return (sent, dispatch.fates().to_vec()),
        }
    }
    panic!("the dispatch does not come to an end");
}

/// Hands a message over to our own server, in pieces; gives what arrived and the fates.
fn hand_over(outgoing: Outgoing, protocol: Protocol, length: usize) -> (Vec<Message>, Vec<Fate>) {
    let host = EhloName::parse("mx.example").unwrap();
    let settings = Settings { tls: Tls::Offered, ..Settings::new(protocol, host) };
    let mut session = Session::new(Arc::new(settings));
    let mut dispatch = Dispatch::new(terms(protocol, TlsUse::WhenOffered), outgoing);
    let mut messages = Vec::new();
    loop {
        // The server says all that it has to say.
        loop {
            match session.next() {
                Event::Send(octets) => {
                    octets.chunks(length).for_each(|piece| dispatch.received(piece));
                }
                Event::Recipient(_) => session.answer_recipient(RecipientAnswer::Accepted),
                Event::Begin(_) => session.answer_begin(BeginAnswer::Proceed),
                Event::Message(message) => {
                    messages.push(message);
                    session.answer_message(&Delivery::Stored(None));
                }
                Event::StartTls => session.tls_established(),
                Event::Wait | Event::Close => break,
                other => panic!("{other:?}"),
            }
        }
        match dispatch.next() {
            Action::Send(octets) => octets.chunks(length).for_each(|piece| session.received(piece)),
            Action::StartTls => dispatch.tls_established(),
            Action::Wait => {}
            Action::Done => {
                return (messages, dispatch.fates().iter().flatten().cloned().collect());
            }
        }
    }
}

fn message() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just(String::new()),
        "[.A-Za-z ]{0,80}",
        "\\PC{0,40}",
    ];
    prop::collection::vec(line, 1..20)
        .prop_map(|lines| lines.into_iter().map(|line| line + "\r\n").collect())
}

proptest! {
    #[test]
    fn the_cut_makes_no_difference(octets in near_smtp(), length in 1..40_usize) {
        for protocol in [Protocol::Smtp, Protocol::Lmtp] {
            // With TLS it does: what comes before the handshake is dropped.
            let whole = conversation(&octets, octets.len().max(1), protocol, TlsUse::Never);
            prop_assert_eq!(&conversation(&octets, length, protocol, TlsUse::Never), &whole);
        }
    }

    #[test]
    fn every_recipient_has_a_fate_and_only_commands_are_sent(
        octets in near_smtp(),
        length in 1..40_usize,
        tls in prop::sample::select(vec![TlsUse::WhenOffered, TlsUse::Never]),
    ) {
        let (sent, fates) = conversation(&octets, length, Protocol::Smtp, tls);
        prop_assert!(fates.iter().all(Option::is_some), "{:?}", fates);
        let sent = String::from_utf8(sent).unwrap();
        let is_sent = sent.contains("DATA\r\n..A: b\r\n\r\n.\r\n");
        prop_assert!(is_sent || !fates.iter().flatten().any(Fate::is_delivered), "{}", sent);
        let known = [
            "EHLO sender.example", "HELO sender.example", "STARTTLS", "QUIT", "DATA", "..A: b", "", ".",
            "MAIL FROM:<r@sender.example>", "MAIL FROM:<r@sender.example> SIZE=9",
            "RCPT TO:<a@x.example>", "RCPT TO:<b@x.example>",
        ];
        for line in sent.split_terminator("\r\n") {
            prop_assert!(known.contains(&line), "{line:?}");
        }
    }

    #[test]
    fn our_own_server_gets_what_was_handed_over(
        text in message(),
        local in "[a-z.\" @>]{1,20}",
        length in 1..2_000_usize,
        protocol in prop::sample::select(vec![Protocol::Smtp, Protocol::Lmtp]),
    ) {
        let quoted = local.replace('"', "\\\"");
        let recipient = mailbox(&format!("\"{quoted}\"@x.example"));
        let recipients = vec![recipient.clone(), mailbox("b@[192.0.2.1]")];
        let outgoing = Outgoing::new(None, recipients.clone(), text.clone().into_bytes()).unwrap();
        let (messages, fates) = hand_over(outgoing, protocol, length);
        prop_assert_eq!(messages.len(), 1);
        prop_assert_eq!(&messages[0].octets, text.as_bytes());
        let got: Vec<_> =
            messages[0].envelope.recipients.iter().filter_map(|to| to.mailbox().cloned()).collect();
        prop_assert_eq!(got, recipients);
        prop_assert_eq!(fates.len(), 2);
        prop_assert!(fates.iter().all(Fate::is_delivered), "{:?}", fates);
    }
}
