//! A mail server that sends to a domain as its MTA-STS policy asks, and counts its sessions.
//!
//! DNS, TLS and certificates are read by other people's crates; what RFC 8461 asks of a sender is
//! written here once more, so that a fault of sealpost's is not one of the sender's.
//!
//! # Limitations
//!
//! - It knows no DANE, and asks one resolver, over UDP.
//! - It goes to the first IPv4 address of a host and to no other.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hickory_proto::{
    op::{Message, Query},
    rr::{Name, RData, RecordType},
};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme, StreamOwned,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    time_provider::TimeProvider,
};

use crate::reporters::{MailDomain, Reporter, Sessions};

/// Longer than any answer on loopback takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest answer that is read, in octets.
const LARGEST: u64 = 1 << 20;

/// A mail server that sends. It reports on its sessions as its [`Reporter`] does.
#[derive(Debug)]
pub struct Sender {
    internet: Internet,
    reporter: Reporter,
    held: Option<Held>,
    /// Hosts of one preference take turns.
    turn: usize,
    waiting: u64,
}

/// What came of some messages.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// A row for each session with an MX host, and for each host that the policy kept it from.
    pub sessions: Vec<Sessions>,
    /// Messages that a host has taken.
    pub delivered: u64,
    /// Messages that the sender keeps, to try them again.
    pub waiting: u64,
    /// Whether the policy that it held was to be enforced.
    pub is_enforced: bool,
}

/// Where everything is found.
#[derive(Clone, Debug)]
pub(crate) struct Internet {
    pub(crate) resolver: SocketAddr,
    pub(crate) https_port: u16,
    pub(crate) smtp_port: u16,
    pub(crate) roots: Arc<RootCertStore>,
}

/// A policy that a sender holds.
#[derive(Clone, Debug)]
struct Held {
    id: String,
    is_enforced: bool,
    patterns: Vec<String>,
    /// The last second of its life, since 1970.
    until: i64,
    /// The domain, as reports show it.
    told: &'static MailDomain,
}

/// What a session with a host came to.
struct Met {
    failure: Option<&'static str>,
    is_taken: bool,
}

impl Sender {
    pub(crate) fn new(internet: Internet, reporter: Reporter) -> Self {
        Self { internet, reporter, held: None, turn: 0, waiting: 0 }
    }

    /// Who it is.
    pub fn reporter(&self) -> Reporter {
        self.reporter
    }

    /// Sends what waits, and so many messages more, beginning at a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Where the lab does not answer: that is no fault of the domain's.
    pub fn send(&mut self, domain: &'static str, messages: u64, at: i64) -> io::Result<Sent> {
        self.refresh(domain, at)?;
        let mut sent = Sent {
            is_enforced: self.held.as_ref().is_some_and(|held| held.is_enforced),
            ..Sent::default()
        };
        let exchanges = self.internet.exchanges(domain)?;
        for _ in 0..self.waiting.saturating_add(messages) {
            if self.one_message(domain, &exchanges, at, &mut sent.sessions)? {
                sent.delivered += 1;
            } else {
                sent.waiting += 1;
            }
        }
        self.waiting = sent.waiting;
        Ok(sent)
    }

