//! The running servers.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::certificates::Authority;
use crate::configuration::{Dnssec, write_configuration};
use crate::{EnvironmentError, LeafKind, World};

/// How long the servers may take to open their ports.
const BOOT: Duration = Duration::from_secs(60);
/// How long a command in the environment may run, in seconds, and how long one that takes long.
const COMMAND_SECONDS: &str = "60";
const LONG_COMMAND_SECONDS: &str = "900";
/// How long a server may take to be sent a signal.
const ANSWER: Duration = Duration::from_secs(10);
/// The longest line that the supervisor says, in octets.
const LINE: u64 = 64;
/// How often, and how long each time, the end of all processes is waited for.
const STOP: (u32, Duration) = (200, Duration::from_millis(25));
/// The longest output of the servers that an error shows, in octets.
const MESSAGES: u64 = 16 * 1024;

/// Real servers for one [`World`]: Knot, Unbound, nginx and Postfix, in a network of their own.
///
/// Dropping it ends every process that it started and removes its files.
#[derive(Debug)]
pub struct Environment {
    supervisor: Child,
    // Process 1 of the environment ends when this pipe closes, however that comes about.
    lifeline: Option<ChildStdin>,
    answers: Receiver<String>,
    directory: tempfile::TempDir,
}

/// A server of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The name server, of the root and everything below it.
    Knot,
    /// The resolver.
    Unbound,
    /// Another name server, where zones are updated.
    Bind,
    /// The MX hosts.
    Postfix,
    /// The policy hosts.
    Nginx,
    /// An nginx as an export configures it.
    ExportedNginx,
    /// A Caddy as an export configures it.
    Caddy,
    /// The keeper of mailboxes.
    Dovecot,
    /// The lab, where mail is sent to it.
    Lab,
    /// The `sealpost enforce` that has policies in its store.
    Enforce,
    /// The one that has not.
    FreshEnforce,
    /// One with policies, for mail servers with the default level `encrypt`.
    EncryptEnforce,
    /// One with policies, for mail servers with the default level `dane`.
    DaneEnforce,
    /// The same without.
    FreshDaneEnforce,
    /// One with policies, whose answers do not follow DANE.
    PlainEnforce,
    /// The postfix-mta-sts-resolver that remembers policies.
    Peer,
    /// The one that does not.
    FreshPeer,
}

/// A Debian system of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Debian 13.
    Trixie,
    /// Debian 12.
    Bookworm,
}

/// What can be done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Stop it where it is: its ports stay open, and nobody answers.
    Pause,
    /// Let it go on.
    Continue,
    /// End it: its ports close.
    Kill,
    /// Have it end itself, with the processes that it started, and wait for that.
    Terminate,
    /// SIGHUP, upon which it reads its configuration again; Dovecot also lets its clients go.
    HangUp,
}

impl Environment {
    /// Boots the servers and waits until they all listen.
    ///
    /// # Errors
    ///
    /// Without root, when `setup` has not been run, and when a server does not start; the error
    /// then holds what the servers said.
    pub fn start(world: &World) -> Result<Self, EnvironmentError> {
        Self::boot("world", &[System::Trixie], |directory| write_configuration(world, directory))
    }

