//! What a server chooses (RFC 5246 section 7.4.1.3).

use super::cursor::Cursor;
use super::{AnswerError, CipherSuite, ClientHello, ProtocolVersion};

/// What a server has chosen from an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello {
    /// The version; never newer than the offer.
    pub version: ProtocolVersion,
    /// The cipher suite, one of the offer.
    pub cipher_suite: CipherSuite,
    /// A version that the server knows and that is newer than the one chosen: it has marked its
    /// random octets so that a downgrade is noticed (RFC 8446 section 4.1.3). What it knows may be
    /// newer still; servers that know nothing newer than TLS 1.2 seldom mark them.
    pub also_knows: Option<ProtocolVersion>,
}

impl ServerHello {
    /// Reads the body of the message.
    pub(super) fn parse(body: &[u8], offer: &ClientHello) -> Result<Self, AnswerError> {
        let fields = Fields::parse(body).ok_or(AnswerError::MalformedServerHello)?;
        if fields.has_supported_versions()? {
            return Err(AnswerError::SupportedVersions);
        }
        let Fields { version, cipher_suite, compression, .. } = fields;
        if !(ProtocolVersion::SSL_3_0..=offer.version()).contains(&version) {
            return Err(AnswerError::VersionNotOffered { version });
        }
        if !offer.cipher_suites().contains(&cipher_suite) {
            return Err(AnswerError::CipherSuiteNotOffered { cipher_suite });
        }
        if compression != 0 {
            return Err(AnswerError::CompressionNotOffered { method: compression });
        }
        Ok(Self { version, cipher_suite, also_knows: mark(&fields.random, version) })
    }
}

/// The newer version that the last of the random octets tell of.
fn mark(random: &[u8; 32], chosen: ProtocolVersion) -> Option<ProtocolVersion> {
    let known = match random.as_slice() {
        [.., b'D', b'O', b'W', b'N', b'G', b'R', b'D', 1] => ProtocolVersion::TLS_1_3,
        [.., b'D', b'O', b'W', b'N', b'G', b'R', b'D', 0] => ProtocolVersion::TLS_1_2,
        _ => return None,
    };
    (known > chosen).then_some(known)
}

struct Fields<'a> {
    version: ProtocolVersion,
    random: [u8; 32],
    cipher_suite: CipherSuite,
    compression: u8,
    extensions: &'a [u8],
}

impl<'a> Fields<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let version = ProtocolVersion::from_number(cursor.number()?);
        let random = cursor.array()?;
        let session_id = cursor.short_vector()?;
        let cipher_suite = CipherSuite::from_number(cursor.number()?);
        let compression = cursor.octet()?;
        // Old servers end here.
        let extensions = if cursor.is_empty() { &[] } else { cursor.long_vector()? };
        let is_whole = cursor.is_empty() && session_id.len() <= ClientHello::MAX_SESSION_ID;
        is_whole.then_some(Self { version, random, cipher_suite, compression, extensions })
    }

    /// Whether the extension by which TLS 1.3 chooses its version is there. All extensions are
    /// looked at, for an answer that is malformed proves nothing.
    fn has_supported_versions(&self) -> Result<bool, AnswerError> {
        const SUPPORTED_VERSIONS: u16 = 43;
        const MAX_EXTENSIONS: usize = 64;
        let mut cursor = Cursor::new(self.extensions);
        let mut seen: Vec<u16> = Vec::new();
        while !cursor.is_empty() {
            let number = cursor.number().ok_or(AnswerError::MalformedServerHello)?;
            cursor.long_vector().ok_or(AnswerError::MalformedServerHello)?;
            // RFC 5246 section 7.4.1.4: no extension comes twice.
            if seen.contains(&number) || seen.len() == MAX_EXTENSIONS {
                return Err(AnswerError::MalformedServerHello);
            }
            seen.push(number);
        }
        Ok(seen.contains(&SUPPORTED_VERSIONS))
    }
}
