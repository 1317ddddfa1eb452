//! What a server accepts, learned from few offers.

mod findings;
mod question;

pub use findings::{Acceptance, Speaks, TlsSurvey};
pub use question::Question;

use super::{
    AlertDescription, ClientHello, ProtocolVersion, ServerAnswer, ServerHello, ServerName,
};

/// Decides what to offer a server, one connection each, and what the answers prove.
///
/// The caller asks for the [next question](Self::next_question), opens a connection, gets as far as
/// TLS, sends the [offer](Self::client_hello), reads the answer with an
/// [`AnswerReader`](super::AnswerReader) and closes the connection:
///
/// ```
/// use sealpost_wire::tls::{
///     Acceptance, AnswerReader, ModernHandshake, Question, Survey,
/// };
///
/// let mut survey = Survey::new(ModernHandshake::Succeeded, None);
/// assert_eq!(survey.next_question(), Some(Question::Tls11));
///
/// let mut reader = AnswerReader::new(&survey.client_hello(Question::Tls11, [7; 32]));
/// if let Some(answer) = reader.push(&[21, 3, 1, 0, 2, 2, 70]) {
///     survey.answered(Question::Tls11, answer.clone());
/// }
/// // The alert `protocol_version` is about every older version too.
/// assert_eq!(survey.findings().tls10, Acceptance::Refused);
/// assert_eq!(survey.next_question(), Some(Question::BrokenCipherSuites));
/// ```
///
/// # Limitations
/// - SSL 3.0 is not asked for; it shows when it is all that a server knows.
/// - Nor are sound suites without a certificate ([`CipherSuite::ANONYMOUS`](super::CipherSuite)):
///   mail servers offer those by design to senders that would not look at a certificate.
#[derive(Debug, Clone)]
pub struct Survey {
    server_name: Option<ServerName>,
    modern: ModernHandshake,
    silences: usize,
    is_over: bool,
    findings: TlsSurvey,
}

/// How the handshake of an up-to-date client went that speaks TLS 1.2 and newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModernHandshake {
    /// TLS stood, whatever the certificate: the question is what else the server takes.
    Succeeded,
    /// It failed: the question is what the server takes at all.
    Failed,
}

impl Survey {
    /// The most connections that a survey takes. After a handshake that succeeded it is one fewer,
    /// and most servers need two.
    pub const MAX_CONNECTIONS: usize = 4;
    /// After so many connections without an answer the survey gives up.
    pub const MAX_SILENCES: usize = 2;

    /// A survey of the server of this name.
    pub fn new(modern: ModernHandshake, server_name: Option<ServerName>) -> Self {
        let mut findings = TlsSurvey::default();
        if modern == ModernHandshake::Succeeded {
            findings.speaks = Speaks::Tls;
            findings.newest_version = Some(ProtocolVersion::TLS_1_2);
        }
        Self { server_name, modern, silences: 0, is_over: false, findings }
    }

    /// Takes in the answer to the offer of this question.
    pub fn answered(&mut self, question: Question, answer: ServerAnswer) {
        if self.findings.answers.len() >= Self::MAX_CONNECTIONS {
            return;
        }
        match &answer {
            ServerAnswer::ServerHello(hello) => self.chosen(question, hello),
            ServerAnswer::Alert(alert) => {
                self.findings.speaks = Speaks::Tls;
                self.refused(question, alert.description);
            }
            ServerAnswer::Closed => self.hung_up(question),
            ServerAnswer::NotTls { .. } => {
                if self.findings.speaks == Speaks::Unknown {
                    self.findings.speaks = Speaks::NotTls;
                }
                self.is_over = true;
            }
            ServerAnswer::TimedOut => self.silent(),
            ServerAnswer::Malformed(_) => {}
        }
        self.findings.answers.push((question, Some(answer)));
    }

    /// The offer of this question could not be made: there was no connection, or it did not come as
    /// far as TLS.
    pub fn not_asked(&mut self, question: Question) {
        if self.findings.answers.len() < Self::MAX_CONNECTIONS {
            self.silent();
            self.findings.answers.push((question, None));
        }
    }

    /// What to ask now; `None` when nothing is left that could still be learned.
    pub fn next_question(&self) -> Option<Question> {
        const AFTER_SUCCESS: &[Question] =
            &[Question::Tls11, Question::Tls10, Question::BrokenCipherSuites];
        const AFTER_FAILURE: &[Question] =
            &[Question::Newest, Question::Tls11, Question::Tls10, Question::BrokenCipherSuites];
        if self.is_over {
            return None;
        }
        let questions = match self.modern {
            ModernHandshake::Succeeded => AFTER_SUCCESS,
            ModernHandshake::Failed => AFTER_FAILURE,
        };
        let is_open = |question: &&Question| {
            self.findings.of(**question) == Acceptance::Unknown
                && !self.findings.answers.iter().any(|(asked, _)| asked == *question)
        };
        questions.iter().find(is_open).copied()
    }

    /// The offer that asks the question, with 32 octets that nobody can guess.
    pub fn client_hello(&self, question: Question, random: [u8; 32]) -> ClientHello {
        let offer =
            ClientHello::of_known_parts(question.version(), question.cipher_suites(), random);
        match &self.server_name {
            Some(name) => offer.with_server_name(name.clone()),
            None => offer,
        }
    }

    /// What is known so far.
    pub fn findings(&self) -> &TlsSurvey {
        &self.findings
    }

    fn chosen(&mut self, question: Question, hello: &ServerHello) {
        self.findings.speaks = Speaks::Tls;
        self.findings.accept(hello);
        // RFC 5246 appendix E.1: the newest that both know is chosen, so the server knows none
        // between its choice and the offer, unless it has marked its choice as a downgrade from
        // there. From suites that hardly anyone takes this does not follow.
        if question.is_about_version() {
            self.findings.refuse_versions(|version| {
                version > hello.version
                    && version <= question.version()
                    && Some(version) != hello.also_knows
            });
        }
    }

    fn refused(&mut self, question: Question, description: AlertDescription) {
        match description {
            // RFC 5246 appendix E.1: neither the version offered nor any older. A server that has
            // accepted nothing yet may be one that denies newer offers instead of answering
            // with what it knows, so there it is believed of the version offered alone.
            AlertDescription::PROTOCOL_VERSION => {
                let offered = question.version();
                let is_believed_of_older =
                    self.modern == ModernHandshake::Succeeded || self.findings.any_accepted();
                self.findings.refuse_versions(|version| {
                    version == offered || is_believed_of_older && version < offered
                });
                if question.version() == ProtocolVersion::TLS_1_2 {
                    self.findings.refuse(Question::BrokenCipherSuites);
                }
                self.findings.refuse(question);
            }
            // OpenSSL says `internal_error` when its security level leaves it no way to sign in an
            // old version.
            AlertDescription::HANDSHAKE_FAILURE
            | AlertDescription::INSUFFICIENT_SECURITY
            | AlertDescription::ILLEGAL_PARAMETER
            | AlertDescription::INTERNAL_ERROR => self.findings.refuse(question),
            AlertDescription::CLOSE_NOTIFY => self.hung_up(question),
            // The others, such as `unrecognized_name`, are about something else.
            _ => {}
        }
    }

    /// Many servers refuse an old version without a word. But of a server with which no handshake
    /// has ever succeeded this tells nothing.
    fn hung_up(&mut self, question: Question) {
        if self.modern == ModernHandshake::Succeeded {
            self.findings.refuse(question);
        }
    }

    fn silent(&mut self) {
        self.silences = self.silences.saturating_add(1);
        self.is_over |= self.silences >= Self::MAX_SILENCES;
    }
}
