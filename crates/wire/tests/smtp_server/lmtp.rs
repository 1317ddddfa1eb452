use sealpost_wire::smtp::server::{Delivery, Limits, Settings};

use crate::harness::{Caller, dialogue, lmtp, receipt};

#[test]
fn a_session_with_two_recipients() {
    let caller = dialogue(
        lmtp(),
        "S: 220 mx.example LMTP sealpost
        C: LHLO mail.example
        S: 250-mx.example
        S: 250-PIPELINING
        S: 250-SIZE 26214400
        S: 250-ENHANCEDSTATUSCODES
        S: 250-8BITMIME
        S: 250 SMTPUTF8
        C: MAIL FROM:<>
        S: 250 2.1.0 sender noted
        C: RCPT TO:<tls@mx.example>
        S: 250 2.1.5 recipient accepted
        C: RCPT TO:<nobody@mx.example>
        S: 550 5.1.1 no such mailbox here
        C: RCPT TO:<other@mx.example>
        S: 250 2.1.5 recipient accepted
        C: DATA
        S: 354 send the message, end it with <CRLF>.<CRLF>
        C: text
        C: .
        S: 250 2.6.0 stored
        S: 250 2.6.0 stored
        C: QUIT
        S: 221 2.0.0 good bye",
    );
    assert_eq!(caller.messages.len(), 1);
    assert_eq!(caller.messages[0].envelope.transmission_type(), "LMTP");
}

#[test]
fn smtp_is_told_from_lmtp() {
    let mut caller = Caller::new(lmtp());
    caller.sent.clear();
    for hello in ["EHLO c", "HELO c"] {
        let expected = "500 5.5.1 this server speaks the other of SMTP and LMTP";
        assert_eq!(caller.ask(hello), expected);
    }
    assert_eq!(caller.ask("MAIL FROM:<>"), "503 5.5.1 say EHLO first, LHLO in LMTP");
}

/// RFC 2033 section 4.2 asks for 503 where SMTP has 554.
#[test]
fn a_message_for_nobody() {
    let mut caller = Caller::new(lmtp());
    for line in ["LHLO c", "MAIL FROM:<>", "RCPT TO:<nobody@mx.example>"] {
        caller.say(line);
    }
    caller.sent.clear();
    assert_eq!(caller.ask("DATA"), "503 5.5.1 no valid recipients");
}

#[test]
fn each_recipient_hears_what_became_of_it() {
    let limits = Limits { message_octets: 10, ..Limits::default() };
    for (delivery, data, expected) in [
        (receipt("abc"), "1\r\n.", "250 2.6.0 stored as abc"),
        (Delivery::Later, "1\r\n.", "451 4.3.0 not stored, try again later"),
        (Delivery::NotWanted, "1\r\n.", "550 5.7.1 the message is not wanted"),
        (Delivery::Later, "1234567890\r\n.", "552 5.3.4 the message is larger than SIZE allows"),
        (
            Delivery::Later,
            "1\n\r\n.",
            "550 5.6.0 the message has a bare CR or LF; RFC 5321 section 2.3.8 forbids it",
        ),
    ] {
        let mut caller = Caller::before_data(Settings { limits, ..lmtp() });
        caller.delivery = delivery;
        caller.say("RCPT TO:<tls@mx.example>"); // the same once more: still one reply for each
        caller.say("RCPT TO:<postmaster>");
        caller.say("DATA");
        caller.sent.clear();
        let replies = caller.ask(data);
        assert_eq!(replies.lines().collect::<Vec<_>>(), [expected; 3]);
    }
}
