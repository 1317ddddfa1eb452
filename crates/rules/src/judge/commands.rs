//! Commands that show a person the same as we saw.
//!
//! Only validated domain names and addresses are ever put into a command line.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

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

    /// Asks the DNS, at the resolver that we asked.
    pub(crate) fn dig(&self, record_type: &str, name: impl fmt::Display) -> String {
        format!("dig{} +noall +comments +answer {name} {record_type}", self.at_server())
    }

    /// Asks the DNS for both kinds of address.
    pub(crate) fn dig_addresses(&self, name: impl fmt::Display) -> String {
        format!("dig{} +noall +comments +answer {name} A {name} AAAA", self.at_server())
    }

    fn at_server(&self) -> String {
        let first = self.observer.resolvers.first();
        match first.and_then(|text| text.parse::<SocketAddr>().ok()) {
            Some(server) if server.port() == 53 => format!(" @{}", server.ip()),
            Some(server) => format!(" @{} -p {}", server.ip(), server.port()),
            None => String::new(),
        }
    }

    /// Fetches the policy from one address, whatever its certificate.
    pub(crate) fn curl(&self, host: &DomainName, address: IpAddr) -> String {
        let port = self.observer.https_port;
        let authority = if port == 443 { host.to_string() } else { format!("{host}:{port}") };
        format!(
            "curl -sSik --resolve {host}:{port}:{} https://{authority}/.well-known/mta-sts.txt",
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

    /// Shows the SMTP dialogue with one address of an MX host, up to TLS and without any mail.
    pub(crate) fn smtp(&self, host: &DomainName, address: IpAddr) -> String {
        let port = self.observer.smtp_port;
        format!(
            "curl -svk --ssl-reqd -X NOOP --resolve {host}:{port}:{} smtp://{host}:{port}",
            bracketed(address)
        )
    }

    /// Offers an MX host nothing but outdated TLS.
    pub(crate) fn outdated_tls(&self, host: &DomainName, address: IpAddr, options: &str) -> String {
        let port = self.observer.smtp_port;
        format!(
            "openssl s_client -starttls smtp -connect {}:{port} -servername {host} {options} \
             </dev/null",
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

/// The command that shows a certificate, changed to say why it does not verify.
pub(crate) fn verification(show_certificate: &str) -> String {
    show_certificate.replace(SHOW_CERTIFICATE, "-brief </dev/null")
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
