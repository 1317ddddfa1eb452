//! A real Postfix among those who send, where one is installed.
//!
//! It is an instance with a folder of its own: its configuration, its queue, its port. What else Postfix
//! does on this machine is not touched. In a mount namespace of its own `/etc/resolv.conf` names the lab
//! as the resolver, and it is told the port of the lab's MX hosts. It asks the daemon of the tour for
//! policies, tells it of its sessions, and brings its reports.
//!
//! # Limitations
//!
//! Postfix lives by the clock of the machine. The tour decides when it tries: on a day of the tour it is
//! given messages and told to try again what waits, and the clock of the tour stands still until every
//! message was tried and the daemon has written down every session. By that clock the daemon dates them,
//! lets policies age, and ends the day. Certificates Postfix judges as of today, some days after the end
//! of the tour: that makes no difference, because in testing nothing is asked of them, and those that
//! are shown later hold for three months.
//!
//! While the domain is in testing Postfix is asked for nothing, and tells of sessions as without a policy:
//! a host that the policy leaves out is no failure to it, as it is to the lab's own senders.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fs_err::OpenOptions;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use sealpost_lab::reporters::Reporter;
use sealpost_lab::{Lab, Visit, hand_over};
use sealpost_report::PostfixRelease;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;

use super::acts::DOMAIN;
use super::free_port;
use super::pages::wait_until;
use crate::arguments::UsePostfix;
use crate::outcome::Failure;
use crate::postconf::Postconf;

/// In whose place it is.
pub(super) const REPORTER: Reporter = Reporter::Postfix;
/// What it calls itself.
const NAME: &str = "mx.like-postfix.test";
/// Where it asks the DNS. `resolv.conf` knows no ports, so the lab has to be at 53 there.
const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 53);
/// Whom it writes to.
const RECIPIENT: &str = "somebody@tour.test";
/// Where Postfix is, beside the folders of `PATH`.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
/// Runs what follows a file with that in the place of the machine's `resolv.conf`.
const WITH_RESOLVER: &str = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
/// How long it may take to end.
const END: Duration = Duration::from_secs(10);

/// A Postfix of this machine that can be told of.
pub(super) struct Installed {
    release: PostfixRelease,
    /// The folder of `postfix` and `postqueue`.
    commands: PathBuf,
}

/// The files and ports of an instance that does not run yet.
pub(super) struct Instance {
    installed: Installed,
    /// Readable to everybody: most of Postfix runs as a user of its own.
    folder: TempDir,
    /// Where it takes mail.
    port: u16,
    /// Where it asks for policies.
    policies: u16,
    selector: &'static str,
}

/// One that runs. It ends when this is dropped.
pub(super) struct Postfix {
    instance: Instance,
    master: Child,
    /// Messages in its queue.
    waiting: u64,
    /// How many visits of its were counted.
    visits: usize,
}

/// What came of a day's messages.
pub(super) struct Tried {
    pub(super) delivered: u64,
    pub(super) waiting: u64,
    /// Its visits to MX hosts.
    pub(super) visits: Vec<Visit>,
}

/// Makes room for one that takes part, if there is one that can; says why not, if not. Its reports go to
/// the daemon at this address.
///
/// # Errors
///
/// If it must take part, and cannot.
pub(super) async fn invite(
    wish: UsePostfix,
    lab: &mut Lab,
    reports: SocketAddr,
) -> Result<Result<Instance, String>, Failure> {
    if wish == UsePostfix::Never {
        return Ok(Err("Postfix is not to take part".to_owned()));
    }
    let invited = match installed().await {
        Ok(installed) => installed.prepare(lab, reports).await,
        Err(why) => Err(why),
    };
    match invited {
        Err(why) if wish == UsePostfix::Always => {
            Err(Failure::new(format!("let a Postfix take part: {why}"))
                .hint("without --postfix always, a sender of the lab stands in"))
        }
        invited => Ok(invited),
    }
}

