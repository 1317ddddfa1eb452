//! What a server can say to an offer.

use core::fmt;

use super::{
    AlertDescription, AlertLevel, AnswerReader, CipherSuite, ProtocolVersion, ServerHello,
};

/// The answer of a server to a [`ClientHello`](super::ClientHello). `Display` says it to people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerAnswer {
    /// The server agrees, and has said all that it had to say before the client goes on: it will
    /// not take this back.
    ServerHello(ServerHello),
    /// The server refuses, perhaps after it had begun to agree.
    Alert(Alert),
    /// What speaks there is no TLS.
    NotTls {
        /// The first line, or what there was of it, made readable: at most
        /// [`AnswerReader::MAX_SEEN`] octets of it.
        seen: String,
    },
    /// It is TLS, and not what the protocol allows here.
    Malformed(AnswerError),
    /// The server closed the connection and said nothing.
    Closed,
    /// The time was up before the answer was there.
    TimedOut,
}

impl fmt::Display for ServerAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerHello(hello) => {
                write!(f, "the server accepts {} with {}", hello.version, hello.cipher_suite)
            }
            Self::Alert(alert) => write!(f, "the server refuses: {alert}"),
            Self::NotTls { seen } => write!(f, "the server does not speak TLS: \"{seen}\""),
            Self::Malformed(error) => write!(f, "{error}"),
            Self::Closed => f.write_str("the server closed the connection without an answer"),
            Self::TimedOut => f.write_str("the server did not answer in time"),
        }
    }
}

/// An alert (RFC 5246 section 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// How grave it is.
    pub level: AlertLevel,
    /// What it says.
    pub description: AlertDescription,
}

impl Alert {
    /// Whether nothing follows it.
    pub fn is_end(self) -> bool {
        self.level != AlertLevel::WARNING || self.description == AlertDescription::CLOSE_NOTIFY
    }
}

/// Such as `protocol_version (fatal)`.
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.description, self.level)
    }
}

/// Why an answer in TLS is none that the protocol allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Between records, something that is none.
    #[error("the server sent something that is no TLS record")]
    NotARecord,
    /// A record without content.
    #[error("the server sent an empty TLS record")]
    EmptyRecord,
    /// A record of more than 16,384 octets.
    #[error("the server sent a TLS record of {length} octets")]
    RecordTooLong {
        /// The length that it claims.
        length: u16,
    },
    /// A record whose content has no place here.
    #[error("the server sent a TLS record of type {content_type}, out of place")]
    UnexpectedRecord {
        /// The type.
        content_type: u8,
    },
    /// A message that has no place here.
    #[error("the server sent a TLS handshake message of type {message_type}, out of place")]
    UnexpectedMessage {
        /// The type.
        message_type: u8,
    },
    /// More than [`AnswerReader::MAX_OCTETS`] or [`AnswerReader::MAX_RECORDS`] without a
    /// ServerHello.
    #[error(
        "the server sent more than {} octets or {} TLS records without a ServerHello",
        AnswerReader::MAX_OCTETS,
        AnswerReader::MAX_RECORDS
    )]
    TooLong,
    /// The connection ended within the answer.
    #[error("the server closed the connection within its TLS answer")]
    CutShort,
    /// A ServerHello whose fields do not fit together.
    #[error("the server sent a malformed ServerHello")]
    MalformedServerHello,
    /// A version that was not offered.
    #[error("the server chose {version}, which was not offered")]
    VersionNotOffered {
        /// The version.
        version: ProtocolVersion,
    },
    /// A version chosen in the way of TLS 1.3, which was not offered.
    #[error("the server chose its version as in TLS 1.3, which was not offered")]
    SupportedVersions,
    /// A suite that was not offered.
    #[error("the server chose the cipher suite {cipher_suite}, which was not offered")]
    CipherSuiteNotOffered {
        /// The suite.
        cipher_suite: CipherSuite,
    },
    /// A compression that was not offered.
    #[error("the server chose the compression method {method}, which was not offered")]
    CompressionNotOffered {
        /// The method.
        method: u8,
    },
}
