//! The name of the server that the client wants to reach.

use core::fmt;

/// A host name fit for the `server_name` extension (RFC 6066 section 3): A-labels without a dot at
/// the end, and no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName(Box<str>);

impl ServerName {
    /// The most octets in a name.
    pub const MAX_LENGTH: usize = 253;

    /// Reads a name such as `mx.example.com`.
    ///
    /// # Errors
    /// When it is none; domains in Unicode must be given as A-labels.
    pub fn parse(text: &str) -> Result<Self, ServerNameError> {
        let is_label = |label: &str| {
            matches!(label.len(), 1..=63)
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > Self::MAX_LENGTH {
            return Err(ServerNameError::TooLong);
        }
        if !text.split('.').all(is_label) {
            return Err(ServerNameError::Domain);
        }
        let last = text.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ServerNameError::Address);
        }
        Ok(Self(text.into()))
    }

    /// The name as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no server name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerNameError {
    /// More octets than [`ServerName::MAX_LENGTH`].
    #[error("the server name has more than {} octets", ServerName::MAX_LENGTH)]
    TooLong,
    /// A label that is empty, longer than 63 octets or holds anything but letters, digits and inner
    /// hyphens.
    #[error("the server name is no host name: use letters, digits and hyphens, with dots between")]
    Domain,
    /// An IPv4 address, or what begins to look like one.
    #[error("the server name is an address, which TLS does not allow")]
    Address,
}
