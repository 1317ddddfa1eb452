//! A message as signatures see it: header fields and a body, as octets.

use std::sync::OnceLock;

use mail_domain::DomainName;
use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use crate::canonical::Canonicalization;
use crate::{Signature, SignatureError};

/// A message as signatures see it. Borrows its octets; whoever made them has bounded their number.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    fields: Vec<Field<'a>>,
    body: &'a [u8],
    /// The hashes of the body, made when the first signature wants them: ten signatures of a large
    /// mail cost no more than two.
    simple_hash: OnceLock<[u8; 32]>,
    relaxed_hash: OnceLock<[u8; 32]>,
}

/// A header field with all its lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    /// Name, colon, value and line ends.
    pub octets: &'a [u8],
    /// How long the name is.
    name: usize,
}

impl<'a> Message<'a> {
    /// How many header fields a message may have.
    pub const MAX_FIELDS: usize = 1000;

    /// How many signatures are looked at, from the top.
    pub const MAX_SIGNATURES: usize = 10;

    /// Cuts a message into header fields and body.
    ///
    /// Lines of the header that are no fields, such as the first line of a mailbox of Unix, are
    /// passed over.
    ///
    /// # Errors
    /// When there is no header field, and when there are more than [`Message::MAX_FIELDS`].
    pub fn read(octets: &'a [u8]) -> Result<Self, MessageError> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut body = octets.len();
        let mut offset = 0;
        let mut open: Option<(usize, usize)> = None;
        let mut close = |open: Option<(usize, usize)>, end: usize| {
            let field = open.and_then(|(start, name)| {
                octets.get(start..end).map(|octets| Field { octets, name })
            });
            fields.extend(field);
            fields.len() <= Self::MAX_FIELDS
        };
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            let start = offset;
            offset += line.len();
            if matches!(line, b"\n" | b"\r\n") {
                body = offset;
                close(open.take(), start);
                break;
            }
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                continue;
            }
            if !close(open.take(), start) {
                return Err(MessageError::TooManyFields);
            }
            open = name_length(line).map(|name| (start, name));
        }
        if !close(open, offset) {
            return Err(MessageError::TooManyFields);
        }
        if fields.is_empty() {
            return Err(MessageError::NoHeader);
        }
        Ok(Self {
            fields,
            body: octets.get(body..).unwrap_or_default(),
            simple_hash: OnceLock::new(),
            relaxed_hash: OnceLock::new(),
        })
    }

    /// The signatures, the topmost first, at most [`Message::MAX_SIGNATURES`]; of those that cannot
    /// be verified, the reason.
    pub fn signatures(&self) -> Vec<Result<Signature, SignatureError>> {
        let fields = self.fields.iter().enumerate();
        fields
            .filter(|(_, field)| field.is("dkim-signature"))
            .take(Self::MAX_SIGNATURES)
            .map(|(index, field)| Signature::parse(field.value(), index))
            .collect()
    }

    /// The domain of the one address in the one `From` field.
    ///
    /// # Errors
    /// When there is not exactly one field with exactly one address of a domain.
    pub fn from_domain(&self) -> Result<DomainName, FromFault> {
        const LONGEST: usize = 16 << 10;

        let mut fields = self.fields.iter().filter(|field| field.is("from"));
        let field = fields.next().ok_or(FromFault::Missing)?;
        if fields.next().is_some() {
            return Err(FromFault::Several);
        }
        let value = field.value();
        if value.len() > LONGEST {
            return Err(FromFault::Unreadable);
        }
        let mut line: Vec<u8> = value
            .iter()
            .filter(|octet| !matches!(octet, b'\r' | b'\n'))
            .map(|octet| if *octet == b'\t' { b' ' } else { *octet })
            .collect();
        line.extend(b"\r\n");
        let HeaderValue::Address(addresses) = MessageStream::new(&line).parse_address() else {
            return Err(FromFault::Unreadable);
        };
        let mut addresses = addresses.iter();
        let address = addresses.next().and_then(|address| address.address.as_deref());
        if addresses.next().is_some() {
            return Err(FromFault::Several);
        }
        let (_, domain) = address.and_then(|a| a.rsplit_once('@')).ok_or(FromFault::Unreadable)?;
        DomainName::parse(domain.trim()).map_err(|_| FromFault::Unreadable)
    }

    /// How many fields have the name.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|field| field.is(name)).count()
    }

    pub(crate) fn field(&self, index: usize) -> Option<&Field<'a>> {
        self.fields.get(index)
    }

    pub(crate) fn body_hash(&self, canonicalization: Canonicalization) -> &[u8; 32] {
        let hash = match canonicalization {
            Canonicalization::Simple => &self.simple_hash,
            Canonicalization::Relaxed => &self.relaxed_hash,
        };
        hash.get_or_init(|| canonicalization.hash_body(self.body))
    }

    /// The fields that a list of names stands for: of each name the lowest that was not taken yet;
    /// nothing if there is no more (RFC 6376 section 5.4.2). A signature never covers itself.
    pub(crate) fn select<'s>(
        &'s self,
        names: &'s [String],
        signature: Option<usize>,
    ) -> impl Iterator<Item = &'s Field<'a>> + 's {
        names.iter().enumerate().filter_map(move |(index, name)| {
            let taken = names.iter().take(index).filter(|earlier| *earlier == name).count();
            let fields = self.fields.iter().enumerate().rev();
            fields
                .filter(|(index, field)| Some(*index) != signature && field.is(name))
                .map(|(_, field)| field)
                .nth(taken)
        })
    }
}

impl<'a> Field<'a> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    /// The name as written, white space before the colon left out.
    pub(crate) fn name(&self) -> &'a [u8] {
        self.octets.get(..self.name).unwrap_or_default().trim_ascii_end()
    }

    /// The same field with other octets after its name.
    pub(crate) fn with_octets<'b>(&self, octets: &'b [u8]) -> Field<'b> {
        Field { octets, name: self.name }
    }

    /// What follows the colon, line ends included.
    pub(crate) fn value(&self) -> &'a [u8] {
        self.octets.get(self.name + 1..).unwrap_or_default()
    }
}

/// How many octets stand before the colon, if they can be a name.
fn name_length(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    // RFC 5322 section 3.6.8: all of printable ASCII but the colon.
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(colon)
}

/// Why octets are no message that can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// No header field at the beginning.
    #[error("the message has no header fields, so it has no signature")]
    NoHeader,
    /// More header fields than are looked at.
    #[error(
        "the message has more than {} header fields: no mail has so many, and it is not verified",
        Message::MAX_FIELDS
    )]
    TooManyFields,
}

/// Why a message has no one author's domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FromFault {
    /// No `From` field.
    #[error("the message has no `From` field")]
    Missing,
    /// Several fields, or several addresses in one: no one knows which of them a reader will see.
    #[error("the message has several `From` fields or addresses")]
    Several,
    /// No address with a domain name.
    #[error("the `From` field has no address of a domain name")]
    Unreadable,
}
