//! A certificate for the daemon, and clients that trust it.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::daemon::connect;

const NAME: &str = "mx.example.com";

/// Makes the door for posts one with TLS; its certificate lies beside the configuration.
pub(crate) fn with_https(configuration: &Path) -> Trust {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let at = |file: &str| -> PathBuf { configuration.with_file_name(file) };
    fs_err::write(at("cert.pem"), made.cert.pem()).unwrap();
    fs_err::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let text = fs_err::read_to_string(configuration).unwrap();
    let with = text.replace("http = [\"127.0.0.1:0\"] }", "https = [\"127.0.0.1:0\"] }");
    assert_ne!(text, with);
    let with =
        with.replace("[receive]\n", "[receive]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n");
    fs_err::write(configuration, with).unwrap();
    Trust::new(made.cert.der().clone())
}

/// Whom clients trust.
#[derive(Clone)]
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    fn new(certificate: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(config))
    }

    /// Posts octets to the path for reports, on a connection of its own; gives the response. `more`
    /// are header fields, each with its line end.
    pub(crate) fn post(
        &self,
        address: SocketAddr,
        more: &str,
        media_type: &str,
        body: &[u8],
    ) -> io::Result<String> {
        let mut request = format!(
            "POST /v1/tls-reports HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n{more}\
             Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.ask(address, &request)
    }

    fn ask(&self, address: SocketAddr, request: &[u8]) -> io::Result<String> {
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.0), name);
        let mut stream = StreamOwned::new(connection.map_err(io::Error::other)?, connect(address)?);
        stream.write_all(request)?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response)?;
        Ok(String::from_utf8_lossy(&response).into_owned())
    }
}
