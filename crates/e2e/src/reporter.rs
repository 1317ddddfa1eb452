//! A sender of TLS reports: Postfix, the programs of tlsrpt-reporter, and OpenDKIM.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Child;

use crate::configuration::write_configuration;
use crate::{Environment, EnvironmentError, System, World, postfix};

/// A [`World`], and in it a sender that reports on it.
///
/// Its Postfix sends mail into the world and tells `tlsrpt-collectd` of each session. When the day
/// has ended, `tlsrpt-reportd` makes reports of it and hands them to Postfix, which has them signed
/// by OpenDKIM for `sender.test`, and to curl. Mails to `tls-reports` go to the `sealpost receive` of
/// a test, at its default doors: by LMTP those at domains whose name begins with `dane`, by SMTP with
/// TLS all others.
#[derive(Debug)]
pub struct Reporter {
    environment: Environment,
}

/// `main.cf`, behind what all worlds have.
const MAIN: &str = "\
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
smtp_tls_security_level = dane
smtp_tls_policy_maps = texthash:/e2e/tls-policy
smtp_tls_CAfile = /e2e/ca.pem
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
smtp_tlsrpt_enable = yes
smtp_tlsrpt_socket_name = /e2e/reporter/socket
smtp_tlsrpt_skip_reused_handshakes = no
default_transport = probe
myorigin = sender.test
non_smtpd_milters = inet:127.0.0.1:8891
";

/// `master.cf`, behind what all worlds have: mail into the world, and what comes back of it.
const SERVICES: &str = "\
probe     unix  -       -       n       -       -       smtp
discard   unix  -       -       n       -       -       discard
";

/// What an MX host does with mail: it says 250 and forgets it.
const MAIL_HOST: &str =
    "  -o { smtpd_recipient_restrictions = check_recipient_access static:discard, reject }\n";

/// `transport_maps`, before what all worlds have.
const TRANSPORT: &str = "\
/@sender\\.test$/ discard:
/^tls-reports@dane.*$/ lmtp:inet:127.0.0.1:8465
/^tls-reports@.*$/ smtp:[127.0.0.1]:8464
";

/// `opendkim.conf`.
const OPENDKIM: &str = "\
Socket          inet:8891@127.0.0.1
Mode            s
Domain          sender.test
Selector        s1
KeyFile         /e2e/dkim/s1.private
Canonicalization relaxed/simple
OversignHeaders From
Syslog          no
UserID          root
";

/// The configuration of the three programs of tlsrpt-reporter. It delivers as it does by default, but
/// at once.
const REPORTER: &str = "\
[tlsrpt_collectd]
storage = sqlite:///e2e/reporter/collectd.sqlite
socketname = /e2e/reporter/socket
socketmode = 0666
sockettimeout = 1
logfilename = /e2e/log/collectd.log
dump_path_for_invalid_datagram = /e2e/reporter/invalid
[tlsrpt_fetcher]
storage = sqlite:///e2e/reporter/collectd.sqlite
logfilename = /e2e/log/fetcher.log
[tlsrpt_reportd]
organization_name = Sender Inc
contact_info = smtp-tls-reporting@sender.test
sender_address = noreply-smtp-tls-reporting@sender.test
dbname = /e2e/reporter/reportd.sqlite
logfilename = /e2e/log/reportd.log
fetchers = /e2e/reporter.sh tlsrpt-fetcher
interval_main_loop = 1
min_wait_domainlist = 0
max_wait_domainlist = 1
max_retries_domainlist = 100
min_wait_domaindetails = 0
max_wait_domaindetails = 1
spread_out_delivery = 1
";

/// What runs one of these programs, by the clock in a file. The packages lie beside Debian's.
const RUN: &str = "\
#!/bin/sh
export PYTHONPATH=/opt/reporter PYTHONDONTWRITEBYTECODE=1
export LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1)
export FAKETIME_TIMESTAMP_FILE=/e2e/reporter/clock FAKETIME_NO_CACHE=1
export FAKETIME_DONT_FAKE_MONOTONIC=1
program=$1; shift
exec python3 /opt/reporter/bin/$program --config_file /e2e/reporter.cfg \"$@\"
";

