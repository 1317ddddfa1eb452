//! What became of a message, for one recipient.

use super::DispatchStage;
use crate::smtp::{Reply, ReplyError};

/// What became of a message, for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The server has taken it on itself to deliver it.
    Delivered(Reply),
    /// It may be taken later, or by another host.
    Temporary(Cause),
    /// Trying again is of no use.
    Permanent(Cause),
}

/// Why a message was not taken. `Display` says what happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The server said no.
    #[error("{stage}: the server said {reply}")]
    Refused {
        /// To what.
        stage: DispatchStage,
        /// What it said.
        reply: Reply,
    },
    /// The server takes no message of this size.
    #[error("the message has {size} octets, and the server takes {limit}")]
    TooLarge {
        /// Octets of the message.
        size: u64,
        /// Octets of the largest that is taken.
        limit: u64,
    },
    /// The message has octets outside US-ASCII, and the server takes none such.
    #[error("the server takes no 8-bit message")]
    EightBit,
    /// What arrived is no reply.
    #[error("{stage}: {error}")]
    Garbage {
        /// What was waited for.
        stage: DispatchStage,
        /// Why it is none.
        error: ReplyError,
    },
    /// The connection ended too soon. If the message was under way, the server may have taken it.
    #[error("{stage}: the server closed the connection")]
    Closed {
        /// What was waited for.
        stage: DispatchStage,
    },
    /// The caller gave up waiting. If the message was under way, the server may have taken it.
    #[error("{stage}: no answer came in time")]
    NoAnswer {
        /// What was waited for.
        stage: DispatchStage,
    },
}

impl Fate {
    /// Whether the server has taken it.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered(_))
    }

    /// Why not, if not.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Delivered(_) => None,
            Self::Temporary(cause) | Self::Permanent(cause) => Some(cause),
        }
    }
}

impl Cause {
    /// Whether it concerns this host only, before it knew of any message: another host of the same
    /// domain may do better.
    pub fn is_of_host(&self) -> bool {
        match self {
            Self::Refused { stage, .. }
            | Self::Garbage { stage, .. }
            | Self::Closed { stage }
            | Self::NoAnswer { stage } => stage.is_before_mail(),
            Self::TooLarge { .. } | Self::EightBit => false,
        }
    }
}
