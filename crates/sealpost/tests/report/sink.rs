//! A mail server that writes down what it takes, and takes it or not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// It is asked over SMTP; what comes is kept.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    mails: Mutex<Vec<Mail>>,
    /// What is answered to a recipient.
    answer: AtomicU16,
    pause: Duration,
}

/// A mail as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) octets: String,
}

impl Sink {
    /// Takes everything; each mail takes so long.
    pub(crate) fn start(pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (mails, answer) = (Mutex::default(), AtomicU16::new(250));
        let state = Arc::new(State { mails, answer, pause });
        let told = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&told);
                // A client that goes away is its own affair.
                std::thread::spawn(move || drop(converse(stream, &state)));
            }
        });
        Self { address, state }
    }

    /// From now on it says this of each recipient but those that begin with `refused`.
    pub(crate) fn answer(&self, code: u16) {
        self.state.answer.store(code, Ordering::SeqCst);
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.state.mails.lock().unwrap().clone()
    }
}

impl Mail {
    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> &str {
        let line = self.octets.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.octets))
    }

    /// The report in it.
    pub(crate) fn report(&self) -> tls_rpt::Report {
        let limits = tls_rpt::MailLimits::default();
        let mail = tls_rpt::ReportMail::read(self.octets.as_bytes(), &limits).unwrap();
        tls_rpt::Report::parse(&mail.reports.first().unwrap().json).unwrap()
    }
}

fn converse(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 sink.test ESMTP\r\n")?;
    let (mut sender, mut recipient) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = |line: &str| line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let reply = match line.to_ascii_uppercase().split([' ', ':', '\r']).next() {
            Some("EHLO") => "250 sink.test\r\n".to_owned(),
            Some("MAIL") => {
                sender = path(&line);
                "250 2.1.0 ok\r\n".to_owned()
            }
            Some("RCPT") => {
                recipient = path(&line);
                let is_refused = recipient.starts_with("refused");
                let code = if is_refused { 550 } else { state.answer.load(Ordering::SeqCst) };
                format!("{code} {}.0.0 so it is\r\n", code / 100)
            }
            Some("DATA") => {
                stream.write_all(b"354 go on\r\n")?;
                let mut octets = String::new();
                loop {
                    let mut line = String::new();
                    if lines.read_line(&mut line)? == 0 {
                        return Ok(());
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    octets += line.strip_prefix('.').unwrap_or(&line);
                }
                std::thread::sleep(state.pause);
                let mail = Mail { sender: sender.clone(), recipient: recipient.clone(), octets };
                state.mails.lock().unwrap().push(mail);
                "250 2.0.0 taken\r\n".to_owned()
            }
            Some("QUIT") => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => "502 5.5.1 what\r\n".to_owned(),
        };
        stream.write_all(reply.as_bytes())?;
    }
}
