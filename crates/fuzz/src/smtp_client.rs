//! Target for the side of SMTP that hands a message over: the cut of the octets makes no difference,
//! every recipient has a fate in the end, and none is delivered before the message was sent.

use sealpost_wire::smtp::{
    Action, EhloName,
    client::{Dispatch, Fate, Outgoing, Terms, TlsUse},
    server::{Mailbox, Protocol},
};

/// A server. The first octet says how the others are cut, the second what is spoken and whether TLS
/// is used.
pub fn smtp_client(octets: &[u8]) {
    let [length, choice, octets @ ..] = octets else { return };
    let protocol = if choice & 1 == 0 { Protocol::Smtp } else { Protocol::Lmtp };
    let length = usize::from(*length).max(1);
    let whole = conversation(octets, octets.len().max(1), protocol, TlsUse::Never);
    assert_eq!(conversation(octets, length, protocol, TlsUse::Never), whole);
    // With TLS it does: what comes before the handshake is dropped.
    conversation(octets, length, protocol, TlsUse::WhenOffered);
}

/// What was sent, and the fates. TLS stands as soon as it is asked for.
fn conversation(
    octets: &[u8],
    length: usize,
    protocol: Protocol,
    tls: TlsUse,
) -> (Vec<u8>, Vec<Option<Fate>>) {
    let Ok(ehlo_name) = EhloName::parse("c.example") else { unreachable!("the name is valid") };
    let recipients = ["a@x.example", "b@x.example"].into_iter();
    let recipients = recipients.flat_map(Mailbox::parse).collect();
    let Ok(outgoing) = Outgoing::new(None, recipients, b"A: b\r\n\r\n.\r\n".to_vec()) else {
        unreachable!("the message is valid")
    };
    let mut dispatch = Dispatch::new(Terms { ehlo_name, protocol, tls }, outgoing);
    let mut pieces = octets.chunks(length);
    let mut sent = Vec::new();
    loop {
        match dispatch.next() {
            Action::Send(octets) => sent.extend(octets),
            Action::StartTls => dispatch.tls_established(),
            Action::Wait => match pieces.next() {
                Some(piece) => dispatch.received(piece),
                None => dispatch.closed(),
            },
            Action::Done => break,
        }
        assert!(sent.len() < 1_000, "more is sent than one message");
    }
    let fates = dispatch.fates().to_vec();
    assert!(fates.iter().all(Option::is_some));
    let is_sent = sent.windows(15).any(|part| part == b"A: b\r\n\r\n..\r\n.\r\n");
    assert!(is_sent || !fates.iter().flatten().any(Fate::is_delivered));
    (sent, fates)
}