    /// Boots what a script of the folder `boot` starts, from these Debian systems, after its
    /// configuration is written into a directory.
    pub(crate) fn boot(
        script: &str,
        systems: &[System],
        configure: impl FnOnce(&Path) -> Result<(), EnvironmentError>,
    ) -> Result<Self, EnvironmentError> {
        if fs_err::metadata("/proc/self")?.uid() != 0 {
            return Err(EnvironmentError::NotRoot);
        }
        let mut archives = Vec::new();
        for system in systems {
            archives.push(format!("{}={}", system.as_str(), archive(*system)?.display()));
        }
        let directory = tempfile::Builder::new().prefix("sealpost-e2e-").tempdir()?;
        // The servers read some of it as users of their own.
        fs_err::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))?;
        configure(directory.path())?;

        let messages = fs_err::File::create(directory.path().join("log/supervise"))?;
        let mut supervisor = Command::new("unshare")
            .args(["--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child", "--"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("supervise"))
            .arg(directory.path())
            .arg(script)
            .args(archives)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(messages.into_parts().0)
            .spawn()
            .map_err(|error| program_failed("unshare", &error))?;
        let lifeline = supervisor.stdin.take();
        let answers = lines(supervisor.stdout.take());
        let environment = Self { supervisor, lifeline, answers, directory };
        let problem = match environment.answers.recv_timeout(BOOT) {
            Ok(line) if line == "ready" => return Ok(environment),
            Ok(line) => format!("unexpectedly: {line}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => String::new(),
            Err(mpsc::RecvTimeoutError::Timeout) => format!("not within {} s", BOOT.as_secs()),
        };
        Err(EnvironmentError::NotReady(format!("{problem}\n{}", environment.messages())))
    }

    /// The settings file that makes `sealpost` use this environment's resolver and trust its
    /// authority, and of DNSSEC what it does without being told.
    pub fn settings_file(&self) -> PathBuf {
        self.directory.path().join("network.toml")
    }

    /// The same with the environment's trust anchor and one way to learn what is secure.
    pub fn settings_file_for(&self, dnssec: Dnssec) -> PathBuf {
        self.directory.path().join(dnssec.settings_file())
    }

    /// The directory that holds the environment's files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a program of this machine in the environment's network, for at most a minute.
    ///
    /// # Errors
    ///
    /// When it could not be run, or did not end in time. Its exit status is the caller's to judge.
    pub fn run<I>(&self, program: &Path, arguments: I) -> Result<Output, EnvironmentError>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = self.enter(&["--net"]);
        command.arg(program).args(arguments);
        output(command, &program.to_string_lossy())
    }

    /// Starts a program of this machine in the environment's network; it is killed after a minute.
    ///
    /// # Errors
    ///
    /// When it could not be started.
    pub fn spawn<I>(&self, program: &Path, arguments: I) -> Result<Child, EnvironmentError>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = self.enter(&["--net"]);
        command.arg(program).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| program_failed("nsenter", &error))
    }

    /// Starts a program of this machine in the environment's network, which runs until it is killed or
    /// the thread that started it ends. Its process is the child itself.
    ///
    /// # Errors
    ///
    /// When it could not be started.
    pub fn spawn_for_long<I>(&self, program: &Path, arguments: I) -> Result<Child, EnvironmentError>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.supervisor.id().to_string()).args(["--net", "--"]);
        command.args(["setpriv", "--pdeathsig", "KILL", "--"]).arg(program).args(arguments);
        command.env("SEALPOST_LOG", "warn,sealpost_publish=info");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| program_failed("nsenter", &error))
    }

    /// Pauses, continues or ends a server, and returns when the signal is sent.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn signal(&self, server: Server, signal: Signal) -> Result<(), EnvironmentError> {
        self.order(
            match signal {
                Signal::Pause => "STOP",
                Signal::Continue => "CONT",
                Signal::Kill => "KILL",
                Signal::Terminate => "TERM",
                Signal::HangUp => "HUP",
            },
            server.as_str(),
        )
    }

    /// Starts servers that were killed, and returns when all the environment's ports are open again.
    ///
    /// # Errors
    ///
    /// When one is none that can be started again, or does not start.
    pub fn start_again(&self, servers: &[Server]) -> Result<(), EnvironmentError> {
        for server in servers {
            self.order("START", server.as_str())?;
        }
        self.order("AWAIT", "listeners")
    }

    /// Gives a policy host or an MX host another certificate and key. Its server has to be told
    /// ([`Signal::HangUp`]).
    ///
    /// # Errors
    ///
    /// When it cannot be made or written.
    pub fn certify(&self, host: &str, kind: LeafKind) -> Result<(), EnvironmentError> {
        let identity = Authority::of(self.directory())?.identity(host, kind)?;
        let file = self.directory().join("certificates").join(format!("{host}.pem"));
        fs_err::write(file, identity.pem)?;
        Ok(())
    }

    /// Has the supervisor do something, and waits until it is done.
    fn order(&self, word: &str, name: &str) -> Result<(), EnvironmentError> {
        if let Some(mut lifeline) = self.lifeline.as_ref() {
            writeln!(lifeline, "{word} {name}")?;
        }
        match self.answers.recv_timeout(ANSWER) {
            Ok(_) => Ok(()),
            Err(_) => Err(EnvironmentError::Program {
                program: format!("{word} {name}"),
                detail: self.messages(),
            }),
        }
    }

    /// What a server has said so far.
    ///
    /// # Errors
    ///
    /// When its log can't be read.
    pub fn log(&self, server: Server) -> Result<String, EnvironmentError> {
        self.log_of(server.as_str())
    }

    /// The same by its name in the folder `boot`.
    pub(crate) fn log_of(&self, name: &str) -> Result<String, EnvironmentError> {
        let log = fs_err::read(self.directory.path().join("log").join(name))?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Runs a program of the environment's own Debian system, for at most a minute: `openssl`,
    /// `curl` with the environment's authority as its only one, `drill`.
    ///
    /// # Errors
    ///
    /// When it could not be run, or did not end in time. Its exit status is the caller's to judge.
    pub fn run_inside(
        &self,
        program: &str,
        arguments: &[&str],
    ) -> Result<Output, EnvironmentError> {
        self.run_in(System::Trixie, program, arguments)
    }

    /// The same for at most a quarter of an hour.
    ///
    /// # Errors
    ///
    /// When it could not be run, or did not end in time. Its exit status is the caller's to judge.
    pub fn run_inside_for_long(
        &self,
        program: &str,
        arguments: &[&str],
    ) -> Result<Output, EnvironmentError> {
        let command = self.enter_for(LONG_COMMAND_SECONDS, &["--mount", "--net"]);
        output(self.in_system(command, System::Trixie, program, arguments), program)
    }

    /// The same with a program of any of its Debian systems, for a minute.
    ///
    /// # Errors
    ///
    /// When it could not be run, or did not end in time. Its exit status is the caller's to judge.
    pub fn run_in(
        &self,
        system: System,
        program: &str,
        arguments: &[&str],
    ) -> Result<Output, EnvironmentError> {
        self.run_tool(&["--mount", "--net"], system, program, arguments)
    }

    /// The same in the network of this machine, for servers that run outside the environment.
    ///
    /// # Errors
    ///
    /// When it could not be run, or did not end in time. Its exit status is the caller's to judge.
    pub fn run_beside(
        &self,
        program: &str,
        arguments: &[&str],
    ) -> Result<Output, EnvironmentError> {
        self.run_tool(&["--mount"], System::Trixie, program, arguments)
    }

    fn run_tool(
        &self,
        namespaces: &[&str],
        system: System,
        program: &str,
        arguments: &[&str],
    ) -> Result<Output, EnvironmentError> {
        output(self.tool(namespaces, system, program, arguments), program)
    }

    /// Starts a program of the environment's own Debian system; it is killed after a minute.
    ///
    /// # Errors
    ///
    /// When it could not be started.
    pub(crate) fn spawn_inside(
        &self,
        program: &Path,
        arguments: &[&str],
    ) -> Result<Child, EnvironmentError> {
        let program = program.to_string_lossy();
        let mut command = self.tool(&["--mount", "--net"], System::Trixie, &program, arguments);
        command.spawn().map_err(|error| program_failed("nsenter", &error))
    }

    fn tool(
        &self,
        namespaces: &[&str],
        system: System,
        program: &str,
        arguments: &[&str],
    ) -> Command {
        self.in_system(self.enter(namespaces), system, program, arguments)
    }

    /// Lets a command run a program of one of its Debian systems.
    fn in_system(
        &self,
        mut command: Command,
        system: System,
        program: &str,
        arguments: &[&str],
    ) -> Command {
        command.arg("chroot").arg(self.directory.path().join(system.as_str()));
        command.args(["/usr/bin/env", "SSL_CERT_FILE=/e2e/ca.pem", "CURL_CA_BUNDLE=/e2e/ca.pem"]);
        command.arg(program).args(arguments);
        command
    }

    /// What the kernel calls the environment's network: the inode number that every process in it
    /// shows at `/proc/PID/ns/net`.
    ///
    /// # Errors
    ///
    /// When `/proc` can't be read.
    pub fn network_id(&self) -> Result<u64, EnvironmentError> {
        Ok(fs_err::metadata(format!("/proc/{}/ns/net", self.supervisor.id()))?.ino())
    }

    /// A command that runs what follows it in some of the environment's namespaces, for a minute.
    fn enter(&self, namespaces: &[&str]) -> Command {
        self.enter_for(COMMAND_SECONDS, namespaces)
    }

    /// The same for so many seconds.
    fn enter_for(&self, seconds: &str, namespaces: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.supervisor.id().to_string()).args(namespaces);
        command.args(["--", "timeout", "--kill-after=5", seconds]);
        command.stdin(Stdio::null());
        command
    }

    /// What the servers and their supervisor have said.
    fn messages(&self) -> String {
        let mut messages = Vec::new();
        match fs_err::File::open(self.directory.path().join("log/supervise")) {
            Ok(file) => {
                // What could be read is shown.
                let _ = file.take(MESSAGES).read_to_end(&mut messages);
            }
            Err(error) => return error.to_string(),
        }
        String::from_utf8_lossy(&messages).into_owned()
    }
}

