//! What is asked, in which order, and what the answers prove.

use sealpost_wire::tls::{
    Acceptance, Alert, AlertDescription, AlertLevel, AnswerError, CipherSuite, ModernHandshake,
    ProtocolVersion, Question, ServerAnswer, ServerHello, ServerName, Speaks, Survey, TlsSurvey,
    Weakness,
};

use ModernHandshake::{Failed, Succeeded};
use Question::{BrokenCipherSuites, Newest, Tls10, Tls11};

const SOUND: u16 = 0xC02F;
const STATIC_KEY: u16 = 0x002F;
const RC4: u16 = 0x0005;
const ANONYMOUS: u16 = 0xC018;

/// Plays the answers and checks that the survey asks these questions and no other.
#[track_caller]
fn play(modern: ModernHandshake, steps: &[(Question, Option<ServerAnswer>)]) -> TlsSurvey {
    let mut survey = Survey::new(modern, None);
    for (question, answer) in steps {
        assert_eq!(survey.next_question(), Some(*question));
        match answer {
            Some(answer) => survey.answered(*question, answer.clone()),
            None => survey.not_asked(*question),
        }
    }
    assert_eq!(survey.next_question(), None);
    assert_eq!(survey.findings().answers, steps);
    survey.findings().clone()
}

fn hello(version: ProtocolVersion, suite: u16, also_knows: Option<ProtocolVersion>) -> ServerHello {
    ServerHello { version, cipher_suite: CipherSuite::from_number(suite), also_knows }
}

fn chose(version: ProtocolVersion, suite: u16) -> Option<ServerAnswer> {
    Some(ServerAnswer::ServerHello(hello(version, suite, None)))
}

fn marked(version: ProtocolVersion, suite: u16, knows: ProtocolVersion) -> Option<ServerAnswer> {
    Some(ServerAnswer::ServerHello(hello(version, suite, Some(knows))))
}

fn refused(description: AlertDescription) -> Option<ServerAnswer> {
    Some(ServerAnswer::Alert(Alert { level: AlertLevel::FATAL, description }))
}

fn accepted(version: ProtocolVersion, suite: u16) -> Acceptance {
    Acceptance::Accepted { version, cipher_suite: CipherSuite::from_number(suite) }
}

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V11: ProtocolVersion = ProtocolVersion::TLS_1_1;
const V10: ProtocolVersion = ProtocolVersion::TLS_1_0;
const NOT_THIS_VERSION: AlertDescription = AlertDescription::PROTOCOL_VERSION;
const NOT_THESE_SUITES: AlertDescription = AlertDescription::HANDSHAKE_FAILURE;
const REFUSED: Acceptance = Acceptance::Refused;
const UNKNOWN: Acceptance = Acceptance::Unknown;

/// The verdicts on TLS 1.2, 1.1, 1.0 and weak suites.
fn verdicts(findings: &TlsSurvey) -> [Acceptance; 4] {
    [findings.tls12, findings.tls11, findings.tls10, findings.weak]
}

#[test]
fn a_modern_server_takes_two_connections() {
    let findings = play(
        Succeeded,
        &[
            (Tls11, refused(NOT_THIS_VERSION)), // speaks of TLS 1.0 too
            (BrokenCipherSuites, refused(NOT_THESE_SUITES)),
        ],
    );
    assert_eq!(verdicts(&findings), [UNKNOWN, REFUSED, REFUSED, REFUSED]);
    assert_eq!((findings.speaks, findings.only_old()), (Speaks::Tls, None));
}

#[test]
fn a_server_of_tls_1_3_alone_takes_two_too() {
    let findings = play(
        Succeeded,
        &[(Tls11, refused(NOT_THIS_VERSION)), (BrokenCipherSuites, refused(NOT_THIS_VERSION))],
    );
    assert_eq!(verdicts(&findings), [REFUSED; 4]);
    assert_eq!(findings.only_old(), None, "an up-to-date client has shaken hands");
}

#[test]
fn an_indulgent_server_takes_three() {
    let findings = play(
        Succeeded,
        &[
            (Tls11, marked(V11, SOUND, V12)),
            (Tls10, chose(V10, SOUND)),
            (BrokenCipherSuites, chose(V12, RC4)),
        ],
    );
    assert_eq!(
        verdicts(&findings),
        [accepted(V12, RC4), accepted(V11, SOUND), accepted(V10, SOUND), accepted(V12, RC4),]
    );
}

