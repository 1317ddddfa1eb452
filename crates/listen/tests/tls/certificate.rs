//! Certificates of our own, and a client that trusts one of them.

use std::{io, net::SocketAddr, sync::Arc};

use sealpost_listen::tls::IdentityFiles;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use crate::LONG;

/// A certificate that signs itself, and its key, in a folder.
pub(crate) struct Certificate {
    folder: TempDir,
}

#[derive(Clone)]
pub(crate) struct Client(TlsConnector);

impl Certificate {
    pub(crate) fn new(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let this = Self { folder: TempDir::new().unwrap() };
        let files = this.files();
        fs_err::write(files.certificates, made.cert.pem()).unwrap();
        fs_err::write(files.key, made.signing_key.serialize_pem()).unwrap();
        this
    }

    pub(crate) fn files(&self) -> IdentityFiles {
        let file = |name| self.folder.path().join(name);
        IdentityFiles { certificates: file("cert.pem"), key: file("key.pem") }
    }

    /// Other files beside its own.
    pub(crate) fn files_with(&self, certificates: &str, key: &str) -> IdentityFiles {
        let file = |name| self.folder.path().join(name);
        let files = IdentityFiles { certificates: file("other.pem"), key: file("other-key.pem") };
        fs_err::write(&files.certificates, certificates).unwrap();
        fs_err::write(&files.key, key).unwrap();
        files
    }

    pub(crate) fn chain(&self) -> String {
        fs_err::read_to_string(self.files().certificates).unwrap()
    }

    pub(crate) fn key(&self) -> String {
        fs_err::read_to_string(self.files().key).unwrap()
    }

    /// As programs for renewal do it: beside it, and then renamed.
    pub(crate) fn replace_certificate(&self, other: &Self) {
        let beside = self.folder.path().join("new.pem");
        fs_err::write(&beside, other.chain()).unwrap();
        fs_err::rename(beside, self.files().certificates).unwrap();
    }

    pub(crate) fn replace_key(&self, other: &Self) {
        let beside = self.folder.path().join("new.pem");
        fs_err::write(&beside, other.key()).unwrap();
        fs_err::rename(beside, self.files().key).unwrap();
    }
}

impl Client {
    pub(crate) fn trusting(certificate: &Certificate) -> Self {
        Self::speaking(certificate, &[b"h2", b"http/1.1"])
    }

    /// One that offers these protocols.
    pub(crate) fn speaking(certificate: &Certificate, protocols: &[&[u8]]) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.chain().as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// Does the handshake.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        name: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        self.0.connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
    }

    /// Sends a request, and gives all that comes back, and what ALPN agreed on.
    pub(crate) async fn ask(
        &self,
        address: SocketAddr,
        name: &str,
        request: impl AsRef<[u8]>,
    ) -> io::Result<(String, Option<Vec<u8>>)> {
        let mut stream = self.connect(address, name).await?;
        // A refusal may come before all of it is sent.
        let _ = stream.write_all(request.as_ref()).await;
        let _ = stream.flush().await;
        let mut answer = String::new();
        timeout(LONG, stream.read_to_string(&mut answer)).await.unwrap()?;
        Ok((answer, stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)))
    }
}
