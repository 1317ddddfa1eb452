//! Real servers of OpenSSL on loopback, as the survey sees them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sealpost_wire::tls::{
    Acceptance, AlertDescription, AnswerReader, CipherSuite, ClientHello, Ending, ModernHandshake,
    ProtocolVersion, Question, ServerAnswer, ServerName, Speaks, Survey, TlsSurvey, Weakness,
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(10);

/// `openssl s_server` on a port of its own. It ends with the value.
struct Server {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let key = folder.path().join("key.pem");
        let certificate = folder.path().join("certificate.pem");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.example"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0"])
            .arg("-key")
            .arg(&key)
            .arg("-cert")
            .arg(&certificate)
            .args(arguments)
            .stdin(Stdio::piped()) // it ends when this does
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 || said.len() > 4_096 {
                let _ = child.kill();
                panic!("openssl did not begin to listen: {said}");
            }
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.trim().parse().unwrap();
            }
            said.push_str(&line);
        };
        // What it says of each connection has to go somewhere.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { child, address, _folder: folder }
    }

    /// What the server says to one offer.
    fn answer(&self, offer: &ClientHello) -> ServerAnswer {
        answer_of(self.address, offer)
    }

    fn survey(&self, modern: ModernHandshake) -> TlsSurvey {
        survey_of(self.address, modern)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test server on loopback")]
fn answer_of(address: SocketAddr, offer: &ClientHello) -> ServerAnswer {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&offer.to_octets()).unwrap();
    let mut reader = AnswerReader::new(offer);
    let mut octets = [0; 1_000];
    loop {
        let ending = match stream.read(&mut octets) {
            Ok(0) => Ending::Closed,
            Ok(length) => match reader.push(octets.get(..length).unwrap()) {
                Some(answer) => return answer.clone(),
                None => continue,
            },
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ending::Closed,
            Err(_) => Ending::TimedOut,
        };
        return reader.finish(ending).clone();
    }
}

fn survey_of(address: SocketAddr, modern: ModernHandshake) -> TlsSurvey {
    let mut survey = Survey::new(modern, Some(ServerName::parse("mx.example").unwrap()));
    while let Some(question) = survey.next_question() {
        let answer = answer_of(address, &survey.client_hello(question, [42; 32]));
        survey.answered(question, answer);
    }
    survey.findings().clone()
}

/// The version and the weakness of what was accepted.
fn accepted(acceptance: Acceptance) -> Option<(ProtocolVersion, Option<Weakness>)> {
    match acceptance {
        Acceptance::Accepted { version, cipher_suite } => Some((version, cipher_suite.weakness())),
        Acceptance::Refused => None,
        Acceptance::Unknown => panic!("not known"),
    }
}

const EVERYTHING: &str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";
const ORDINARY: &str = "DEFAULT:@SECLEVEL=0";
const ALL_VERSIONS: [&str; 4] = ["-min_protocol", "TLSv1", "-max_protocol", "TLSv1.3"];