async fn installed() -> Result<Installed, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    let program = folders.map(|folder| folder.join("postconf")).find(|program| program.is_file());
    let Some(program) = program else { return Err("no Postfix is installed here".to_owned()) };
    let names = ["mail_version", "mail_release_date", "command_directory", "daemon_directory"];
    let names = [&names[..], &["shlib_directory"]].concat();
    let defaults = Postconf::new(&program, None).defaults(&names).await;
    let defaults = defaults.map_err(|_| format!("{} does not work", program.display()))?;
    let value = |name: &str| defaults.get(name).map_or("", String::as_str);
    let release = PostfixRelease::read(value("mail_version"), value("mail_release_date"));
    let release = release.ok_or_else(|| "the Postfix of this machine has no version".to_owned())?;
    if !release.knows_tls_rpt() {
        return Err(format!(
            "{release} is installed here, and 3.10 is the first that tells of its sessions"
        ));
    }
    let libraries = Path::new(value("shlib_directory")).join("libpostfix-tls.so");
    let programs = [Path::new(value("daemon_directory")).join("smtp"), libraries];
    if !programs.iter().any(|file| names_library(file)) {
        return Err(format!("{release} is installed here, and was built without libtlsrpt"));
    }
    if !geteuid().is_root() {
        return Err(format!("{release} is installed here, and only root may start it"));
    }
    Ok(Installed { release, commands: PathBuf::from(value("command_directory")) })
}

/// Whether a program or library is linked with libtlsrpt.
fn names_library(file: &Path) -> bool {
    let name = b"libtlsrpt.so";
    fs_err::read(file).is_ok_and(|octets| octets.windows(name.len()).any(|part| part == name))
}

impl Installed {
    async fn prepare(self, lab: &mut Lab, reports: SocketAddr) -> Result<Instance, String> {
        let release = self.release.to_string();
        let failed =
            |why: String| format!("{release} is installed here, and cannot be set up: {why}");
        lab.resolve_at(RESOLVER).await.map_err(|error| failed(error.to_string()))?;
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let folder = tempfile::Builder::new()
            .prefix("sealpost-postfix-")
            .permissions(everybody)
            .tempdir()
            .map_err(|error| failed(error.to_string()))?;
        let key = lab.write_signing_key(REPORTER, folder.path());
        let selector = key.map_err(|error| failed(error.to_string()))?;
        let port = || free_port().map_err(|error| failed(error.to_string()));
        let (port, policies) = (port()?, port()?);
        let instance = Instance { installed: self, folder, port, policies, selector };
        instance.write(lab, reports).map_err(|error| failed(error.to_string()))?;
        Ok(instance)
    }
}

impl Instance {
    pub(super) fn release(&self) -> &PostfixRelease {
        &self.installed.release
    }

    /// The sections of the daemon that it works with.
    pub(super) fn sections(&self) -> String {
        format!(
            "\n\
             [enforce]\n\
             listen = [\"127.0.0.1:{}\"]\n\
             default_level = \"may\"\n\
             \n\
             [report]\n\
             socket = [\"unix:{},mode=0666\"]\n\
             contact = \"tls-reports@{domain}\"\n\
             flush_seconds = 1\n\
             \n\
             [report.delivery]\n\
             mail = \"relay:127.0.0.1:{}\"\n\
             own_mails = \"uncounted\"\n\
             spread_hours = 0\n\
             settle_minutes = 0\n\
             \n\
             [[report.delivery.dkim]]\n\
             key = {:?}\n\
             selector = \"{}\"\n",
            self.policies,
            self.queue().join("run/tlsrpt.sock").display(),
            self.port,
            self.folder.path().join("key.pem"),
            self.selector,
            domain = REPORTER.domain(),
        )
    }

