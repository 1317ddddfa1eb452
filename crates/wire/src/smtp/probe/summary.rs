//! What a look at a server has shown.

use std::fmt;

use crate::smtp::{Reply, ReplyError};

/// What a look at a server has shown. What was said in the open and what was said over TLS stay
/// apart: anyone on the way may have said the former.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The greeting.
    pub greeting: Option<Reply>,
    /// The answer to EHLO in the open.
    pub ehlo: Option<Reply>,
    /// The answer to STARTTLS.
    pub starttls: Option<Reply>,
    /// The answer to EHLO over TLS.
    pub ehlo_over_tls: Option<Reply>,
    /// What arrived in the open after the server agreed to TLS, made readable; at most
    /// [`Probe::MAX_INJECTED`](super::Probe::MAX_INJECTED) octets of it. It was not used. No honest
    /// server sends anything there.
    pub injected: Option<String>,
    /// The first thing that stood in the way.
    pub fault: Option<Fault>,
    /// How far the look went.
    pub stage: Stage,
}

/// Why a look at a server did not come to its end over TLS. `Display` says what happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The server greets with a refusal, for now (4yz) or for good (5yz).
    #[error("the server refuses the connection: {reply}")]
    GreetingRefused {
        /// Its greeting.
        reply: Reply,
    },
    /// The server refuses EHLO, and so offers no extension.
    #[error("the server refuses {}: {reply}", match stage {
        Stage::EhloOverTls => "EHLO over TLS",
        _ => "EHLO",
    })]
    EhloRefused {
        /// In the open, or over TLS.
        stage: Stage,
        /// Its answer.
        reply: Reply,
    },
    /// The answer to EHLO does not offer STARTTLS.
    #[error("the server does not offer STARTTLS")]
    StartTlsNotOffered,
    /// STARTTLS is offered and then refused.
    #[error("the server offers STARTTLS and refuses it: {reply}")]
    StartTlsRefused {
        /// Its answer.
        reply: Reply,
    },
    /// What arrived is no reply.
    #[error("{stage}: {error}")]
    Garbage {
        /// What was waited for.
        stage: Stage,
        /// Why it is none.
        error: ReplyError,
    },
    /// The connection ended too soon.
    #[error("{stage}: the server closed the connection")]
    ConnectionClosed {
        /// What was waited for.
        stage: Stage,
    },
}

/// A stage of the conversation: what the client waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The greeting of the server.
    #[default]
    Greeting,
    /// The answer to EHLO in the open.
    Ehlo,
    /// The answer to STARTTLS.
    StartTls,
    /// The TLS handshake.
    TlsHandshake,
    /// The answer to EHLO over TLS.
    EhloOverTls,
    /// The answer to QUIT. All is known; the caller need not wait long.
    Quit,
    /// Nothing.
    Finished,
}

impl Stage {
    /// A stable name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::StartTls => "starttls",
            Self::TlsHandshake => "tls-handshake",
            Self::EhloOverTls => "ehlo-over-tls",
            Self::Quit => "quit",
            Self::Finished => "finished",
        }
    }
}

/// For people, such as "while waiting for the greeting".
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "while waiting for the greeting",
            Self::Ehlo => "while waiting for the answer to EHLO",
            Self::StartTls => "while waiting for the answer to STARTTLS",
            Self::TlsHandshake => "during the TLS handshake",
            Self::EhloOverTls => "while waiting for the answer to EHLO over TLS",
            Self::Quit => "while waiting for the answer to QUIT",
            Self::Finished => "after the end",
        })
    }
}
