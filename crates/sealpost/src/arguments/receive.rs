//! `sealpost receive` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mail_domain::DomainName;
use sealpost_dkim::Selector;
use sealpost_evidence::traffic::Day;
use sealpost_listen::Address;
use sealpost_net::Relay;
use sealpost_receive::Section;
use tls_rpt::MailAddress;

use super::{Format, NetworkArguments};
use crate::configuration::Configuration;
use crate::outcome::Failure;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "What stands in the section [receive] of the configuration, flags override. \
                  It runs until it is interrupted or terminated, and brings mail that is coming in \
                  to its end before; at SIGHUP it reads the certificate again.\n\n\
                  Exit status: 0 ended as told, 2 could not run."
)]
pub(crate) struct ReceiveArguments {
    #[command(subcommand)]
    pub(crate) command: Option<ReceiveCommand>,
    #[command(flatten)]
    pub(crate) configuration: ReceiveConfiguration,
    /// Take in mail by SMTP here: 127.0.0.1:8464, unix:/run/sealpost/smtp.sock, or systemd:NAME; may
    /// be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) smtp: Vec<Address>,
    /// The same by LMTP; 127.0.0.1:8465 unless configured otherwise.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) lmtp: Vec<Address>,
    /// Speak HTTP here, for this machine: /metrics, /health.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http: Vec<Address>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// Where the configuration and the reports are.
#[derive(Debug, Args)]
pub(crate) struct ReceiveConfiguration {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Keep reports in this file, and what came in beside it; they are made if they are missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

impl ReceiveArguments {
    /// What is configured, with the flags over it.
    pub(crate) fn over(&self, mut section: Section) -> Section {
        let doors = [
            (&self.smtp, &mut section.listen.smtp),
            (&self.lmtp, &mut section.listen.lmtp),
            (&self.http, &mut section.http),
        ];
        for (flags, configured) in doors {
            if !flags.is_empty() {
                configured.clone_from(flags);
            }
        }
        if let Some(store) = &self.configuration.store {
            section.store = Some(store.clone());
        }
        section
    }
}

impl ReceiveConfiguration {
    /// What is configured for this role, with the flag for the store over it.
    pub(crate) fn section(&self) -> Result<Section, Failure> {
        Ok(self.over(self.load()?.receive))
    }

    /// The same, with all domains whose reports count, for who takes reports in.
    pub(crate) fn section_of_intake(&self) -> Result<Section, Failure> {
        let configuration = self.load()?;
        let domains = configuration.reported_domains()?;
        Ok(Section { domains, ..self.over(configuration.receive) })
    }

    fn over(&self, section: Section) -> Section {
        Section { store: self.store.clone().or(section.store), ..section }
    }

