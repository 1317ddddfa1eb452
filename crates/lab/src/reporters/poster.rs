//! How a reporter posts (RFC 8460 §5.4).

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(100);
/// The longest answer.
const MOST_OCTETS: u64 = 1 << 20;

/// Posts reports to one server over HTTPS, each on a connection of its own. Clones share what they
/// trust.
#[derive(Clone, Debug)]
pub struct Poster {
    config: Arc<ClientConfig>,
    /// The name of the server.
    host: String,
}

impl Poster {
    /// Posts to a server of this name, which shows this certificate (DER).
    ///
    /// # Errors
    ///
    /// What rustls says of the certificate.
    pub fn new(host: &str, certificate: Vec<u8>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificate))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), host: host.to_owned() })
    }

    /// Posts octets to a path at this address, and gives the whole response as text. `fields` are
    /// further header fields, each with its line end.
    ///
    /// # Errors
    ///
    /// When the connection fails, before the response is there or while it comes.
    pub fn post(
        &self,
        address: SocketAddr,
        path: &str,
        fields: &str,
        media_type: &str,
        body: &[u8],
    ) -> io::Result<String> {
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name);
        #[expect(clippy::disallowed_methods, reason = "the lab stands outside the house")]
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(connection.map_err(io::Error::other)?, stream);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{fields}\
             Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut response = Vec::new();
        (&mut stream).take(MOST_OCTETS).read_to_end(&mut response)?;
        Ok(String::from_utf8_lossy(&response).into_owned())
    }
}
