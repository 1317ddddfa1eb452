//! Targets for SMTP: the cut of the octets makes no difference, all that is kept is bounded, and the
//! probe never says anything but what it should.

use sealpost_wire::smtp::{
    Action, Ehlo, EhloName, Limits, Probe, Reply, ReplyError, ReplyReader, Summary,
};

/// Replies. The first octet says how the others are cut.
pub fn smtp_reply(octets: &[u8]) {
    let Some((length, octets)) = octets.split_first() else { return };
    let limits = Limits { line: 64, lines: 4, octets: 160 };
    for limits in [Limits::default(), limits] {
        let (replies, error) = replies(&[octets], limits);
        let pieces: Vec<&[u8]> = octets.chunks(usize::from(*length).max(1)).collect();
        assert_eq!(self::replies(&pieces, limits), (replies.clone(), error));
        for reply in &replies {
            assert!((200..=599).contains(&reply.code));
            assert!((1..=limits.lines).contains(&reply.lines.len()));
            assert!(reply.to_string().bytes().all(|byte| matches!(byte, b' '..=b'~')));
            assert_eq!(Ehlo::read(reply).is_some(), reply.is_positive());
            let _ = Ehlo::read(reply).map(|ehlo| ehlo.size_limit());
            let _ = reply.enhanced_code();
        }
    }
}

/// A look at a server. The first octet says how the others are cut, the second which of the pieces
/// is the first to come through TLS; nothing does before TLS is asked for.
pub fn smtp_probe(octets: &[u8]) {
    let [length, first_over_tls, octets @ ..] = octets else { return };
    let pieces: Vec<&[u8]> = octets.chunks(usize::from(*length).max(1)).collect();

    // In the open the cut makes no difference.
    let whole = conversation(&[octets], usize::MAX);
    assert_eq!(conversation(&pieces, usize::MAX), whole);
    assert!(whole.summary.ehlo_over_tls.is_none());

    let over_tls = conversation(&pieces, usize::from(*first_over_tls));
    if over_tls.summary.starttls.is_none() {
        assert!(over_tls.summary.ehlo_over_tls.is_none());
    }
}

/// The replies in pieces of octets, and the error that ended them.
fn replies(pieces: &[&[u8]], limits: Limits) -> (Vec<Reply>, Option<ReplyError>) {
    let mut reader = ReplyReader::new(limits);
    let mut replies = Vec::new();
    for piece in pieces {
        let mut octets = *piece;
        loop {
            match reader.push(octets) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
            octets = b"";
        }
        assert!(reader.surplus().len() < limits.line);
    }
    (replies, None)
}

#[derive(Debug, PartialEq)]
struct Conversation {
    summary: Summary,
    transcript: Vec<String>,
    sent: Vec<u8>,
}

/// Plays the pieces to a probe until the last, and then closes.
fn conversation(pieces: &[&[u8]], first_over_tls: usize) -> Conversation {
    let Ok(name) = EhloName::parse("probe.example") else { unreachable!("the name is valid") };
    let mut probe = Probe::new(name);
    let mut sent = Vec::new();
    let mut awaits_tls = false;
    for index in 0..=pieces.len() {
        match pieces.get(index) {
            Some(piece) => {
                if awaits_tls && index >= first_over_tls {
                    probe.tls_established();
                    awaits_tls = false;
                }
                probe.received(piece);
            }
            None => probe.closed(),
        }
        // EHLO, STARTTLS, EHLO and QUIT, and the turn to TLS.
        for turn in 0.. {
            assert!(turn < 6, "the probe does not come to an end");
            match probe.next() {
                Action::Send(command) => {
                    assert!(!awaits_tls, "something was sent between STARTTLS and TLS");
                    assert!(matches!(
                        command.as_slice(),
                        b"EHLO probe.example\r\n" | b"STARTTLS\r\n" | b"QUIT\r\n"
                    ));
                    sent.extend(command);
                }
                Action::StartTls => awaits_tls = true,
                Action::Wait | Action::Done => break,
            }
        }
    }
    assert_eq!(probe.next(), Action::Done);
    assert!(probe.transcript().len() <= Probe::MAX_TRANSCRIPT_LINES);
    let summary = probe.summary().clone();
    // Each octet may take four characters.
    assert!(summary.injected.as_ref().is_none_or(|text| text.len() <= 4 * Probe::MAX_INJECTED));
    let transcript = probe.transcript().iter().map(ToString::to_string).collect();
    Conversation { summary, transcript, sent }
}
