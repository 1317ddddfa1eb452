//! What the answers prove.

use super::Question;
use crate::tls::{CipherSuite, ProtocolVersion, ServerAnswer, ServerHello, Weakness};

/// What a server accepts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsSurvey {
    /// TLS 1.2. Asked for only when an up-to-date client could not shake hands.
    pub tls12: Acceptance,
    /// TLS 1.1.
    pub tls11: Acceptance,
    /// TLS 1.0.
    pub tls10: Acceptance,
    /// Cipher suites whose encryption can be broken, with TLS 1.2 or older.
    pub weak: Acceptance,
    /// The newest version that the server has chosen, or has shown to know. What it knows may be
    /// newer still: after a handshake with an up-to-date client this is TLS 1.2.
    pub newest_version: Option<ProtocolVersion>,
    /// Whether the server speaks TLS at all.
    pub speaks: Speaks,
    /// Each question with its answer, in order; `None` where the question could not be put.
    pub answers: Vec<(Question, Option<ServerAnswer>)>,
}

/// Whether a server accepts something.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acceptance {
    /// It has chosen it.
    Accepted {
        /// The version chosen.
        version: ProtocolVersion,
        /// The cipher suite chosen.
        cipher_suite: CipherSuite,
    },
    /// It has refused it.
    Refused,
    /// It was not asked, or did not say.
    #[default]
    Unknown,
}

impl Acceptance {
    /// A stable name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// What a server speaks after it has agreed to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speaks {
    /// TLS, of whatever version.
    Tls,
    /// Something else.
    NotTls,
    /// Nothing was heard that would tell.
    #[default]
    Unknown,
}

impl TlsSurvey {
    /// The version that the server speaks if it is older than TLS 1.2 and the newest that the server
    /// knows. This is how "only old TLS" is told from "no TLS" ([`Speaks::NotTls`]).
    pub fn only_old(&self) -> Option<ProtocolVersion> {
        let newest = self.newest_version.filter(|newest| *newest < ProtocolVersion::TLS_1_2);
        newest.filter(|_| self.tls12 == Acceptance::Refused)
    }

    /// Has the server chosen a version yet?
    pub(super) fn any_accepted(&self) -> bool {
        self.newest_version.is_some()
    }

    /// The verdict that the question asks for.
    pub(super) fn of(&self, question: Question) -> Acceptance {
        match question {
            Question::Newest => self.tls12,
            Question::Tls11 => self.tls11,
            Question::Tls10 => self.tls10,
            Question::BrokenCipherSuites => self.weak,
        }
    }

    /// The first choice that proves something is kept as the proof.
    pub(super) fn accept(&mut self, hello: &ServerHello) {
        let ServerHello { version, cipher_suite, also_knows } = *hello;
        self.newest_version = self.newest_version.max(also_knows).max(Some(version));
        let prove = |verdict: &mut Acceptance| {
            if !matches!(verdict, Acceptance::Accepted { .. }) {
                *verdict = Acceptance::Accepted { version, cipher_suite };
            }
        };
        for (known, verdict) in self.versions() {
            if known == version {
                prove(verdict);
            }
        }
        if cipher_suite.weakness().is_some_and(Weakness::is_broken) {
            prove(&mut self.weak);
        }
    }

    /// What was accepted once stays so.
    pub(super) fn refuse(&mut self, question: Question) {
        let verdict = match question {
            Question::Newest => &mut self.tls12,
            Question::Tls11 => &mut self.tls11,
            Question::Tls10 => &mut self.tls10,
            Question::BrokenCipherSuites => &mut self.weak,
        };
        refuse(verdict);
    }

    pub(super) fn refuse_versions(&mut self, is_refused: impl Fn(ProtocolVersion) -> bool) {
        for (version, verdict) in self.versions() {
            if is_refused(version) {
                refuse(verdict);
            }
        }
    }

    fn versions(&mut self) -> [(ProtocolVersion, &mut Acceptance); 3] {
        [
            (ProtocolVersion::TLS_1_2, &mut self.tls12),
            (ProtocolVersion::TLS_1_1, &mut self.tls11),
            (ProtocolVersion::TLS_1_0, &mut self.tls10),
        ]
    }
}

fn refuse(verdict: &mut Acceptance) {
    if *verdict == Acceptance::Unknown {
        *verdict = Acceptance::Refused;
    }
}
