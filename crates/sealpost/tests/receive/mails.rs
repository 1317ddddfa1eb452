//! Reports, and mails with them.

use mail_domain::DomainName;
use sealpost_dkim::{Selector, SigningKey, sign};

/// The recipient that is configured by default.
pub(crate) const RECIPIENT: &str = "tls-reports@example.com";

/// A report about `example.com` with this id, of the day before yesterday.
pub(crate) fn report(id: &str) -> String {
    format!(
        r#"{{"organization-name":"Reporter","contact-info":"r@reporter.example","report-id":"{id}",
"date-range":{{"start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"}},
"policies":[{{"policy":{{"policy-type":"sts","policy-domain":"example.com"}},
"summary":{{"total-successful-session-count":5,"total-failure-session-count":1}}}}]}}"#
    )
}

/// A mail with some JSON, or what is said to be.
pub(crate) fn mail(json: &str) -> Vec<u8> {
    let json = json.replace('\n', "\r\n");
    format!(
        "From: <r@reporter.example>\r\nTo: <{RECIPIENT}>\r\nSubject: Report Domain: example.com\r\n\
         Date: Wed, 25 Nov 2026 01:00:00 +0000\r\nMessage-ID: <1@reporter.example>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"b\"\r\n\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\nA report.\r\n--b\r\n\
         Content-Type: application/tlsrpt+json\r\n\r\n{json}\r\n--b--\r\n"
    )
    .into_bytes()
}

/// A key that signs for `reporter.example`.
pub(crate) struct Signer(SigningKey);

impl Signer {
    pub(crate) const KEY_NAME: &str = "s1._domainkey.reporter.example";

    pub(crate) fn new() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        Self(SigningKey::from_pem(pair.serialize_pem().as_bytes()).unwrap())
    }

    pub(crate) fn record(&self) -> String {
        self.0.record().unwrap()
    }

    pub(crate) fn signed(&self, mail: &[u8]) -> Vec<u8> {
        let domain: DomainName = "reporter.example".parse().unwrap();
        let now = sealpost_runtime::Clock::system().now().as_second();
        let field = sign(mail, &self.0, &Selector::parse("s1").unwrap(), &domain, now).unwrap();
        [field.as_bytes(), mail].concat()
    }
}

/// Gzip data whose content is larger than its own by far: zeros.
pub(crate) fn bomb() -> Vec<u8> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut gzip =
        Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for _ in 0..64 {
            input.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
    });
    let octets = gzip.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    octets
}

/// As gzip data.
pub(crate) fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut gzip =
        Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = gzip.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(text.as_bytes()).unwrap());
        gzip.wait_with_output().unwrap().stdout
    })
}
