//! Target for the side of SMTP that takes mail in: the cut of the octets makes no difference, memory
//! is bounded, and mail is acknowledged only for recipients that were accepted.

use std::sync::Arc;

use sealpost_wire::smtp::{
    EhloName,
    server::{
        BeginAnswer, Delivery, Ended, Event, Limits, Mailbox, Message, Protocol, RecipientAnswer,
        Session, Settings, Tls,
    },
};

/// A client. The first octet says how the others are cut, the second what is spoken and answered.
pub fn smtp_server(octets: &[u8]) {
    let [length, choice, octets @ ..] = octets else { return };
    let Ok(host) = EhloName::parse("mx.example") else { unreachable!("the name is valid") };
    let protocol = if choice & 1 == 0 { Protocol::Smtp } else { Protocol::Lmtp };
    let mut settings = Settings::new(protocol, host);
    if choice & 2 != 0 {
        settings.limits = small();
    }
    let (begin, delivery) = match choice >> 2 & 3 {
        0 => (BeginAnswer::Busy, Delivery::Later),
        1 => (BeginAnswer::Proceed, Delivery::Later),
        _ => (BeginAnswer::Proceed, Delivery::Stored(None)),
    };
    let answers = (begin, delivery);

    let settings = Arc::new(settings);
    let pieces: Vec<&[u8]> = octets.chunks(usize::from(*length).max(1)).collect();
    let whole = conversation(&[octets], &settings, &answers);
    // The one thing where the time of arrival counts is a message sent before it was asked for.
    if whole.ended != Some(Ended::Foreign) {
        assert_eq!(conversation(&pieces, &settings, &answers), whole);
    }
    if answers.1 == Delivery::Later {
        assert!(!whole.sent.contains("250 2.6.0"), "acknowledged without being stored");
    }

    // With TLS it does: what comes between STARTTLS and the handshake is dropped.
    let settings = Settings { tls: Tls::Offered, ..Settings::clone(&settings) };
    conversation(&pieces, &settings.into(), &answers);
}

fn small() -> Limits {
    Limits {
        command_octets: 80,
        message_octets: 120,
        excess_octets: 200,
        text_line_octets: 100,
        recipients: 2,
        messages: 3,
        errors: 4,
        idle_commands: 12,
    }
}

#[derive(Debug, PartialEq)]
struct Conversation {
    sent: String,
    messages: Vec<Message>,
    ended: Option<Ended>,
}

fn conversation(
    pieces: &[&[u8]],
    settings: &Arc<Settings>,
    (begin, delivery): &(BeginAnswer, Delivery),
) -> Conversation {
    let mut session = Session::new(Arc::clone(settings));
    let mut sent = Vec::new();
    let mut messages = Vec::new();
    for piece in [&b""[..]].iter().chain(pieces) {
        session.received(piece);
        // Each turn takes in octets or empties a buffer; no command makes more than four events.
        for turn in 0.. {
            assert!(turn < 4 * (piece.len() + 4), "the session does not come to an end");
            match session.next() {
                Event::Send(octets) => sent.extend(octets),
                Event::Recipient(recipient) => {
                    session.answer_recipient(match recipient.mailbox().map(Mailbox::local_part) {
                        Some("tls") => RecipientAnswer::Accepted,
                        _ => RecipientAnswer::NotOurs,
                    })
                }
                Event::Begin(envelope) => {
                    assert!(!envelope.recipients.is_empty());
                    session.answer_begin(*begin);
                }
                Event::Message(message) => {
                    assert!(message.octets.len() <= settings.limits.message_octets);
                    assert!(message.envelope.recipients.iter().all(|recipient| {
                        recipient.mailbox().is_some_and(|mailbox| mailbox.local_part() == "tls")
                    }));
                    messages.push(message);
                    session.answer_message(delivery);
                }
                Event::StartTls => session.tls_established(),
                _ => break,
            }
        }
        assert!(session.held_octets() <= settings.limits.message_octets);
    }
    let Ok(sent) = String::from_utf8(sent) else { panic!("replies are not ASCII") };
    assert!(sent.bytes().all(|octet| matches!(octet, b' '..=b'~' | b'\r' | b'\n')));
    Conversation { sent, messages, ended: session.ended() }
}
