use sealpost_wire::smtp::server::{Delivery, End, Ended, Event, Limits, Session};

use crate::harness::{Caller, lmtp, smtp, with_limits};

#[test]
fn the_limits_are_as_documented() {
    let limits = Limits::default();
    assert_eq!(limits.command_octets, 2_048);
    assert_eq!(limits.message_octets, 26_214_400);
    assert_eq!(limits.excess_octets, 52_428_800);
    assert_eq!(limits.text_line_octets, 1_048_576);
    let counts = (limits.recipients, limits.messages, limits.errors, limits.idle_commands);
    assert_eq!(counts, (100, 1_000, 20, 300));
}

#[test]
fn errors_are_counted() {
    let mut caller = Caller::new(smtp());
    caller.sent.clear();
    for _ in 0..20 {
        assert_eq!(caller.ask("WHAT"), "500 5.5.1 unknown command");
    }
    let expected = "500 5.5.1 unknown command\r\n421 4.7.0 mx.example too many errors";
    assert_eq!(caller.ask("WHAT"), expected);
    assert_eq!((caller.is_closed, caller.ended()), (true, Some(Ended::TooManyErrors)));
}

#[test]
fn guessing_recipients_is_an_error_too() {
    let mut caller = Caller::before_data(smtp());
    for count in 0..20 {
        caller.ask(&format!("RCPT TO:<guess{count}@mx.example>"));
    }
    assert!(!caller.is_closed);
    caller.say("RCPT TO:<guess@mx.example>");
    assert_eq!(caller.ended(), Some(Ended::TooManyErrors));
}

#[test]
fn commands_without_a_message_are_counted() {
    let limits = Limits { idle_commands: 5, errors: 2, ..Limits::default() };
    let mut caller = Caller::in_data(with_limits(limits)); // four commands
    assert_eq!(caller.ask("."), "250 2.6.0 stored"); // and they are forgotten
    for _ in 0..5 {
        assert_eq!(caller.ask("NOOP"), "250 2.0.0 done");
    }
    let expected = "421 4.7.0 mx.example too many commands without a message";
    assert_eq!(caller.ask("NOOP"), expected);
    assert_eq!(caller.ended(), Some(Ended::TooManyCommands));

    // A message that is not stored forgives nothing.
    let mut caller = Caller::in_data(with_limits(limits));
    caller.delivery = Delivery::Later;
    caller.ask(".");
    caller.ask("NOOP");
    assert_eq!(caller.ask("NOOP"), expected);
}

#[test]
fn messages_are_counted() {
    let mut caller = Caller::new(with_limits(Limits { messages: 2, ..Limits::default() }));
    caller.say("EHLO c");
    for _ in 0..2 {
        for line in ["MAIL FROM:<>", "RCPT TO:<tls@mx.example>", "DATA", "."] {
            caller.say(line);
        }
    }
    caller.sent.clear();
    let expected = "421 4.3.2 mx.example enough messages for one connection, come again";
    assert_eq!(caller.ask("MAIL FROM:<>"), expected);
    assert_eq!((caller.messages.len(), caller.ended()), (2, Some(Ended::TooManyMessages)));
}

#[test]
fn the_caller_can_end_it_at_any_moment() {
    let texts = [
        (End::Stopping, "421 4.3.2 mx.example the service stops, come again later"),
        (End::TimedOut, "421 4.4.2 mx.example nothing came for too long"),
        (End::TooSlow, "421 4.4.2 mx.example it comes too slowly"),
        (End::Crowded, "421 4.7.0 mx.example too many connections from your address"),
        (End::TooLong, "421 4.3.2 mx.example enough for one connection, come again"),
    ];
    for (end, expected) in texts {
        for mut caller in
            [Caller::new(smtp()), Caller::before_data(smtp()), Caller::in_data(lmtp())]
        {
            caller.sent.clear();
            caller.session.end(end);
            caller.octets(b"text\r\n.\r\nNOOP\r\n"); // nobody reads it
            assert_eq!(caller.heard(), expected);
            assert_eq!((caller.is_closed, caller.ended()), (true, Some(Ended::Told(end))));
            assert_eq!(caller.messages.len(), 0);
            caller.session.end(End::Stopping);
            assert_eq!(caller.ended(), Some(Ended::Told(end)));
        }
    }
}

