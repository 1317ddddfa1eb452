//! Commands that show a person the same as we saw.
//!
//! Only validated domain names and addresses are ever put into a command line.

use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::Observer;

#[derive(Debug)]
pub(crate) struct Commands<'a> {
    observer: &'a Observer,
}

const SHOW_CERTIFICATE: &str = "</dev/null 2>/dev/null | openssl x509 -noout -subject -issuer \
                                -dates -ext subjectAltName";

impl<'a> Commands<'a> {
    pub(crate) fn new(observer: &'a Observer) -> Self {
        Self { observer }
    }

    /// Asks the DNS, at our own resolver where that is not one anybody can ask.
    pub(crate) fn dig(&self, record_type: &str, name: impl std::fmt::Display) -> String {
        let server = match self.observer.resolvers.first().and_then(|text| text.parse().ok()) {
            Some(std::net::SocketAddr::V4(address)) if address.port() != 53 => {
                format!(" @{} -p {}", address.ip(), address.port())
            }
            Some(std::net::SocketAddr::V6(address)) if address.port() != 53 => {
                format!(" @{} -p {}", address.ip(), address.port())
            }
            _ => String::new(),
        };
        format!("dig{server} +noall +comments +answer {record_type} {name}")
    }

    /// Fetches the policy from one address.
    pub(crate) fn curl(&self, host: &DomainName, address: IpAddr) -> String {
        let port = self.observer.https_port;
        let authority = if port == 443 { host.to_string() } else { format!("{host}:{port}") };
        format!(
            "curl -sSi --resolve {host}:{port}:{} https://{authority}/.well-known/mta-sts.txt",
            bracketed(address)
        )
    }

    /// Shows the certificate of the policy host at one address.
    pub(crate) fn https_certificate(&self, host: &DomainName, address: IpAddr) -> String {
        let port = self.observer.https_port;
        format!(
            "openssl s_client -connect {}:{port} -servername {host} {SHOW_CERTIFICATE}",
            bracketed(address)
        )
    }

    /// Shows the SMTP dialogue with one address of an MX host, up to TLS.
    pub(crate) fn smtp(&self, host: &DomainName, address: IpAddr) -> String {
        let port = self.observer.smtp_port;
        format!(
            "openssl s_client -starttls smtp -connect {}:{port} -servername {host} </dev/null",
            bracketed(address)
        )
    }

    /// Shows the certificate of an MX host at one address.
    pub(crate) fn smtp_certificate(&self, host: &DomainName, address: IpAddr) -> String {
        let port = self.observer.smtp_port;
        format!(
            "openssl s_client -starttls smtp -connect {}:{port} -servername {host} \
             {SHOW_CERTIFICATE}",
            bracketed(address)
        )
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