#[test]
fn each_version_is_answered_by_a_server_of_that_version() {
    let versions = [
        (ProtocolVersion::TLS_1_0, "-tls1"),
        (ProtocolVersion::TLS_1_1, "-tls1_1"),
        (ProtocolVersion::TLS_1_2, "-tls1_2"),
    ];
    for (spoken, flag) in versions {
        let server = Server::start(&[flag, "-cipher", ORDINARY]);
        for (offered, _) in versions {
            let answer = server.answer(&crate::offer(offered));
            println!("server of {spoken}, offer of {offered}: {answer}");
            match answer {
                ServerAnswer::ServerHello(hello) => {
                    assert!(offered >= spoken, "{answer}");
                    assert_eq!(hello.version, spoken);
                    assert_eq!(hello.cipher_suite.weakness(), None);
                }
                ServerAnswer::Alert(alert) => {
                    assert!(offered < spoken, "{answer}");
                    assert_eq!(alert.description, AlertDescription::PROTOCOL_VERSION);
                }
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_server_that_takes_only_old_versions() {
    for (flag, version) in
        [("-tls1", ProtocolVersion::TLS_1_0), ("-tls1_1", ProtocolVersion::TLS_1_1)]
    {
        let findings = Server::start(&[flag, "-cipher", ORDINARY]).survey(ModernHandshake::Failed);
        assert_eq!(findings.only_old(), Some(version));
        assert_eq!(findings.speaks, Speaks::Tls);
        assert_eq!(findings.tls12, Acceptance::Refused);
        assert_eq!(findings.weak, Acceptance::Refused);
    }
}

#[test]
fn a_server_of_today() {
    let server = Server::start(&[
        "-min_protocol",
        "TLSv1.2",
        "-max_protocol",
        "TLSv1.3",
        "-cipher",
        ORDINARY,
    ]);
    let findings = server.survey(ModernHandshake::Succeeded);
    let all = [findings.tls11, findings.tls10, findings.weak];
    assert_eq!(all, [Acceptance::Refused; 3]);
    assert_eq!(findings.answers.len(), 2);
    // The same, with nothing known: it still takes TLS 1.2.
    let findings = server.survey(ModernHandshake::Failed);
    assert_eq!(accepted(findings.tls12), Some((ProtocolVersion::TLS_1_2, None)));
    assert_eq!(findings.only_old(), None);
}

#[test]
fn a_server_of_tls_1_3_alone() {
    let findings = Server::start(&["-tls1_3"]).survey(ModernHandshake::Succeeded);
    let all = [findings.tls12, findings.tls11, findings.tls10, findings.weak];
    assert_eq!(all, [Acceptance::Refused; 4]);
    assert_eq!(findings.answers.len(), 2);
}

#[test]
fn a_server_that_takes_everything() {
    let server = Server::start(&[&ALL_VERSIONS[..], &["-cipher", EVERYTHING]].concat());
    let findings = server.survey(ModernHandshake::Succeeded);
    assert_eq!(accepted(findings.tls11).map(|(v, _)| v), Some(ProtocolVersion::TLS_1_1));
    assert_eq!(accepted(findings.tls10).map(|(v, _)| v), Some(ProtocolVersion::TLS_1_0));
    let none = Some((ProtocolVersion::TLS_1_2, Some(Weakness::NoEncryption)));
    assert_eq!(accepted(findings.weak), none);
    // A server that knows newer versions marks that it did not choose them.
    assert!(findings.answers.iter().any(|(question, answer)| matches!(
        (question, answer),
        (Question::Tls11, Some(ServerAnswer::ServerHello(hello)))
            if hello.also_knows == Some(ProtocolVersion::TLS_1_2)
    )));
}

#[test]
fn every_suite_that_openssl_has_goes_by_our_name() {
    let output =
        Command::new("openssl").args(["ciphers", "-V", "-stdname", EVERYTHING]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut known = 0;
    for line in text.lines() {
        // Such as `0x00,0x2F - TLS_RSA_WITH_AES_128_CBC_SHA - AES128-SHA …`.
        let mut words = line.split_whitespace();
        let number = words.next().unwrap().replace("0x", "").replace(',', "");
        let number = u16::from_str_radix(&number, 16).unwrap();
        let theirs = words.nth(1).unwrap();
        if let Some(ours) = CipherSuite::from_number(number).name() {
            known += 1;
            assert_eq!(ours, theirs);
        }
    }
    assert!(known > 60, "{known}");
}

#[test]
fn a_server_that_refuses_tls_in_the_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"454 4.7.0 TLS not available\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Until the client closes: to close with unread octets would reset the connection.
        std::io::copy(&mut stream, &mut std::io::sink())
    });
    let findings = survey_of(address, ModernHandshake::Failed);
    assert_eq!((findings.speaks, findings.only_old()), (Speaks::NotTls, None));
    let seen = "454 4.7.0 TLS not available".to_owned();
    assert_eq!(findings.answers, [(Question::Newest, Some(ServerAnswer::NotTls { seen }))]);
    server.join().unwrap().unwrap();
}
