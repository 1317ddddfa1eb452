//! The handshake.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mail_domain::DomainName;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, DnsName, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use sealpost_evidence::{
    Certificate, CertificateFault, ConnectionFault, ConnectionFaultKind, ConnectionStage,
    TlsSession,
};
use sealpost_runtime::Clock;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::facts;
use super::verifier::{MOST_CERTIFICATES, RecordingVerifier};
use crate::connect::{fault, io_fault, timed_out};
use crate::deadline::Deadline;

const STAGE: ConnectionStage = ConnectionStage::TlsHandshake;

/// What is spoken inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, announced by ALPN.
    Http,
    /// SMTP, for which there is no ALPN.
    Smtp,
    /// Anything else, without ALPN.
    Other,
}

/// Completes handshakes, and records what was shown in them.
#[derive(Debug)]
pub(crate) struct TlsClient {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    clock: Arc<WallClock>,
}

/// Our clock, as rustls asks for it.
#[derive(Debug)]
struct WallClock(Clock);

impl TlsClient {
    /// Judges by these roots and this clock.
    pub(crate) fn new(roots: RootCertStore, clock: Clock) -> Self {
        Self {
            roots: Arc::new(roots),
            // Never the process's default: another crate may have installed one that knows less.
            provider: Arc::new(aws_lc_rs::default_provider()),
            clock: Arc::new(WallClock(clock)),
        }
    }

    /// 32 octets that nobody can guess; `None` where the machine has none to give.
    pub(crate) fn random(&self) -> Option<[u8; 32]> {
        let mut octets = [0; 32];
        self.provider.secure_random.fill(&mut octets).ok()?;
        Some(octets)
    }

    /// Completes a handshake for `name`, whatever the certificate.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        name: &DomainName,
        protocol: Protocol,
        deadline: Deadline,
    ) -> Result<(TlsStream<TcpStream>, TlsSession), ConnectionFault> {
        let server_name = DnsName::try_from(name.as_str().to_owned())
            .map(ServerName::DnsName)
            .map_err(|error| local(&error))?;
        self.handshake_as(stream, server_name, protocol, deadline).await
    }

    /// The same for a server of which only the address is known. No name is asked for then.
    pub(crate) async fn handshake_with_address(
        &self,
        stream: TcpStream,
        address: IpAddr,
        protocol: Protocol,
        deadline: Deadline,
    ) -> Result<(TlsStream<TcpStream>, TlsSession), ConnectionFault> {
        self.handshake_as(stream, ServerName::from(address), protocol, deadline).await
    }

    /// What a chain would be found to be, if a server of this name showed it now: its certificates
    /// and every fault.
    pub(crate) fn rehearse(
        &self,
        chain: &[CertificateDer<'_>],
        name: &DomainName,
    ) -> Option<(Vec<Certificate>, Vec<CertificateFault>)> {
        let (end_entity, intermediates) = chain.split_first()?;
        let server_name = DnsName::try_from(name.as_str()).map(ServerName::DnsName).ok()?;
        let now = self.clock.current_time()?;
        let verifier = RecordingVerifier::new(self.roots.clone(), self.provider.clone());
        // It records, and has no other answer.
        let _ = verifier.verify_server_cert(end_entity, intermediates, &server_name, &[], now);
        let shown = chain.iter().take(MOST_CERTIFICATES).map(|der| facts::read(der).0);
        Some((shown.collect(), verifier.verdict()?))
    }

    async fn handshake_as(
        &self,
        stream: TcpStream,
        server_name: ServerName<'static>,
        protocol: Protocol,
        deadline: Deadline,
    ) -> Result<(TlsStream<TcpStream>, TlsSession), ConnectionFault> {
        let name = server_name.to_str().into_owned();
        let verifier = Arc::new(RecordingVerifier::new(self.roots.clone(), self.provider.clone()));
        let mut config = ClientConfig::builder_with_details(
            self.provider.clone(),
            self.clock.clone() as Arc<dyn TimeProvider>,
        )
        .with_safe_default_protocol_versions()
        .map_err(|error| local(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
        // A resumed session shows no certificate.
        config.resumption = Resumption::disabled();
        if protocol == Protocol::Http {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        let connecting = TlsConnector::from(Arc::new(config)).connect(server_name, stream);
        let stream = match deadline.bound(connecting).await {
            Err(_) => return Err(timed_out(STAGE)),
            Ok(Err(error)) => return Err(handshake_fault(&error)),
            Ok(Ok(stream)) => stream,
        };
        let (_, connection) = stream.get_ref();
        let session = session(connection, name, &verifier);
        Ok((stream, session))
    }
}

fn local(error: &dyn std::error::Error) -> ConnectionFault {
    fault(STAGE, ConnectionFaultKind::Local, &error.to_string())
}

fn session(
    connection: &ClientConnection,
    name: String,
    verifier: &RecordingVerifier,
) -> TlsSession {
    let certificates = connection.peer_certificates().unwrap_or_default();
    TlsSession {
        version: match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
            other => format!("{other:?}"),
        },
        cipher_suite: connection.negotiated_cipher_suite().map_or_else(String::new, |suite| {
            // IANA writes `TLS_` for all versions.
            format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
        }),
        server_name: name,
        certificates: certificates
            .iter()
            .take(MOST_CERTIFICATES)
            .map(|der| facts::read(der).0)
            .collect(),
        // What nobody has looked at is not without faults.
        faults: verifier.verdict().unwrap_or_else(|| {
            let detail = "the certificate was not verified".to_owned();
            vec![CertificateFault::Other { detail }]
        }),
    }
}

/// The fault behind a handshake that failed.
fn handshake_fault(error: &io::Error) -> ConnectionFault {
    use rustls::Error;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(inner) = inner else { return io_fault(STAGE, error) };
    let kind = match inner {
        Error::AlertReceived(_) => ConnectionFaultKind::TlsAlert,
        Error::PeerIncompatible(_) => ConnectionFaultKind::TlsIncompatible,
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::DecryptError
        | Error::NoCertificatesPresented
        | Error::UnsupportedNameType
        | Error::InvalidCertificate(_)
        | Error::NoApplicationProtocol => ConnectionFaultKind::Malformed,
        Error::PeerSentOversizedRecord => ConnectionFaultKind::TooLarge,
        _ => ConnectionFaultKind::Local,
    };
    let mut text = inner.to_string();
    if let Some(source) = inner.source() {
        text = format!("{text}: {source}");
    }
    fault(STAGE, kind, &text)
}

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
