//! What holds for every client, however its octets are cut.

use proptest::prelude::*;
use sealpost_wire::smtp::server::{BeginAnswer, Delivery, Ended, Limits, Message, Settings};

use crate::harness::{Caller, lmtp, smtp};

/// Octets near enough to a session to reach every state.
fn near_smtp() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "EHLO c\r\n",
        "HELO c\r\n",
        "LHLO c\r\n",
        "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<tls@mx.example>\r\nDATA\r\n",
        "LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<tls@mx.example>\r\nDATA\r\n",
        "MAIL FROM:<>\r\n",
        "MAIL FROM:<a@b> SIZE=9\r\n",
        "RCPT TO:<tls@mx.example>\r\n",
        "RCPT TO:<other@mx.example>\r\n",
        "RCPT TO:<nobody@mx.example>\r\n",
        "RCPT TO:<a@elsewhere.example>\r\n",
        "DATA\r\n",
        "text\r\n",
        ".\r\n",
        "..\r\n",
        "\r\n.\r\n",
        "RSET\r\n",
        "NOOP\r\n",
        "QUIT\r\n",
        "VRFY x\r\n",
        "WHAT\r\n",
        "GET / HTTP/1.1\r\n",
        ".",
        "\r",
        "\n",
        "\r\n",
        "x",
        "\0",
        "é",
    ];
    let piece = prop::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec());
    let anything = prop::collection::vec(any::<u8>(), 0..4);
    let long = (0..300_usize).prop_map(|length| vec![b'y'; length]);
    let part = prop_oneof![24 => piece, 1 => anything, 1 => long];
    prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
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
    recipients: Vec<String>,
    messages: Vec<Message>,
    ended: Option<Ended>,
    is_in_message: bool,
}

fn conversation(pieces: &[&[u8]], settings: &Settings, answers: &Answers) -> Conversation {
    let mut caller = Caller::new(settings.clone());
    (caller.begin, caller.delivery) = answers.clone();
    for piece in pieces {
        caller.octets(piece);
        assert!(caller.session.held_octets() <= settings.limits.message_octets);
    }
    Conversation {
        sent: caller.heard(),
        recipients: caller.recipients.clone(),
        messages: caller.messages.clone(),
        ended: caller.ended(),
        is_in_message: caller.session.is_in_message(),
    }
}

type Answers = (BeginAnswer, Delivery);

fn answers() -> impl Strategy<Value = Answers> {
    let begin = prop_oneof![6 => Just(BeginAnswer::Proceed), 1 => Just(BeginAnswer::Busy)];
    let delivery = prop_oneof![2 => Just(Delivery::Stored(None)), 1 => Just(Delivery::Later)];
    (begin, delivery)
}

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
    fn a_session_does_not_depend_on_the_cut(
        octets in near_smtp(),
        lengths in prop::collection::vec(1..40_usize, 1..8),
        answers in answers(),
        is_lmtp in any::<bool>(),
        is_small in any::<bool>(),
    ) {
        let mut settings = if is_lmtp { lmtp() } else { smtp() };
        if is_small {
            settings.limits = small();
        }
        let whole = conversation(&[&octets], &settings, &answers);
        // A refused DATA with the message right behind it is the one thing where the time of
        // arrival counts: then the session ends.
        if whole.ended != Some(Ended::Foreign) {
            prop_assert_eq!(conversation(&cut(&octets, &lengths), &settings, &answers), whole);
        }
    }

    #[test]
    fn replies_are_well_formed_and_repeat_nothing(
        octets in near_smtp(),
        answers in answers(),
        is_lmtp in any::<bool>(),
    ) {
        let mut settings = if is_lmtp { lmtp() } else { smtp() };
        settings.limits = small();
        let mut caller = Caller::new(settings);
        (caller.begin, caller.delivery) = answers;
        caller.octets(&octets);
        for line in caller.sent.split_terminator("\r\n") {
            prop_assert!(line.len() <= 510);
            prop_assert!(line.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{:?}", line);
            let code: u16 = line.get(..3).unwrap().parse().unwrap();
            prop_assert!(matches!(code, 214 | 220 | 221 | 250 | 252 | 354 | 421 | 451 | 452 | 500..=555));
            // RFC 2034: the class of the enhanced code is that of the code.
            let text = line.get(4..).unwrap();
            if let Some((enhanced, _)) = text.split_once(' ')
                && enhanced.matches('.').count() == 2
            {
                prop_assert_eq!(enhanced.get(..1), line.get(..1));
            }
        }
        for word in ["yyyy", "nobody", "elsewhere", "WHAT"] {
            prop_assert!(!caller.sent.contains(word), "{:?}", caller.sent);
        }
    }

    #[test]
    fn only_accepted_recipients_get_mail(octets in near_smtp()) {
        let whole = conversation(&[&octets], &smtp(), &(BeginAnswer::Proceed, Delivery::Later));
        prop_assert!(!whole.sent.contains("stored as") && !whole.sent.contains("250 2.6.0"));
        for message in &whole.messages {
            for recipient in &message.envelope.recipients {
                let recipient = recipient.to_string();
                prop_assert!(matches!(&*recipient, "tls@mx.example" | "other@mx.example"));
            }
        }
    }

    #[test]
    fn any_octets(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let _ = conversation(&pieces, &smtp(), &(BeginAnswer::Proceed, Delivery::Later));
    }
}
