//! The first message of a client (RFC 5246 section 7.4.1.2), up to TLS 1.2.

use super::{CipherSuite, NamedGroup, PointFormat, ProtocolVersion, ServerName, SignatureScheme};

/// An offer to speak one version of TLS, or any older.
///
/// The version is the newest that the client claims to know, and a server has to answer with the
/// newest that both know (RFC 5246 appendix E.1). So who answers an offer of TLS 1.0 speaks TLS 1.0.
///
/// # Limitations
/// - TLS 1.3 is not offered, and `TLS_FALLBACK_SCSV` is not sent: this client is no fallback, and a
///   server that understood the signal would refuse what it otherwise accepts.
/// - There is no compression, and no session to resume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    version: ProtocolVersion,
    random: [u8; 32],
    session_id: Vec<u8>,
    cipher_suites: Vec<CipherSuite>,
    server_name: Option<ServerName>,
    groups: Vec<NamedGroup>,
    signature_schemes: Vec<SignatureScheme>,
    point_formats: Vec<PointFormat>,
}

impl ClientHello {
    /// How many cipher suites an offer can have.
    pub const MAX_CIPHER_SUITES: usize = 1_024;
    /// How many groups, signature schemes or point formats an offer can have.
    pub const MAX_LIST: usize = 64;
    /// How many octets a session id can have.
    pub const MAX_SESSION_ID: usize = 32;

    /// An offer of these suites in this order, with the groups, signature schemes and point formats
    /// that are common, without a server name and with an empty session id. The signal of
    /// [`CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV`] is added when the offer is written.
    ///
    /// # Errors
    /// When the version is not between SSL 3.0 and TLS 1.2, or there are no suites or too many.
    pub fn new(
        version: ProtocolVersion,
        cipher_suites: &[CipherSuite],
        random: [u8; 32],
    ) -> Result<Self, ClientHelloError> {
        if !(ProtocolVersion::SSL_3_0..=ProtocolVersion::TLS_1_2).contains(&version) {
            return Err(ClientHelloError::Version { version });
        }
        if cipher_suites.is_empty() {
            return Err(ClientHelloError::NoCipherSuite);
        }
        if cipher_suites.len() > Self::MAX_CIPHER_SUITES {
            return Err(ClientHelloError::TooMany { limit: Self::MAX_CIPHER_SUITES });
        }
        Ok(Self::of_known_parts(version, cipher_suites.to_vec(), random))
    }

    /// An offer whose version and suites are known to be fit.
    pub(super) fn of_known_parts(
        version: ProtocolVersion,
        cipher_suites: Vec<CipherSuite>,
        random: [u8; 32],
    ) -> Self {
        Self {
            version,
            random,
            session_id: Vec::new(),
            cipher_suites,
            server_name: None,
            groups: NamedGroup::COMMON.to_vec(),
            signature_schemes: SignatureScheme::COMMON.to_vec(),
            point_formats: PointFormat::COMMON.to_vec(),
        }
    }

    /// The same for the server of this name.
    #[must_use]
    pub fn with_server_name(self, server_name: ServerName) -> Self {
        Self { server_name: Some(server_name), ..self }
    }

    /// The same with a session id, of which no more is known than its octets.
    ///
    /// # Errors
    /// When it is longer than [`MAX_SESSION_ID`](Self::MAX_SESSION_ID).
    pub fn with_session_id(self, session_id: &[u8]) -> Result<Self, ClientHelloError> {
        if session_id.len() > Self::MAX_SESSION_ID {
            return Err(ClientHelloError::SessionId);
        }
        Ok(Self { session_id: session_id.to_vec(), ..self })
    }

    /// The same with other groups; without the extension if there are none.
    ///
    /// # Errors
    /// When there are more than [`MAX_LIST`](Self::MAX_LIST).
    pub fn with_groups(self, groups: &[NamedGroup]) -> Result<Self, ClientHelloError> {
        Ok(Self { groups: bounded(groups)?, ..self })
    }

    /// The same with other signature schemes, which only an offer of TLS 1.2 names; without the
    /// extension if there are none.
    ///
    /// # Errors
    /// When there are more than [`MAX_LIST`](Self::MAX_LIST).
    pub fn with_signature_schemes(
        self,
        signature_schemes: &[SignatureScheme],
    ) -> Result<Self, ClientHelloError> {
        Ok(Self { signature_schemes: bounded(signature_schemes)?, ..self })
    }

    /// The same with other point formats; without the extension if there are none.
    ///
    /// # Errors
    /// When there are more than [`MAX_LIST`](Self::MAX_LIST).
    pub fn with_point_formats(
        self,
        point_formats: &[PointFormat],
    ) -> Result<Self, ClientHelloError> {
        Ok(Self { point_formats: bounded(point_formats)?, ..self })
    }

    /// The newest version offered.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// The suites offered, the signal for renegotiation not among them.
    pub fn cipher_suites(&self) -> &[CipherSuite] {
        &self.cipher_suites
    }

    /// The octets to send: one record with one message in it.
    pub fn to_octets(&self) -> Vec<u8> {
        const HANDSHAKE: u8 = 22;
        // RFC 5246 appendix E.1: old servers refuse records of a version that they do not know, so
        // the record claims no more than it must.
        let record_version = self.version.min(ProtocolVersion::TLS_1_0);
        let mut octets = vec![HANDSHAKE];
        octets.extend(record_version.number().to_be_bytes());
        vector::<2>(&mut octets, &self.message());
        octets
    }

