//! RFC 5246 sections 6.2 and 7: answers made by hand.

use sealpost_wire::tls::{
    Alert, AlertDescription, AlertLevel, AnswerError, AnswerReader, CipherSuite, Ending,
    ProtocolVersion, ServerAnswer, ServerHello,
};

use crate::{flight, hello_body, message, offer, record};

const SUITE: u16 = 0xC013;

fn offered() -> AnswerReader {
    AnswerReader::new(&offer(ProtocolVersion::TLS_1_1))
}

/// The answer in the octets, after which the server closes.
fn answer(octets: &[u8]) -> ServerAnswer {
    let mut reader = offered();
    reader.push(octets);
    reader.finish(Ending::Closed).clone()
}

fn chosen(version: ProtocolVersion) -> ServerAnswer {
    let cipher_suite = CipherSuite::from_number(SUITE);
    ServerAnswer::ServerHello(ServerHello { version, cipher_suite, also_knows: None })
}

fn alert(level: AlertLevel, description: AlertDescription) -> ServerAnswer {
    ServerAnswer::Alert(Alert { level, description })
}

fn fatal(description: AlertDescription) -> ServerAnswer {
    alert(AlertLevel::FATAL, description)
}

/// The beginning of a flight, and the rest as it is.
fn after_hello(rest: &[u8]) -> Vec<u8> {
    [record(22, &message(2, &hello_body(0x0302, SUITE))), rest.to_vec()].concat()
}

#[test]
fn a_server_that_agrees() {
    assert_eq!(answer(&flight(0x0302, SUITE)), chosen(ProtocolVersion::TLS_1_1));
    assert_eq!(answer(&flight(0x0301, SUITE)), chosen(ProtocolVersion::TLS_1_0));
    assert_eq!(answer(&flight(0x0300, SUITE)), chosen(ProtocolVersion::SSL_3_0));
    let shown = answer(&flight(0x0301, SUITE)).to_string();
    assert_eq!(shown, "the server accepts TLS 1.0 with TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA");
}

#[test]
fn the_messages_of_a_flight_may_lie_in_records_as_they_like() {
    let messages = [
        message(0, &[]), // HelloRequest, to be ignored
        message(2, &hello_body(0x0302, SUITE)),
        message(11, &[0; 900]), // Certificate
        message(22, &[1; 30]),  // CertificateStatus
        message(12, &[2; 300]), // ServerKeyExchange
        message(13, &[3; 9]),   // CertificateRequest
        message(14, &[]),       // ServerHelloDone
    ]
    .concat();
    let in_one = record(22, &messages);
    assert_eq!(answer(&in_one), chosen(ProtocolVersion::TLS_1_1));
    for size in [90, 100, 333, 1_000] {
        let octets: Vec<u8> = messages.chunks(size).flat_map(|part| record(22, part)).collect();
        assert_eq!(answer(&octets), chosen(ProtocolVersion::TLS_1_1), "{size}");
    }
}

#[test]
fn nothing_is_decided_before_the_server_has_said_all() {
    let octets = flight(0x0302, SUITE);
    let mut reader = offered();
    for (index, octet) in octets.iter().enumerate() {
        let is_last = index + 1 == octets.len();
        assert_eq!(reader.push(&[*octet]).is_some(), is_last, "octet {index}");
    }
    // Such servers choose a version and then find that they cannot sign in it.
    let octets = after_hello(&record(21, &[2, 80]));
    assert_eq!(answer(&octets), fatal(AlertDescription::INTERNAL_ERROR));
}

#[test]
fn what_follows_the_answer_is_not_looked_at() {
    let octets = [flight(0x0302, SUITE), b"garbage".to_vec()].concat();
    assert_eq!(answer(&octets), chosen(ProtocolVersion::TLS_1_1));
    let mut reader = offered();
    reader.push(&record(21, &[2, 40]));
    reader.push(&flight(0x0302, SUITE));
    let answer = reader.finish(Ending::TimedOut).clone();
    assert_eq!(answer, fatal(AlertDescription::HANDSHAKE_FAILURE));
    assert_eq!(reader.answer(), Some(&answer));
}

#[test]
fn alerts() {
    let said = |content: &[u8]| answer(&record(21, content));
    assert_eq!(said(&[2, 70]), fatal(AlertDescription::PROTOCOL_VERSION));
    assert_eq!(said(&[2, 40]), fatal(AlertDescription::HANDSHAKE_FAILURE));
    assert_eq!(said(&[2, 222]), fatal(AlertDescription::from_number(222)));
    assert_eq!(said(&[1, 0]), alert(AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY));
    assert_eq!(said(&[9, 112]).to_string(), "the server refuses: unrecognized_name (level 9)");
    // In two records, as nobody does and everybody may.
    let in_two = [record(21, &[2]), record(21, &[71])].concat();
    assert_eq!(answer(&in_two), fatal(AlertDescription::INSUFFICIENT_SECURITY));
    let two_in_one = record(21, &[1, 112, 2, 40]);
    assert_eq!(answer(&two_in_one), fatal(AlertDescription::HANDSHAKE_FAILURE));
}

