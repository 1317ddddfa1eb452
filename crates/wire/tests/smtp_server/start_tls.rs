use sealpost_wire::smtp::{
    Channel,
    server::{Settings, Tls},
};

use crate::harness::{Caller, dialogue, smtp, with_tls};

#[test]
fn tls_begins_all_anew() {
    //= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
    //= type=test
    //# The server MUST discard any knowledge
    //# obtained from the client, such as the argument to the EHLO command,
    //# which was not obtained from the TLS negotiation itself.
    //= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
    //= type=test
    //# A server MUST NOT return the STARTTLS
    //# extension in response to an EHLO command received after a TLS
    //# handshake has completed.
    let mut caller = dialogue(
        with_tls(),
        "S: 220 mx.example ESMTP sealpost
        C: STARTTLS
        S: 503 5.5.1 say EHLO first, LHLO in LMTP
        C: EHLO c
        S: 250-mx.example
        S: 250-PIPELINING
        S: 250-SIZE 26214400
        S: 250-STARTTLS
        S: 250-ENHANCEDSTATUSCODES
        S: 250-8BITMIME
        S: 250 SMTPUTF8
        C: MAIL FROM:<evil@b.example>
        S: 250 2.1.0 sender noted
        C: RCPT TO:<tls@mx.example>
        S: 250 2.1.5 recipient accepted
        C: STARTTLS now
        S: 501 5.5.4 this command takes no argument
        C: STARTTLS
        S: 220 2.0.0 ready for TLS
        C: DATA
        S: 503 5.5.1 say MAIL first
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 say EHLO first, LHLO in LMTP
        C: STARTTLS
        S: 503 5.5.1 TLS is active already
        C: EHLO again
        S: 250-mx.example
        S: 250-PIPELINING
        S: 250-SIZE 26214400
        S: 250-ENHANCEDSTATUSCODES
        S: 250-8BITMIME
        S: 250 SMTPUTF8",
    );
    assert_eq!(caller.handshakes, 1);
    for line in ["MAIL FROM:<a@b.example>", "RCPT TO:<tls@mx.example>", "DATA", "."] {
        caller.say(line);
    }
    let envelope = &caller.messages[0].envelope;
    assert_eq!((envelope.channel, envelope.transmission_type()), (Channel::Tls, "ESMTPS"));
    assert_eq!(envelope.sender.as_str(), "a@b.example");
}

#[test]
fn what_was_slipped_in_before_the_handshake_is_never_read() {
    let mut caller = Caller::new(with_tls());
    caller.say("EHLO c");
    caller.sent.clear();
    let evil = b"EHLO evil\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<tls@mx.example>\r\nDATA\r\n";
    caller.octets(&[b"STARTTLS\r\n", &evil[..]].concat());
    assert_eq!(caller.heard(), "220 2.0.0 ready for TLS");
    // The harness plays a RSET between the go-ahead and the handshake.
    assert_eq!(caller.session.injected_octets(), evil.len() + b"RSET\r\n".len());
    assert_eq!(caller.ask("NOOP"), "250 2.0.0 done");
    assert_eq!(caller.ask("DATA"), "503 5.5.1 say MAIL first");
    assert_eq!(caller.recipients, [""; 0]);
}

#[test]
fn tls_may_stand_from_the_beginning() {
    let mut caller = Caller::new(Settings { tls: Tls::Active, ..smtp() });
    caller.sent.clear();
    assert!(!caller.ask("EHLO c").contains("STARTTLS"));
    for line in ["MAIL FROM:<a@b.example>", "RCPT TO:<tls@mx.example>", "DATA", "."] {
        caller.say(line);
    }
    assert_eq!(caller.messages[0].envelope.channel, Channel::Tls);
}
