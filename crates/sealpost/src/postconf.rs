//! `postconf`, which knows what Postfix knows.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sealpost_enforce::setup::{ASKED, PostfixFound, read_settings};
use sealpost_net::MailWay;
use sealpost_report::{PostfixRelease, Section};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::input::read_if_there;
use crate::outcome::Failure;

/// How long it may run.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most that it may print, in octets. All parameters of Postfix 3.10 are 41,000.
const MOST_OUTPUT: u64 = 1024 * 1024;

/// The most of its complaints that is shown, in octets.
const MOST_COMPLAINTS: u64 = 4096;

/// The largest `resolv.conf`, in octets.
const MOST_RESOLV_CONF: u64 = 64 * 1024;

/// Where systems keep the authorities that they trust: Debian, Fedora, openSUSE, Alpine and BSD.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The program, and the configuration that it works on.
pub(crate) struct Postconf<'a> {
    program: &'a Path,
    config_directory: Option<&'a Path>,
}

impl<'a> Postconf<'a> {
    pub(crate) fn new(program: &'a Path, config_directory: Option<&'a Path>) -> Self {
        Self { program, config_directory }
    }

    /// Postfix as it is.
    pub(crate) async fn found(&self) -> Result<PostfixFound, Failure> {
        let defaults = read_settings(&self.run(["-d"]).await?);
        let set = read_settings(&self.run(["-n"]).await?);
        let known = ASKED.into_iter().filter(|name| defaults.contains_key(*name));
        let values = read_settings(&self.run(["-x"].into_iter().chain(known)).await?);
        let services = self.run(["-M"]).await?;
        let resolv_conf = Path::new("/etc/resolv.conf");
        let mut found = PostfixFound { defaults, set, values, services, ..PostfixFound::default() };
        found.resolv_conf = read_if_there(resolv_conf, MOST_RESOLV_CONF)?;
        let inside = PathBuf::from(found.queue_directory()).join("etc/resolv.conf");
        found.resolv_conf_in_chroot = read_if_there(&inside, MOST_RESOLV_CONF)?;
        let files = AUTHORITIES.into_iter().filter(|file| Path::new(file).is_file());
        found.authorities = files.map(ToOwned::to_owned).collect();
        Ok(found)
    }

    /// The Postfix that takes the mails with our reports, if a mail server of this machine does, and it
    /// is one.
    pub(crate) async fn for_reports(&self, section: &Section) -> Option<PostfixRelease> {
        const NAMES: [&str; 2] = ["mail_version", "mail_release_date"];
        let is_here = match &section.delivery.as_ref()?.mail {
            MailWay::Program(_) => true,
            MailWay::Relay(relay) => relay.is_here(),
            MailWay::Direct => false,
        };
        if !is_here {
            return None;
        }
        // Without the program it is another mail server.
        let defaults = self.defaults(&NAMES).await.ok()?;
        let [version, date] = NAMES.map(|name| defaults.get(name).map_or("", String::as_str));
        PostfixRelease::read(version, date)
    }

    /// The values that these parameters have by default.
    pub(crate) async fn defaults(
        &self,
        names: &[&str],
    ) -> Result<BTreeMap<String, String>, Failure> {
        Ok(read_settings(&self.run(["-d"].into_iter().chain(names.iter().copied())).await?))
    }

    /// Sets parameters in `main.cf`.
    pub(crate) async fn edit<'v>(
        &self,
        lines: impl IntoIterator<Item = (&'v str, &'v str)>,
    ) -> Result<(), Failure> {
        let lines: Vec<_> =
            lines.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
        if lines.is_empty() {
            return Ok(());
        }
        self.run(["-e"].into_iter().chain(lines.iter().map(String::as_str))).await.map(drop)
    }

    /// Takes parameters out of `main.cf`.
    pub(crate) async fn remove(&self, names: &[&str]) -> Result<(), Failure> {
        if names.is_empty() {
            return Ok(());
        }
        self.run(["-X"].into_iter().chain(names.iter().copied())).await.map(drop)
    }

    /// What it prints.
    async fn run<'v>(
        &self,
        arguments: impl IntoIterator<Item = &'v str>,
    ) -> Result<String, Failure> {
        let mut command = Command::new(self.program);
        if let Some(directory) = self.config_directory {
            command.args([OsStr::new("-c"), directory.as_os_str()]);
        }
        command.args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        let failed = |what: String| Failure::new(format!("run {}: {what}", self.program.display()));
        let mut child = command.spawn().map_err(|error| {
            failed(error.to_string())
                .hint("it comes with Postfix; --postconf names it where it is not in the path")
        })?;
        let (output, complaints) = (child.stdout.take(), child.stderr.take());
        let ended = timeout(PATIENCE, async {
            let read = tokio::join!(
                read(output, MOST_OUTPUT),
                read(complaints, MOST_COMPLAINTS),
                child.wait()
            );
            (read.0, read.1, read.2)
        });
        let Ok((output, complaints, status)) = ended.await else {
            return Err(failed(format!("it did not end within {} seconds", PATIENCE.as_secs())));
        };
        let io_failed = |error: std::io::Error| failed(error.to_string());
        if !status.map_err(io_failed)?.success() {
            let complaints = String::from_utf8_lossy(&complaints.map_err(io_failed)?).into_owned();
            return Err(failed(complaints.trim_end().to_owned()));
        }
        let output = output.map_err(io_failed)?;
        match String::from_utf8(output) {
            Ok(text) => Ok(text),
            // What is written back must be what was there.
            Err(_) => Err(failed("its output is not UTF-8".to_owned())),
        }
    }
}

/// Reads to the end, and keeps at most this many octets; more is an error.
async fn read(stream: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream).take(most).read_to_end(&mut octets).await?;
        // Who writes on must not wait for us.
        let more = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        if more > 0 && most == MOST_OUTPUT {
            return Err(std::io::Error::other(format!("it printed over {most} octets")));
        }
    }
    Ok(octets)
}