#[test]
fn a_warning_is_no_answer_unless_nothing_follows() {
    let warning = record(21, &[1, 112]);
    let then_agrees = [warning.clone(), flight(0x0302, SUITE)].concat();
    assert_eq!(answer(&then_agrees), chosen(ProtocolVersion::TLS_1_1));
    let unrecognized = alert(AlertLevel::WARNING, AlertDescription::UNRECOGNIZED_NAME);
    assert_eq!(answer(&warning), unrecognized);

    let mut reader = offered();
    assert_eq!(reader.push(&warning), None);
    assert_eq!(reader.finish(Ending::TimedOut), &ServerAnswer::TimedOut);
}

#[test]
fn what_is_no_tls() {
    let seen = |octets: &[u8], text: &str| {
        assert_eq!(answer(octets), ServerAnswer::NotTls { seen: text.to_owned() });
    };
    seen(b"454 4.7.0 TLS not available\r\nmore", "454 4.7.0 TLS not available");
    seen(b"500 what?\n", "500 what?");
    seen(b"HT", "HT"); // and closed
    seen(b"\n", "");
    seen(b"\x80\x2e\x01", "\\x80.\\x01"); // SSL 2.0
    seen(b"\x16\x02\x00\x00\x2a", "\\x16\\x02\\x00\\x00*"); // the type of a record, no version
    seen(&[b'x'; 500], &"x".repeat(AnswerReader::MAX_SEEN));

    // The line is waited for.
    let mut reader = offered();
    assert_eq!(reader.push(b"454 4.7.0 TLS"), None);
    let seen = "454 4.7.0 TLS".to_owned();
    assert_eq!(reader.finish(Ending::TimedOut), &ServerAnswer::NotTls { seen });
}

#[test]
fn what_ends_too_soon() {
    let ended = |octets: &[u8], ending| {
        let mut reader = offered();
        assert_eq!(reader.push(octets), None);
        reader.finish(ending).clone()
    };
    assert_eq!(ended(b"", Ending::Closed), ServerAnswer::Closed);
    assert_eq!(ended(b"", Ending::TimedOut), ServerAnswer::TimedOut);
    let whole = flight(0x0302, SUITE);
    let cut_short = ServerAnswer::Malformed(AnswerError::CutShort);
    for length in 1..whole.len() {
        assert_eq!(ended(&whole[..length], Ending::Closed), cut_short, "{length}");
        assert_eq!(ended(&whole[..length], Ending::TimedOut), ServerAnswer::TimedOut);
    }
    assert_eq!(ended(&record(21, &[2]), Ending::Closed), cut_short);
    let warning_and_half = [record(21, &[1, 112]), vec![21]].concat();
    assert_eq!(ended(&warning_and_half, Ending::Closed), cut_short);
}

#[track_caller]
fn bad(octets: &[u8], error: AnswerError) {
    assert_eq!(answer(octets), ServerAnswer::Malformed(error));
}

#[test]
fn records_that_may_not_be() {
    bad(&[22, 3, 1, 0, 0], AnswerError::EmptyRecord);
    bad(&[21, 3, 1, 0, 0], AnswerError::EmptyRecord);
    bad(&[22, 3, 1, 0x40, 1], AnswerError::RecordTooLong { length: 16_385 });
    bad(&[22, 3, 1, 0xFF, 0xFF], AnswerError::RecordTooLong { length: 65_535 });
    bad(&record(20, &[1]), AnswerError::UnexpectedRecord { content_type: 20 });
    bad(&record(23, b"220 mx"), AnswerError::UnexpectedRecord { content_type: 23 });
    bad(&record(24, &[1]), AnswerError::UnexpectedRecord { content_type: 24 });
    bad(&after_hello(b"250 ok\r\n"), AnswerError::NotARecord);
    bad(&after_hello(&[22, 2]), AnswerError::NotARecord);
}

#[test]
fn messages_that_may_not_be() {
    let sent = |message: &[u8]| record(22, message);
    let out_of_place = |message_type| AnswerError::UnexpectedMessage { message_type };
    bad(&sent(&message(11, &[])), out_of_place(11)); // nothing was chosen
    bad(&sent(&message(14, &[])), out_of_place(14));
    bad(&sent(&message(1, &[])), out_of_place(1)); // a client
    bad(&after_hello(&sent(&message(2, &hello_body(0x0302, SUITE)))), out_of_place(2)); // again
    bad(&after_hello(&sent(&message(20, &[]))), out_of_place(20)); // Finished
}