    /// Starts it, and waits until it takes mail.
    pub(super) async fn start(self) -> Result<Postfix, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("start Postfix: {error}"));
        // Before it can write there, whoever starts it may have something to say.
        let log = OpenOptions::new().create(true).append(true).open(self.log()).map_err(failed)?;
        let (said, complaints) = (log.try_clone().map_err(failed)?, log);
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "sh", "-c", WITH_RESOLVER]).arg(self.resolver());
        command.arg(self.installed.commands.join("postfix"));
        command.arg("-c").arg(self.configuration()).arg("start-fg");
        command.stdin(Stdio::null()).stdout(said.into_parts().0).stderr(complaints.into_parts().0);
        let master = command.spawn().map_err(failed)?;
        let postfix = Postfix { instance: self, master, waiting: 0, visits: 0 };
        let is_up =
            async || Ok(postfix.lines(0).iter().any(|line| line.contains("daemon started")));
        let up = wait_until(is_up, "start Postfix: it does not serve").await;
        match up {
            Ok(()) => Ok(postfix),
            Err(failure) => Err(postfix.with_log(failure)),
        }
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("configuration")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn resolver(&self) -> PathBuf {
        self.folder.path().join("resolv.conf")
    }

    fn queue(&self) -> PathBuf {
        self.folder.path().join("queue")
    }

    fn write(&self, lab: &Lab, reports: SocketAddr) -> std::io::Result<()> {
        let (configuration, queue) = (self.configuration(), self.queue());
        for folder in [&configuration, &queue.join("run")] {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(self.resolver(), format!("nameserver {RESOLVER}\n"))?;
        fs_err::write(configuration.join("main.cf"), self.main(lab, reports))?;
        fs_err::write(configuration.join("master.cf"), self.services())
    }

    /// As an operator would have it, but that every message is tried by itself, in a session of its own,
    /// when it is told so.
    fn main(&self, lab: &Lab, reports: SocketAddr) -> String {
        format!(
            "compatibility_level = 3.10\n\
             queue_directory = {}\n\
             data_directory = {}\n\
             maillog_file = {}\n\
             maillog_file_prefixes = {}\n\
             myhostname = {NAME}\n\
             mydestination =\n\
             local_recipient_maps =\n\
             local_transport = error:no mailboxes here\n\
             alias_maps =\n\
             alias_database =\n\
             mynetworks = 127.0.0.1/32\n\
             inet_interfaces = 127.0.0.1\n\
             inet_protocols = ipv4\n\
             notify_classes =\n\
             smtpd_peername_lookup = no\n\
             transport_maps = inline:{{ {{ tls-reports@{DOMAIN} = reports:[{}]:{} }} }}\n\
             smtp_host_lookup = dns\n\
             smtp_tcp_port = {}\n\
             smtp_tls_security_level = may\n\
             smtp_tls_policy_maps = socketmap:inet:127.0.0.1:{}:postfix\n\
             smtp_tls_CAfile = {}\n\
             smtp_tlsrpt_enable = yes\n\
             smtp_tlsrpt_socket_name = run/tlsrpt.sock\n\
             smtp_tlsrpt_skip_reused_handshakes = no\n\
             smtp_tls_connection_reuse = no\n\
             smtp_tls_session_cache_database =\n\
             smtp_connection_cache_on_demand = no\n\
             default_destination_concurrency_failed_cohort_limit = 0\n\
             queue_run_delay = 30d\n\
             minimal_backoff_time = 30d\n\
             maximal_backoff_time = 30d\n\
             maximal_queue_lifetime = 90d\n",
            self.queue().display(),
            self.folder.path().join("data").display(),
            self.log().display(),
            self.folder.path().display(),
            reports.ip(),
            reports.port(),
            lab.smtp_port(),
            self.policies,
            lab.trust_roots_file().display(),
        )
    }

    fn services(&self) -> String {
        format!(
            "\
postlog   unix-dgram n - n - 1 postlogd
anvil     unix       - - n - 1 anvil
tlsmgr    unix       - - n - 1 tlsmgr
rewrite   unix       - - n - - trivial-rewrite
proxymap  unix       - - n - - proxymap
cleanup   unix       n - n - 0 cleanup
pickup    unix       n - n 60 1 pickup
qmgr      unix       n - n 300 1 qmgr
showq     unix       n - n - - showq
flush     unix       n - n 1000? 0 flush
bounce    unix       - - n - 0 bounce
defer     unix       - - n - 0 bounce
trace     unix       - - n - 0 bounce
verify    unix       - - n - 1 verify
error     unix       - - n - - error
retry     unix       - - n - - error
smtp      unix       - - n - - smtp
reports   unix       - - n - - smtp
  -o smtp_tls_policy_maps=
  -o smtp_tlsrpt_enable=no
127.0.0.1:{} inet n  - n - - smtpd
",
            self.port
        )
    }
}