    /// The configuration, or what holds without one.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        Configuration::load(self.config.as_deref().filter(|path| !path.as_os_str().is_empty()))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiveCommand {
    /// Take in reports: mails, files, folders, Maildirs, mailbox files, standard input.
    Import(Box<ReceiveImportArguments>),
    /// Explain a TLS report: who reports, how many sessions failed, what it means, what to do.
    Show(Box<ShowArguments>),
    /// Judge a TLS report for its sender: what is wrong, where, and how to mend it.
    Lint(LintArguments),
    /// Read again what could not be read, or not by this version.
    Reparse(Box<ReparseArguments>),
    /// Sum up what was reported: sessions, domains, reporters.
    Summary(SummaryArguments),
    /// List the reports that were taken in, the newest days first.
    List(ReceiveListArguments),
    /// Tell what failed, why, whose fault it looks like, and what to do.
    Failures(Box<FailuresArguments>),
    /// Write out reports with everything in them, for other programs or for others to read.
    Export(ExportArguments),
    /// Send a test report to where a domain wants reports, and wait for it.
    Test(Box<TestArguments>),
}

#[derive(Debug, Args)]
#[command(after_help = "Takes reports as they come: a mail, also a forwarded one or with several \
                        reports, gzip, zip, JSON. Needs no store and no configuration, and asks \
                        nobody anything without --verify.\n\n\
                        Exit status: 0 all was shown, 1 something held no report that can be read, \
                        2 could not run (wrong usage, a file that can't be opened).")]
pub(crate) struct ShowArguments {
    /// The reports; `-` is standard input.
    #[arg(required_unless_present = "schema", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How to show them; JSON is one object a file and line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Look the keys of DKIM signatures up in DNS, and say whether the mail is genuine.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Say as well what became of each report in this store.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Print the JSON Schema of the results.
    #[arg(long, conflicts_with_all = ["files", "verify", "store"])]
    pub(crate) schema: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "`error`: known programs or any strict reader lose the report or a part of \
                        it. `warning`: against RFC 8460 or what it builds on. `note`: allowed, yet \
                        not what readers expect.\n\n\
                        Exit status: 0 no errors, 1 errors, 2 could not run (wrong usage, a file \
                        that can't be opened)."
)]
pub(crate) struct LintArguments {
    /// The reports, as they are sent: mail, gzip or JSON; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How to show the findings; JSON is one object a file and line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// How reports are judged.
#[derive(Debug, Args)]
pub(crate) struct JudgementArguments {
    /// Only reports on this domain count; may be given several times. Without it, all do.
    #[arg(long = "domain", value_name = "DOMAIN", value_parser = domain)]
    pub(crate) domains: Vec<DomainName>,
    /// Look up no keys: mails whose signature needs one are unverified.
    #[arg(long)]
    pub(crate) no_dns: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Folders are searched, links in them are not followed. What has come before is \
                  not counted again, so that an import may be repeated.\n\n\
                  Exit status: 0 all was read, 1 some was not and is kept apart or left, 2 could \
                  not run, 3 the keys of some signatures could not be looked up: `reparse` tries \
                  them again. With - for a mail server: 0 it is stored, 65 it is too long, 75 \
                  could not store it, try again."
)]
pub(crate) struct ReceiveImportArguments {
    /// Files, folders, Maildirs, mailbox files; `-` is one mail or report on standard input.
    #[arg(required_unless_present_any = ["watch", "imap"], value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Take in what is in this Maildir, and what comes, until stopped; may be given several times.
    #[arg(long, value_name = "MAILDIR", conflicts_with_all = ["paths", "imap", "format"])]
    pub(crate) watch: Vec<PathBuf>,
    /// Take in what lies in the mailboxes of the configuration ([[receive.imap]]), once.
    #[arg(long, conflicts_with = "paths")]
    pub(crate) imap: bool,
    /// How to show what became of it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
    #[command(flatten)]
    pub(crate) judgement: JudgementArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 all was read, 1 some was not and stays apart, 2 could not \
                        run, 3 the keys of some signatures could not be looked up.")]
pub(crate) struct ReparseArguments {
    /// Read everything again, also what was read by this version: after an import with --no-dns.
    #[arg(long)]
    pub(crate) all: bool,
    /// How to show what became of it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
    #[command(flatten)]
    pub(crate) judgement: JudgementArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "What nobody vouches for and what is not about our domains is shown \
                        apart; it counts for nothing.\n\nExit status: 0 done, 2 could not run.")]
pub(crate) struct SummaryArguments {
    /// From this day on, such as 2026-11-01.
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<Day>,
    /// Up to this day.
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<Day>,
    /// Show the domains of the reports that nobody vouches for.
    #[arg(long)]
    pub(crate) unverified: bool,
    /// How to show it; CSV has one row for each domain.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
}

/// Which reports.
#[derive(Debug, Args)]
pub(crate) struct WhichReports {
    /// About this domain.
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    pub(crate) domain: Option<DomainName>,
    /// By this reporter: its signing domain, or a part of the name of its organisation.
    #[arg(long, value_name = "NAME")]
    pub(crate) reporter: Option<String>,
    /// From this day on, such as 2026-11-01.
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<Day>,
    /// Up to this day.
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<Day>,
    /// Those alone that tell of failures.
    #[arg(long)]
    pub(crate) failed: bool,
    /// Those that nobody vouches for, in place of those that count.
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Those about domains that are not ours, in place of those that count.
    #[arg(long, conflicts_with = "unverified")]
    pub(crate) not_ours: bool,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 done, 2 could not run.")]
pub(crate) struct ReceiveListArguments {
    #[command(flatten)]
    pub(crate) which: WhichReports,
    /// List no more than so many.
    #[arg(long, default_value = "100", value_name = "NUMBER")]
    pub(crate) limit: usize,
    /// How to show them; JSON is one object a line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 nothing failed, 1 something did, 2 could not run.")]
pub(crate) struct FailuresArguments {
    /// Of these domains; of all that something failed at, if none is named.
    #[arg(value_name = "DOMAIN", value_parser = domain)]
    pub(crate) domains: Vec<DomainName>,
    /// Look at the domains as they are now, and say what is mended and what still stands; without it,
    /// as `serve` has last seen them, if it has.
    #[arg(long)]
    pub(crate) live: bool,
    /// From this day on, such as 2026-11-01; 30 days if not told.
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<Day>,
    /// Up to this day.
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<Day>,
    /// What is told in reports that nobody vouches for, in place of those that count.
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Tell of no more than so many kinds of failures of a domain.
    #[arg(
        long,
        default_value = "20",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) limit: u32,
    /// How to show it; CSV has one row for what was reported alike, with its diagnosis.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Looks up the TLS-RPT record of the domain, sends one report to each of its \
                  destinations, by mail or by POST, and looks into the store until they are there. \
                  The report counts no session and names itself a test, so that it changes no \
                  figure.\n\n\
                  Exit status: 0 all arrived and count, 1 one was refused, does not count, or the \
                  domain asks for none, 2 could not run, 3 could not tell: it may still come."
)]
pub(crate) struct TestArguments {
    /// The domain whose TLS-RPT record is asked.
    #[arg(value_name = "DOMAIN", value_parser = domain)]
    pub(crate) domain: DomainName,
    /// Who reports: an address of yours. The mail is from it, and refusals go to it.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) contact: MailAddress,
    /// The name of who reports; the domain of the contact unless given.
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// Sign with the secret key in this PEM file: Ed25519, or RSA of at least 2048 bits.
    #[arg(long, value_name = "FILE", requires = "selector")]
    pub(crate) key: Option<PathBuf>,
    /// The selector under which the public key is in DNS.
    #[arg(long, value_name = "NAME", requires = "key", value_parser = selector)]
    pub(crate) selector: Option<Selector>,
    /// The domain that signs; that of the contact unless given.
    #[arg(long, value_name = "DOMAIN", requires = "key", value_parser = domain)]
    pub(crate) signer: Option<DomainName>,
    /// Give mails to this server, HOST or HOST:PORT, and not to the MX hosts.
    #[arg(long, value_name = "HOST", conflicts_with = "sendmail")]
    pub(crate) relay: Option<Relay>,
    /// Give mails to this program, such as /usr/sbin/sendmail.
    #[arg(long, value_name = "PATH")]
    pub(crate) sendmail: Option<PathBuf>,
    /// Wait so many seconds until the reports are in the store; 0 does not look.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u16).range(..=3600))]
    pub(crate) wait: u16,
    /// How to show what became of it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "With --mask each domain, host, address and report-id is replaced by a \
                        number, the same one wherever it stands in this export; texts that may \
                        hold such names are left out. Names of reporters stay.\n\n\
                        Exit status: 0 done, 2 could not run.")]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) which: WhichReports,
    /// Replace what tells whose mail it is about.
    #[arg(long)]
    pub(crate) mask: bool,
    /// In which form: JSON is an array, NDJSON one report a line, CSV one row for each failure
    /// detail, or for each policy without one.
    #[arg(long, default_value = "ndjson", value_name = "FORMAT")]
    pub(crate) format: ExportFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Human,
    Json,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Json,
    Ndjson,
    Csv,
}

pub(super) fn selector(text: &str) -> Result<Selector, String> {
    Selector::parse(text).map_err(|error| error.to_string())
}

pub(super) fn domain(text: &str) -> Result<DomainName, String> {
    DomainName::parse(text).map_err(|error| error.to_string())
}
