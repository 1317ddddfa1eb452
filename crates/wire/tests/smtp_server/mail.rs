use sealpost_wire::smtp::{
    Channel,
    server::{Body, Hello, Limits, Protocol, Recipient, Sender},
};

use crate::harness::{Caller, dialogue, smtp, with_limits};

#[track_caller]
fn mail(arguments: &str, expected: &str) {
    let mut caller = Caller::new(smtp());
    caller.say("EHLO c");
    caller.sent.clear();
    let answer = caller.ask(&format!("MAIL {arguments}"));
    assert!(answer.starts_with(expected), "{arguments:?}: {answer}");
}

#[test]
fn senders() {
    const NOTED: &str = "250 2.1.0";
    mail("FROM:<a@b.example>", NOTED);
    mail("from:<a@b.example>", NOTED);
    mail("FROM: <a@b.example>", NOTED); // a common source of errors, and harmless
    mail("FROM:<>", NOTED);
    mail("FROM:<@relay.example,@[IPv6:::1]:a@b.example>", NOTED); // a source route
    mail("FROM:<\"a > b\"@b.example>", NOTED);
    mail("FROM:<\"a\\\" > b\"@b.example>", NOTED);
    mail("FROM:<bounce_1+x=y@under_score.example>", NOTED); // no host name, and only kept
    mail("FROM:<root>", NOTED);
    mail("FROM:<a..b.@b.example>", NOTED);
    mail("FROM:<a@b.example> SIZE=0 BODY=7BIT", NOTED);
    mail("FROM:<a@b.example>  body=8bitmime  size=10 ", NOTED);
    mail("FROM:<ü@b.example> SMTPUTF8", NOTED);
    mail("FROM:<a@b.example> SIZE=26214400", NOTED);

    const SYNTAX: &str = "501 5.1.7";
    mail("FROM", SYNTAX);
    mail("FROM:", SYNTAX);
    mail("FROM:a@b.example", SYNTAX); // no brackets
    mail("FROM:<a@b.example", SYNTAX); // not closed
    mail("FROM:<\"a@b.example>", SYNTAX); // the quotes are not closed
    mail("TO:<a@b.example>", SYNTAX);
    mail("<a@b.example>", SYNTAX);
    mail("FROM:<@relay.example>", SYNTAX); // a route to nobody
    mail("FROM:<@relay.example:>", SYNTAX);
    mail("FROM:<ü@b.example>", "553 5.6.7"); // without SMTPUTF8

    const PARAMETER: &str = "501 5.5.4";
    mail("FROM:<a@b.example>SIZE=1", PARAMETER); // no space
    mail("FROM:<a@b.example> SIZE", PARAMETER);
    mail("FROM:<a@b.example> SIZE=", PARAMETER);
    mail("FROM:<a@b.example> SIZE=-1", PARAMETER);
    mail("FROM:<a@b.example> SIZE=+1", PARAMETER);
    mail("FROM:<a@b.example> SIZE=100000000000000000000000", PARAMETER); // RFC 1870: 20 digits
    mail("FROM:<a@b.example> SIZE=1 SIZE=1", PARAMETER);
    mail("FROM:<a@b.example> BODY=BINARYMIME", PARAMETER);
    mail("FROM:<a@b.example> BODY", PARAMETER);
    mail("FROM:<a@b.example> SIZE=26214401", "552 5.3.4");
    mail("FROM:<a@b.example> SIZE=99999999999999999999", "552 5.3.4");
    mail("FROM:<a@b.example> SMTPUTF8=1", "555 5.5.4");
    mail("FROM:<a@b.example> RET=HDRS", "555 5.5.4"); // DSN is not offered
    mail("FROM:<a@b.example> AUTH=<>", "555 5.5.4");
    mail("FROM:<a@b.example> REQUIRETLS", "555 5.5.4");
}

#[track_caller]
fn recipient(arguments: &str, expected: &str, asked: &[&str]) {
    let mut caller = Caller::new(smtp());
    for line in ["EHLO c", "MAIL FROM:<>"] {
        caller.say(line);
    }
    caller.sent.clear();
    let answer = caller.ask(&format!("RCPT {arguments}"));
    assert!(answer.starts_with(expected), "{arguments:?}: {answer}");
    assert_eq!(caller.recipients, asked, "{arguments:?}");
}