    /// The policy, as RFC 8461 §3.3 and §5.1 want it to be fetched and kept.
    fn refresh(&mut self, domain: &'static str, at: i64) -> io::Result<()> {
        if self.held.as_ref().is_some_and(|held| held.until < at) {
            self.held = None;
        }
        let texts = self.internet.texts(&format!("_mta-sts.{domain}"))?;
        let id = texts.iter().filter(|text| text.starts_with("v=STSv1;")).find_map(|text| {
            text.split(';').find_map(|field| field.trim().strip_prefix("id=").map(str::to_owned))
        });
        let Some(id) = id.filter(|id| self.held.as_ref().is_none_or(|held| held.id != *id)) else {
            return Ok(());
        };
        // One that cannot be had leaves the one that is held as it is.
        let Ok(text) = self.internet.policy(domain, at) else { return Ok(()) };
        let value = |key: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            let values = lines.filter(|(name, _)| *name == key).map(|(_, value)| value.trim());
            values.map(str::to_owned).collect::<Vec<String>>()
        };
        let (mode, patterns) = (value("mode").concat(), value("mx"));
        let Ok(max_age) = value("max_age").concat().parse::<u32>() else { return Ok(()) };
        let told = MailDomain::publishing(domain, &mode, &patterns, max_age);
        let (is_enforced, until) = (mode == "enforce", at.saturating_add(i64::from(max_age)));
        self.held = Some(Held { id, is_enforced, patterns, until, told });
        Ok(())
    }

    /// Says whether somebody took it.
    fn one_message(
        &mut self,
        domain: &'static str,
        exchanges: &[(u16, String)],
        at: i64,
        sessions: &mut Vec<Sessions>,
    ) -> io::Result<bool> {
        let mut hosts = exchanges.to_vec();
        if !hosts.is_empty() {
            let first = self.turn % hosts.len();
            hosts.rotate_left(first);
        }
        hosts.sort_by_key(|(preference, _)| *preference);
        self.turn = self.turn.wrapping_add(1);
        for (_, host) in hosts {
            let address = self.internet.address(&host)?;
            let is_covered = self.held.as_ref().is_none_or(|held| held.covers(&host));
            let is_enforced = self.held.as_ref().is_some_and(|held| held.is_enforced);
            let met = if is_covered || !is_enforced {
                self.internet.meet(&host, address, domain, is_enforced, at)?
            } else {
                Met { failure: None, is_taken: false }
            };
            let failure = met.failure.or((!is_covered).then_some("validation-failure"));
            if let Some(held) = &self.held {
                let count = i64::try_from(sessions.len()).unwrap_or(0);
                sessions.push(Sessions {
                    at: at.saturating_add(count),
                    reporter: self.reporter,
                    domain: held.told,
                    mx: host,
                    sending_ip: self.reporter.posts_from(),
                    receiving_ip: IpAddr::V4(address),
                    failure,
                    count: 1,
                });
            }
            if met.is_taken {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Held {
    /// RFC 8461 §4.1: a name, or one label more than what stands behind `*.`.
    fn covers(&self, host: &str) -> bool {
        self.patterns.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
            None => pattern == host,
        })
    }
}

impl Internet {
    /// Trusts the roots in a file of PEM.
    pub(crate) fn trusting(file: &Path) -> io::Result<Arc<RootCertStore>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(io::Error::other)? {
            roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        Ok(Arc::new(roots))
    }

    fn ask(&self, name: &str, kind: RecordType) -> io::Result<Vec<RData>> {
        let name = Name::from_ascii(format!("{name}.")).map_err(io::Error::other)?;
        let mut question = Message::query();
        question.metadata.recursion_desired = true;
        question.add_query(Query::query(name, kind));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send_to(&question.to_vec().map_err(io::Error::other)?, self.resolver)?;
        let mut octets = vec![0_u8; 4096];
        let length = socket.recv(&mut octets)?;
        let answer = Message::from_vec(octets.get(..length).unwrap_or_default());
        let answer = answer.map_err(io::Error::other)?;
        Ok(answer.answers.into_iter().map(|record| record.data).collect())
    }

    fn texts(&self, name: &str) -> io::Result<Vec<String>> {
        let found = self.ask(name, RecordType::TXT)?.into_iter();
        let texts = found.filter_map(|data| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        });
        Ok(texts.collect())
    }

    fn exchanges(&self, domain: &str) -> io::Result<Vec<(u16, String)>> {
        let found = self.ask(domain, RecordType::MX)?.into_iter();
        let exchanges = found.filter_map(|data| match data {
            RData::MX(mx) => {
                let host = mx.exchange.to_lowercase().to_ascii();
                Some((mx.preference, host.trim_end_matches('.').to_owned()))
            }
            _ => None,
        });
        let mut exchanges: Vec<(u16, String)> = exchanges.collect();
        exchanges.sort();
        Ok(exchanges)
    }

    fn address(&self, host: &str) -> io::Result<Ipv4Addr> {
        let found = self.ask(host, RecordType::A)?.into_iter();
        let mut addresses = found.filter_map(|data| match data {
            RData::A(address) => Some(address.0),
            _ => None,
        });
        addresses.next().ok_or_else(|| io::Error::other(format!("{host} has no address")))
    }

    /// The policy as its host serves it (RFC 8461 §3.3).
    fn policy(&self, domain: &str, at: i64) -> io::Result<String> {
        let host = format!("mta-sts.{domain}");
        let verifier = self.verifier()?;
        let stream = connect(SocketAddr::from((self.address(&host)?, self.https_port)))?;
        let mut stream = StreamOwned::new(handshake(&host, verifier, at)?, stream);
        write!(
            stream,
            "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        (&mut stream).take(LARGEST).read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
            _ => Err(io::Error::other("there is no policy")),
        }
    }

    /// A session with an MX host, with one message for the domain if that may be.
    fn meet(
        &self,
        host: &str,
        address: Ipv4Addr,
        domain: &str,
        is_enforced: bool,
        at: i64,
    ) -> io::Result<Met> {
        let stream = connect(SocketAddr::from((address, self.smtp_port)))?;
        let mut stream = BufReader::new(stream);
        reply(&mut stream)?;
        let hello = "EHLO sender.test";
        let extensions = command(&mut stream, hello)?.1;
        let offers = extensions.lines().any(|line| line.eq_ignore_ascii_case("STARTTLS"));
        if !offers || command(&mut stream, "STARTTLS")?.0 != 220 {
            let failure = Some("starttls-not-supported");
            let is_taken = !is_enforced && message(&mut stream, domain)?;
            return Ok(Met { failure, is_taken });
        }
        let noting = Arc::new(Noting { verifier: self.verifier()?, noted: Mutex::default() });
        let handshake = handshake(host, Arc::clone(&noting) as Arc<dyn ServerCertVerifier>, at)?;
        let mut stream = BufReader::new(StreamOwned::new(handshake, stream.into_inner()));
        if command(&mut stream, hello).is_err() {
            return Ok(Met { failure: Some("validation-failure"), is_taken: false });
        }
        let failure = noting.failure();
        let is_taken = (failure.is_none() || !is_enforced) && message(&mut stream, domain)?;
        Ok(Met { failure, is_taken })
    }

    fn verifier(&self) -> io::Result<Arc<WebPkiServerVerifier>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), provider);
        builder.build().map_err(io::Error::other)
    }
}