#[test]
fn a_choice_without_a_certificate_is_not_weak_and_hides_nothing_weak() {
    let findings = play(
        Succeeded,
        &[
            (Tls11, chose(V11, ANONYMOUS)),
            (Tls10, chose(V10, ANONYMOUS)),
            (BrokenCipherSuites, refused(NOT_THESE_SUITES)),
        ],
    );
    let [tls11, tls10] = [V11, V10].map(|version| accepted(version, ANONYMOUS));
    assert_eq!(verdicts(&findings), [UNKNOWN, tls11, tls10, REFUSED]);
    assert!(
        BrokenCipherSuites
            .cipher_suites()
            .iter()
            .all(|suite| { suite.weakness().is_some_and(Weakness::is_broken) })
    );
}

#[test]
fn a_choice_answers_every_question_that_it_can() {
    // An older version than offered, and a weak suite: nothing more to ask of either.
    let findings = play(Succeeded, &[(Tls11, chose(V10, RC4))]);
    let rc4 = accepted(V10, RC4);
    assert_eq!(verdicts(&findings), [UNKNOWN, REFUSED, rc4, rc4]);

    // TLS 1.1 is switched off between the two that are on.
    let findings = play(
        Succeeded,
        &[(Tls11, marked(V10, STATIC_KEY, V12)), (BrokenCipherSuites, refused(NOT_THESE_SUITES))],
    );
    let old = accepted(V10, STATIC_KEY);
    assert_eq!(verdicts(&findings), [UNKNOWN, REFUSED, old, REFUSED]);
}

#[test]
fn only_old_tls_is_told_from_no_tls() {
    // TLS 1.0 alone.
    let findings = play(
        Failed,
        &[(Newest, chose(V10, SOUND)), (BrokenCipherSuites, refused(NOT_THESE_SUITES))],
    );
    let old = accepted(V10, SOUND);
    assert_eq!(verdicts(&findings), [REFUSED, REFUSED, old, REFUSED]);
    assert_eq!((findings.speaks, findings.only_old()), (Speaks::Tls, Some(V10)));

    // SSL 3.0 alone.
    let ssl = ProtocolVersion::SSL_3_0;
    let findings = play(Failed, &[(Newest, chose(ssl, RC4))]);
    assert_eq!(findings.only_old(), Some(ssl));
    assert_eq!(verdicts(&findings), [REFUSED, REFUSED, REFUSED, accepted(ssl, RC4)]);

    // No TLS at all: one look is enough.
    let not_tls = Some(ServerAnswer::NotTls { seen: "454 no".to_owned() });
    let findings = play(Failed, &[(Newest, not_tls)]);
    assert_eq!((findings.speaks, findings.only_old()), (Speaks::NotTls, None));
    assert_eq!(verdicts(&findings), [UNKNOWN; 4]);

    // TLS 1.2, with a suite that an up-to-date client does not offer.
    let findings = play(
        Failed,
        &[
            (Newest, chose(V12, STATIC_KEY)),
            (Tls11, refused(NOT_THIS_VERSION)),
            (BrokenCipherSuites, refused(NOT_THESE_SUITES)),
        ],
    );
    assert_eq!(findings.only_old(), None);
    assert_eq!(findings.tls12, accepted(V12, STATIC_KEY));

    // TLS 1.0 alone, denied to whoever offers more.
    let findings = play(
        Failed,
        &[
            (Newest, refused(NOT_THIS_VERSION)),
            (Tls11, refused(NOT_THIS_VERSION)),
            (Tls10, chose(V10, SOUND)),
        ],
    );
    assert_eq!(verdicts(&findings)[..3], [REFUSED, REFUSED, old]);
    assert_eq!(findings.only_old(), Some(V10));

    // TLS 1.3, or nothing.
    let no = || refused(NOT_THIS_VERSION);
    let findings = play(Failed, &[(Newest, no()), (Tls11, no()), (Tls10, no())]);
    assert_eq!(verdicts(&findings), [REFUSED; 4]);
    assert_eq!((findings.speaks, findings.only_old()), (Speaks::Tls, None));
}

#[test]
fn a_choice_that_contradicts_its_mark_proves_no_refusal() {
    let findings = play(
        Failed,
        &[(Newest, marked(V10, SOUND, V12)), (BrokenCipherSuites, refused(NOT_THESE_SUITES))],
    );
    assert_eq!((findings.tls12, findings.tls11), (UNKNOWN, REFUSED));
    assert_eq!(findings.only_old(), None, "something on the way may have changed the offer");
}

