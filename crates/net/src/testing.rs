//! Certificates and servers for the tests of this crate: real sockets on loopback, no mocks.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mail_domain::DomainName;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use sealpost_runtime::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Deadlines;
use crate::guard::Guard;
use crate::tls::TlsClient;

/// The day on which the tests happen.
pub(crate) const TODAY: &str = "2030-06-15T12:00:00Z";

pub(crate) fn clock() -> Clock {
    Clock::simulated(TODAY.parse().unwrap())
}

pub(crate) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub(crate) fn loopback_guard() -> Guard {
    Guard::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()])
}

/// Deadlines short enough to be waited for.
pub(crate) fn deadlines() -> Deadlines {
    Deadlines {
        dns: Duration::from_secs(3),
        connect: Duration::from_secs(3),
        tls: Duration::from_secs(3),
        https: Duration::from_secs(4),
        smtp_reply: Duration::from_secs(3),
        smtp: Duration::from_secs(5),
        domain: Duration::from_secs(20),
    }
}

/// A certificate with its key, and what is sent beside it.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: KeyPair,
}

/// A certificate authority.
pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

/// A certificate that is valid today, for these names.
pub(crate) fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2030, 1, 1);
    params.not_after = date_time_ymd(2031, 1, 1);
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params
}

pub(crate) fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(&[]);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(authority_params(name), key).unwrap())
    }

    pub(crate) fn below(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    pub(crate) fn issue(&self, params: &CertificateParams) -> Identity {
        self.issue_for(params, KeyPair::generate().unwrap())
    }

    pub(crate) fn issue_for(&self, params: &CertificateParams, key: KeyPair) -> Identity {
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { chain: vec![certificate.der().clone()], key }
    }

    pub(crate) fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add(self.0.der().clone()).unwrap();
        store
    }

    /// A client that trusts this authority alone, today.
    pub(crate) fn client(&self) -> TlsClient {
        TlsClient::new(self.store(), clock())
    }
}

impl Identity {
    pub(crate) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { chain: vec![certificate.der().clone()], key }
    }

    pub(crate) fn beside(mut self, issuer: &Authority) -> Self {
        self.chain.push(issuer.0.der().clone());
        self
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor_with(rustls::DEFAULT_VERSIONS)
    }

    /// One that signs with the key, whether or not it is the certificate's.
    pub(crate) fn unchecked_acceptor(
        &self,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> TlsAcceptor {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let key = aws_lc_rs::sign::any_supported_type(&key.into()).unwrap();
        let certified = Arc::new(CertifiedKey::new(self.chain.clone(), key));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Unchecked(certified)));
        TlsAcceptor::from(Arc::new(config))
    }

    pub(crate) fn acceptor_with(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> TlsAcceptor {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key.into())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Shows a certificate whatever its key.
#[derive(Debug)]
struct Unchecked(Arc<CertifiedKey>);

impl ResolvesServerCert for Unchecked {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Serves every connection to a free port of loopback by this action; gives the address.
pub(crate) async fn serve<F>(action: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    serve_at(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), action).await
}

pub(crate) async fn serve_at<F>(
    address: SocketAddr,
    action: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(action(stream));
        }
    });
    address
}

/// Accepts a handshake; `None` when the client went away.
pub(crate) async fn accept(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
) -> Option<TlsStream<TcpStream>> {
    acceptor.accept(stream).await.ok()
}

/// Thousands of texts that are nearly this one: octets changed, cut off and repeated, always the same
/// ones for the same text.
pub(crate) fn mutations(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    (0..4000).map(move |_| {
        let mut changed = octets.to_vec();
        for _ in 0..=random(4) {
            let at = random(changed.len());
            match random(4) {
                0 => changed.truncate(at),
                1 => changed.extend_from_within(at..),
                _ => {
                    if let Some(octet) = changed.get_mut(at) {
                        *octet = u8::try_from(random(256)).unwrap();
                    }
                }
            }
        }
        changed
    })
}