/// Takes every certificate and notes what is wrong with it: in testing mail goes out all the same.
#[derive(Debug)]
struct Noting {
    verifier: Arc<WebPkiServerVerifier>,
    noted: Mutex<Option<rustls::Error>>,
}

impl Noting {
    /// As RFC 8460 §4.3 calls it.
    fn failure(&self) -> Option<&'static str> {
        use CertificateError as Fault;
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        Some(match noted.as_ref()? {
            rustls::Error::InvalidCertificate(Fault::Expired | Fault::ExpiredContext { .. }) => {
                "certificate-expired"
            }
            rustls::Error::InvalidCertificate(
                Fault::NotValidForName | Fault::NotValidForNameContext { .. },
            ) => "certificate-host-mismatch",
            _ => "certificate-not-trusted",
        })
    }
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (end, name) = (end_entity, server_name);
        let judged = self.verifier.verify_server_cert(end, intermediates, name, ocsp_response, now);
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = judged.err();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The time of a handshake, in seconds since 1970.
#[derive(Debug)]
struct At(i64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

fn handshake(
    host: &str,
    verifier: Arc<dyn ServerCertVerifier>,
    at: i64,
) -> io::Result<ClientConnection> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(At(at)))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)
}

/// Hands a mail over to a server that takes it in for one recipient, as one that passes mail on does.
/// The lines of the mail end with CR LF, and none begins with a dot.
///
/// # Errors
///
/// If it cannot be reached, or does not take the mail.
pub fn hand_over(server: SocketAddr, recipient: &str, mail: &[u8]) -> io::Result<()> {
    let mut stream = BufReader::new(connect(server)?);
    reply(&mut stream)?;
    command(&mut stream, "EHLO mx.lab.test")?;
    if !envelope(&mut stream, recipient)? {
        return Err(io::Error::other(format!("{server} takes no mail for {recipient}")));
    }
    stream.get_mut().write_all(mail)?;
    let (code, said) = command(&mut stream, if mail.ends_with(b"\r\n") { "." } else { "\r\n." })?;
    if code != 250 {
        return Err(io::Error::other(format!("{server} does not take a mail: {code} {said}")));
    }
    command(&mut stream, "QUIT").map(drop)
}

/// What is at a path over HTTP: status and body.
///
/// # Errors
///
/// If nobody answers.
pub fn read_page(server: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut stream = connect(server)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    (&mut stream).take(64 * LARGEST).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Ok((status, body.to_owned()))
}

/// One message for a domain; says whether it was taken.
fn message<S: Read + Write>(stream: &mut BufReader<S>, domain: &str) -> io::Result<bool> {
    if !envelope(stream, &format!("somebody@{domain}"))? {
        return Ok(false);
    }
    let text = "Subject: A message of the tour\r\n\r\nNobody reads it.\r\n.";
    let is_taken = command(stream, text)?.0 == 250;
    // Whether it is heard or not, the message is there.
    drop(command(stream, "QUIT"));
    Ok(is_taken)
}

/// Everything up to the text, which the server then waits for.
fn envelope<S: Read + Write>(stream: &mut BufReader<S>, recipient: &str) -> io::Result<bool> {
    let is_open = command(stream, "MAIL FROM:<postmaster@sender.test>")?.0 == 250
        && command(stream, &format!("RCPT TO:<{recipient}>"))?.0 == 250;
    Ok(is_open && command(stream, "DATA")?.0 == 354)
}

fn command<S: Read + Write>(stream: &mut BufReader<S>, line: &str) -> io::Result<(u16, String)> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
    stream.get_mut().flush()?;
    reply(stream)
}

/// The code of a reply, and the text of its lines.
fn reply<S: Read>(stream: &mut BufReader<S>) -> io::Result<(u16, String)> {
    let mut said = String::new();
    loop {
        let mut line = String::new();
        if stream.by_ref().take(1024).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let (code, text) = line.split_at_checked(3).unwrap_or((line, ""));
        said.push_str(text.get(1..).unwrap_or_default());
        said.push('\n');
        if !text.starts_with('-') {
            let code = code.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            return Ok((code, said));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the lab stands outside the house")]
fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let patterns = ["mx1.a.test", "*.mail.a.test"].map(str::to_owned);
        let told = MailDomain::publishing("a.test", "enforce", &patterns, 86_400);
        let held = Held {
            id: String::new(),
            is_enforced: true,
            patterns: patterns.into(),
            until: 0,
            told,
        };
        for good in ["mx1.a.test", "x.mail.a.test"] {
            assert!(held.covers(good), "{good}");
        }
        for bad in ["mx2.a.test", "mail.a.test", "x.y.mail.a.test", "a.test"] {
            assert!(!held.covers(bad), "{bad}");
        }
    }
}
