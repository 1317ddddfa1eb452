//! Reading the vectors of the TLS presentation language (RFC 5246 section 4.3).

/// What is left of a message. Each method takes something off its front, or gives `None` if there
/// is not enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(super) fn octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.octets(N)?.try_into().ok()
    }

    pub(super) fn octet(&mut self) -> Option<u8> {
        self.array().map(|[octet]| octet)
    }

    pub(super) fn number(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A vector whose length is given in one octet.
    pub(super) fn short_vector(&mut self) -> Option<&'a [u8]> {
        let length = self.octet()?;
        self.octets(length.into())
    }

    /// A vector whose length is given in two octets.
    pub(super) fn long_vector(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.octets(length.into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
