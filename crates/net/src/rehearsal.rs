//! A look at a domain as it would be with another certificate at its MX hosts.

use mail_domain::DomainName;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sealpost_evidence::{Evidence, TlsSession};

use crate::Network;

/// The most certificates of a chain.
const MOST_CERTIFICATES: usize = 16;

/// Why nothing could be rehearsed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError {
    /// There is no certificate in the file.
    #[error("read the certificates: {0}")]
    Unreadable(String),
    /// No MX host was seen in TLS that would show it.
    #[error("rehearse the certificates: no MX host that is meant was seen in TLS")]
    Nobody,
}

impl Network {
    /// The evidence as it would be if the MX hosts, or only those of `hosts` where some are named,
    /// showed these certificates: PEM, the server's own first. Nothing is connected to.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`].
    pub fn rehearse(
        &self,
        evidence: &Evidence,
        pem: &[u8],
        hosts: &[DomainName],
    ) -> Result<Evidence, RehearsalError> {
        let read: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(pem).take(MOST_CERTIFICATES).collect();
        let chain = read.map_err(|error| RehearsalError::Unreadable(error.to_string()))?;
        if chain.is_empty() {
            return Err(RehearsalError::Unreadable("there is none in PEM".to_owned()));
        }
        let mut rehearsed = evidence.clone();
        let mut is_shown = false;
        for host in rehearsed.mail_hosts.iter_mut().flat_map(|mail| &mut mail.hosts) {
            let Some(name) = host.domain.clone() else { continue };
            if !hosts.is_empty() && !hosts.contains(&name) {
                continue;
            }
            let Some((certificates, faults)) = self.means.tls.rehearse(&chain, &name) else {
                continue;
            };
            for session in host.sessions.iter_mut().filter_map(|session| session.tls.as_mut()) {
                let (certificates, faults) = (certificates.clone(), faults.clone());
                *session = TlsSession { certificates, faults, ..session.clone() };
                is_shown = true;
            }
        }
        if is_shown { Ok(rehearsed) } else { Err(RehearsalError::Nobody) }
    }
}
