//! Clients that share nothing with the lab but the protocol crates.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "these clients are not sealpost's")]

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_proto::{
    op::{Edns, Message, Query},
    rr::{Name, RecordType},
};
use jiff::Timestamp;
use rustls::{
    ClientConfig, DigitallySignedStruct, HandshakeKind, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
};
use sealpost_lab::{Lab, Options, Ports};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The lab's time in every test, in seconds since 1970.
pub(crate) const NOW: i64 = 1_900_000_000;
/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

pub(crate) async fn start() -> Lab {
    let now = Timestamp::from_second(NOW).unwrap();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    Lab::start(options).await.unwrap()
}

/// What a question says of DNSSEC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dnssec {
    /// Nothing.
    Unaware,
    /// AD: tell me whether it is secure.
    Aware,
    /// DO: give me the signatures.
    Ok,
    /// DO and CD: give me the signatures, and I shall judge.
    CheckingDisabled,
}

fn question(name: &str, record_type: RecordType, dnssec: Dnssec) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = dnssec == Dnssec::Aware;
    message.metadata.checking_disabled = dnssec == Dnssec::CheckingDisabled;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), record_type));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    edns.set_dnssec_ok(matches!(dnssec, Dnssec::Ok | Dnssec::CheckingDisabled));
    message.set_edns(edns);
    message
}

/// Asks over UDP; `None` where nobody answers.
pub(crate) async fn ask(lab: &Lab, name: &str, record_type: RecordType) -> Option<Message> {
    ask_about(lab, name, record_type, Dnssec::Unaware).await
}

pub(crate) async fn ask_about(
    lab: &Lab,
    name: &str,
    record_type: RecordType,
    dnssec: Dnssec,
) -> Option<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let question = question(name, record_type, dnssec).to_vec().unwrap();
    socket.send_to(&question, lab.resolver()).await.unwrap();
    let mut buffer = vec![0_u8; 4096];
    let length = timeout(Duration::from_secs(1), socket.recv(&mut buffer)).await.ok()?.unwrap();
    Some(Message::from_vec(buffer.get(..length)?).unwrap())
}

/// Asks over UDP, without DNSSEC, and waits as long as is said.
pub(crate) async fn ask_with_patience(
    lab: &Lab,
    name: &str,
    record_type: RecordType,
    patience: Duration,
) -> Option<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let question = question(name, record_type, Dnssec::Unaware).to_vec().unwrap();
    socket.send_to(&question, lab.resolver()).await.unwrap();
    let mut buffer = vec![0_u8; 4096];
    let length = timeout(patience, socket.recv(&mut buffer)).await.ok()?.unwrap();
    Some(Message::from_vec(buffer.get(..length)?).unwrap())
}

pub(crate) async fn ask_over_tcp(lab: &Lab, name: &str, record_type: RecordType) -> Message {
    try_ask_over_tcp(lab, name, record_type).await.unwrap()
}

/// Fails where the DNS has no room for another connection.
pub(crate) async fn try_ask_over_tcp(
    lab: &Lab,
    name: &str,
    record_type: RecordType,
) -> io::Result<Message> {
    let mut stream = TcpStream::connect(lab.resolver()).await?;
    let question = question(name, record_type, Dnssec::Unaware).to_vec().unwrap();
    stream.write_u16(u16::try_from(question.len()).unwrap()).await?;
    stream.write_all(&question).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0_u8; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(Message::from_vec(&answer).unwrap())
}

pub(crate) async fn addresses(lab: &Lab, name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for record_type in [RecordType::A, RecordType::AAAA] {
        let answer = ask(lab, name, record_type).await.unwrap();
        found.extend(answer.answers.iter().filter_map(|record| record.data.ip_addr()));
    }
    found
}

/// The clock of the lab.
#[derive(Debug)]
struct LabTime;

impl TimeProvider for LabTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(NOW).ok()?)))
    }
}

pub(crate) async fn tls(
    lab: &Lab,
    stream: TcpStream,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(lab.trust_roots_file()).unwrap() {
        roots.add(root.unwrap()).unwrap();
    }
    assert_eq!(roots.len(), 1);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(LabTime))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    timeout(DEADLINE, shaking).await.unwrap()
}

/// Believes everything, as opportunistic TLS does.
#[derive(Debug)]
struct Credulous(CryptoProvider);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn credulous_config() -> Arc<ClientConfig> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous(provider)))
        .with_no_client_auth();
    Arc::new(config)
}

/// TLS with whoever is there.
pub(crate) async fn tls_untrusting(
    stream: TcpStream,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(credulous_config()).connect(name, stream).await
}

/// Whether a second session at this MX host goes on with the first.
pub(crate) async fn resumes(lab: &Lab, ip: IpAddr, host: &str) -> bool {
    let connector = TlsConnector::from(credulous_config());
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(lab, ip).await;
        reply(&mut stream).await;
        stream.write_all(b"STARTTLS\r\n").await.unwrap();
        reply(&mut stream).await;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        // Tickets come with the first octets.
        stream.write_all(b"QUIT\r\n").await.unwrap();
        reply(&mut stream).await;
        kinds.push(stream.get_ref().1.handshake_kind());
    }
    kinds.pop().unwrap() == Some(HandshakeKind::Resumed)
}

pub(crate) async fn fetch(lab: &Lab, ip: IpAddr, domain: &str) -> io::Result<String> {
    let host = format!("mta-sts.{domain}");
    let stream = TcpStream::connect(SocketAddr::new(ip, lab.https_port())).await?;
    let mut stream = tls(lab, stream, &host).await?;
    let request = format!("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut reply)).await.unwrap()?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

/// Reads until the last line of a reply.
pub(crate) async fn reply(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = String::new();
    let reading = async {
        loop {
            text.push(char::from(stream.read_u8().await.unwrap()));
            let last = text.lines().last().unwrap_or_default();
            if text.ends_with("\r\n") && last.get(3..4) == Some(" ") {
                return;
            }
        }
    };
    timeout(DEADLINE, reading).await.unwrap();
    text
}

pub(crate) async fn connect(lab: &Lab, ip: IpAddr) -> TcpStream {
    TcpStream::connect(SocketAddr::new(ip, lab.smtp_port())).await.unwrap()
}
