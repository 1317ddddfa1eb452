use sealpost_wire::smtp::server::{Ended, Limits};

use crate::harness::{Caller, dialogue, smtp, with_limits};

#[test]
fn a_session_with_one_message() {
    let caller = dialogue(
        smtp(),
        "S: 220 mx.example ESMTP sealpost
        C: EHLO mail.sender.example
        S: 250-mx.example
        S: 250-PIPELINING
        S: 250-SIZE 26214400
        S: 250-ENHANCEDSTATUSCODES
        S: 250-8BITMIME
        S: 250 SMTPUTF8
        C: MAIL FROM:<reports@sender.example> SIZE=120 BODY=8BITMIME
        S: 250 2.1.0 sender noted
        C: RCPT TO:<tls@mx.example>
        S: 250 2.1.5 recipient accepted
        C: DATA
        S: 354 send the message, end it with <CRLF>.<CRLF>
        C: Subject: report
        C:
        C: ..
        C: .
        S: 250 2.6.0 stored
        C: QUIT
        S: 221 2.0.0 good bye",
    );
    assert_eq!(caller.messages.len(), 1);
    assert_eq!(caller.messages[0].octets, b"Subject: report\r\n\r\n.\r\n");
    assert_eq!((caller.is_closed, caller.ended()), (true, Some(Ended::Quit)));
}

/// The answer to one line after EHLO.
#[track_caller]
fn answers(line: &str, expected: &str) {
    let mut caller = Caller::new(smtp());
    caller.say("EHLO c.example");
    caller.sent.clear();
    assert_eq!(caller.ask(line), expected, "{line:?}");
    assert!(!caller.is_closed, "{line:?}");
}

#[test]
fn what_brings_no_mail() {
    answers("NOOP", "250 2.0.0 done");
    answers("noop with words", "250 2.0.0 done");
    answers("RSET", "250 2.0.0 done");
    answers("RSET \t", "250 2.0.0 done"); // trailing white space
    answers("HELP", "214 2.0.0 this server takes in mail for few recipients, see RFC 5321");
    answers("HELP MAIL", "214 2.0.0 this server takes in mail for few recipients, see RFC 5321");
    //= https://www.rfc-editor.org/rfc/rfc5321#section-3.5.3
    //= type=test
    //# A server MUST NOT return a 250 code in response to a VRFY or EXPN
    //# command unless it has actually verified the address.
    answers("VRFY tls@mx.example", "252 2.0.0 not verified here, RCPT tells what is accepted");
    answers("VRFY", "501 5.5.4 this command wants an argument");
    answers("EXPN list", "502 5.5.1 this command is not offered here");
    answers("EXPN", "501 5.5.4 this command wants an argument");
}

#[test]
fn what_is_no_command_or_out_of_place() {
    answers("", "500 5.5.1 unknown command");
    answers("TURN", "500 5.5.1 unknown command");
    answers("AUTH PLAIN AGEAYg==", "500 5.5.1 unknown command");
    answers("EHLO", "501 say your name behind the command"); // no enhanced code there
    answers("HELO ", "501 say your name behind the command");
    answers("LHLO c", "500 5.5.1 this server speaks the other of SMTP and LMTP");
    answers("RSET now", "501 5.5.4 this command takes no argument");
    answers("QUIT now", "501 5.5.4 this command takes no argument");
    answers("DATA now", "501 5.5.4 this command takes no argument");
    answers("DATA", "503 5.5.1 say MAIL first");
    answers("RCPT TO:<tls@mx.example>", "503 5.5.1 say MAIL first");
    answers("STARTTLS", "502 5.5.1 this command is not offered here");
    answers("NOOP\0", "500 5.5.2 a command is one line of text");
    answers("NO\rOP", "500 5.5.2 a command is one line of text");
    answers("NOOP \u{85}", "500 5.5.2 a command is one line of text");
}

#[test]
fn some_commands_need_no_greeting() {
    let mut caller = Caller::new(smtp());
    caller.sent.clear();
    for line in ["NOOP", "RSET", "HELP", "VRFY x"] {
        let answer = caller.ask(line);
        assert!(answer.starts_with('2'), "{line}: {answer}");
    }
    assert_eq!(caller.ask("MAIL FROM:<>"), "503 5.5.1 say EHLO first, LHLO in LMTP");
    assert_eq!(caller.ask("QUIT"), "221 2.0.0 good bye");
}

