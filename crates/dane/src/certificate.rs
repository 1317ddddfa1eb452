//! What records say about a certificate: the part selected, and the form in which it is given.

use std::borrow::Cow;

use sha2::{Digest, Sha256, Sha512};

use crate::der;
use crate::parameters::{MatchingType, Selector};

/// The selected part of a certificate (RFC 6698 §2.1.2); `None` for an unknown selector, and where
/// the certificate can't be read.
pub(crate) fn selected(certificate: &[u8], selector: Selector) -> Option<&[u8]> {
    match selector {
        Selector::Cert => Some(certificate),
        Selector::Spki => Some(der::certificate(certificate)?.spki),
        Selector::Other(_) => None,
    }
}

impl MatchingType {
    /// The association for this content (RFC 6698 §2.1.3); `None` for an unknown type.
    pub(crate) fn apply(self, content: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Full => Some(content.into()),
            Self::Sha256 => Some(Sha256::digest(content).to_vec().into()),
            Self::Sha512 => Some(Sha512::digest(content).to_vec().into()),
            Self::Other(_) => None,
        }
    }
}