#[test]
fn what_may_not_be_chosen() {
    let hello = |body: &[u8]| record(22, &message(2, body));
    for number in [0x0303, 0x0304, 0x02FF, 0xFEFF] {
        let version = ProtocolVersion::from_number(number);
        bad(&hello(&hello_body(number, SUITE)), AnswerError::VersionNotOffered { version });
    }
    for number in [0x1301, 0x00FF, 0x5600, 0xABCD] {
        let cipher_suite = CipherSuite::from_number(number);
        let error = AnswerError::CipherSuiteNotOffered { cipher_suite };
        bad(&hello(&hello_body(0x0302, number)), error);
    }
    let mut compressed = hello_body(0x0302, SUITE);
    *compressed.last_mut().unwrap() = 1;
    bad(&hello(&compressed), AnswerError::CompressionNotOffered { method: 1 });

    let with = |extensions: &[u8]| [hello_body(0x0302, SUITE), extensions.to_vec()].concat();
    let tls13 = with(&[0, 6, 0, 43, 0, 2, 3, 4]);
    bad(&hello(&tls13), AnswerError::SupportedVersions);

    let malformed = AnswerError::MalformedServerHello;
    bad(&hello(&[]), malformed);
    bad(&hello(&hello_body(0x0302, SUITE)[..37]), malformed); // cut
    bad(&hello(&with(&[0])), malformed); // half a length
    bad(&hello(&with(&[0, 1])), malformed); // less than the length
    bad(&hello(&with(&[0, 0, 0])), malformed); // more than the length
    bad(&hello(&with(&[0, 3, 0, 23, 0])), malformed); // half an extension
    bad(&hello(&with(&[0, 4, 0, 23, 0, 9])), malformed); // a longer one than there is
    bad(&hello(&with(&[0, 8, 0, 23, 0, 0, 0, 23, 0, 0])), malformed); // twice
    let mut long_session = hello_body(0x0302, SUITE);
    long_session.splice(34..35, [vec![33], vec![5; 33]].concat());
    bad(&hello(&long_session), malformed);
}

#[test]
fn what_may_be_chosen_besides() {
    let agreed = |body: &[u8]| {
        let octets = [record(22, &message(2, body)), record(22, &message(14, &[]))].concat();
        answer(&octets)
    };
    let with = |extensions: &[u8]| [hello_body(0x0302, SUITE), extensions.to_vec()].concat();
    assert_eq!(agreed(&with(&[0, 0])), chosen(ProtocolVersion::TLS_1_1));
    let two = [0, 9, 0xFF, 1, 0, 1, 0, 0, 23, 0, 0];
    assert_eq!(agreed(&with(&two)), chosen(ProtocolVersion::TLS_1_1));
    let mut session = hello_body(0x0302, SUITE);
    session.splice(34..35, [vec![32], vec![5; 32]].concat());
    assert_eq!(agreed(&session), chosen(ProtocolVersion::TLS_1_1));
}

#[test]
fn a_server_may_mark_that_it_knows_newer_versions() {
    let known = |version: u16, mark: &[u8]| {
        let mut body = hello_body(version, SUITE);
        body.splice(34 - mark.len()..34, mark.iter().copied());
        let octets = [record(22, &message(2, &body)), record(22, &message(14, &[]))].concat();
        match answer(&octets) {
            ServerAnswer::ServerHello(hello) => hello.also_knows,
            other => panic!("{other}"),
        }
    };
    assert_eq!(known(0x0302, b"DOWNGRD\x00"), Some(ProtocolVersion::TLS_1_2));
    assert_eq!(known(0x0301, b"DOWNGRD\x01"), Some(ProtocolVersion::TLS_1_3));
    assert_eq!(known(0x0301, b"DOWNGRD\x02"), None);
    assert_eq!(known(0x0301, b"DOWNGRD\x00."), None);
    assert_eq!(known(0x0301, b""), None);
}

#[test]
fn what_is_read_is_bounded() {
    // Long before a ServerHello there is too much.
    let warnings = record(21, &[1, 112]).repeat(AnswerReader::MAX_RECORDS);
    bad(&[warnings.clone(), record(21, &[1, 112])].concat(), AnswerError::TooLong);
    let on_the_last = [record(21, &[1, 112]).repeat(AnswerReader::MAX_RECORDS - 1)].concat();
    let refused = [on_the_last, record(21, &[2, 40])].concat();
    assert_eq!(answer(&refused), fatal(AlertDescription::HANDSHAKE_FAILURE));
    let requests = record(22, &message(0, &[0; 16_000])).repeat(5);
    bad(&requests, AnswerError::TooLong);
    bad(&record(22, &[2, 0xFF, 0xFF, 0xFF]), AnswerError::TooLong);

    // Who has chosen, and then talks on and on, has chosen.
    let chain: Vec<u8> =
        message(11, &[0; 200_000]).chunks(16_384).flat_map(|part| record(22, part)).collect();
    assert_eq!(answer(&after_hello(&chain)), chosen(ProtocolVersion::TLS_1_1));
    let records = record(22, &message(0, &[])).repeat(AnswerReader::MAX_RECORDS);
    assert_eq!(answer(&after_hello(&records)), chosen(ProtocolVersion::TLS_1_1));
}
