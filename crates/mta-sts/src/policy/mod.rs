//! The policy at `https://mta-sts.<policy domain>/.well-known/mta-sts.txt`, RFC 8461 §3.2.
//!
//! # Limitations
//!
//! A policy is read as the octets of the body. Whether the response that brought it counts
//! (status 200, no redirect, media type `text/plain`, certificate) is the fetcher's to say, §3.3.

use std::{collections::HashSet, fmt};

use mail_domain::DomainName;

use crate::{mx_pattern::MxPattern, policy_id::PolicyId, record::others_hint, text::is_field_name};

// The values of single fields.
mod max_age;
mod mode;
pub use max_age::MaxAge;
pub use mode::{Mode, ModeError};

// Reading: the tolerant door, and its defects.
mod defect;
mod reading;
pub use defect::{PolicyDefect, PolicyDefectKind};
pub use reading::PolicyReading;

/// The only version there is. Case matters.
const VERSION: &str = "STSv1";
/// Larger bodies are neither read nor made: 64 KiB, the size that RFC 8461 §3.3 suggests.
const LARGEST_BODY: usize = 65_536;

/// A policy that a sender can use.
///
/// Its `Display` is the policy as one should publish it: version, mode, the patterns, max_age, then
/// extensions, each line ended by CRLF. (One that was read from nearly 64 KiB may thus be written
/// larger than senders read; one made by [`Policy::new`] never is.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    mode: Mode,
    max_age: MaxAge,
    mx: Vec<MxPattern>,
    extensions: Vec<PolicyExtension>,
}

impl Policy {
    /// A policy without extensions. Repeated patterns are dropped.
    ///
    /// # Errors
    ///
    /// [`PolicyError::MxMissing`] without any pattern, unless the mode is none;
    /// [`PolicyError::TooLarge`] if the policy would be larger than senders read.
    pub fn new(
        mode: Mode,
        max_age: MaxAge,
        mx: impl IntoIterator<Item = MxPattern>,
    ) -> Result<Self, PolicyError> {
        let mut known = HashSet::new();
        let mx: Vec<_> = mx.into_iter().filter(|pattern| known.insert(pattern.clone())).collect();
        if mx.is_empty() && mode != Mode::None {
            return Err(PolicyError::MxMissing { mode });
        }
        Self { mode, max_age, mx, extensions: Vec::new() }.of_legal_size()
    }

    /// The same policy with one more extension field, unless there is one of that name.
    ///
    /// # Errors
    ///
    /// [`PolicyError::TooLarge`] if the policy would be larger than senders read.
    pub fn with_extension(mut self, extension: PolicyExtension) -> Result<Self, PolicyError> {
        if self.extensions.iter().all(|known| known.name != extension.name) {
            self.extensions.push(extension);
        }
        self.of_legal_size()
    }

    /// Reads a policy strictly.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Defective`] exactly when a sender that follows RFC 8461 §3.2 to the letter
    /// cannot use the policy. It is then as if none had been fetched; a cached policy still applies.
    pub fn parse(body: &[u8]) -> Result<Self, PolicyError> {
        Self::read(body).into_policy()
    }

    /// Reads as much of a policy as can be understood, with all its defects.
    pub fn read(body: &[u8]) -> PolicyReading {
        PolicyReading::of(body)
    }

    /// What a sender does when the policy fails to validate.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How long the policy may be kept after it was fetched.
    pub fn max_age(&self) -> MaxAge {
        self.max_age
    }

    /// The patterns, each once, in their order. Empty only if the mode is [`Mode::None`].
    pub fn mx(&self) -> &[MxPattern] {
        &self.mx
    }

    /// Fields that RFC 8461 does not know, in their order; at most the first 100 that were read.
    pub fn extensions(&self) -> &[PolicyExtension] {
        &self.extensions
    }

    /// The first pattern that allows the MX host `mx`. Without one the host is not valid under
    /// this policy, whatever its certificate says.
    pub fn covers(&self, mx: &DomainName) -> Option<&MxPattern> {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-4.1
        //# A receiving candidate MX host is valid according to an applied MTA-
        //# STS Policy if the MX record name matches one or more of the "mx"
        //# fields in the applied policy.
        self.mx.iter().find(|pattern| pattern.matches(mx))
    }

    /// An id for the record: [`PolicyId::from_content`] of the policy as `Display` writes it.
    pub fn id(&self) -> PolicyId {
        PolicyId::from_content(self.to_string().as_bytes())
    }

    fn of_legal_size(self) -> Result<Self, PolicyError> {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
        //# A suggested timeout is
        //# one minute, and a suggested maximum policy size is 64 kilobytes;
        //# Policy Hosts SHOULD respond to requests with a complete policy body
        //# within that timeout and size limit.
        let size = self.to_string().len();
        if size > LARGEST_BODY { Err(PolicyError::TooLarge { size }) } else { Ok(self) }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
        //# This resource contains the following CRLF-separated key/value pairs:
        write!(f, "version: {VERSION}\r\nmode: {}\r\n", self.mode)?;
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
        //# If a policy specifies more than one
        //# MX, each MX MUST have its own "mx:" key, and each MX key/value pair
        //# MUST be on its own line in the policy file.
        self.mx.iter().try_for_each(|pattern| write!(f, "mx: {pattern}\r\n"))?;
        write!(f, "max_age: {}\r\n", self.max_age)?;
        self.extensions.iter().try_for_each(|extension| write!(f, "{extension}\r\n"))
    }
}

/// A field of a policy that RFC 8461 does not know: `name: value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyExtension {
    name: Box<str>,
    value: Box<str>,
}

impl PolicyExtension {
    /// An extension field; `None` unless name and value are as RFC 8461 §3.2 demands.
    ///
    /// The name has 1 to 32 letters, digits, `_`, `-` and `.`, begins with a letter or digit, and is
    /// none of `version`, `mode`, `max_age` and `mx`. The value is any text without ASCII control
    /// characters that neither begins nor ends with a space. It comes from outside: escape it.
    pub fn new(name: &str, value: &str) -> Option<Self> {
        let known = matches!(name, "version" | "mode" | "max_age" | "mx");
        let valid = is_field_name(name.as_bytes())
            && !value.is_empty()
            && !value.starts_with(' ')
            && !value.ends_with(' ')
            && !value.bytes().any(|byte| byte.is_ascii_control());
        (valid && !known).then(|| Self { name: name.into(), value: value.into() })
    }

    /// The text before `:`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text behind `:`, without white space around it.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for PolicyExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value)
    }
}

/// Why there is no usable policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The body is not a valid policy: as if none had been fetched, a cached policy still applies.
    #[error("invalid policy: {}{}", first.kind, others_hint(*others))]
    Defective {
        /// The first defect that makes it invalid.
        first: PolicyDefect,
        /// How many more defects make it invalid.
        others: usize,
    },

    /// The policy to be made has no pattern, and its mode needs one.
    #[error("mode {mode} needs at least one MX pattern: with none, no host could receive mail")]
    MxMissing {
        /// The mode.
        mode: Mode,
    },

    /// The policy to be made is larger than senders read.
    #[error("the policy would have {size} bytes, senders read 65536: use fewer patterns")]
    TooLarge {
        /// Size in bytes.
        size: usize,
    },
}

impl PolicyError {
    /// The result type under which a sender reports it, RFC 8460 §4.3.2.2.
    pub const fn result_type(&self) -> &'static str {
        "sts-policy-invalid"
    }
}
