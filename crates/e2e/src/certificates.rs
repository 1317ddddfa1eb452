//! The certificates of an environment: an authority, and what the servers show.
//!
//! No clock is read: all dates are fixed, or the test says them. Unless it does, the valid certificates
//! hold for decades, so that no finding about one that ends soon disturbs it.

use std::path::Path;

use data_encoding::HEXLOWER;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use sha2::{Digest as _, Sha256};

use crate::{EnvironmentError, LeafKind};

/// What a server shows, and the key behind it.
pub(crate) struct Identity {
    /// The private key and the certificate chain, PEM, in the order that nginx and Postfix want.
    pub(crate) pem: String,
    /// SHA-256 of the public key (SubjectPublicKeyInfo), in hexadecimal, as TLSA records have it.
    pub(crate) key_digest: String,
}

/// A root authority and the intermediate one that signs for servers.
pub(crate) struct Authority {
    root_pem: String,
    intermediate_pem: String,
    intermediate: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority with fresh keys.
    pub(crate) fn create() -> Result<Self, rcgen::Error> {
        let root_key = KeyPair::generate()?;
        let root_params = authority_params("e2e root", BasicConstraints::Unconstrained);
        let root_pem = root_params.self_signed(&root_key)?.pem();
        let root = Issuer::new(root_params, root_key);

        let key = KeyPair::generate()?;
        let params = authority_params("e2e intermediate", BasicConstraints::Constrained(0));
        let intermediate_pem = params.signed_by(&key, &root)?.pem();
        Ok(Self { root_pem, intermediate_pem, intermediate: Issuer::new(params, key) })
    }

    /// The intermediate authority, PEM, as [`of`](Self::of) reads it.
    pub(crate) fn to_pem(&self) -> String {
        self.intermediate.key().serialize_pem() + &self.intermediate_pem
    }

    /// The authority of the environment in this directory, which signs as it did before.
    pub(crate) fn of(directory: &Path) -> Result<Self, EnvironmentError> {
        let pem = fs_err::read_to_string(directory.join("issuer.pem"))?;
        let certificate = pem.find("-----BEGIN CERTIFICATE").and_then(|at| pem.get(at..));
        let intermediate_pem = certificate.unwrap_or_default().to_owned();
        let key = KeyPair::from_pem(&pem)?;
        let intermediate = Issuer::from_ca_cert_pem(&intermediate_pem, key)?;
        Ok(Self { root_pem: String::new(), intermediate_pem, intermediate })
    }

    /// The root certificate, PEM: the one trust anchor of the environment.
    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// A fresh key and a certificate for `host`.
    pub(crate) fn identity(&self, host: &str, kind: LeafKind) -> Result<Identity, rcgen::Error> {
        let name = match kind {
            LeafKind::OtherName => format!("other-{host}"),
            LeafKind::Good | LeafKind::Until(_) | LeafKind::Expired | LeafKind::SelfSigned => {
                host.to_owned()
            }
        };
        let mut params = CertificateParams::new([name])?;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = match kind {
            LeafKind::Expired => date_time_ymd(2020, 3, 31),
            LeafKind::Until(end) => date_time_ymd(1970, 1, 1) + end,
            LeafKind::Good | LeafKind::SelfSigned | LeafKind::OtherName => {
                date_time_ymd(2099, 12, 31)
            }
        };
        params.is_ca = IsCa::ExplicitNoCa;
        params.distinguished_name.push(DnType::CommonName, host);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = kind != LeafKind::SelfSigned;

        let key = KeyPair::generate()?;
        let chain = match kind {
            LeafKind::SelfSigned => params.self_signed(&key)?.pem(),
            LeafKind::Good | LeafKind::Until(_) | LeafKind::Expired | LeafKind::OtherName => {
                params.signed_by(&key, &self.intermediate)?.pem() + &self.intermediate_pem
            }
        };
        Ok(Identity {
            pem: key.serialize_pem() + &chain,
            key_digest: HEXLOWER.encode(&Sha256::digest(key.subject_public_key_info())),
        })
    }
}

fn authority_params(name: &str, constraints: BasicConstraints) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2015, 1, 1);
    params.not_after = date_time_ymd(2199, 12, 31);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
