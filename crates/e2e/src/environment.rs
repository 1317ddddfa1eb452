//! The running servers.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::certificates::Authority;
use crate::world::MailHost;
use crate::{EnvironmentError, World, nginx, postfix, unbound};

/// How long the servers may take to open their ports.
const BOOT: Duration = Duration::from_secs(60);
/// How long a command in the environment may run, in seconds.
const COMMAND_SECONDS: &str = "60";
/// How often, and how long each time, the end of all processes is waited for.
const STOP: (u32, Duration) = (200, Duration::from_millis(25));
/// The longest output of the servers that an error shows, in octets.
const MESSAGES: u64 = 16 * 1024;

/// Real servers for one [`World`]: Unbound, nginx and Postfix, in a network of their own.
///
/// Dropping it ends every process that it started and removes its files.
#[derive(Debug)]
pub struct Environment {
    supervisor: Child,
    // Process 1 of the environment ends when this pipe closes, however that comes about.
    lifeline: Option<ChildStdin>,
    directory: tempfile::TempDir,
}

impl Environment {
    /// Boots the servers and waits until they all listen.
    ///
    /// # Errors
    ///
    /// Without root, when `setup` has not been run, and when a server does not start; the error
    /// then holds what the servers said.
    pub fn start(world: &World) -> Result<Self, EnvironmentError> {
        if fs_err::metadata("/proc/self")?.uid() != 0 {
            return Err(EnvironmentError::NotRoot);
        }
        let archive = archive()?;
        let directory = tempfile::Builder::new().prefix("sealpost-e2e-").tempdir()?;
        write_configuration(world, directory.path())?;

        let messages = fs_err::File::create(directory.path().join("log/supervise"))?;
        let mut supervisor = Command::new("unshare")
            .args(["--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child", "--"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("supervise"))
            .arg(archive)
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(messages.into_parts().0)
            .spawn()
            .map_err(|error| program_failed("unshare", &error))?;
        let lifeline = supervisor.stdin.take();
        let stdout = supervisor.stdout.take();
        let environment = Self { supervisor, lifeline, directory };

        let (ready, is_ready) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = stdout.map(|out| BufReader::new(out).take(64).read_line(&mut line));
            // The receiver may have given up.
            let _ = ready.send(matches!(read, Some(Ok(_))) && line == "ready\n");
        });
        match is_ready.recv_timeout(BOOT) {
            Ok(true) => Ok(environment),
            Ok(false) => Err(EnvironmentError::NotReady(environment.messages())),
            Err(_) => {
                let seconds = BOOT.as_secs();
                let messages = environment.messages();
                Err(EnvironmentError::NotReady(format!("not within {seconds} s\n{messages}")))
            }
        }
    }

    /// The settings file that makes `sealpost` use this environment's resolver and trust its
    /// authority.
    pub fn settings_file(&self) -> PathBuf {
        self.directory.path().join("network.toml")
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
        let mut command = self.enter(&["--mount", "--net"]);
        command.arg("chroot").arg(self.directory.path().join("root"));
        command.args(["/usr/bin/env", "SSL_CERT_FILE=/e2e/ca.pem", "CURL_CA_BUNDLE=/e2e/ca.pem"]);
        command.arg(program).args(arguments);
        output(command, program)
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

    /// A command that runs what follows it in some of the environment's namespaces.
    fn enter(&self, namespaces: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.supervisor.id().to_string()).args(namespaces);
        command.args(["--", "timeout", "--kill-after=5", COMMAND_SECONDS]);
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
fn archive() -> Result<PathBuf, EnvironmentError> {
    let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("setup");
    let output = Command::new(&setup)
        .arg("--path")
        .output()
        .map_err(|error| program_failed("crates/e2e/setup", &error))?;
    if !output.status.success() {
        return Err(EnvironmentError::Program {
            program: "crates/e2e/setup".to_owned(),
            detail: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    let archive = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
    if archive.is_file() { Ok(archive) } else { Err(EnvironmentError::NoArchive(archive)) }
}

/// Writes all that the servers read.
fn write_configuration(world: &World, directory: &Path) -> Result<(), EnvironmentError> {
    // The servers read some of it as users of their own.
    fs_err::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?;
    for name in ["root", "log", "certificates", "www"] {
        fs_err::create_dir(directory.join(name))?;
    }
    let authority = Authority::create()?;
    fs_err::write(directory.join("ca.pem"), authority.root_pem())?;

    let mut listeners = format!("{} 53\n", unbound::ADDRESS);
    for site in world.sites() {
        let mut hosts = vec![(site.policy_host_name(), site.domain.policy_host.certificate)];
        if let MailHost::StartTls(certificate) = site.domain.mail_host {
            hosts.push((site.mail_host_name(), certificate));
        }
        for (host, kind) in hosts {
            let pem = authority.key_and_chain(&host, kind)?;
            fs_err::write(directory.join("certificates").join(format!("{host}.pem")), pem)?;
        }

        let well_known = directory.join("www").join(site.domain.name).join(".well-known");
        fs_err::create_dir_all(&well_known)?;
        fs_err::write(well_known.join("mta-sts.txt"), site.policy())?;

        for address in site.policy_host_addresses() {
            listeners.push_str(&format!("{address} 443\n"));
        }
        for address in site.mail_host_addresses() {
            listeners.push_str(&format!("{address} 25\n"));
        }
    }

    let files = [
        ("listeners", listeners),
        ("unbound.conf", unbound::configuration(world)),
        ("nginx.conf", nginx::configuration(world)),
        ("main.cf", postfix::MAIN.to_owned()),
        ("master.cf", postfix::services(world)),
        ("resolv.conf", format!("nameserver {}\n", unbound::ADDRESS)),
        ("network.toml", settings()),
    ];
    for (name, text) in files {
        fs_err::write(directory.join(name), text)?;
    }
    Ok(())
}

/// The settings file for `sealpost`; the ports are the true ones, so they are not named.
fn settings() -> String {
    format!(
        r#"resolvers = ["{}:53"]
allowed_networks = ["127.0.0.0/8", "::1/128"]
trust_roots = "ca.pem"
ehlo_name = "auditor.test"
"#,
        unbound::ADDRESS,
    )
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

fn program_failed(program: &str, error: &std::io::Error) -> EnvironmentError {
    EnvironmentError::Program { program: program.to_owned(), detail: error.to_string() }
}
