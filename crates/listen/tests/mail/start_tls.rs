use std::sync::Arc;

use sealpost_listen::{
    smtp::SmtpSettings,
    tls::{Identity, IdentityFiles},
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use crate::{
    client::Client,
    server::{Running, hasty, settings},
};

struct Certificate {
    folder: TempDir,
    connector: TlsConnector,
}

impl Certificate {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let made = rcgen::generate_simple_self_signed(["mx.example".to_owned()]).unwrap();
        fs_err::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        fs_err::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { folder, connector: TlsConnector::from(Arc::new(config)) }
    }

    fn identity(&self) -> Arc<Identity> {
        let files = IdentityFiles {
            certificates: self.folder.path().join("cert.pem"),
            key: self.folder.path().join("key.pem"),
        };
        Arc::new(Identity::load(files).unwrap())
    }

    async fn connect(&self, stream: TcpStream) -> TlsStream<TcpStream> {
        let name = ServerName::try_from("mx.example").unwrap();
        self.connector.connect(name, stream).await.unwrap()
    }
}

fn with_tls(certificate: &Certificate) -> (SmtpSettings, Arc<Identity>) {
    let identity = certificate.identity();
    (SmtpSettings { identity: Some(Arc::clone(&identity)), ..settings() }, identity)
}

#[tokio::test]
async fn a_message_comes_through_tls() {
    let certificate = Certificate::new();
    let (settings, identity) = with_tls(&certificate);
    let running = Running::start(settings);
    let mut client = Client::connect(running.address).await;
    assert!(client.ask("EHLO c").await.contains("|250-STARTTLS|"));
    assert_eq!(client.ask("STARTTLS").await, "220 2.0.0 ready for TLS");
    let stream = certificate.connect(client.0.into_inner()).await;
    let mut client = Client(tokio::io::BufStream::new(stream));
    assert_eq!(client.ask("MAIL FROM:<>").await, "503 5.5.1 say EHLO first, LHLO in LMTP");
    assert!(!client.ask("EHLO c").await.contains("STARTTLS"));
    assert_eq!(client.message("text").await, "250 2.6.0 stored");
    assert_eq!(client.ask("QUIT").await, "221 2.0.0 good bye");
    assert!(client.is_closed().await);
    let stored = running.seen.stored.lock().unwrap();
    assert_eq!(stored[0].0.envelope.transmission_type(), "ESMTPS");
    assert_eq!((identity.counts().established, running.counters.read().over_tls), (1, 1));
}

#[tokio::test]
async fn commands_slipped_in_before_the_handshake_are_dropped() {
    let certificate = Certificate::new();
    let (settings, _) = with_tls(&certificate);
    let running = Running::start(settings);
    let mut client = Client::connect(running.address).await;
    client.ask("EHLO c").await;
    client.send("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b.example>\r\n").await;
    assert_eq!(client.reply().await, "220 2.0.0 ready for TLS");
    let stream = certificate.connect(client.0.into_inner()).await;
    let mut client = Client(tokio::io::BufStream::new(stream));
    assert_eq!(client.ask("DATA").await, "503 5.5.1 say MAIL first");
    client.ask("QUIT").await;
    running.wait_for_silence().await;
    assert_eq!(running.counters.read().injected, 1);
}

#[tokio::test]
async fn a_handshake_that_fails_ends_the_session() {
    let certificate = Certificate::new();
    let (settings, identity) = with_tls(&certificate);
    let running = Running::start(SmtpSettings { limits: hasty(), ..settings });
    for not_a_handshake in ["EHLO in the open\r\n", ""] {
        let mut client = Client::connect(running.address).await;
        client.ask("EHLO c").await;
        client.ask("STARTTLS").await;
        // In a packet of its own: the session has handed the connection to TLS.
        client.send(not_a_handshake).await;
        while !client.is_closed().await {}
    }
    assert_eq!(identity.counts().failed, 2);
    assert_eq!(running.counters.read().over_tls, 0);
}

#[tokio::test]
async fn without_a_certificate_starttls_is_not_there() {
    let running = Running::start(settings());
    let mut client = Client::connect(running.address).await;
    client.ask("EHLO c").await;
    assert_eq!(client.ask("STARTTLS").await, "502 5.5.1 this command is not offered here");
}
