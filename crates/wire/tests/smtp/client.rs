//! Handing a message over (RFC 5321 section 3.3, RFC 2033, RFC 3207, RFC 1870, RFC 6152).

use sealpost_wire::smtp::client::{
    Cause, Dispatch, DispatchStage, Fate, Outgoing, OutgoingError, Terms, TlsUse,
};
use sealpost_wire::smtp::server::{Mailbox, Protocol};
use sealpost_wire::smtp::{Action, EhloName};

pub(crate) fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).expect("a mailbox")
}

pub(crate) fn outgoing(recipients: &[&str], text: &str) -> Outgoing {
    let recipients = recipients.iter().map(|text| mailbox(text)).collect();
    Outgoing::new(Some(mailbox("r@sender.example")), recipients, text.as_bytes().to_vec())
        .expect("a message")
}

pub(crate) fn terms(protocol: Protocol, tls: TlsUse) -> Terms {
    Terms { ehlo_name: EhloName::parse("sender.example").expect("a name"), protocol, tls }
}

/// Plays replies to a dispatch, one for each command; gives the commands and the dispatch.
fn play(mut dispatch: Dispatch, replies: &[&str]) -> (Vec<String>, Dispatch) {
    let mut commands = Vec::new();
    let mut replies = replies.iter();
    loop {
        match dispatch.next() {
            Action::Send(octets) => commands.push(String::from_utf8(octets).expect("text")),
            Action::StartTls => {
                commands.push("(TLS)".to_owned());
                dispatch.tls_established();
            }
            Action::Wait => match replies.next() {
                Some(reply) => dispatch.received(format!("{reply}\r\n").as_bytes()),
                None => dispatch.closed(),
            },
            Action::Done => return (commands, dispatch),
        }
    }
}

fn smtp(replies: &[&str]) -> (Vec<String>, Dispatch) {
    let outgoing = outgoing(&["a@x.example"], "A: b\r\n\r\nhello\r\n");
    play(Dispatch::new(terms(Protocol::Smtp, TlsUse::WhenOffered), outgoing), replies)
}

fn fate(replies: &[&str]) -> Fate {
    smtp(replies).1.fates()[0].clone().expect("known at the end")
}

fn delivered(fate: &Fate) -> bool {
    fate.is_delivered()
}

#[test]
fn a_message_is_handed_over() {
    let (commands, dispatch) = smtp(&[
        "220 mx",
        "250-mx\r\n250-SIZE 1000\r\n250 8BITMIME",
        "250 2.1.0 ok",
        "250 2.1.5 ok",
        "354 go",
        "250 2.0.0 queued as 1",
        "221 bye",
    ]);
    assert_eq!(
        commands,
        [
            "EHLO sender.example\r\n",
            "MAIL FROM:<r@sender.example> SIZE=15\r\n",
            "RCPT TO:<a@x.example>\r\n",
            "DATA\r\n",
            "A: b\r\n\r\nhello\r\n.\r\n",
            "QUIT\r\n",
        ]
    );
    let Some(Fate::Delivered(reply)) = &dispatch.fates()[0] else { panic!("not delivered") };
    assert_eq!(reply.to_string(), "250 2.0.0 queued as 1");
    assert_eq!(reply.enhanced_code().expect("a code").to_string(), "2.0.0");
    assert!(!dispatch.is_over_tls());
    let said: Vec<String> = dispatch.transcript().iter().map(ToString::to_string).collect();
    assert!(said.contains(&"C: (the message, 15 octets)".to_owned()), "{said:?}");
}

#[test]
fn tls_is_begun_where_it_is_offered_and_all_is_asked_again() {
    let (commands, dispatch) = smtp(&[
        "220 mx",
        "250-mx\r\n250-SIZE 5\r\n250 STARTTLS",
        "220 go",
        "250 mx",
        "250 ok",
        "250 ok",
        "354 go",
        "250 ok",
        "221 bye",
    ]);
    assert_eq!(
        &commands[1..5],
        [
            "STARTTLS\r\n",
            "(TLS)",
            "EHLO sender.example\r\n",
            "MAIL FROM:<r@sender.example>\r\n" // the SIZE that was offered in the open is forgotten
        ]
    );
    assert!(dispatch.is_over_tls() && !dispatch.has_injected());
    assert!(delivered(dispatch.fates()[0].as_ref().expect("known")));
}

#[test]
fn tls_is_not_required() {
    let refused =
        ["220 mx", "250-mx\r\n250 STARTTLS", "454 no TLS now", "250 a", "250 b", "354 c", "250 d"];
    let (commands, dispatch) = smtp(&refused);
    assert_eq!(commands[2], "MAIL FROM:<r@sender.example>\r\n");
    assert!(!dispatch.is_over_tls());
    assert!(delivered(dispatch.fates()[0].as_ref().expect("known")));

    let outgoing = outgoing(&["a@x.example"], "A: b\r\n\r\n");
    let never = Dispatch::new(terms(Protocol::Smtp, TlsUse::Never), outgoing);
    let (commands, _) = play(never, &["220 mx", "250-mx\r\n250 STARTTLS"]);
    assert_eq!(commands[1], "MAIL FROM:<r@sender.example>\r\n");
}

