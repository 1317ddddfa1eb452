//! The TLS of yesterday, as far as a server chooses it: a ServerHello made by hand.

use rustls::pki_types::CertificateDer;

use crate::host::OldTls;

/// The longest record of plaintext (RFC 5246 §6.2.1), header included.
pub(crate) const LONGEST_RECORD: usize = 5 + 16_384;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SUPPORTED_VERSIONS: u16 = 43;

const TLS10: u16 = 0x0301;
const TLS11: u16 = 0x0302;
const TLS12: u16 = 0x0303;

/// TLS_RSA_WITH_AES_128_CBC_SHA, which every TLS 1.0 has and which is old, not broken.
const AES: u16 = 0x002f;
/// TLS_RSA_WITH_3DES_EDE_CBC_SHA.
const TRIPLE_DES: u16 = 0x000a;
/// Suites by which a client of today is known: those of TLS 1.3, and ECDHE with AES-GCM or ChaCha20.
const MODERN: [u16; 9] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9];

// Alerts (RFC 5246 §7.2).
const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;

/// What a client offers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The newest version, but for TLS 1.3.
    version: u16,
    cipher_suites: Vec<u16>,
    /// Does it list its versions, as clients do since TLS 1.3?
    lists_versions: bool,
}

/// Why there is no offer yet, or will never be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    Incomplete,
    NoOffer,
}

/// What a server makes of an offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// The handshake of today.
    Modern,
    Hello {
        version: u16,
        cipher_suite: u16,
    },
    Alert(u8),
}

impl OldTls {
    /// What a server of this kind makes of the offer.
    pub(crate) fn react(self, offer: &Offer) -> Reaction {
        let is_modern = offer.version >= TLS12 && offer.offers_any(&MODERN);
        match self {
            Self::OnlyTls10 if offer.lists_versions => Reaction::Alert(PROTOCOL_VERSION),
            Self::OnlyTls10Intolerant if offer.version > TLS10 => Reaction::Alert(PROTOCOL_VERSION),
            Self::OnlyTls10 | Self::OnlyTls10Intolerant => offer.choose(TLS10, AES),
            _ if is_modern => Reaction::Modern,
            Self::AlsoTls10 if offer.version < TLS12 => offer.choose(TLS10, AES),
            Self::AlsoTls11 if offer.version == TLS11 => offer.choose(TLS11, AES),
            Self::AlsoWeakSuites if offer.version >= TLS12 => offer.choose(TLS12, TRIPLE_DES),
            _ if offer.version < TLS12 => Reaction::Alert(PROTOCOL_VERSION),
            _ => Reaction::Alert(HANDSHAKE_FAILURE),
        }
    }
}

impl Offer {
    /// Reads the first record of a connection.
    pub(crate) fn read(octets: &[u8]) -> Result<Self, Unread> {
        let mut record = Reader(octets);
        let header = (|| Some((record.octet()?, record.number()?, record.number()?)))();
        let Some((content_type, version, length)) = header else {
            return match octets.first() {
                None | Some(&HANDSHAKE) => Err(Unread::Incomplete),
                Some(_) => Err(Unread::NoOffer),
            };
        };
        let length = usize::from(length);
        if content_type != HANDSHAKE || version >> 8 != 3 || length + 5 > LONGEST_RECORD {
            return Err(Unread::NoOffer);
        }
        let message = record.take(length).ok_or(Unread::Incomplete)?;
        Self::parse(message).ok_or(Unread::NoOffer)
    }

    /// Reads a ClientHello (RFC 5246 §7.4.1.2).
    fn parse(message: &[u8]) -> Option<Self> {
        let mut message = Reader(message);
        if message.octet()? != CLIENT_HELLO {
            return None;
        }
        message.take(3)?;
        let version = message.number()?;
        message.take(32)?;
        let session_id = message.octet()?;
        message.take(session_id.into())?;
        let suites = message.number()?;
        let suites = message.take(suites.into())?;
        let cipher_suites =
            suites.as_chunks::<2>().0.iter().map(|suite| u16::from_be_bytes(*suite)).collect();
        let compression = message.octet()?;
        message.take(compression.into())?;
        let mut lists_versions = false;
        if let Some(length) = message.number() {
            let mut extensions = Reader(message.take(length.into())?);
            while let Some(kind) = extensions.number() {
                let length = extensions.number()?;
                extensions.take(length.into())?;
                lists_versions |= kind == SUPPORTED_VERSIONS;
            }
        }
        Some(Self { version, cipher_suites, lists_versions })
    }

    fn offers_any(&self, suites: &[u16]) -> bool {
        self.cipher_suites.iter().any(|suite| suites.contains(suite))
    }

    fn choose(&self, version: u16, cipher_suite: u16) -> Reaction {
        if self.version < version {
            Reaction::Alert(PROTOCOL_VERSION)
        } else if self.offers_any(&[cipher_suite]) {
            Reaction::Hello { version, cipher_suite }
        } else {
            Reaction::Alert(HANDSHAKE_FAILURE)
        }
    }
}

