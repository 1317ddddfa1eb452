//! A target for what servers answer to an offer of old TLS: the cut of the octets makes no
//! difference, nothing is believed that was not offered, and the survey comes to its end.

use sealpost_wire::tls::{
    AnswerReader, CipherSuite, ClientHello, Ending, ModernHandshake, ProtocolVersion, ServerAnswer,
    Survey,
};

/// The answer of a server. The first octet says how the others are cut, the second which version is
/// offered, from SSL 3.0 to TLS 1.2.
pub fn tls_server_answer(octets: &[u8]) {
    let [length, version, octets @ ..] = octets else { return };
    let version = ProtocolVersion::from_number(0x0300 + u16::from(version % 4));
    let Ok(offer) = ClientHello::new(version, &CipherSuite::common(), [7; 32]) else {
        unreachable!("the offer can be made")
    };
    let pieces: Vec<&[u8]> = octets.chunks(usize::from(*length).max(1)).collect();
    for ending in [Ending::Closed, Ending::TimedOut] {
        let whole = answer(&offer, &[octets], ending);
        assert_eq!(answer(&offer, &pieces, ending), whole);
        assert_sound(&offer, &whole);
    }
    for modern in [ModernHandshake::Succeeded, ModernHandshake::Failed] {
        survey(modern, octets);
    }
}

fn answer(offer: &ClientHello, pieces: &[&[u8]], ending: Ending) -> ServerAnswer {
    let mut reader = AnswerReader::new(offer);
    for piece in pieces {
        let answer = reader.push(piece).cloned();
        assert_eq!(reader.answer(), answer.as_ref());
    }
    let answer = reader.finish(ending).clone();
    assert_eq!(reader.answer(), Some(&answer));
    answer
}

fn assert_sound(offer: &ClientHello, answer: &ServerAnswer) {
    crate::names::assert_is_message(&answer.to_string());
    match answer {
        ServerAnswer::ServerHello(hello) => {
            assert!((ProtocolVersion::SSL_3_0..=offer.version()).contains(&hello.version));
            assert!(offer.cipher_suites().contains(&hello.cipher_suite));
            assert!(hello.also_knows.is_none_or(|known| known > hello.version));
        }
        // Each octet may take four characters.
        ServerAnswer::NotTls { seen } => assert!(seen.len() <= 4 * AnswerReader::MAX_SEEN),
        _ => {}
    }
}

/// A server that gives the same answer to every offer.
fn survey(modern: ModernHandshake, octets: &[u8]) {
    let mut survey = Survey::new(modern, None);
    let mut connections = 0;
    while let Some(question) = survey.next_question() {
        connections += 1;
        assert!(connections <= Survey::MAX_CONNECTIONS, "the survey does not come to its end");
        let offer = survey.client_hello(question, [7; 32]);
        survey.answered(question, answer(&offer, &[octets], Ending::Closed));
    }
    let findings = survey.findings();
    assert_eq!(findings.answers.len(), connections);
    assert!(modern == ModernHandshake::Failed || findings.only_old().is_none());
}
