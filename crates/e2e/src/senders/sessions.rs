//! What Postfix 3.10 tells of its TLS sessions, and what the MX hosts of the lab saw of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::{Senders, done};
use crate::{EnvironmentError, System};

/// Where it tells of them; the collector of a test listens there.
const SOCKET: &str = "tlsrpt.sock";
/// What it calls itself.
const NAME: &str = "sender.test";

/// Sessions with one MX host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Those in which the host took mail inside TLS.
    pub successful: u64,
    /// Those that ended before any was taken.
    pub failed: u64,
    /// Those in which it took mail in plaintext.
    pub in_plaintext: u64,
}

impl Senders {
    /// Changes parameters in `main.cf` of Postfix 3.10.
    ///
    /// # Errors
    ///
    /// When Postfix does not know one.
    pub fn set(&self, parameters: &[&str]) -> Result<(), EnvironmentError> {
        self.change(&[&["-e"], parameters].concat())
    }

    /// Has the mails of a transport of its `master.cf` obey what the socketmap at a port of this
    /// machine says.
    ///
    /// # Errors
    ///
    /// When there is no such transport.
    pub fn ask(&self, transport: &str, port: u16) -> Result<(), EnvironmentError> {
        let map = format!("socketmap:inet:127.0.0.1:{port}:postfix");
        self.change(&["-P", &format!("{transport}/unix/smtp_tls_policy_maps={map}")])
    }

    fn change(&self, arguments: &[&str]) -> Result<(), EnvironmentError> {
        for (program, arguments) in [("postconf", arguments), ("postfix", &["reload"][..])] {
            done(self.environment.run_in(System::Trixie, program, arguments)?, program)?;
        }
        Ok(())
    }

    /// Has it tell of its sessions, at the place that [`Self::socket`] says.
    ///
    /// # Errors
    ///
    /// When it cannot be told so.
    pub fn tell_of_sessions(&self) -> Result<(), EnvironmentError> {
        let socket = format!("smtp_tlsrpt_socket_name=/e2e/{SOCKET}");
        self.set(&["smtp_tlsrpt_enable=yes", &socket])
    }

    /// The address of the collector that it tells of its sessions, as `socket` of `[report]` has it.
    pub fn socket(&self) -> String {
        format!("unix:{},mode=0666", self.environment.directory().join(SOCKET).display())
    }

    /// Gives sockets that are made from now on a queue as long as it is where systemd is; the kernel's
    /// own default of 10 is not enough for a burst.
    ///
    /// # Errors
    ///
    /// When it cannot be set.
    pub fn lengthen_queues(&self) -> Result<(), EnvironmentError> {
        let queue = "echo 512 >/proc/sys/net/unix/max_dgram_qlen";
        done(self.environment.run(Path::new("/bin/sh"), ["-c", queue])?, "sh")
    }

    /// Has it open a session of its own for each mail.
    ///
    /// # Errors
    ///
    /// When it cannot be told so.
    pub fn share_no_session(&self) -> Result<(), EnvironmentError> {
        self.set(&[
            "smtp_tls_connection_reuse=no",
            "smtp_tls_session_cache_database=",
            "smtp_connection_cache_destinations=",
            "smtp_connection_cache_on_demand=no",
        ])
    }

    /// Has every mail server bring mails to `tls-reports` to a port of this machine, whatever their
    /// domain. It holds for mails that come in later.
    ///
    /// # Errors
    ///
    /// When the file of transports cannot be written.
    pub fn bring_reports_to(&self, port: u16) -> Result<(), EnvironmentError> {
        let file = self.environment.directory().join("transport");
        let mut transports = fs_err::read_to_string(&file)?;
        // Writing to a string cannot fail.
        let _ = writeln!(transports, "/^tls-reports@/ smtp:[127.0.0.1]:{port}");
        Ok(fs_err::write(file, transports)?)
    }

    /// The sessions of the mail servers with each MX host of the lab, as the hosts saw them; without the
    /// first so many, which came before.
    ///
    /// # Errors
    ///
    /// When the lab's file cannot be read.
    pub fn seen(&self, before: usize) -> Result<(BTreeMap<String, Seen>, usize), EnvironmentError> {
        let file = self.environment.directory().join("lab/visits.jsonl");
        let text = fs_err::read_to_string(file)?;
        // Whoever else looks at the hosts has another name. The last line may be half written.
        let visits = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let visits: Vec<Value> = visits
            .filter(|visit| visit.get("hello").and_then(Value::as_str) == Some(NAME))
            .skip(before)
            .collect();
        let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
        for visit in &visits {
            let host = visit.get("host").and_then(Value::as_str).unwrap_or_default();
            let is_taken = visit.get("taken").and_then(Value::as_u64) != Some(0);
            let is_encrypted = visit.get("tls").is_some_and(Value::is_object);
            let host = seen.entry(host.to_owned()).or_default();
            match (is_taken, is_encrypted) {
                (true, true) => host.successful += 1,
                (true, false) => host.in_plaintext += 1,
                (false, _) => host.failed += 1,
            }
        }
        Ok((seen, visits.len()))
    }
}