#[test]
fn a_connection_can_be_refused() {
    let mut session = Session::new(smtp().into());
    session.end(End::Crowded);
    let expected = b"421 mx.example too many connections from your address\r\n";
    assert_eq!(session.next(), Event::Send(expected.to_vec()));
    assert_eq!(session.next(), Event::Close);
}

#[test]
fn a_message_that_is_not_answered_is_not_acknowledged() {
    let mut session = {
        let mut caller = Caller::in_data(smtp());
        caller.sent.clear();
        caller.session
    };
    session.received(b"text\r\n.\r\nNOOP\r\n");
    assert!(matches!(session.next(), Event::Message(_)));
    for _ in 0..3 {
        assert_eq!(session.next(), Event::Wait);
    }
    let mut stored = session.clone();
    stored.answer_message(&Delivery::Stored(None));
    stored.answer_message(&Delivery::Stored(None)); // once is enough
    assert_eq!(stored.next(), Event::Send(b"250 2.6.0 stored\r\n250 2.0.0 done\r\n".to_vec()));

    let mut stopped = session.clone();
    stopped.end(End::Stopping);
    stopped.answer_message(&Delivery::Stored(None));
    let Event::Send(reply) = stopped.next() else { panic!("no reply") };
    assert!(reply.starts_with(b"421 "));
    assert_eq!(stopped.next(), Event::Close);

    session.closed();
    session.answer_message(&Delivery::Stored(None));
    assert_eq!(session.next(), Event::Close);
    assert_eq!(session.ended(), Some(Ended::Closed));
}

#[test]
fn answers_to_what_was_not_asked_do_nothing() {
    use sealpost_wire::smtp::server::{BeginAnswer, RecipientAnswer};
    let mut caller = Caller::before_data(smtp());
    caller.session.answer_recipient(RecipientAnswer::Accepted);
    caller.session.answer_begin(BeginAnswer::Proceed);
    caller.session.answer_message(&Delivery::Stored(None));
    caller.session.tls_established();
    caller.session.give_up_message();
    caller.turn();
    assert_eq!(caller.heard(), "");
    caller.say("DATA");
    caller.say(".");
    assert_eq!(caller.messages[0].envelope.recipients.len(), 1);
}

#[test]
fn what_is_refused_without_the_caller_is_counted() {
    let limits = Limits { message_octets: 10, excess_octets: 20, ..Limits::default() };
    let mut caller = Caller::in_data(with_limits(limits));
    caller.say("0123456789\r\n.");
    caller.say("MAIL FROM:<> SIZE=11");
    for end in ["a\nb\r\n.", "a\r\n."] {
        for line in ["MAIL FROM:<>", "RCPT TO:<tls@mx.example>", "DATA", end] {
            caller.say(line);
        }
    }
    let refusals = caller.session.refusals();
    assert_eq!((refusals.too_large, refusals.malformed, caller.messages.len()), (2, 1, 1));

    let mut caller = Caller::in_data(with_limits(limits));
    caller.session.give_up_message();
    caller.say("a\nb\r\n.");
    assert_eq!(caller.session.refusals(), Default::default(), "the caller knows of it");
    let mut caller = Caller::in_data(with_limits(limits));
    caller.octets(&[b'x'; 31]);
    assert_eq!(caller.session.refusals().too_large, 1);
}

#[test]
fn progress_grows_with_commands_and_messages_only() {
    let mut caller = Caller::new(smtp());
    let at_first = caller.session.progress();
    caller.octets(b"NOO");
    assert_eq!(caller.session.progress(), at_first);
    caller.octets(b"P\r\n");
    assert_eq!(caller.session.progress(), at_first + 1);
    let mut caller = Caller::in_data(smtp());
    let before = caller.session.progress();
    caller.octets(b"text\r\ntext\r\n");
    assert_eq!(caller.session.progress(), before);
    caller.octets(b".\r\n");
    assert_eq!(caller.session.progress(), before + 1);
}
