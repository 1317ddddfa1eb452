//! A certificate and its key from files.

use std::{
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// More than any chain or key has.
const LARGEST_FILE: u64 = 1 << 20;
/// More certificates than any chain has.
pub(super) const LONGEST_CHAIN: usize = 32;

/// Where a certificate and its key lie, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The certificate, followed by those between it and the root.
    pub certificates: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// Why a certificate and its key cannot be used. What was used before stays in use. The text fits
/// after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read the certificate or its key")]
    Read(#[source] io::Error),
    /// A file is larger than 1 MiB.
    #[error("read {}: it is larger than any certificate or key", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no PEM section of the right kind, or a malformed one.
    #[error("find a {wanted} in {}", .path.display())]
    Pem {
        /// What should be in it.
        wanted: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The key is not that of the first certificate, or is of a kind that TLS does not use.
    #[error("use the certificate in {} with its key", .path.display())]
    Unfit {
        /// The file with the certificate.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
}

/// What is used in a handshake.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) mail: Arc<ServerConfig>,
    pub(super) http: Arc<ServerConfig>,
}

/// Enough of a file's state to see that it was written, replaced or made readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp([(u64, u64, u64, i64, i64); 2]);

impl IdentityFiles {
    pub(super) fn stamp(&self) -> Result<Stamp, TlsError> {
        let stamp = |path: &Path| {
            let data = fs_err::metadata(path).map_err(TlsError::Read)?;
            Ok((data.dev(), data.ino(), data.size(), data.ctime(), data.ctime_nsec()))
        };
        Ok(Stamp([stamp(&self.certificates)?, stamp(&self.key)?]))
    }

    pub(super) fn load(&self) -> Result<Loaded, TlsError> {
        let pem = |wanted, path: &Path| TlsError::Pem { wanted, path: path.to_owned() };
        let octets = read(&self.certificates)?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&octets)
            .take(LONGEST_CHAIN)
            .collect::<Result<_, _>>()
            .map_err(|_| pem("certificate", &self.certificates))?;
        if chain.is_empty() {
            return Err(pem("certificate", &self.certificates));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| pem("private key", &self.key))?;

        let unfit = |source| TlsError::Unfit { path: self.certificates.clone(), source };
        // The provider is named: a process may hold another one as its default, or none.
        let mut mail = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unfit)?;
        // Said aloud, though it is the default: early data can be replayed.
        mail.max_early_data_size = 0;
        let mut http = mail.clone();
        http.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Loaded { mail: mail.into(), http: http.into() })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = fs_err::File::open(path).map_err(TlsError::Read)?;
    let mut octets = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut octets).map_err(TlsError::Read)?;
    if octets.len() as u64 > LARGEST_FILE {
        return Err(TlsError::TooLarge { path: path.to_owned() });
    }
    Ok(octets)
}
