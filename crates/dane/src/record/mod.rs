//! The TLSA record, from the wire and from text.

use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;

use crate::certificate::selected;
use crate::parameters::{MatchingType, Selector, Usage};

mod text;
pub use text::TlsaTextError;

/// The longest association, in octets: what the 65,535 octets of a record's data leave beside the
/// three numbers (RFC 1035 §3.2.1, RFC 6698 §2.1).
const LONGEST_ASSOCIATION: usize = 65_535 - 3;

/// A TLSA record's data, RFC 6698 §2.
///
/// Any three numbers and any association of up to 65,532 octets; whether a sender can use it is for
/// [`usability`](Self::usability) to say. Order is by usage, selector, matching type, association.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TlsaRecord {
    usage: Usage,
    selector: Selector,
    matching_type: MatchingType,
    association: Box<[u8]>,
}

impl TlsaRecord {
    /// A record of these parts.
    ///
    /// # Errors
    ///
    /// [`TlsaRdataError::TooLong`] when the association has more than 65,532 octets.
    pub fn new(
        usage: Usage,
        selector: Selector,
        matching_type: MatchingType,
        association: &[u8],
    ) -> Result<Self, TlsaRdataError> {
        if association.len() > LONGEST_ASSOCIATION {
            return Err(TlsaRdataError::TooLong { octets: association.len().saturating_add(3) });
        }
        Ok(Self { usage, selector, matching_type, association: association.into() })
    }

    /// Reads the data of a record as it is in a DNS message.
    ///
    /// An empty association is read; [`usability`](Self::usability) names it.
    ///
    /// # Errors
    ///
    /// [`TlsaRdataError`] when there are fewer than 3 octets or more than 65,535.
    pub fn from_rdata(rdata: &[u8]) -> Result<Self, TlsaRdataError> {
        //= https://www.rfc-editor.org/rfc/rfc6698#section-2.1
        //# The RDATA for a TLSA RR consists of a one-octet certificate usage
        //# field, a one-octet selector field, a one-octet matching type field,
        //# and the certificate association data field.
        let Some((&[usage, selector, matching_type], association)) = rdata.split_first_chunk()
        else {
            return Err(TlsaRdataError::TooShort { octets: rdata.len() });
        };
        Self::new(usage.into(), selector.into(), matching_type.into(), association)
    }

    /// Reads the presentation format, `3 1 1 ab12…`: what follows `TLSA` in a zone file.
    ///
    /// The association may be upper or lower case and broken by white space.
    ///
    /// # Errors
    ///
    /// [`TlsaTextError`] says what to write instead.
    pub fn parse(text: &str) -> Result<Self, TlsaTextError> {
        text::parse(text)
    }

    /// The record to publish for a certificate (DER): for usage DANE-EE the server's own, for
    /// DANE-TA that of an authority.
    ///
    /// `None` when the certificate can't be read, the selector or matching type is not known, or
    /// the association would be too long.
    pub fn of_certificate(
        usage: Usage,
        selector: Selector,
        matching_type: MatchingType,
        certificate: &[u8],
    ) -> Option<Self> {
        let association = matching_type.apply(selected(certificate, selector)?)?;
        Self::new(usage, selector, matching_type, &association).ok()
    }

    /// The first number.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// The second number.
    pub fn selector(&self) -> Selector {
        self.selector
    }

    /// The third number.
    pub fn matching_type(&self) -> MatchingType {
        self.matching_type
    }

    /// The certificate association data: a digest, a certificate or a key.
    pub fn association(&self) -> &[u8] {
        &self.association
    }

    /// The data of the record as in a DNS message.
    pub fn to_rdata(&self) -> Vec<u8> {
        let numbers = [self.usage.into(), self.selector.into(), self.matching_type.into()];
        [numbers.as_slice(), &self.association].concat()
    }
}

impl fmt::Display for TlsaRecord {
    /// The presentation format, in lower case and without breaks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.usage, self.selector, self.matching_type)?;
        if self.association.is_empty() {
            return Ok(());
        }
        write!(f, " {}", HEXLOWER.encode_display(&self.association))
    }
}

impl fmt::Debug for TlsaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsaRecord({self})")
    }
}

impl FromStr for TlsaRecord {
    type Err = TlsaTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why octets are not the data of a TLSA record: the answer that held them is malformed, which
/// counts as a failed look-up (RFC 7672 §2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsaRdataError {
    /// The three numbers are not complete.
    #[error("the record has {octets} octets: usage, selector and matching type take 3")]
    TooShort {
        /// How many there are.
        octets: usize,
    },
    /// No DNS message can hold it.
    #[error("the record has {octets} octets: DNS allows 65535; publish a digest instead")]
    TooLong {
        /// How many there are.
        octets: usize,
    },
}
