//! An authority that certifies any name, and the TLS side of servers that need it.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{ServerConfig, version};

/// Certifies names as they are asked for. All certificates have one key: only the number of
/// handshakes matters here.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    leaf: KeyPair,
    signing: Arc<dyn SigningKey>,
    issued: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "bench authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let leaf = KeyPair::generate()?;
        let der = PrivateKeyDer::try_from(leaf.serialize_der())?;
        let signing = any_supported_type(&der)?;
        Ok(Self { issuer, leaf, signing, issued: Mutex::default() })
    }

    /// The certificate to trust.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's side of TLS, for whatever name the client asks.
    pub fn server(self) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
        let versions = [&version::TLS13, &version::TLS12];
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self));
        Ok(Arc::new(config))
    }

    fn issue(&self, name: &str) -> Result<Arc<CertifiedKey>, Box<dyn Error>> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        // With the name that rcgen would give it, OpenSSL takes it for its own issuer.
        params.distinguished_name = DistinguishedName::new();
        let certificate = params.signed_by(&self.leaf, &self.issuer)?;
        let chain = vec![certificate.der().clone()];
        Ok(Arc::new(CertifiedKey::new(chain, Arc::clone(&self.signing))))
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?;
        if let Some(key) = self.issued.lock().ok()?.get(name) {
            return Some(Arc::clone(key));
        }
        let key = self.issue(name).ok()?;
        self.issued.lock().ok()?.insert(name.to_owned(), Arc::clone(&key));
        Some(key)
    }
}
