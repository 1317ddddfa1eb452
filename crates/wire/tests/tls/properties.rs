//! What holds for every server, however its octets are cut.

use proptest::prelude::*;
use sealpost_wire::tls::{
    AnswerReader, ClientHello, Ending, ModernHandshake, ProtocolVersion, ServerAnswer, Survey,
};

use crate::{flight, hello_body, message, offer, record};

/// Octets near enough to an answer to reach every state.
fn near_tls() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        flight(0x0301, 0xC013),
        flight(0x0303, 0x0005),
        flight(0x0300, 0x000A),
        record(22, &message(2, &hello_body(0x0302, 0x0034))),
        record(22, &message(14, &[])),
        record(22, &message(0, &[])),
        record(22, &[2, 0, 0]),
        record(21, &[1, 112]),
        record(21, &[2, 70]),
        record(21, &[2]),
        record(23, b"x"),
        message(11, &[0; 40]),
        vec![22, 3, 1],
        vec![22, 3, 1, 0, 4],
        vec![22, 3, 1, 0x40, 0],
        b"454 no\r\n".to_vec(),
    ];
    let piece = prop::sample::select(pieces);
    let anything = prop::collection::vec(any::<u8>(), 0..4);
    let long = (0..20_000_usize).prop_map(|length| record(22, &message(11, &vec![0; length])));
    let part = prop_oneof![20 => piece, 3 => anything, 1 => long];
    prop::collection::vec(part, 0..10).prop_map(|parts| parts.concat())
}

fn read(offer: &ClientHello, octets: &[u8], lengths: &[usize], ending: Ending) -> ServerAnswer {
    let mut reader = AnswerReader::new(offer);
    let mut rest = octets;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*length).clamp(1, rest.len()));
        reader.push(piece);
        rest = after;
    }
    reader.finish(ending).clone()
}

fn versions() -> impl Strategy<Value = ProtocolVersion> {
    (0x0300..=0x0303_u16).prop_map(ProtocolVersion::from_number)
}

proptest! {
    #[test]
    fn the_answer_does_not_depend_on_the_cut(
        version in versions(),
        octets in near_tls(),
        lengths in prop::collection::vec(1..60_usize, 1..8),
    ) {
        let offer = offer(version);
        for ending in [Ending::Closed, Ending::TimedOut] {
            let whole = read(&offer, &octets, &[usize::MAX], ending);
            prop_assert_eq!(&read(&offer, &octets, &lengths, ending), &whole);
            prop_assert!(whole.to_string().len() < 500);
            prop_assert!(!whole.to_string().contains(char::is_control));
            match whole {
                ServerAnswer::ServerHello(hello) => {
                    prop_assert!(hello.version <= offer.version());
                    prop_assert!(offer.cipher_suites().contains(&hello.cipher_suite));
                }
                ServerAnswer::NotTls { seen } => {
                    prop_assert!(seen.len() <= 4 * AnswerReader::MAX_SEEN);
                }
                ServerAnswer::TimedOut => prop_assert_eq!(ending, Ending::TimedOut),
                ServerAnswer::Closed => prop_assert!(octets.is_empty()),
                _ => {}
            }
        }
    }

    #[test]
    fn any_octets(version in versions(), octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let offer = offer(version);
        let whole = read(&offer, &octets, &[usize::MAX], Ending::Closed);
        prop_assert_eq!(read(&offer, &octets, &[1], Ending::Closed), whole);
    }

    #[test]
    fn a_survey_comes_to_its_end(
        is_modern in any::<bool>(),
        answers in prop::collection::vec(prop::option::of(near_tls()), 6),
    ) {
        let modern =
            if is_modern { ModernHandshake::Succeeded } else { ModernHandshake::Failed };
        let mut survey = Survey::new(modern, None);
        let mut connections = 0;
        for octets in answers {
            let Some(question) = survey.next_question() else { break };
            connections += 1;
            match octets {
                Some(octets) => {
                    let offer = survey.client_hello(question, [1; 32]);
                    let answer = read(&offer, &octets, &[usize::MAX], Ending::TimedOut);
                    survey.answered(question, answer);
                }
                None => survey.not_asked(question),
            }
        }
        prop_assert!(connections <= Survey::MAX_CONNECTIONS);
        prop_assert_eq!(survey.next_question(), None);
        prop_assert_eq!(survey.findings().answers.len(), connections);
        prop_assert!(!is_modern || survey.findings().only_old().is_none());
    }
}
