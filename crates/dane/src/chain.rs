//! The certificates that a server sent, and where in them a record matches.

use std::borrow::Cow;

use crate::certificate::selected;
use crate::parameters::{MatchingType, Selector};
use crate::record::TlsaRecord;

/// The most certificates of a chain that are looked at; servers send two to four.
pub(crate) const MOST_CERTIFICATES: usize = 16;

/// One part of each certificate in one form; `None` for a certificate that can't be read.
type Contents<'a> = Vec<Option<Cow<'a, [u8]>>>;

/// Certificates as sent, the server's own first.
pub(crate) struct Chain<'a> {
    certificates: &'a [&'a [u8]],
    /// What the records seen so far compare with, so that a large RRset costs no more digests than
    /// a small one.
    prepared: Vec<(Selector, MatchingType, Contents<'a>)>,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(certificates: &'a [&'a [u8]]) -> Self {
        let certificates = certificates.get(..MOST_CERTIFICATES).unwrap_or(certificates);
        Self { certificates, prepared: Vec::new() }
    }

    /// The depths at which the content matches the record, the server's own certificate being 0.
    /// Whether the record means certificates at that depth is another question.
    pub(crate) fn depths(&mut self, record: &TlsaRecord) -> Vec<usize> {
        let known = !matches!(record.selector(), Selector::Other(_))
            && !matches!(record.matching_type(), MatchingType::Other(_));
        if !known {
            return Vec::new();
        }
        let contents = self.contents(record.selector(), record.matching_type());
        let matches =
            |content: &Option<Cow<'_, [u8]>>| content.as_deref() == Some(record.association());
        contents
            .iter()
            .enumerate()
            .filter(|(_, content)| matches(content))
            .map(|(depth, _)| depth)
            .collect()
    }

    fn contents(
        &mut self,
        selector: Selector,
        matching_type: MatchingType,
    ) -> &[Option<Cow<'a, [u8]>>] {
        let known = self
            .prepared
            .iter()
            .position(|(selected, form, _)| (*selected, *form) == (selector, matching_type));
        let index = known.unwrap_or_else(|| {
            let contents = self
                .certificates
                .iter()
                .map(|certificate| matching_type.apply(selected(certificate, selector)?))
                .collect();
            self.prepared.push((selector, matching_type, contents));
            self.prepared.len() - 1
        });
        self.prepared.get(index).map_or(&[], |(.., contents)| contents)
    }

    /// The server's own certificate.
    pub(crate) fn leaf(&self) -> Option<&'a [u8]> {
        self.certificates.first().copied()
    }

    /// All others, which only help to find a path.
    pub(crate) fn issuers(&self) -> &'a [&'a [u8]] {
        self.certificates.get(1..).unwrap_or_default()
    }

    /// All, the server's own first.
    pub(crate) fn certificates(&self) -> &'a [&'a [u8]] {
        self.certificates
    }
}