#[test]
fn helo_is_answered_in_one_line() {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-3.2
    //= type=test
    //# Servers MUST NOT return the extended EHLO-
    //# style response to a HELO command.
    let mut caller = Caller::new(smtp());
    caller.sent.clear();
    assert_eq!(caller.ask("HELO c.example"), "250 mx.example");
    for line in ["MAIL FROM:<a@b.example>", "RCPT TO:<tls@mx.example>", "DATA", "."] {
        caller.say(line);
    }
    assert_eq!(caller.messages[0].envelope.transmission_type(), "SMTP");
}

#[test]
fn ehlo_again_begins_anew() {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.4
    //= type=test
    //# If
    //# it is issued after the session begins and the EHLO command is
    //# acceptable to the SMTP server, the SMTP server MUST clear all buffers
    //# and reset the state exactly as if a RSET command had been issued.
    for line in ["EHLO again", "RSET"] {
        let mut caller = Caller::before_data(smtp());
        caller.ask(line);
        assert_eq!(caller.ask("DATA"), "503 5.5.1 say MAIL first");
        assert_eq!(caller.ask("MAIL FROM:<>"), "250 2.1.0 sender noted");
    }
    let mut caller = Caller::before_data(smtp());
    caller.ask("EHLO"); // not acceptable, so nothing changes
    assert_eq!(caller.ask("DATA"), "354 send the message, end it with <CRLF>.<CRLF>");
}

#[test]
fn names_of_clients_are_noted_and_not_judged() {
    for (said, noted) in [
        ("mail.example.com", "mail.example.com"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("my_host", "my_host"),
        ("  two words", "two words"),
        ("ü\u{202e}", "\\xc3\\xbc\\xe2\\x80\\xae"),
        (&"x".repeat(600), &"x".repeat(255)),
    ] {
        let mut caller = Caller::new(smtp());
        caller.say(&format!("EHLO {said}"));
        for line in ["MAIL FROM:<>", "RCPT TO:<tls@mx.example>", "DATA", "."] {
            caller.say(line);
        }
        assert_eq!(&*caller.messages[0].envelope.greeted.name, noted);
    }
}

#[test]
fn long_lines_are_refused_and_endless_ones_end_it() {
    let limits = Limits { command_octets: 64, ..Limits::default() };
    let mut caller = Caller::new(with_limits(limits));
    caller.sent.clear();
    let fits = format!("NOOP {}", "x".repeat(64 - 7));
    assert_eq!(caller.ask(&fits), "250 2.0.0 done");
    assert_eq!(caller.ask(&format!("{fits}x")), "500 5.5.2 the line is too long");
    assert_eq!(caller.ask(&"x".repeat(16 * 64 - 2)), "500 5.5.2 the line is too long");
    caller.octets("x".repeat(16 * 64 - 1).as_bytes());
    assert!(!caller.is_closed);
    caller.octets(b"x");
    assert_eq!(caller.heard(), "500 5.5.2 the line is too long");
    assert_eq!((caller.is_closed, caller.ended()), (true, Some(Ended::Flood)));
}

#[test]
fn a_line_that_ends_with_lf_alone_ends_it() {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.4
    //= type=test
    //# The custom of accepting lines ending only in <LF>, as a concession to
    //# non-conforming behavior on the part of some UNIX systems, has proven
    //# to cause more interoperability problems than it solves, and SMTP
    //# server systems MUST NOT do this, even in the name of improved
    //# robustness.
    let mut caller = Caller::new(smtp());
    caller.sent.clear();
    caller.octets(b"NOOP\nNOOP\r\n");
    assert_eq!(caller.heard(), "500 5.5.2 a line ends with CR LF, not with LF alone");
    assert_eq!((caller.is_closed, caller.ended()), (true, Some(Ended::BareLineFeed)));
}

#[test]
fn what_is_meant_for_another_server_is_not_read_on() {
    for request in [
        "GET / HTTP/1.1",
        "POST /v1/reports HTTP/1.1",
        "CONNECT mx.example:25 HTTP/1.1",
        "PRI * HTTP/2.0",
        "BDAT 10 LAST", // octets of a message would follow
    ] {
        let mut caller = Caller::new(smtp());
        caller.sent.clear();
        caller.octets(format!("{request}\r\nMAIL FROM:<>\r\n").as_bytes());
        assert_eq!(caller.sent.lines().count(), 1, "{request}: {}", caller.sent);
        assert_eq!((caller.is_closed, caller.ended()), (true, Some(Ended::Foreign)));
    }
}