impl System {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Trixie => "trixie",
            Self::Bookworm => "bookworm",
        }
    }
}

impl Server {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Knot => "knot",
            Self::Unbound => "unbound",
            Self::Bind => "bind",
            Self::Postfix => "postfix",
            Self::Nginx => "nginx",
            Self::ExportedNginx => "exported_nginx",
            Self::Caddy => "caddy",
            Self::Dovecot => "dovecot",
            Self::Lab => "lab",
            Self::Enforce => "enforce",
            Self::FreshEnforce => "fresh_enforce",
            Self::EncryptEnforce => "encrypt_enforce",
            Self::DaneEnforce => "dane_enforce",
            Self::FreshDaneEnforce => "fresh_dane_enforce",
            Self::PlainEnforce => "plain_enforce",
            Self::Peer => "peer",
            Self::FreshPeer => "fresh_peer",
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let (attempts, pause) = STOP;
        for _ in 0..attempts {
            match self.supervisor.try_wait() {
                Ok(None) => std::thread::sleep(pause),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // With `unshare` its child is killed, and with that one every process of the namespace.
        // An error means that it has ended after all.
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

/// The archive that `setup` made.
fn archive(system: System) -> Result<PathBuf, EnvironmentError> {
    made_by_setup(system.as_str())
}

/// What `setup` made and knows by this name.
pub(crate) fn made_by_setup(name: &str) -> Result<PathBuf, EnvironmentError> {
    made_by("setup", &["--path", name])
}

/// The folder of tools that serve as web space of others does, which `setup-hosted` made.
///
/// # Errors
///
/// When it has not been run.
pub fn hosted_tools() -> Result<PathBuf, EnvironmentError> {
    made_by("setup-hosted", &["--path"])
}

/// The Alertmanager that `setup-alert` unpacked.
///
/// # Errors
///
/// When it has not been run.
pub fn alertmanager() -> Result<PathBuf, EnvironmentError> {
    made_by("setup-alert", &["--path"])
}

/// What `setup-web` installed for the tests of the pages, and knows by this name.
///
/// # Errors
///
/// When it has not been run.
pub fn made_for_pages(name: &str) -> Result<PathBuf, EnvironmentError> {
    made_by("setup-web", &["--path", name])
}

/// What a script of this folder made, which says by these arguments where it is.
fn made_by(script: &str, arguments: &[&str]) -> Result<PathBuf, EnvironmentError> {
    let program = format!("crates/e2e/{script}");
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
        .args(arguments)
        .output()
        .map_err(|error| program_failed(&program, &error))?;
    if !output.status.success() {
        let detail = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(EnvironmentError::Program { program, detail });
    }
    let made = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
    if made.exists() { Ok(made) } else { Err(EnvironmentError::NoArchive(made)) }
}

/// The lines that the supervisor says, as they come.
fn lines(output: Option<ChildStdout>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = output.map(BufReader::new);
        while let Some(reader) = &mut reader {
            let mut line = String::new();
            let read = reader.by_ref().take(LINE).read_line(&mut line);
            // The environment may have ended, or given up.
            if !matches!(read, Ok(1..)) || sender.send(line.trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Runs a command that `timeout` bounds.
fn output(mut command: Command, program: &str) -> Result<Output, EnvironmentError> {
    let output = command.output().map_err(|error| program_failed("nsenter", &error))?;
    // The exit statuses that `timeout` and `nsenter` themselves use.
    let detail = match output.status.code() {
        Some(124 | 137) | None => format!("it did not end within {COMMAND_SECONDS} s"),
        Some(125..=127) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Some(_) => return Ok(output),
    };
    Err(EnvironmentError::Program { program: program.to_owned(), detail })
}

pub(crate) fn program_failed(program: &str, error: &std::io::Error) -> EnvironmentError {
    EnvironmentError::Program { program: program.to_owned(), detail: error.to_string() }
}
