//! Many certificates, one for each name, chosen by the name that the client asks for.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

use super::{TlsCounts, TlsError, load::LONGEST_CHAIN};
use crate::Stream;

/// The protocol in which an ACME server looks at the certificate of a challenge (RFC 8737 §6.2).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";
/// HTTP/2 over TLS (RFC 9113 §3.2).
pub(crate) const HTTP2: &[u8] = b"h2";

/// Certificates by name, for HTTPS. A client that asks for no name, or for one that is not here, is
/// refused in the handshake.
///
/// No session is resumed: who fetches a policy comes once a day, and what is not kept for it costs
/// no memory.
pub struct NamedCertificates {
    chooser: Arc<Chooser>,
    config: Arc<ServerConfig>,
    established: AtomicU64,
    failed: AtomicU64,
}

/// A certificate with those behind it and its key, fit to be shown.
#[derive(Clone, Debug)]
pub struct NamedCertificate(Arc<CertifiedKey>);

/// Lower-case names, and what is shown for them.
#[derive(Debug, Default)]
struct Chooser {
    certificates: RwLock<HashMap<Box<str>, Arc<CertifiedKey>>>,
    /// Shown only to who speaks `acme-tls/1`.
    challenges: RwLock<HashMap<Box<str>, Arc<CertifiedKey>>>,
}

impl NamedCertificate {
    /// Reads a chain, the certificate first, and its key: PKCS #8, PKCS #1 or SEC 1, all PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`] and [`TlsError::Unfit`]; `place` is where it comes from, for messages.
    pub fn from_pem(chain: &[u8], key: &[u8], place: &std::path::Path) -> Result<Self, TlsError> {
        let pem = |wanted| TlsError::Pem { wanted, path: place.to_owned() };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .take(LONGEST_CHAIN)
            .collect::<Result<_, _>>()
            .map_err(|_| pem("certificate"))?;
        if chain.is_empty() {
            return Err(pem("certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| pem("private key"))?;
        let unfit = |source| TlsError::Unfit { path: place.to_owned(), source };
        let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        Ok(Self(Arc::new(certified.map_err(unfit)?)))
    }

    /// The certificate of a challenge and its key, PEM and PKCS #8. That the two fit is not checked: the
    /// certificate has a critical extension that nobody else knows (RFC 8737 §3).
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`] and [`TlsError::Unfit`].
    pub fn for_challenge(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let place = || std::path::PathBuf::from("the challenge");
        let pem = |wanted| TlsError::Pem { wanted, path: place() };
        let certificate =
            CertificateDer::from_pem_slice(certificate).map_err(|_| pem("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| pem("private key"))?;
        let key = aws_lc_rs::default_provider().key_provider.load_private_key(key);
        let key = key.map_err(|source| TlsError::Unfit { path: place(), source })?;
        Ok(Self(Arc::new(CertifiedKey::new(vec![certificate], key))))
    }

    /// The certificate itself, DER.
    pub fn leaf(&self) -> &[u8] {
        self.0.cert.first().map(AsRef::as_ref).unwrap_or_default()
    }
}

impl NamedCertificates {
    /// None yet.
    ///
    /// # Errors
    ///
    /// What rustls says of its own defaults.
    pub fn new() -> Result<Self, rustls::Error> {
        let chooser = Arc::new(Chooser::default());
        let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Chooser>::clone(&chooser));
        config.max_early_data_size = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = [HTTP2, b"http/1.1", ACME_TLS].map(<[u8]>::to_vec).to_vec();
        let config = Arc::new(config);
        Ok(Self { chooser, config, established: AtomicU64::new(0), failed: AtomicU64::new(0) })
    }

    /// From now on this is shown for the name, which is in lower case.
    pub fn set(&self, name: &str, certificate: NamedCertificate) {
        let mut all = self.chooser.certificates.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.into(), certificate.0);
    }

    /// Only names that are wanted stay.
    pub fn retain(&self, is_wanted: impl Fn(&str) -> bool) {
        let mut all = self.chooser.certificates.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|name, _| is_wanted(name));
    }

    /// Whether there is one for the name.
    pub fn has(&self, name: &str) -> bool {
        let all = self.chooser.certificates.read().unwrap_or_else(PoisonError::into_inner);
        all.contains_key(name)
    }

    /// How many names there are.
    pub fn count(&self) -> usize {
        self.chooser.certificates.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// From now on this is shown for the name to who speaks `acme-tls/1`, and to nobody else.
    pub fn set_challenge(&self, name: &str, certificate: NamedCertificate) {
        let mut all = self.chooser.challenges.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.into(), certificate.0);
    }

    /// The challenge is over.
    pub fn remove_challenge(&self, name: &str) {
        let mut all = self.chooser.challenges.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(name);
    }

    /// Handshakes so far.
    pub fn counts(&self) -> TlsCounts {
        TlsCounts {
            established: self.established.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    /// The handshake. `None` if it was only for a look at the certificate of a challenge.
    pub(crate) async fn accept(
        &self,
        stream: Stream,
        limit: Duration,
    ) -> io::Result<Option<Stream>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        let accepted = match timeout(limit, acceptor.accept(stream)).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let counter = if accepted.is_ok() { &self.established } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        let stream = accepted?;
        let is_challenge = stream.get_ref().1.alpn_protocol() == Some(ACME_TLS);
        Ok((!is_challenge).then(|| Stream::from(stream)))
    }
}

impl Chooser {
    fn choose(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?;
        let mut protocols = hello.alpn().into_iter().flatten();
        // RFC 8737 §3: the server that validates offers this protocol and no other.
        let is_challenge = protocols.next() == Some(ACME_TLS) && protocols.next().is_none();
        let map = if is_challenge { &self.challenges } else { &self.certificates };
        map.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(&hello)
    }
}

impl fmt::Debug for NamedCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedCertificates({})", self.count())
    }
}