#[test]
fn silence_is_no_refusal() {
    let timed_out = || Some(ServerAnswer::TimedOut);
    let findings = play(Succeeded, &[(Tls11, timed_out()), (Tls10, None)]);
    assert_eq!(verdicts(&findings), [UNKNOWN; 4]);
    let findings = play(Failed, &[(Newest, None), (Tls11, timed_out())]);
    assert_eq!((verdicts(&findings), findings.speaks), ([UNKNOWN; 4], Speaks::Unknown));

    // One silence does not end it.
    let findings = play(
        Succeeded,
        &[
            (Tls11, None),
            (Tls10, refused(NOT_THIS_VERSION)),
            (BrokenCipherSuites, refused(NOT_THESE_SUITES)),
        ],
    );
    assert_eq!(verdicts(&findings), [UNKNOWN, UNKNOWN, REFUSED, REFUSED]);
}

#[test]
fn hanging_up_refuses_only_where_tls_is_known_to_work() {
    let closed = || Some(ServerAnswer::Closed);
    let findings = play(
        Succeeded,
        &[
            (Tls11, closed()),
            (Tls10, refused(AlertDescription::CLOSE_NOTIFY)),
            (BrokenCipherSuites, closed()),
        ],
    );
    assert_eq!(verdicts(&findings), [UNKNOWN, REFUSED, REFUSED, REFUSED]);
    let questions = [Newest, Tls11, Tls10, BrokenCipherSuites];
    let findings = play(Failed, &questions.map(|question| (question, closed())));
    assert_eq!((verdicts(&findings), findings.speaks), ([UNKNOWN; 4], Speaks::Unknown));
}

#[test]
fn alerts_about_something_else_prove_nothing() {
    let not_about = [
        AlertDescription::UNRECOGNIZED_NAME,
        AlertDescription::ACCESS_DENIED,
        AlertDescription::DECODE_ERROR,
        AlertDescription::from_number(222),
    ];
    let questions = [Newest, Tls11, Tls10, BrokenCipherSuites];
    let steps: Vec<_> = questions.into_iter().zip(not_about.map(refused)).collect();
    assert_eq!(verdicts(&play(Failed, &steps)), [UNKNOWN; 4]);

    let about = [
        AlertDescription::INTERNAL_ERROR,
        AlertDescription::ILLEGAL_PARAMETER,
        AlertDescription::INSUFFICIENT_SECURITY,
        AlertDescription::HANDSHAKE_FAILURE,
    ];
    let steps: Vec<_> = questions.into_iter().zip(about.map(refused)).collect();
    assert_eq!(verdicts(&play(Failed, &steps)), [REFUSED; 4]);
}

#[test]
fn a_malformed_answer_proves_nothing() {
    let malformed = || Some(ServerAnswer::Malformed(AnswerError::MalformedServerHello));
    let questions = [Tls11, Tls10, BrokenCipherSuites];
    let findings = play(Succeeded, &questions.map(|question| (question, malformed())));
    assert_eq!(verdicts(&findings), [UNKNOWN; 4]);
}

#[test]
fn what_was_accepted_once_stays_accepted() {
    let findings = play(
        Succeeded,
        &[
            (Tls11, chose(V11, SOUND)),
            (Tls10, refused(NOT_THIS_VERSION)),
            (BrokenCipherSuites, refused(NOT_THIS_VERSION)), // speaks of TLS 1.1 too
        ],
    );
    assert_eq!(verdicts(&findings), [REFUSED, accepted(V11, SOUND), REFUSED, REFUSED]);
}

#[test]
fn each_question_offers_what_it_says() {
    let name = ServerName::parse("mx.example").unwrap();
    let survey = Survey::new(Succeeded, Some(name));
    let check = |question: Question, version, suites: &[CipherSuite], shown: &str| {
        let offer = survey.client_hello(question, [7; 32]);
        assert_eq!((offer.version(), offer.cipher_suites()), (version, suites));
        assert!(offer.to_octets().windows(10).any(|part| part == b"mx.example"));
        assert_eq!(question.to_string(), shown);
    };
    let all = CipherSuite::common();
    check(Newest, V12, &all, "TLS 1.2 with every common cipher suite");
    check(Tls11, V11, &all, "TLS 1.1 with every common cipher suite");
    check(Tls10, V10, &all, "TLS 1.0 with every common cipher suite");
    check(
        BrokenCipherSuites,
        V12,
        CipherSuite::BROKEN,
        "TLS 1.2 with nothing but broken cipher suites",
    );
}

#[test]
fn answers_beyond_the_last_connection_are_not_kept() {
    let mut survey = Survey::new(Succeeded, None);
    for _ in 0..20 {
        survey.answered(Tls11, ServerAnswer::Closed);
        survey.not_asked(Tls10);
    }
    assert_eq!(survey.findings().answers.len(), Survey::MAX_CONNECTIONS);
}