    fn message(&self) -> Vec<u8> {
        const CLIENT_HELLO: u8 = 1;
        let mut body = self.version.number().to_be_bytes().to_vec();
        body.extend(self.random);
        vector::<1>(&mut body, &self.session_id);
        let signal = CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV;
        let suites = self.cipher_suites.iter().chain([&signal]);
        vector::<2>(&mut body, &numbers(suites.map(|suite| suite.number())));
        let no_compression = [0];
        vector::<1>(&mut body, &no_compression);
        // SSL 3.0 has no extensions.
        if self.version >= ProtocolVersion::TLS_1_0 {
            let mut extensions = self.extensions();
            const HEADER: usize = 4;
            const LENGTH_OF_EXTENSIONS: usize = 2;
            let length = HEADER + body.len() + LENGTH_OF_EXTENSIONS + extensions.len();
            pad(&mut extensions, length);
            vector::<2>(&mut body, &extensions);
        }
        let mut message = vec![CLIENT_HELLO];
        vector::<3>(&mut message, &body);
        message
    }

    fn extensions(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        if let Some(name) = &self.server_name {
            const HOST_NAME: u8 = 0;
            let mut entry = vec![HOST_NAME];
            vector::<2>(&mut entry, name.as_str().as_bytes());
            let mut list = Vec::new();
            vector::<2>(&mut list, &entry);
            extension(&mut extensions, extension_type::SERVER_NAME, &list);
        }
        if !self.groups.is_empty() {
            let mut list = Vec::new();
            vector::<2>(&mut list, &numbers(self.groups.iter().map(|group| group.number())));
            extension(&mut extensions, extension_type::SUPPORTED_GROUPS, &list);
        }
        if !self.point_formats.is_empty() {
            let formats: Vec<u8> =
                self.point_formats.iter().map(|format| format.number()).collect();
            let mut list = Vec::new();
            vector::<1>(&mut list, &formats);
            extension(&mut extensions, extension_type::EC_POINT_FORMATS, &list);
        }
        // RFC 5246 section 7.4.1.4.1: not when the offer is of an older version.
        if self.version >= ProtocolVersion::TLS_1_2 && !self.signature_schemes.is_empty() {
            let schemes = self.signature_schemes.iter().map(|scheme| scheme.number());
            let mut list = Vec::new();
            vector::<2>(&mut list, &numbers(schemes));
            extension(&mut extensions, extension_type::SIGNATURE_ALGORITHMS, &list);
        }
        // Some strict servers insist on it (RFC 7627).
        extension(&mut extensions, extension_type::EXTENDED_MASTER_SECRET, &[]);
        extensions
    }
}

/// Why an offer cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientHelloError {
    /// A version that this client cannot offer.
    #[error("{version} cannot be offered: choose one from SSL 3.0 to TLS 1.2")]
    Version {
        /// The version.
        version: ProtocolVersion,
    },
    /// Nothing to choose from.
    #[error("the offer has no cipher suite")]
    NoCipherSuite,
    /// A list that is too long.
    #[error("the offer has a list of more than {limit} entries")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// A session id that is too long.
    #[error("the session id has more than {} octets", ClientHello::MAX_SESSION_ID)]
    SessionId,
}

mod extension_type {
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const SUPPORTED_GROUPS: u16 = 10;
    pub(super) const EC_POINT_FORMATS: u16 = 11;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const PADDING: u16 = 21;
    pub(super) const EXTENDED_MASTER_SECRET: u16 = 23;
}

fn bounded<T: Copy>(list: &[T]) -> Result<Vec<T>, ClientHelloError> {
    if list.len() > ClientHello::MAX_LIST {
        return Err(ClientHelloError::TooMany { limit: ClientHello::MAX_LIST });
    }
    Ok(list.to_vec())
}

fn numbers(numbers: impl Iterator<Item = u16>) -> Vec<u8> {
    numbers.flat_map(u16::to_be_bytes).collect()
}

/// Appends the content after its length in `N` octets. Every list of an offer is bounded, so that
/// two octets hold the length of all of them together.
fn vector<const N: usize>(octets: &mut Vec<u8>, content: &[u8]) {
    let length = content.len().to_be_bytes();
    octets.extend(length.iter().skip(length.len().saturating_sub(N)));
    octets.extend(content);
}

fn extension(extensions: &mut Vec<u8>, number: u16, content: &[u8]) {
    extensions.extend(number.to_be_bytes());
    vector::<2>(extensions, content);
}

/// Lengthens a message whose length would make certain servers hang (RFC 7685 section 4).
fn pad(extensions: &mut Vec<u8>, length_of_message: usize) {
    const HANG: std::ops::Range<usize> = 256..512;
    const HEADER: usize = 4;
    if HANG.contains(&length_of_message) {
        // An empty extension at the end offends other servers.
        let missing = HANG.end.saturating_sub(length_of_message + HEADER).max(1);
        extension(extensions, extension_type::PADDING, &vec![0; missing]);
    }
}
