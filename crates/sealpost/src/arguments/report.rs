//! `sealpost report` and what is below it.

mod delivery;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::tz::Offset;
use mail_domain::DomainName;
use sealpost_dkim::Selector;
use sealpost_evidence::traffic::Day;
use sealpost_listen::Address;
use sealpost_report::Section;
use tls_rpt::MailAddress;

use super::{Format, NetworkArguments};
use crate::configuration::Configuration;
use crate::outcome::Failure;

pub(crate) use delivery::{BounceArguments, QueueCommand, SendArguments, SuppressCommand};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "What stands in the section [report] of the configuration, flags override. \
                  It runs until it is interrupted or terminated, and writes down everything \
                  before it ends. If it is killed, what came in the last two seconds is lost \
                  (flush_seconds), and nothing is counted twice.\n\n\
                  Exit status: 0 ended as told, 2 could not run, or could not write everything."
)]
pub(crate) struct ReportArguments {
    #[command(subcommand)]
    pub(crate) command: Option<ReportCommand>,
    #[command(flatten)]
    pub(crate) configuration: ReportConfiguration,
    /// Take the datagrams of mail servers here: unix:/run/sealpost/tlsrpt.sock (,mode=0660 behind
    /// it), or systemd:NAME; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) socket: Vec<Address>,
    /// Speak HTTP here, for this machine: /metrics, /health.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http: Vec<Address>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// Where the configuration and the counters are.
#[derive(Debug, Args)]
pub(crate) struct ReportConfiguration {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Keep the counters in this file; it is made if it is missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Show the numbers of a day, and the report as it would be sent.
    Preview(PreviewArguments),
    /// Take over what tlsrpt-collectd has counted.
    Import(SessionsImportArguments),
    /// Count the sessions that lines of Postfix's log tell of.
    ReadLog(ReadLogArguments),
    /// Look whether reports of ours would be believed: keys, DNS, the queue of the kernel.
    Doctor(Box<DoctorArguments>),
    /// Say what was counted on which days, where sessions fail, and what could not be read.
    Status(StatusArguments),
    /// Make the reports of a day that is over, and send what is due.
    Send(Box<SendArguments>),
    /// Look at reports on their way, try again, give up.
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Say which destinations get nothing for a while.
    #[command(subcommand)]
    Suppress(SuppressCommand),
    /// Take in a mail that came to the return path of the reports.
    Bounce(BounceArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "It shows what is written down: what came in the last two seconds may be \
                  missing. With --format json it prints the report of the domain, and nothing \
                  else.\n\n\
                  Exit status: 0 done, 1 there was no session on that day, 2 could not run.")]
pub(crate) struct PreviewArguments {
    /// The domain that mail was sent to; without one, all that have sessions.
    #[arg(value_name = "DOMAIN", value_parser = super::receive::domain)]
    pub(crate) domain: Option<DomainName>,
    /// The day, such as 2026-11-26; today if none is given.
    #[arg(long, value_name = "DAY")]
    pub(crate) day: Option<Day>,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReportConfiguration,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 done, 2 could not run.")]
pub(crate) struct StatusArguments {
    /// Show so many days.
    #[arg(long, default_value = "7", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) days: u16,
    /// Show the beginning of each datagram that could not be read.
    #[arg(long)]
    pub(crate) refused: bool,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReportConfiguration,
}

#[derive(Debug, Args)]
#[command(
    after_help = "What was taken over before is not counted twice, so that it may be repeated: \
                  once more when tlsrpt-collectd has stopped.\n\n\
                  Exit status: 0 all was taken over, 1 some rows make no sense and were left, 2 \
                  could not run."
)]
pub(crate) struct SessionsImportArguments {
    /// The SQLite databases of tlsrpt-collectd, those that end in .yesterday too.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The host that they are from; wanted only if databases of several hosts were made in the
    /// same second.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) host: String,
    #[command(flatten)]
    pub(crate) store: ReportConfiguration,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Postfix 3.10 and later writes a line that begins with `TLSRPT:` for each session \
                  that it reports. Of a mail server whose datagrams are counted, count no lines: \
                  each session would be there twice.\n\n\
                  A file is counted as a whole, each session on its day. What was counted of it \
                  before is not counted twice, so that it may be repeated when it has grown, or \
                  under the name that it has after rotation. Standard input is counted as it comes, \
                  until it ends:\n\n  \
                  journalctl -u postfix -f -n 0 -o short-iso | sealpost report read-log -\n\n\
                  Exit status: 0 done, 1 some lines make no sense and were left, 2 could not run."
)]
pub(crate) struct ReadLogArguments {
    /// Logs, such as /var/log/mail.log; `-` alone is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What the clock of the machine that wrote a file was before UTC, such as +01:00, for lines that
    /// do not say it themselves.
    #[arg(long, value_name = "OFFSET", default_value = "+00:00", allow_hyphen_values = true, value_parser = offset)]
    pub(crate) utc_offset: Offset,
    #[command(flatten)]
    pub(crate) store: ReportConfiguration,
}

