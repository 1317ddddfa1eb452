//! RFC 3207: a look at a server, from greeting to QUIT.

use sealpost_wire::smtp::{
    Action, Channel, EhloName, Fault, Probe, ReplyError, Stage, Summary, TranscriptLine,
};

/// What happens to a probe, in order.
enum Step {
    /// The server says this.
    Hear(&'static str),
    /// The probe sends this command.
    Send(&'static str),
    /// The probe asks for TLS.
    StartTls,
    /// TLS stands.
    Established,
    /// The server closes.
    Close,
}

use Step::{Close, Established, Hear, Send, StartTls};

fn new_probe() -> Probe {
    match EhloName::parse("probe.example") {
        Ok(name) => Probe::new(name),
        Err(error) => panic!("{error}"),
    }
}

/// Plays the steps and checks that the probe does these and nothing else.
fn play(steps: &[Step]) -> Probe {
    let mut probe = new_probe();
    for step in steps {
        match step {
            Send(command) => {
                let sent = Action::Send(format!("{command}\r\n").into_bytes());
                assert_eq!(probe.next(), sent);
            }
            StartTls => assert_eq!(probe.next(), Action::StartTls),
            input => {
                assert_eq!(probe.next(), Action::Wait);
                match input {
                    Hear(text) => probe.received(text.replace('\n', "\r\n").as_bytes()),
                    Established => probe.tls_established(),
                    _ => probe.closed(),
                }
            }
        }
    }
    probe
}

/// Plays the steps up to the end of the conversation.
fn whole(steps: &[Step]) -> Summary {
    let mut probe = play(steps);
    assert_eq!(probe.next(), Action::Done);
    assert_eq!(probe.next(), Action::Done);
    probe.summary().clone()
}

const GREETING: Step = Hear("220 mx.example\n");
const EHLO: Step = Send("EHLO probe.example");
const OFFER: Step = Hear("250-mx.example\n250 STARTTLS\n");
const QUIT: Step = Send("QUIT");
const BYE: Step = Hear("221 bye\n");

//= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
//= type=test
//# The client SHOULD send an EHLO command as the
//# first command after a successful TLS negotiation.
#[test]
fn the_whole_way() {
    let steps = [
        GREETING,
        EHLO,
        OFFER,
        Send("STARTTLS"),
        Hear("220 2.0.0 go\n"),
        StartTls,
        Established,
        EHLO,
        Hear("250-mx.example\n250 REQUIRETLS\n"),
        QUIT,
        BYE,
    ];
    let summary = whole(&steps);
    assert_eq!((summary.fault, summary.injected, summary.stage), (None, None, Stage::Finished));
    let texts = [summary.greeting, summary.ehlo, summary.starttls, summary.ehlo_over_tls]
        .map(|reply| reply.map(|reply| reply.to_string()).unwrap_or_default());
    assert_eq!(
        texts,
        [
            "220 mx.example",
            "250 mx.example / STARTTLS",
            "220 2.0.0 go",
            "250 mx.example / REQUIRETLS"
        ]
    );

    let said: Vec<_> = play(&steps).transcript().iter().map(TranscriptLine::to_string).collect();
    assert_eq!(
        said,
        [
            "S: 220 mx.example",
            "C: EHLO probe.example",
            "S: 250-mx.example",
            "S: 250 STARTTLS",
            "C: STARTTLS",
            "S: 220 2.0.0 go",
            "C: EHLO probe.example",
            "S: 250-mx.example",
            "S: 250 REQUIRETLS",
            "C: QUIT",
        ]
    );
    let channels: Vec<_> = play(&steps).transcript().iter().map(|line| line.channel).collect();
    assert_eq!(channels.iter().filter(|channel| **channel == Channel::Tls).count(), 4);
    assert_eq!(channels.get(6), Some(&Channel::Tls));
}

#[test]
fn a_refused_greeting() {
    for (text, code) in [("421 4.3.2 later\n", 421), ("554 5.7.1 no\n", 554)] {
        let summary = whole(&[Hear(text), QUIT, BYE]);
        match summary.fault {
            Some(Fault::GreetingRefused { reply }) => assert_eq!(reply.code, code),
            other => panic!("{other:?}"),
        }
        assert!(summary.greeting.is_some() && summary.ehlo.is_none());
    }
}

#[test]
fn a_refused_ehlo_is_not_followed_by_helo() {
    let summary = whole(&[GREETING, EHLO, Hear("502 no\n"), QUIT, BYE]);
    assert!(matches!(summary.fault, Some(Fault::EhloRefused { stage: Stage::Ehlo, reply })
        if reply.code == 502));
}

#[test]
fn starttls_not_offered() {
    let summary = whole(&[GREETING, EHLO, Hear("250-mx.example\n250 SIZE\n"), QUIT, BYE]);
    assert_eq!(summary.fault, Some(Fault::StartTlsNotOffered));
    let summary = whole(&[GREETING, EHLO, Hear("250 STARTTLS\n"), QUIT, Close]); // a name, no offer
    assert_eq!(summary.fault, Some(Fault::StartTlsNotOffered));
}

#[test]
fn a_refused_starttls_is_not_followed_by_anything_in_the_open() {
    for (text, code) in [("454 4.7.0 no\n", 454), ("501 x\n", 501), ("354 x\n", 354)] {
        let summary = whole(&[GREETING, EHLO, OFFER, Send("STARTTLS"), Hear(text), QUIT, BYE]);
        match summary.fault {
            Some(Fault::StartTlsRefused { reply }) => assert_eq!(reply.code, code),
            other => panic!("{other:?}"),
        }
        assert!(summary.starttls.is_some() && summary.ehlo_over_tls.is_none());
    }
}

#[test]
fn a_refused_ehlo_over_tls() {
    let summary = whole(&[
        GREETING,
        EHLO,
        OFFER,
        Send("STARTTLS"),
        Hear("220 go\n"),
        StartTls,
        Established,
        EHLO,
        Hear("554 no\n"),
        QUIT,
        BYE,
    ]);
    assert!(matches!(summary.fault, Some(Fault::EhloRefused { stage: Stage::EhloOverTls, .. })));
}

//= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
//= type=test
//# The client
//# MUST discard any knowledge obtained from the server, such as the list
//# of SMTP service extensions, which was not obtained from the TLS
//# negotiation itself.
#[test]
fn octets_injected_before_tls_are_recorded_and_never_used() {
    let after_injection = |injected: &'static str, later: &'static str| {
        let mut probe = play(&[GREETING, EHLO, OFFER, Send("STARTTLS"), Hear(injected), StartTls]);
        probe.received(later.as_bytes());
        assert_eq!(probe.next(), Action::Wait);
        probe.tls_established();
        assert_eq!(probe.next(), Action::Send(b"EHLO probe.example\r\n".to_vec()));
        assert_eq!(probe.next(), Action::Wait, "injected octets were taken for an answer over TLS");
        probe.received(b"250 mx.example\r\n");
        assert_eq!(probe.next(), Action::Send(b"QUIT\r\n".to_vec()));
        probe.summary().clone()
    };
    let in_the_same_read = after_injection("220 go\n250 evil.example\n", "");
    assert_eq!(in_the_same_read.injected.as_deref(), Some("250 evil.example\\r\\n"));
    assert_eq!(in_the_same_read.fault, None);
    let answer = in_the_same_read.ehlo_over_tls.map(|reply| reply.to_string());
    assert_eq!(answer.as_deref(), Some("250 mx.example"));

    let half_a_line = after_injection("220 go\n25", "0 evil");
    assert_eq!(half_a_line.injected.as_deref(), Some("250 evil"));
    let in_a_later_read = after_injection("220 go\n", "250 evil\r\n");
    assert_eq!(in_a_later_read.injected.as_deref(), Some("250 evil\\r\\n"));
    assert_eq!(after_injection("220 go\n", "").injected, None);
}

#[test]
fn injected_octets_are_no_part_of_the_conversation() {
    let steps =
        [GREETING, EHLO, OFFER, Send("STARTTLS"), Hear("220 go\n250 evil"), StartTls, Close];
    let mut probe = play(&steps);
    assert_eq!(probe.next(), Action::Done);
    assert_eq!(probe.transcript().last().map(|line| line.text.as_str()), Some("220 go"));
}

#[test]
fn what_is_kept_of_injected_octets_is_bounded() {
    let mut probe = play(&[GREETING, EHLO, OFFER, Send("STARTTLS"), Hear("220 go\n"), StartTls]);
    for _ in 0..1_000 {
        probe.received(&[b'x'; 100]);
    }
    let kept = probe.summary().injected.as_ref().map(String::len);
    assert_eq!(kept, Some(Probe::MAX_INJECTED));
}

//= https://www.rfc-editor.org/rfc/rfc3207#section-4
//= type=test
//# After receiving a 220 response to a STARTTLS command, the client MUST
//# start the TLS negotiation before giving any other SMTP commands.
#[test]
fn nothing_is_sent_before_tls_stands() {
    let mut probe = play(&[GREETING, EHLO, OFFER, Send("STARTTLS"), Hear("220 go\n"), StartTls]);
    for _ in 0..3 {
        assert_eq!(probe.next(), Action::Wait);
    }
    assert_eq!(probe.stage(), Stage::TlsHandshake);
    assert!(probe.summary().ehlo_over_tls.is_none());
}

#[test]
fn tls_cannot_stand_before_it_was_asked_for() {
    let mut probe = new_probe();
    probe.tls_established();
    assert_eq!((probe.next(), probe.stage()), (Action::Wait, Stage::Greeting));
    let mut probe = play(&[GREETING, EHLO, OFFER, Send("STARTTLS"), Hear("220 go\n")]);
    probe.tls_established();
    assert_eq!(probe.next(), Action::StartTls);
}

#[test]
fn no_reply_at_each_stage() {
    let garbage = || Hear("HTTP/1.1 400 Bad Request\n");
    let fault = |steps: &[Step]| whole(steps).fault;
    let at = |stage| {
        let error = ReplyError::NotAReply { line: "HTTP/1.1 400 Bad Request".into() };
        Some(Fault::Garbage { stage, error })
    };
    assert_eq!(fault(&[garbage()]), at(Stage::Greeting));
    assert_eq!(fault(&[GREETING, EHLO, garbage()]), at(Stage::Ehlo));
    assert_eq!(fault(&[GREETING, EHLO, OFFER, Send("STARTTLS"), garbage()]), at(Stage::StartTls));
    assert_eq!(
        fault(&[Hear("554 no\n"), QUIT, garbage()]).map(|f| f.to_string()).as_deref(),
        Some("the server refuses the connection: 554 no")
    );
    let probe = play(&[garbage()]);
    assert_eq!(
        at(Stage::Greeting).unwrap().to_string(),
        "while waiting for the greeting: the \
        server sent a line that is no SMTP reply: \"HTTP/1.1 400 Bad Request\""
    );
    assert!(probe.transcript().is_empty());
}

#[test]
fn a_closed_connection_at_each_stage() {
    let stage = |steps: &[Step]| match whole(steps).fault {
        Some(Fault::ConnectionClosed { stage }) => stage,
        other => panic!("{other:?}"),
    };
    let to_tls = || [GREETING, EHLO, OFFER, Send("STARTTLS"), Hear("220 go\n"), StartTls];
    let with = |more: Vec<Step>| to_tls().into_iter().chain(more).collect::<Vec<_>>();
    assert_eq!(stage(&[Close]), Stage::Greeting);
    assert_eq!(stage(&[Hear("220-mx"), Close]), Stage::Greeting);
    assert_eq!(stage(&[GREETING, EHLO, Close]), Stage::Ehlo);
    assert_eq!(stage(&[GREETING, EHLO, OFFER, Send("STARTTLS"), Close]), Stage::StartTls);
    assert_eq!(stage(&with(vec![Close])), Stage::TlsHandshake);
    assert_eq!(stage(&with(vec![Established, EHLO, Close])), Stage::EhloOverTls);

    let over = with(vec![Established, EHLO, Hear("250 mx.example\n"), QUIT, Close]);
    assert_eq!(whole(&over).fault, None, "a server may close on QUIT");
}

#[test]
fn what_arrived_before_the_close_counts() {
    let mut probe = new_probe();
    probe.received(b"554 no\r\n");
    probe.closed();
    assert_eq!(probe.next(), Action::Done, "there is nobody to say QUIT to");
    assert!(matches!(probe.summary().fault, Some(Fault::GreetingRefused { .. })));

    let mut probe = new_probe();
    probe.received(b"220-one\r\n220-two\r\n220 thr");
    probe.closed();
    assert_eq!(probe.next(), Action::Done);
    let said: Vec<_> = probe.transcript().iter().map(TranscriptLine::to_string).collect();
    assert_eq!(said, ["S: 220-one", "S: 220-two", "S: 220 thr"]);
}

#[test]
fn a_flood_is_bounded() {
    let mut probe = new_probe();
    for _ in 0..100 {
        probe.received("250-x\r\n".repeat(10_000).as_bytes());
    }
    assert_eq!(probe.next(), Action::Done);
    assert!(matches!(
        probe.summary().fault,
        Some(Fault::Garbage { stage: Stage::Greeting, error: ReplyError::TooManyLines { .. } })
    ));
}