impl Postfix {
    /// Has it try what waits, and so many messages more; returns when each was tried and nobody is at an
    /// MX host any more.
    pub(super) async fn send(&mut self, lab: &Lab, messages: u64) -> Result<Tried, Failure> {
        let (before, tries) = (self.lines(0).len(), self.waiting + messages);
        if self.waiting > 0 {
            self.try_again().await?;
        }
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, self.instance.port));
        let handing = spawn_blocking(move || {
            let text = "Subject: A message of the tour\r\n\r\nNobody reads it.\r\n";
            (0..messages).try_for_each(|_| hand_over(server, RECIPIENT, text.as_bytes()))
        });
        handing.await.map_err(Failure::new)?.map_err(Failure::new)?;
        let became = |word: &str| {
            let lines = self.lines(before);
            let lines = lines.iter().filter(|line| line.contains(&format!("to=<{RECIPIENT}>")));
            u64::try_from(lines.filter(|line| line.contains(word)).count()).unwrap_or(u64::MAX)
        };
        let is_tried = async || Ok(became(" status=") >= tries);
        if let Err(failure) = wait_until(is_tried, "see Postfix try each message: it did not").await
        {
            return Err(self.with_log(failure));
        }
        let (delivered, waiting) = (became(" status=sent "), became(" status=deferred "));
        if delivered + waiting != tries {
            return Err(self.with_log(Failure::new("see Postfix deliver or keep each message")));
        }
        self.waiting = waiting;
        let visits = self.visits_since(lab, delivered).await?;
        self.visits += visits.len();
        Ok(Tried { delivered, waiting, visits })
    }

    /// Its new visits to MX hosts: at least one for each message that was delivered. A host writes one
    /// down when the connection has ended, which may be a moment after Postfix has said so.
    async fn visits_since(&self, lab: &Lab, least: u64) -> Result<Vec<Visit>, Failure> {
        let of = || {
            let visits = lab.visits().into_iter();
            let visits = visits.filter(|visit| visit.hello.as_deref() == Some(NAME));
            visits.skip(self.visits).collect::<Vec<_>>()
        };
        let is_there = async || {
            let taken = of().iter().filter(|visit| visit.taken > 0).count();
            Ok(u64::try_from(taken).is_ok_and(|taken| taken >= least))
        };
        wait_until(is_there, "find what Postfix has delivered at the MX hosts").await?;
        Ok(of())
    }

    async fn try_again(&self) -> Result<(), Failure> {
        let mut command = Command::new(self.instance.installed.commands.join("postqueue"));
        command.arg("-c").arg(self.instance.configuration()).arg("-f").stdin(Stdio::null());
        let output = command.output().await.map_err(Failure::new)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure::new(format!("have Postfix try again: {said}")))
    }

    /// What it has logged since so many lines.
    fn lines(&self, since: usize) -> Vec<String> {
        // Before it starts there is none.
        let log = fs_err::read(self.instance.log()).unwrap_or_default();
        String::from_utf8_lossy(&log).lines().skip(since).map(str::to_owned).collect()
    }

    /// The failure, with the end of the log.
    fn with_log(&self, failure: Failure) -> Failure {
        let lines = self.lines(0);
        let end = lines.len().saturating_sub(12);
        failure.hint(format!("it said last:\n{}", lines.get(end..).unwrap_or_default().join("\n")))
    }

    /// Ends it, and waits for that.
    pub(super) async fn stop(mut self) {
        self.ask_to_end();
        let _ = tokio::time::timeout(END, self.master.wait()).await;
    }

    /// What was started is a script of Postfix, and its master a child of that, which outlives it.
    fn ask_to_end(&self) {
        let master = fs_err::read_to_string(self.instance.queue().join("pid/master.pid"));
        let master = master.ok().and_then(|id| id.trim().parse().ok());
        let started = self.master.id().and_then(|id| i32::try_from(id).ok());
        // Once it was waited for, its number may be another's.
        let id = started.and_then(|started| Pid::from_raw(master.unwrap_or(started)));
        if let Some(id) = id {
            // It fails only if it has ended.
            let _ = kill_process(id, Signal::TERM);
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.ask_to_end();
    }
}