#[derive(Debug, Args)]
#[command(
    after_help = "It asks the DNS as a receiver of our reports does, and the Postfix of this machine \
                  for its version, and sends nothing. Run it where the reports leave.\n\n\
                  Exit status: 0 all is well, 1 something is not, 2 could not run, 3 something could \
                  not be told."
)]
pub(crate) struct DoctorArguments {
    /// Who reports: an address of ours; by default `contact` of the configuration.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) contact: Option<MailAddress>,
    /// The author of the mails; by default `from` in [report.delivery], or the contact.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<MailAddress>,
    /// Where mails go that come back; by default `return_path` in [report.delivery], or the author.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) return_path: Option<MailAddress>,
    /// The secret key that signs, PEM: Ed25519, or RSA of at least 2048 bits; by default those of
    /// [report.delivery].
    #[arg(long, value_name = "FILE", requires = "selector")]
    pub(crate) key: Option<PathBuf>,
    /// The selector under which the public key is in DNS.
    #[arg(long, value_name = "NAME", requires = "key", value_parser = super::receive::selector)]
    pub(crate) selector: Option<Selector>,
    /// The domain that signs; that of the author unless given.
    #[arg(long, value_name = "DOMAIN", requires = "key", value_parser = super::receive::domain)]
    pub(crate) signer: Option<DomainName>,
    /// The mails go to the MX hosts from here, and through no mail server.
    #[arg(long)]
    pub(crate) direct: bool,
    /// The postconf program, which says what the Postfix of this machine can do, if mails leave
    /// through it.
    #[arg(long, value_name = "FILE", default_value = "postconf")]
    pub(crate) postconf: PathBuf,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReportConfiguration,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// An offset from UTC in hours and minutes.
fn offset(text: &str) -> Result<Offset, String> {
    let offset = || {
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+')?),
        };
        let (hours, minutes) = rest.split_once(':')?;
        if hours.len() != 2 || minutes.len() != 2 {
            return None;
        }
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let is_time = (0..=14).contains(&hours) && (0..60).contains(&minutes);
        Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok().filter(|_| is_time)
    };
    offset().ok_or_else(|| "give hours and minutes, such as +01:00".to_owned())
}

impl ReportArguments {
    /// What is configured, with the flags over it.
    pub(crate) fn over(&self, section: Section) -> Section {
        let mut section = self.configuration.over(section);
        if !self.socket.is_empty() {
            section.socket.clone_from(&self.socket);
        }
        if !self.http.is_empty() {
            section.http.clone_from(&self.http);
        }
        section
    }
}

impl ReportConfiguration {
    /// The configuration, or what holds without one.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        Configuration::load(self.config.as_deref().filter(|path| !path.as_os_str().is_empty()))
    }

    /// What is configured for this role, with the flag for the store over it.
    pub(crate) fn over(&self, mut section: Section) -> Section {
        if let Some(store) = &self.store {
            section.store = Some(store.clone());
        }
        section
    }
}
