//! The daemon, and those who bring it reports.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(100);

/// A daemon that is ready. It is killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    errors: Receiver<String>,
    places: Vec<String>,
}

impl Daemon {
    pub(crate) fn start(configuration: &Path) -> Self {
        Self::launch(&mut command(configuration))
    }

    /// Starts it by a command whose process becomes the daemon, or its parent.
    pub(crate) fn launch(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        Self::ready(child, stderr)
    }

    /// The same where it says everything into a named pipe.
    pub(crate) fn launch_saying(command: &mut Command, pipe: &Path) -> Self {
        let child = command.spawn().unwrap();
        let said = fs_err::File::open(pipe).unwrap();
        Self::ready(child, said)
    }

    fn ready(child: Child, said: impl Read + Send + 'static) -> Self {
        let lines = BufReader::new(said).lines();
        let (sender, errors) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Nobody may listen any more; the daemon must not wait for that.
                let _ = sender.send(line);
            }
        });
        let (mut places, mut before) = (Vec::new(), String::new());
        loop {
            let Ok(line) = errors.recv() else { panic!("it ended before it was ready: {before}") };
            match line.strip_prefix("listening at ") {
                Some(place) => places.push(place.to_owned()),
                None if line == "ready" => break,
                None => before += &(line + "\n"),
            }
        }
        Self { child, errors, places }
    }

    /// Where the door of this name is, over TCP.
    pub(crate) fn address(&self, door: &str) -> SocketAddr {
        let ending = format!(", {door}");
        let place = self.places.iter().find_map(|place| place.strip_suffix(&ending));
        place.unwrap_or_else(|| panic!("no {door} in {:?}", self.places)).parse().unwrap()
    }

    pub(crate) fn smtp(&self) -> Mailer<TcpStream> {
        Mailer::greet(connect(self.address("smtp")).unwrap(), "EHLO").unwrap()
    }

    /// Posts octets to the path for reports; gives the whole response.
    pub(crate) fn post(&self, media_type: &str, body: &[u8]) -> String {
        post(self.address("http"), "/v1/tls-reports", media_type, body).unwrap()
    }

    /// What stands in the metrics under this name, labels included.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        ask(self.address("metrics over http"), request.as_bytes()).unwrap()
    }

    /// Waits until a metric has this value.
    pub(crate) fn comes_to(&self, name: &str, value: u64) {
        for _ in 0..1000 {
            if self.metric(name) >= value {
                assert_eq!(self.metric(name), value, "{name}");
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{name} never comes to {value}: {}", self.get("/metrics"));
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits until it says a line with these words.
    pub(crate) fn says(&self, words: &str) {
        loop {
            match self.errors.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return,
                Ok(_) => {}
                Err(error) => panic!("it never says {words:?}: {error}"),
            }
        }
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn command(configuration: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
    command.arg("receive").arg("--config").arg(configuration).env("SEALPOST_LOG", "off");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    #[expect(clippy::disallowed_methods, reason = "this is the sender, on loopback")]
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// One HTTP exchange on a connection of its own.
pub(crate) fn ask(address: SocketAddr, request: &[u8]) -> io::Result<String> {
    let mut stream = connect(address)?;
    stream.write_all(request)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

pub(crate) fn post(
    address: SocketAddr,
    path: &str,
    media_type: &str,
    body: &[u8],
) -> io::Result<String> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {media_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    ask(address, &request)
}

/// A sender on one connection.
pub(crate) struct Mailer<S>(BufReader<S>);

impl Mailer<UnixStream> {
    pub(crate) fn lmtp(path: &Path) -> io::Result<Self> {
        Self::greet(UnixStream::connect(path)?, "LHLO")
    }
}

impl<S: Read + Write> Mailer<S> {
    pub(crate) fn greet(stream: S, hello: &str) -> io::Result<Self> {
        let mut mailer = Self(BufReader::new(stream));
        mailer.reply()?;
        mailer.ask(&format!("{hello} client.example"))?;
        Ok(mailer)
    }

    /// Says a line, and gives the whole reply.
    pub(crate) fn ask(&mut self, line: &str) -> io::Result<String> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// Sends a mail; gives the reply to its octets.
    pub(crate) fn send(&mut self, recipient: &str, mail: &[u8]) -> io::Result<String> {
        self.ask("MAIL FROM:<>")?;
        let reply = self.ask(&format!("RCPT TO:<{recipient}>"))?;
        if !reply.starts_with("250") {
            self.ask("RSET")?;
            return Ok(reply);
        }
        self.ask("DATA")?;
        // No line of ours begins with a dot.
        self.0.get_mut().write_all(mail)?;
        self.ask(".")
    }

    /// Sends some octets of a mail.
    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(octets)
    }

    fn reply(&mut self) -> io::Result<String> {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            reply += &line;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(reply);
            }
        }
    }
}
