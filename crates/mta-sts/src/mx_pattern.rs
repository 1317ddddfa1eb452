//! The patterns of a policy's `mx` fields.

use std::{fmt, str::FromStr};

use mail_domain::{DomainName, DomainNameError};

#[cfg(test)]
mod tests;

/// For longer texts in Unicode no A-labels are proposed, in bytes.
const LONGEST_PROPOSAL: usize = 253;

/// Which MX hosts a policy allows: one name (`mail.example.com`), or every name that is one label
/// longer than another (`*.example.net`). RFC 8461 §3.2 and §4.1.
///
/// Names are kept in lower case. Order is that of the names (by zone), a wildcard after the same
/// name without.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MxPattern {
    base: DomainName,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Exact,
    Wildcard,
}

impl MxPattern {
    /// Reads the value of an `mx` field, `["*."] Domain` by the grammar of RFC 8461 §3.2.
    ///
    /// Upper case is accepted. Refused are a trailing dot, a Unicode name, an address, `*` by
    /// itself or anywhere but as the whole left-most label, and more than one pattern.
    ///
    /// # Errors
    ///
    /// [`MxPatternError`] says what to write instead.
    pub fn parse(text: &str) -> Result<Self, MxPatternError> {
        let (base, kind) = match text.strip_prefix("*.") {
            Some(base) => (base, Kind::Wildcard),
            None => (text, Kind::Exact),
        };
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
        //# In the case of
        //# Internationalized Domain Names [RFC5891], the "mx" value MUST specify
        //# the Punycode-encoded A-label [RFC3492] to match against, and not the
        //# Unicode-encoded U-label.
        if !text.is_ascii() {
            let name = (text.len() <= LONGEST_PROPOSAL).then(|| DomainName::parse(base).ok());
            let pattern = name.flatten().map(|base| Box::new(Self { base, kind }));
            return Err(MxPatternError::Unicode { pattern });
        }
        match DomainName::parse(base) {
            Ok(_) if base.ends_with('.') => Err(MxPatternError::TrailingDot),
            Ok(base) => Ok(Self { base, kind }),
            Err(error) => Err(explain(text, base, kind, error)),
        }
    }

    /// The pattern that allows this one host.
    pub fn exact(host: DomainName) -> Self {
        Self { base: host, kind: Kind::Exact }
    }

    /// The pattern that allows every host one label below `base`.
    pub fn wildcard(base: DomainName) -> Self {
        Self { base, kind: Kind::Wildcard }
    }

    /// Whether this pattern allows the MX host `mx`.
    pub fn matches(&self, mx: &DomainName) -> bool {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-4.1
        //# Matching is identical to the rules
        //# given in [RFC6125], with the restriction that the wildcard character
        //# '*' may only be used to match the entire left-most label in the
        //# presented identifier.  Thus, the mx pattern "*.example.com" matches
        //# "mail.example.com" but not "example.com" or "foo.bar.example.com".
        match self.kind {
            Kind::Exact => *mx == self.base,
            Kind::Wildcard => {
                mx.as_str().split_once('.').is_some_and(|(_, base)| base == self.base.as_str())
            }
        }
    }

    /// Whether the pattern begins with `*.`.
    pub fn is_wildcard(&self) -> bool {
        self.kind == Kind::Wildcard
    }

    /// The name without the `*.` before it, if there is one.
    pub fn base(&self) -> &DomainName {
        &self.base
    }
}

/// A better reason than that `base` is no domain name, where there is one.
fn explain(text: &str, base: &str, kind: Kind, error: DomainNameError) -> MxPatternError {
    match (kind, base) {
        (Kind::Exact, "") => MxPatternError::Empty,
        (Kind::Exact, "*") | (Kind::Wildcard, "") => MxPatternError::BareWildcard,
        _ if text.contains('#') => MxPatternError::Comment,
        _ if text.contains([' ', '\t', ',', ';']) => MxPatternError::Several,
        _ if base.contains('*') => MxPatternError::WildcardMisplaced,
        (Kind::Exact, _) if base.starts_with('.') => MxPatternError::LeadingDot,
        _ => MxPatternError::Name(error),
    }
}

impl fmt::Display for MxPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Exact => write!(f, "{}", self.base),
            Kind::Wildcard => write!(f, "*.{}", self.base),
        }
    }
}

impl fmt::Debug for MxPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MxPattern({self})")
    }
}

impl FromStr for MxPattern {
    type Err = MxPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a text is not an MX pattern, RFC 8461 §3.2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MxPatternError {
    /// There is no character.
    #[error("the pattern is empty: write an MX host such as mail.example.com or *.example.com")]
    Empty,

    /// A `#`, as if a comment could follow.
    #[error("a policy has no comments: remove `#` and what follows")]
    Comment,

    /// White space, a comma or a semicolon: a list, or something before or after the pattern.
    #[error("more than one pattern in one field: give each pattern an `mx` line of its own")]
    Several,

    /// A name in Unicode.
    #[error("a name in Unicode is not allowed: write it as A-labels{}", pattern.as_ref().map(|pattern| format!(", {pattern}")).unwrap_or_default())]
    Unicode {
        /// The same pattern as A-labels, if the name is valid and the text at most 253 bytes long.
        pattern: Option<Box<MxPattern>>,
    },

    /// `*` or `*.` and nothing else.
    #[error("a wildcard needs a domain: write *.example.com; nothing matches every host")]
    BareWildcard,

    /// A `*` that is not the whole left-most label.
    #[error("`*` may only be the whole first label: write *.example.com, or list the hosts")]
    WildcardMisplaced,

    /// A dot at the end.
    #[error("a trailing dot is not allowed: remove it")]
    TrailingDot,

    /// A dot at the start, the wildcard of early drafts.
    #[error("a leading dot is no wildcard: write *.example.com")]
    LeadingDot,

    /// The name is not a domain name.
    #[error(transparent)]
    Name(#[from] DomainNameError),
}