#[test]
fn what_is_slipped_in_before_tls_is_dropped() {
    let outgoing = outgoing(&["a@x.example"], "A: b\r\n\r\n");
    let mut dispatch = Dispatch::new(terms(Protocol::Smtp, TlsUse::WhenOffered), outgoing);
    dispatch.received(b"220 mx\r\n");
    assert!(matches!(dispatch.next(), Action::Send(_)));
    dispatch.received(b"250-mx\r\n250 STARTTLS\r\n");
    assert_eq!(dispatch.next(), Action::Send(b"STARTTLS\r\n".to_vec()));
    dispatch.received(b"220 go\r\n250 mx\r\n250 forged\r\n");
    assert_eq!(dispatch.next(), Action::StartTls);
    dispatch.received(b"250 more\r\n");
    assert_eq!(dispatch.next(), Action::Wait);
    dispatch.tls_established();
    assert_eq!(dispatch.next(), Action::Send(b"EHLO sender.example\r\n".to_vec()));
    assert_eq!(dispatch.next(), Action::Wait, "nothing of it is taken for an answer");
    assert!(dispatch.has_injected());
}

#[test]
fn helo_follows_where_ehlo_is_not_known() {
    let (commands, dispatch) =
        smtp(&["220 mx", "502 what", "250 mx", "250 a", "250 b", "354 c", "250 d", "221 e"]);
    assert_eq!(commands[1], "HELO sender.example\r\n");
    assert_eq!(commands[2], "MAIL FROM:<r@sender.example>\r\n");
    assert!(delivered(dispatch.fates()[0].as_ref().expect("known")));
}

#[test]
fn every_refusal_has_its_stage_and_its_class() {
    use DispatchStage::{Data, Ehlo, Greeting, Helo, Mail, Message, Recipient};
    let ok = ["220 mx", "250 mx", "250 a", "250 b", "354 c"];
    // After so many good answers this one; whether it is for good.
    for (after, reply, stage, is_permanent) in [
        (0, "421 busy", Greeting, false),
        (0, "554 no mail here", Greeting, true),
        (1, "421 busy", Ehlo, false),
        (2, "451 later", Mail, false),
        (2, "550 5.7.1 not you", Mail, true),
        (3, "450 4.2.0 greylisted", Recipient, false),
        (3, "550 5.1.1 nobody", Recipient, true),
        (3, "552 too many", Recipient, false),
        (4, "451 later", Data, false),
        (4, "554 no", Data, true),
        (4, "250 what", Data, false), // it has not gone ahead
        (5, "452 full", Message, false),
        (5, "554 5.6.0 no", Message, true),
    ] {
        let replies: Vec<&str> = ok[..after].iter().copied().chain([reply, "221 bye"]).collect();
        let (commands, dispatch) = smtp(&replies);
        assert_eq!(commands.last().map(String::as_str), Some("QUIT\r\n"), "{reply}");
        let cause = match dispatch.fates()[0].as_ref().expect("known") {
            Fate::Temporary(cause) if !is_permanent => cause,
            Fate::Permanent(cause) if is_permanent => cause,
            other => panic!("{reply}: {other:?}"),
        };
        let Cause::Refused { stage: at, reply: said } = cause else { panic!("{cause:?}") };
        assert_eq!((*at, said.to_string()), (stage, reply.to_owned()));
        assert_eq!(cause.is_of_host(), stage < Mail, "{reply}");
    }
    let helo = fate(&["220 mx", "502 what", "504 what", "221"]);
    assert!(matches!(helo, Fate::Permanent(Cause::Refused { stage: Helo, .. })), "{helo:?}");
}

#[test]
fn a_connection_that_ends_is_tried_again() {
    let all = ["220 mx", "250 mx", "250 a", "250 b", "354 c"];
    for answers in 0..=all.len() {
        let fate = fate(&all[..answers]);
        assert!(matches!(fate, Fate::Temporary(Cause::Closed { .. })), "{answers}: {fate:?}");
    }
    let garbage = fate(&["SSH-2.0-OpenSSH"]);
    assert!(matches!(garbage, Fate::Temporary(Cause::Garbage { .. })), "{garbage:?}");
}

#[test]
fn who_gives_up_waiting_has_a_fate_too() {
    let outgoing = outgoing(&["a@x.example"], "A: b\r\n\r\n");
    let mut dispatch = Dispatch::new(terms(Protocol::Smtp, TlsUse::Never), outgoing);
    assert_eq!(dispatch.next(), Action::Wait);
    dispatch.give_up();
    assert_eq!(dispatch.next(), Action::Done);
    let stage = DispatchStage::Greeting;
    assert_eq!(dispatch.fates(), [Some(Fate::Temporary(Cause::NoAnswer { stage }))]);
}

