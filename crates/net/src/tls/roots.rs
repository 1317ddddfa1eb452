//! Trust anchors.

use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::TrustRoots;

/// The largest file of roots that is read, in octets; Mozilla's is a quarter of a mebibyte.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// Trust anchors, and where they come from.
#[derive(Debug)]
pub(crate) struct TrustedRoots {
    /// The anchors.
    pub(crate) store: RootCertStore,
    /// Where they come from, in words.
    pub(crate) origin: String,
}

/// Why a file of roots can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    #[error("{} holds no certificate in PEM that could be a root{reason}", .path.display())]
    NoCertificate { path: PathBuf, reason: String },
}

impl TrustedRoots {
    /// Loads the anchors.
    pub(crate) fn load(roots: &TrustRoots) -> Result<Self, RootsError> {
        match roots {
            TrustRoots::System => Ok(Self::system()),
            TrustRoots::File(path) => Self::file(path),
        }
    }

    fn system() -> Self {
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::warn!("part of the machine's trust store can't be read: {error}");
        }
        let mut store = RootCertStore::empty();
        // A store may hold some certificates that cannot be anchors; the rest still counts.
        let (added, _) = store.add_parsable_certificates(native.certs);
        if added > 0 {
            return Self { store, origin: format!("the machine's trust store ({added} roots)") };
        }
        let store: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let origin = format!(
            "Mozilla's roots as of this build ({} roots), since this machine has no trust store",
            store.len()
        );
        Self { store, origin }
    }

    fn file(path: &Path) -> Result<Self, RootsError> {
        let mut octets = Vec::new();
        fs_err::File::open(path)?.take(LARGEST_FILE).read_to_end(&mut octets)?;
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&octets) {
            let no_certificate = |reason: String| RootsError::NoCertificate {
                path: path.to_path_buf(),
                reason: format!(": {reason}"),
            };
            let certificate = certificate.map_err(|error| no_certificate(error.to_string()))?;
            store.add(certificate).map_err(|error| no_certificate(error.to_string()))?;
        }
        if store.is_empty() {
            let reason = String::new();
            return Err(RootsError::NoCertificate { path: path.to_path_buf(), reason });
        }
        let origin = format!("{} ({} roots)", path.display(), store.len());
        Ok(Self { store, origin })
    }
}
