//! As much DER as it takes to find the parts of a certificate, and no more.
//!
//! A certificate that DANE-EE matches needs no valid dates, names or extensions (RFC 7671 §5.1), so
//! a reader that insists on them would refuse good servers.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
/// `[0]`, constructed: the version of a certificate.
const VERSION: u8 = 0xa0;

/// The octets of one element: identifier, length and contents; and the contents alone.
#[derive(Clone, Copy)]
struct Element<'a> {
    whole: &'a [u8],
    contents: &'a [u8],
}

/// Takes elements from the front.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn element(&mut self, identifier: u8) -> Option<Element<'a>> {
        let (&found, after) = self.rest.split_first()?;
        if found != identifier {
            return None;
        }
        let (&first, after) = after.split_first()?;
        let (length, after) = match first {
            0..=0x7f => (usize::from(first), after),
            0x81 => after.split_first().map(|(&octet, after)| (usize::from(octet), after))?,
            0x82 => after
                .split_first_chunk()
                .map(|(octets, after)| (usize::from(u16::from_be_bytes(*octets)), after))?,
            // Longer than any record, and than any certificate in use; or not DER.
            _ => return None,
        };
        let minimal = match first {
            0x81 => length >= 0x80,
            0x82 => length >= 0x100,
            _ => true,
        };
        let (contents, after) = after.split_at_checked(length).filter(|_| minimal)?;
        let whole = self.rest.get(..self.rest.len() - after.len())?;
        self.rest = after;
        Some(Element { whole, contents })
    }

    fn skip_optional(&mut self, identifier: u8) {
        if self.rest.first() == Some(&identifier) {
            // An element that is cut short stays, and fails whatever is asked next.
            let _ = self.element(identifier);
        }
    }

    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

/// The parts of a certificate that DANE looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    /// The contents of the issuer's name.
    pub(crate) issuer: &'a [u8],
    /// The contents of the subject's name.
    pub(crate) subject: &'a [u8],
    /// The SubjectPublicKeyInfo, whole.
    pub(crate) spki: &'a [u8],
}

/// The parts of a certificate (RFC 5280 §4.1); `None` when it is not built like one.
pub(crate) fn certificate(der: &[u8]) -> Option<Parts<'_>> {
    let mut outer = Reader { rest: der };
    let mut certificate = Reader { rest: outer.element(SEQUENCE)?.contents };
    outer.end()?;
    let mut to_be_signed = Reader { rest: certificate.element(SEQUENCE)?.contents };
    certificate.element(SEQUENCE)?; // signature algorithm
    certificate.element(BIT_STRING)?;
    certificate.end()?;
    to_be_signed.skip_optional(VERSION);
    to_be_signed.element(INTEGER)?; // serial number
    to_be_signed.element(SEQUENCE)?; // signature algorithm
    let issuer = to_be_signed.element(SEQUENCE)?.contents;
    to_be_signed.element(SEQUENCE)?; // validity
    let subject = to_be_signed.element(SEQUENCE)?.contents;
    let spki = to_be_signed.element(SEQUENCE)?.whole;
    public_key(spki)?;
    Some(Parts { issuer, subject, spki })
}

/// The contents of a SubjectPublicKeyInfo; `None` when it is not built like one.
pub(crate) fn public_key(der: &[u8]) -> Option<&[u8]> {
    let mut outer = Reader { rest: der };
    let contents = outer.element(SEQUENCE)?.contents;
    outer.end()?;
    let mut key = Reader { rest: contents };
    key.element(SEQUENCE)?; // algorithm
    key.element(BIT_STRING)?;
    key.end()?;
    Some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(identifier: u8, contents: &[u8]) -> Vec<u8> {
        let length = u8::try_from(contents.len()).unwrap();
        assert!(length < 0x80, "the tests need no longer ones");
        [&[identifier, length], contents].concat()
    }

    fn sequence(elements: &[&[u8]]) -> Vec<u8> {
        element(SEQUENCE, &elements.concat())
    }

    fn key() -> Vec<u8> {
        sequence(&[&sequence(&[]), &element(BIT_STRING, &[0, 7])])
    }

    /// A certificate of these parts after the serial number, followed by these.
    fn built(version: &[u8], spki: &[u8], after: &[u8]) -> Vec<u8> {
        let (issuer, subject) = (sequence(&[b"\x05\x00"]), sequence(&[b"\x05\x00\x05\x00"]));
        let to_be_signed = sequence(&[
            version,
            &element(INTEGER, &[1]),
            &sequence(&[]),
            &issuer,
            &sequence(&[]),
            &subject,
            spki,
            b"\xa3\x00", // extensions
        ]);
        sequence(&[&to_be_signed, &sequence(&[]), &element(BIT_STRING, &[0, 9]), after])
    }

    #[test]
    fn the_parts_of_a_certificate() {
        for version in [&[][..], &element(VERSION, &[2, 1, 2])] {
            let der = built(version, &key(), &[]);
            let parts = certificate(&der).unwrap();
            assert_eq!(parts.issuer, b"\x05\x00");
            assert_eq!(parts.subject, b"\x05\x00\x05\x00");
            assert_eq!(parts.spki, key());
        }
    }

    #[test]
    fn what_is_no_certificate() {
        let der = built(&[], &key(), &[]);
        for end in 0..der.len() {
            assert!(certificate(&der[..end]).is_none(), "{end}");
        }
        assert!(certificate(&[&der[..], &[0]].concat()).is_none());
        assert!(certificate(&built(&[], &key(), &[5, 0])).is_none());
        assert!(certificate(&built(&[], &sequence(&[]), &[])).is_none());
        assert!(certificate(&built(&[VERSION, 0x7f], &key(), &[])).is_none());
    }

    #[test]
    fn what_is_no_key() {
        assert!(public_key(&key()).is_some());
        assert!(public_key(&[&key()[..], &[0]].concat()).is_none());
        let longer = sequence(&[&sequence(&[]), &element(BIT_STRING, &[0, 7]), &[5, 0]]);
        assert!(public_key(&longer).is_none());
        assert!(public_key(&[]).is_none());
    }

    #[test]
    fn lengths() {
        let read = |header: &[u8], octets: usize| {
            let der = [&[SEQUENCE], header, &vec![0; octets]].concat();
            let mut reader = Reader { rest: &der };
            reader.element(SEQUENCE).map(|element| (element.contents.len(), reader.rest.len()))
        };
        assert_eq!(read(&[0], 0), Some((0, 0)));
        assert_eq!(read(&[0x7f], 0x80), Some((0x7f, 1)));
        assert_eq!(read(&[0x81, 0x80], 0x80), Some((0x80, 0)));
        assert_eq!(read(&[0x82, 1, 0], 0x100), Some((0x100, 0)));
        assert_eq!(read(&[0x82, 0xff, 0xff], 0xffff), Some((0xffff, 0)));
        assert_eq!(read(&[1], 0), None); // cut short
        assert_eq!(read(&[0x81, 0x7f], 0x7f), None); // not the shortest form
        assert_eq!(read(&[0x82, 0, 0x80], 0x80), None);
        assert_eq!(read(&[0x80], 9), None); // indefinite
        assert_eq!(read(&[0x83, 1, 0, 0], 0x10000), None); // too long
        assert_eq!(read(&[0x82, 1], 0), None);
        assert_eq!(read(&[], 0), None);
    }
}