#[test]
fn the_end_does_not_change_what_was_said_before() {
    for farewell in ["", "500 what", "garbage"] {
        let replies = ["220 mx", "250 mx", "250 a", "250 b", "354 c", "250 d", farewell];
        assert!(delivered(&fate(&replies)), "{farewell}");
    }
}

#[test]
fn what_the_server_does_not_take_is_not_sent() {
    let outgoing = |text: &str| outgoing(&["a@x.example"], text);
    let run = |text, ehlo| {
        let dispatch = Dispatch::new(terms(Protocol::Smtp, TlsUse::Never), outgoing(text));
        play(dispatch, &["220 mx", ehlo, "250 a", "250 b", "354 c", "250 d"])
    };
    let (commands, dispatch) = run("A: b\r\n\r\n", "250-mx\r\n250 SIZE 7");
    assert_eq!(commands[1], "QUIT\r\n");
    let too_large = Fate::Permanent(Cause::TooLarge { size: 8, limit: 7 });
    assert_eq!(dispatch.fates(), [Some(too_large)]);

    let (commands, dispatch) = run("A: ä\r\n\r\n", "250 mx");
    assert_eq!(commands[1], "QUIT\r\n");
    assert_eq!(dispatch.fates(), [Some(Fate::Permanent(Cause::EightBit))]);
    let (commands, _) = run("A: ä\r\n\r\n", "250-mx\r\n250 8BITMIME");
    assert_eq!(commands[1], "MAIL FROM:<r@sender.example> BODY=8BITMIME\r\n");
}

#[test]
fn each_recipient_has_a_fate() {
    let outgoing = outgoing(&["a@x.example", "b@x.example", "c@x.example"], "A: b\r\n\r\n");
    let replies =
        ["220 mx", "250 mx", "250 ok", "250 a", "550 b", "450 c", "354 go", "250 stored", "221"];
    let smtp = Dispatch::new(terms(Protocol::Smtp, TlsUse::Never), outgoing.clone());
    let (_, dispatch) = play(smtp, &replies);
    assert!(matches!(
        dispatch.fates(),
        [Some(Fate::Delivered(_)), Some(Fate::Permanent(_)), Some(Fate::Temporary(_))]
    ));

    let replies = [
        "220 mx", "250 mx", "250 ok", "250 a", "550 b", "250 c", "354 go", "250 a", "452 c", "221",
    ];
    let lmtp = Dispatch::new(terms(Protocol::Lmtp, TlsUse::Never), outgoing);
    let (commands, dispatch) = play(lmtp, &replies);
    assert_eq!(commands[0], "LHLO sender.example\r\n");
    assert!(matches!(
        dispatch.fates(),
        [Some(Fate::Delivered(_)), Some(Fate::Permanent(_)), Some(Fate::Temporary(_))]
    ));
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2
//= type=test
//# If it is a period, one additional
//# period is inserted at the beginning of the line.
#[test]
fn dots_are_doubled() {
    let outgoing = outgoing(&["a@x.example"], ".\r\n..a\r\n b.\r\n.\r\n");
    let dispatch = Dispatch::new(terms(Protocol::Smtp, TlsUse::Never), outgoing);
    let (commands, _) = play(dispatch, &["220 m", "250 m", "250 a", "250 b", "354 c", "250 d"]);
    assert_eq!(commands[4], "..\r\n...a\r\n b.\r\n..\r\n.\r\n");
}

#[test]
fn what_no_server_could_take_is_no_message() {
    let bad = |sender: Option<&str>, recipients: &[&str], text: &str| {
        let recipients = recipients.iter().map(|text| mailbox(text)).collect();
        Outgoing::new(sender.map(mailbox), recipients, text.as_bytes().to_vec()).err()
    };
    let to = &["a@x.example"][..];
    assert_eq!(bad(None, to, "A: b\r\n"), None);
    assert_eq!(bad(None, &[], "A: b\r\n"), Some(OutgoingError::Recipients));
    assert_eq!(bad(None, &["ä@x.example"], "A: b\r\n"), Some(OutgoingError::Address));
    let long = format!("{}@x.example", "a".repeat(300));
    assert_eq!(bad(Some(&long), to, "A: b\r\n"), Some(OutgoingError::Address));
    for text in ["", "a", "a\n", "a\r", "a\nb\r\n", "a\rb\r\n", "a\r\r\n", "a\0\r\n"] {
        assert_eq!(bad(None, to, text), Some(OutgoingError::LineEnd), "{text:?}");
    }
    let long = "a".repeat(999) + "\r\n";
    assert_eq!(bad(None, to, &long), Some(OutgoingError::LongLine));
}
