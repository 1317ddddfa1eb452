//! What can be wrong with a datagram.

/// Why a datagram is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SessionRefusal {
    /// No octet, or white space only.
    #[error("there is nothing in it")]
    Empty,
    /// More than [`Session::MOST_OCTETS`](super::Session::MOST_OCTETS), or cut off by the kernel.
    #[error("it is longer than any session")]
    TooLong,
    /// No JSON object.
    #[error("it is no JSON object")]
    NotJson,
    /// The JSON ends too early.
    #[error("it breaks off")]
    BrokenOff,
    /// A version of the protocol that is not known here, where letters may mean something else.
    #[error("its version of the protocol is not known")]
    Version,
    /// A member that a session needs is missing or null.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member has a value of another type.
    #[error("`{0}` is of the wrong type")]
    WrongType(&'static str),
    /// A member is there twice, and nobody knows which one is meant.
    #[error("`{0}` is there twice")]
    Twice(&'static str),
    /// A name that reports need is no domain name.
    #[error("`{0}` is no domain name")]
    NoDomain(&'static str),
    /// A number whose meaning is not known: the type of a policy, or the outcome.
    #[error("`{0}` has a number without a meaning")]
    Number(&'static str),
    /// No policy, so that nothing is said about any.
    #[error("it holds no policy")]
    NoPolicy,
    /// More policies or failures than a session can have.
    #[error("it holds more policies or failures than a session has")]
    TooMany,
}

/// Something that was mended in a datagram. No number was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionRepair {
    /// Octets that are not UTF-8 were read as U+FFFD. libtlsrpt copies what the MX says.
    NotUtf8,
    /// Half a surrogate pair or an unknown escape was read as U+FFFD or as it stands.
    Escape,
    /// JSON with a comma too many or too few, or a word or number that JSON does not have.
    JsonForm,
    /// It names no version, as before libtlsrpt 0.5.
    NoVersion,
    /// Null where a value may be missing.
    Null,
    /// A policy without its domain: that of the session was taken.
    PolicyDomain,
    /// It announces another number of failures than it holds.
    FailureCount,
    /// A failure with a code that is not known, counted as `validation-failure`.
    FailureCode,
    /// An address or host name that is none was left out.
    Address,
    /// A text, or a list of texts, was longer than is kept.
    Clipped,
}

impl SessionRefusal {
    /// The codes, in an order for metrics.
    pub const CODES: &'static [&'static str] = &[
        "empty",
        "too-long",
        "not-json",
        "broken-off",
        "version",
        "missing",
        "wrong-type",
        "twice",
        "no-domain",
        "number",
        "no-policy",
        "too-many",
    ];

    /// A stable name, one of [`SessionRefusal::CODES`].
    pub fn code(self) -> &'static str {
        Self::CODES.get(self.number()).copied().unwrap_or_default()
    }

    /// Its place among [`SessionRefusal::CODES`].
    pub fn number(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::TooLong => 1,
            Self::NotJson => 2,
            Self::BrokenOff => 3,
            Self::Version => 4,
            Self::Missing(_) => 5,
            Self::WrongType(_) => 6,
            Self::Twice(_) => 7,
            Self::NoDomain(_) => 8,
            Self::Number(_) => 9,
            Self::NoPolicy => 10,
            Self::TooMany => 11,
        }
    }
}

impl SessionRepair {
    /// The codes, in an order for metrics.
    pub const CODES: &'static [&'static str] = &[
        "not-utf8",
        "escape",
        "json-form",
        "no-version",
        "null",
        "policy-domain",
        "failure-count",
        "failure-code",
        "address",
        "clipped",
    ];

    /// A stable name, one of [`SessionRepair::CODES`].
    pub fn code(self) -> &'static str {
        Self::CODES.get(self.number()).copied().unwrap_or_default()
    }

    /// Its place among [`SessionRepair::CODES`].
    pub fn number(self) -> usize {
        self as usize
    }
}