impl Reporter {
    /// Boots the world and what reports on it. `policies` is a `texthash` table of Postfix for
    /// `smtp_tls_policy_maps`.
    ///
    /// # Errors
    ///
    /// As [`Environment::start`].
    pub fn start(world: &World, policies: &str) -> Result<Self, EnvironmentError> {
        let environment = Environment::boot("reporter", &[System::Trixie], |directory| {
            write_configuration(world, directory)?;
            let services: String = postfix::services(world)
                .lines()
                .map(|line| match line.starts_with("  -o smtpd_tls_security_level") {
                    true => format!("{line}\n{MAIL_HOST}"),
                    false => format!("{line}\n"),
                })
                .collect();
            for (name, text) in [
                ("main.cf", format!("{}{MAIN}", postfix::MAIN)),
                ("master.cf", format!("{services}{SERVICES}")),
                ("transport", format!("{TRANSPORT}{}", postfix::TRANSPORT)),
                ("tls-policy", policies.to_owned()),
                ("opendkim.conf", OPENDKIM.to_owned()),
                ("reporter.cfg", REPORTER.to_owned()),
                ("reporter.sh", RUN.to_owned()),
            ] {
                fs_err::write(directory.join(name), text)?;
            }
            let executable = std::fs::Permissions::from_mode(0o755);
            Ok(fs_err::set_permissions(directory.join("reporter.sh"), executable)?)
        })?;
        Ok(Self { environment })
    }

    /// The environment that they run in.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Where the collector takes datagrams.
    pub fn socket(&self) -> PathBuf {
        self.folder().join("socket")
    }

    /// The folder in which tlsrpt-reporter keeps what it has; `invalid` in it is what the collector
    /// could not read.
    pub fn folder(&self) -> PathBuf {
        self.environment.directory().join("reporter")
    }

    /// Has Postfix send a mail, which opens a session of its own.
    ///
    /// # Errors
    ///
    /// When Postfix does not take it.
    pub fn send(&self, recipient: &str) -> Result<(), EnvironmentError> {
        let arguments = ["-f", "probe@sender.test", recipient];
        let output = self.environment.run_inside("sendmail", &arguments)?;
        if output.status.success() {
            return Ok(());
        }
        let detail = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(EnvironmentError::Program { program: "sendmail".to_owned(), detail })
    }

    /// How many policies, each of a session, the collector has on the disk for the day that it lives
    /// in. It writes every few seconds; what is still on its way when the day ends is of the next.
    ///
    /// # Errors
    ///
    /// When its database cannot be read.
    pub fn collected(&self) -> Result<u64, EnvironmentError> {
        let script = "import sqlite3
rows = sqlite3.connect('file:/e2e/reporter/collectd.sqlite?mode=ro', uri=True, timeout=10)
print(rows.execute('SELECT TOTAL(cntrtotal) FROM finalresults').fetchone()[0])";
        let output = self.environment.run_inside("python3", &["-c", script])?;
        let said = String::from_utf8_lossy(&output.stdout);
        // SQLite's TOTAL has a decimal point.
        let number = said.trim().strip_suffix(".0").and_then(|number| number.parse().ok());
        number.ok_or_else(|| EnvironmentError::Program {
            program: "python3".to_owned(),
            detail: format!("{said}{}", String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Lets a day pass for the programs of tlsrpt-reporter. The collector notices within a second or
    /// so, puts the day that has ended aside, and only then is it reported.
    ///
    /// # Errors
    ///
    /// When the clock cannot be set.
    pub fn end_the_day(&self) -> Result<(), EnvironmentError> {
        let folder = self.folder();
        Ok(fs_err::rename(folder.join("next-clock"), folder.join("clock"))?)
    }

    /// Starts the program that makes reports of that day and delivers them; it is killed after a
    /// minute.
    ///
    /// # Errors
    ///
    /// When it could not be started.
    pub fn report(&self) -> Result<Child, EnvironmentError> {
        self.environment.spawn_inside(Path::new("/e2e/reporter.sh"), &["tlsrpt-reportd"])
    }
}