#[test]
fn recipients() {
    const YES: &str = "250 2.1.5";
    recipient("TO:<tls@mx.example>", YES, &["tls@mx.example"]);
    recipient("to: <tls@MX.Example>", YES, &["tls@mx.example"]);
    recipient("TO:<\"tls\"@mx.example>", YES, &["tls@mx.example"]); // quotes make no difference
    recipient("TO:<\"t\\ls\"@mx.example>", YES, &["tls@mx.example"]);
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.3
    //= type=test
    //# Receiving systems MUST recognize
    //# source route syntax but SHOULD strip off the source route
    //# specification and utilize the domain name associated with the mailbox
    //# as if the source route had not been provided.
    recipient("TO:<@a.example,@b.example:tls@mx.example>", YES, &["tls@mx.example"]);
    recipient("TO:<@[IPv6:::1]:tls@mx.example>", YES, &["tls@mx.example"]);
    recipient(
        "TO:<@mx.example:somebody@elsewhere.example>",
        "550 5.7.1",
        &["somebody@elsewhere.example"],
    );
    recipient("TO:<postMaster>", YES, &["postmaster"]); // without a domain, in any case
    recipient("TO:<\"postmaster\">", "501 5.1.3", &[]);
    recipient("TO:<nobody@mx.example>", "550 5.1.1", &["nobody@mx.example"]);
    recipient("TO:<later@mx.example>", "451 4.3.0", &["later@mx.example"]);
    recipient("TO:<tls@[192.0.2.1]>", "550 5.7.1", &["tls@[192.0.2.1]"]);
    recipient("TO:<tls@elsewhere.example>", "550 5.7.1", &["tls@elsewhere.example"]);
    // Relaying in the manner of former times: the local part is whatever it is.
    recipient(
        "TO:<a%elsewhere.example@mx.example>",
        "550 5.1.1",
        &["a%elsewhere.example@mx.example"],
    );
    recipient(
        "TO:<elsewhere.example!a@mx.example>",
        "550 5.1.1",
        &["elsewhere.example!a@mx.example"],
    );
    recipient(
        "TO:<\"a@elsewhere.example\"@mx.example>",
        "550 5.1.1",
        &["\"a@elsewhere.example\"@mx.example"],
    );

    const SYNTAX: &str = "501 5.1.3";
    recipient("TO:<>", SYNTAX, &[]);
    recipient("TO:tls@mx.example", SYNTAX, &[]);
    recipient("TO:<tls>", SYNTAX, &[]);
    recipient("TO:<@mx.example>", SYNTAX, &[]);
    recipient("TO:<tls@>", SYNTAX, &[]);
    recipient("TO:<tls@@mx.example>", SYNTAX, &[]);
    recipient("TO:<a b@mx.example>", SYNTAX, &[]);
    recipient("TO:<tls@mx.example,x@mx.example>", SYNTAX, &[]);
    recipient("TO:<tls@mx.example:25>", SYNTAX, &[]);
    recipient("TO:<tls@mx .example>", SYNTAX, &[]);
    recipient("TO:<ünï@mx.example>", "553 5.6.7", &[]); // MAIL had no SMTPUTF8
    recipient("TO:<tls@mx.example> NOTIFY=NEVER", "555 5.5.4", &[]);
    recipient("TO:<tls@mx.example>NOTIFY=NEVER", "501 5.5.4", &[]);
}

#[test]
fn the_envelope_holds_what_was_said() {
    let caller = dialogue(
        smtp(),
        "S: 220 mx.example ESMTP sealpost
        C: HELO first
        S: 250 mx.example
        C: MAIL FROM:<ä@sender.example> SMTPUTF8 BODY=8BITMIME SIZE=77
        S: 250 2.1.0 sender noted
        C: MAIL FROM:<b@sender.example>
        S: 503 5.5.1 there is a sender already
        C: RCPT TO:<ünï@mx.example>
        S: 250 2.1.5 recipient accepted
        C: RCPT TO:<nobody@mx.example>
        S: 550 5.1.1 no such mailbox here
        C: RCPT TO:<postmaster>
        S: 250 2.1.5 recipient accepted
        C: RCPT TO:<ünï@mx.example>
        S: 250 2.1.5 recipient accepted
        C: DATA
        S: 354 send the message, end it with <CRLF>.<CRLF>
        C: .
        S: 250 2.6.0 stored",
    );
    let envelope = &caller.messages[0].envelope;
    assert_eq!((envelope.protocol, envelope.channel), (Protocol::Smtp, Channel::Plain));
    assert_eq!((envelope.greeted.by, &*envelope.greeted.name), (Hello::Helo, "first"));
    assert_eq!(envelope.sender, Sender::Address("ä@sender.example".into()));
    assert_eq!((envelope.body, envelope.declared_octets), (Body::EightBitMime, Some(77)));
    let recipients: Vec<_> = envelope.recipients.iter().map(ToString::to_string).collect();
    assert_eq!(recipients, ["ünï@mx.example", "postmaster", "ünï@mx.example"]);
    assert_eq!(envelope.recipients[1], Recipient::Postmaster);
    assert_eq!(caller.messages[0].octets, b"");
}

#[test]
fn a_message_needs_a_recipient() {
    dialogue(
        smtp(),
        "S: 220 mx.example ESMTP sealpost
        C: HELO c
        S: 250 mx.example
        C: MAIL FROM:<>
        S: 250 2.1.0 sender noted
        C: DATA
        S: 554 5.5.1 no valid recipients
        C: RCPT TO:<a@elsewhere.example>
        S: 550 5.7.1 mail to this domain is not taken here
        C: DATA
        S: 554 5.5.1 no valid recipients
        C: RCPT TO:<tls@mx.example>
        S: 250 2.1.5 recipient accepted
        C: DATA
        S: 354 send the message, end it with <CRLF>.<CRLF>
        C: .
        S: 250 2.6.0 stored
        C: RCPT TO:<tls@mx.example>
        S: 503 5.5.1 say MAIL first",
    );
}

#[test]
fn more_recipients_than_the_limit_come_later() {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.10
    //= type=test
    //# If an SMTP server has an implementation limit on the number of RCPT
    //# commands and this limit is exhausted, it MUST use a response code of
    //# 452
    let mut caller =
        Caller::before_data(with_limits(Limits { recipients: 2, ..Limits::default() }));
    assert_eq!(caller.ask("RCPT TO:<other@mx.example>"), "250 2.1.5 recipient accepted");
    assert_eq!(caller.ask("RCPT TO:<tls@mx.example>"), "452 4.5.3 too many recipients");
    caller.say("DATA");
    caller.say(".");
    assert_eq!(caller.messages[0].envelope.recipients.len(), 2);
    assert_eq!(Limits::default().recipients, 100, "RFC 5321 section 4.5.3.1.8 wants so many");
}