/// ServerHello, Certificate, ServerHelloDone in one record: all that a server says first when the
/// keys are exchanged with RSA (RFC 5246 §7.3).
pub(crate) fn first_flight(
    version: u16,
    cipher_suite: u16,
    chain: &[CertificateDer<'_>],
) -> Vec<u8> {
    // Nothing depends on these being random, and they must not look like the downgrade mark of
    // RFC 8446 §4.1.3.
    let random = [0x5e; 32];
    let mut hello = version.to_be_bytes().to_vec();
    hello.extend(random);
    hello.push(0); // no session id
    hello.extend(cipher_suite.to_be_bytes());
    hello.push(0); // no compression
    let mut certificates = Vec::new();
    for certificate in chain {
        certificates.extend(length_in_three(certificate.len()));
        certificates.extend_from_slice(certificate);
    }
    let list = [length_in_three(certificates.len()).as_slice(), &certificates].concat();
    let mut messages = Vec::new();
    for (kind, body) in [(2, hello), (11, list), (14, Vec::new())] {
        messages.push(kind);
        messages.extend(length_in_three(body.len()));
        messages.extend(body);
    }
    let mut record = vec![HANDSHAKE];
    record.extend(version.to_be_bytes());
    // A chain of the lab is far shorter than a record may be.
    record.extend(u16::try_from(messages.len()).unwrap_or(u16::MAX).to_be_bytes());
    record.extend(messages);
    record
}

fn length_in_three(length: usize) -> [u8; 3] {
    let [_, high, middle, low] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [high, middle, low]
}

/// Takes octets from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(front)
    }

    fn octet(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello as a record, without extensions or with one.
    fn hello(version: u16, suites: &[u16], extension: Option<u16>) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend(u16::try_from(suites.len() * 2).unwrap().to_be_bytes());
        body.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
        body.extend([1, 0]);
        if let Some(kind) = extension {
            body.extend([0, 5]);
            body.extend(kind.to_be_bytes());
            body.extend([0, 1, 0]);
        }
        let mut record = vec![HANDSHAKE, 3, 1];
        record.extend(u16::try_from(body.len() + 4).unwrap().to_be_bytes());
        record.push(CLIENT_HELLO);
        record.extend(length_in_three(body.len()));
        record.extend(body);
        record
    }

    #[test]
    fn an_offer_is_read_once_it_is_whole() {
        let whole = hello(TLS12, &[AES, 0xc02b], Some(SUPPORTED_VERSIONS));
        for length in 0..whole.len() {
            assert_eq!(Offer::read(&whole[..length]), Err(Unread::Incomplete), "{length}");
        }
        let offer = Offer::read(&whole).unwrap();
        let expected =
            Offer { version: TLS12, cipher_suites: vec![AES, 0xc02b], lists_versions: true };
        assert_eq!(offer, expected);
        for garbage in [&b"EHLO client\r\n"[..], &[21, 3, 1, 0, 2, 2, 70], &[22, 3, 1, 255, 255]] {
            assert_eq!(Offer::read(garbage), Err(Unread::NoOffer), "{garbage:?}");
        }
        let mut cut = whole.clone();
        cut[4] -= 1;
        assert_eq!(Offer::read(&cut), Err(Unread::NoOffer));
    }

    #[test]
    fn each_server_chooses_what_it_speaks() {
        use Reaction::{Alert, Hello, Modern};
        let today = (TLS12, &[0x1301, 0xc02b][..], Some(SUPPORTED_VERSIONS));
        let tls12 = (TLS12, &[0xc02b, AES, TRIPLE_DES][..], None);
        let weak = (TLS12, &[TRIPLE_DES][..], None);
        let tls11 = (TLS11, &[AES][..], None);
        let tls10 = (TLS10, &[AES][..], None);
        let chosen = |version, cipher_suite| Hello { version, cipher_suite };
        for (server, expected) in [
            (
                OldTls::AlsoTls10,
                [Modern, Modern, Alert(40), chosen(TLS10, AES), chosen(TLS10, AES)],
            ),
            (OldTls::AlsoTls11, [Modern, Modern, Alert(40), chosen(TLS11, AES), Alert(70)]),
            (
                OldTls::AlsoWeakSuites,
                [Modern, Modern, chosen(TLS12, TRIPLE_DES), Alert(70), Alert(70)],
            ),
            (
                OldTls::OnlyTls10,
                [Alert(70), chosen(TLS10, AES), Alert(40), chosen(TLS10, AES), chosen(TLS10, AES)],
            ),
            (
                OldTls::OnlyTls10Intolerant,
                [Alert(70), Alert(70), Alert(70), Alert(70), chosen(TLS10, AES)],
            ),
        ] {
            for ((version, suites, extension), expected) in
                [today, tls12, weak, tls11, tls10].into_iter().zip(expected)
            {
                let offer = Offer::read(&hello(version, suites, extension)).unwrap();
                assert_eq!(server.react(&offer), expected, "{server:?} {offer:?}");
            }
        }
    }
}
