//! The command line. Help, man pages and completions are made from these definitions.

mod alert;
mod check;
mod config;
mod enforce;
mod lab;
mod publish;
mod receive;
mod report;
mod serve;
mod store;
mod web;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use sealpost_net::IpNetwork;

pub(crate) use self::alert::{
    AlertAckArguments, AlertArguments, AlertCommand, AlertListArguments, AlertPreviewArguments,
    AlertShowArguments, AlertTestArguments, WhichPhase,
};
pub(crate) use self::check::{
    CheckArguments, CheckCommand, CheckFormat, DiffArguments, ListArguments, ResultsArguments,
    SummaryFormat, Zone,
};
pub(crate) use self::config::{
    ConfigCheckArguments, ConfigCommand, InitArguments, PublishingName, ReceivingName, SendingName,
};
pub(crate) use self::enforce::{
    CacheCommand, ConfigurationArguments, EnforceArguments, EnforceCommand, ImportArguments, Peer,
    SetupArguments, SetupCommand, WarmArguments, WhyArguments,
};
pub(crate) use self::lab::{
    LabArguments, LabCommand, LabPlace, PortsName, ReportsArguments, UsePostfix,
};
pub(crate) use self::publish::{
    AcceptArguments, AdoptArguments, DelegateArguments, HistoryArguments, MoveArguments,
    PastArguments, PastWord, PlaceName, PlanArguments, PublishArguments,
    PublishCertificatesArguments, PublishCommand, PublishConfiguration, PublishExportArguments,
    PublishFormat, PublishNewArguments, PublishPaths, PublishServeArguments,
    PublishStatusArguments, RecordsArguments, RehearseArguments, RunArguments, SelectArguments,
    Statement, WaiveArguments,
};
pub(crate) use self::receive::{
    ExportArguments, ExportFormat, FailuresArguments, JudgementArguments, LintArguments,
    ListFormat, ReceiveArguments, ReceiveCommand, ReceiveConfiguration, ReceiveImportArguments,
    ReceiveListArguments, ReparseArguments, ShowArguments, SummaryArguments, TestArguments,
    WhichReports,
};
pub(crate) use self::report::{
    BounceArguments, DoctorArguments, PreviewArguments, QueueCommand, ReadLogArguments,
    ReportArguments, ReportCommand, SendArguments, SessionsImportArguments, StatusArguments,
    SuppressCommand,
};
pub(crate) use self::serve::ServeArguments;
pub(crate) use self::store::{BackupArguments, StoreCommand};
pub(crate) use self::web::{
    ListTokensArguments, NewTokenArguments, PasswordArguments, RevokeTokenArguments, ScopeName,
    TokenCommand, WebCommand,
};

/// Makes encrypted mail delivery enforceable and visible: MTA-STS, TLS-RPT and DANE.
#[derive(Debug, Parser)]
#[command(name = "sealpost", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    /// When to use colour; it only repeats what words say.
    #[arg(
        long = "color",
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) colour: Colour,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Audit domains: record, policy host, policy, every MX on every address, TLS-RPT.
    Check(Box<CheckArguments>),
    /// Tell a mail server what the MTA-STS policy and the TLSA records of a next hop demand.
    Enforce(Box<EnforceArguments>),
    /// Publish the policies of many domains, and lead each safely to enforce.
    Publish(PublishArguments),
    /// Take in TLS reports, by mail and by HTTPS, and explain them.
    Receive(Box<ReceiveArguments>),
    /// Count the TLS sessions of a mail server, for TLS reports.
    Report(Box<ReportArguments>),
    /// Make incidents of what is known, and tell people of them.
    Alert(Box<AlertArguments>),
    /// Run every role that the configuration names, as one daemon.
    Serve(Box<ServeArguments>),
    /// Make, check and describe the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look after the file in which everything is kept.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Look after who may see the pages of `serve`, and change something there.
    #[command(subcommand)]
    Web(WebCommand),
    /// Explain a rule, or list all.
    Rule(RuleArguments),
    /// Explain what a failure in a TLS report means, or list all causes.
    Failure(FailureArguments),
    /// Print the reference of all metrics, or a dashboard of them.
    Metrics(MetricsArguments),
    /// Work on a policy text before it goes live.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Work on a DNS record before it goes live.
    #[command(subcommand)]
    Record(RecordCommand),
    /// Run a mail internet on loopback and check every domain in it.
    Lab(LabArguments),
    /// Print shell completions, to be sourced or installed.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a directory.
    Man {
        /// The directory; it must exist.
        directory: PathBuf,
    },
}

/// How to reach the network; each flag overrides the settings file.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArguments {
    /// Settings in TOML: resolvers, ports, roots, deadlines.
    #[arg(long, value_name = "FILE", env = "SEALPOST_NETWORK")]
    pub(crate) network: Option<PathBuf>,
    /// Ask this DNS resolver, as ADDRESS or ADDRESS:PORT; may be given several times.
    #[arg(long = "resolver", value_name = "ADDRESS", value_parser = resolver)]
    pub(crate) resolvers: Vec<SocketAddr>,
    /// The port of policy hosts.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) https_port: Option<u16>,
    /// The port of MX hosts.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) smtp_port: Option<u16>,
    /// Trust the certificates in this PEM file and no others.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust_roots: Option<PathBuf>,
    /// Connect into this network although it is not public; may be given several times.
    #[arg(long = "allow-network", value_name = "CIDR")]
    pub(crate) allowed_networks: Vec<IpNetwork>,
    /// The name to give in EHLO.
    #[arg(long, value_name = "NAME")]
    pub(crate) ehlo_name: Option<String>,
    /// Wait at most this many seconds for one reply.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=600))]
    pub(crate) timeout: Option<u16>,
    /// Judge dates as of this time, such as 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct RuleArguments {
    /// The code, such as STS107, or the name.
    pub(crate) code: Option<String>,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: RuleFormat,
}

#[derive(Debug, Args)]
pub(crate) struct FailureArguments {
    /// A code such as FAIL201, a result type, or a reason code as it stands in the report.
    #[arg(value_name = "CODE|RESULT|REASON")]
    pub(crate) what: Option<String>,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: RuleFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Judge a policy text: exit status 0 if senders can use it, 1 if not.
    Lint {
        /// A file, `-` for standard input, or the URL of a live policy.
        #[arg(value_name = "FILE|URL")]
        source: OsString,
        /// How to show it.
        #[arg(long, default_value = "human", value_name = "FORMAT")]
        format: Format,
        #[command(flatten)]
        network: Box<NetworkArguments>,
    },
    /// Ask whether a policy covers a mail host: exit status 0 if it does, 1 if not.
    Match {
        /// The policy, or `-` for standard input.
        file: PathBuf,
        /// The name in the MX record.
        host: String,
    },
    /// Make a policy and the records that go with it; asks for what is not given.
    New(NewPolicyArguments),
}

#[derive(Debug, Args)]
pub(crate) struct NewPolicyArguments {
    /// The domain that receives the mail.
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// What senders do when a mail host fails; begin with testing.
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<ModeName>,
    /// How long senders remember the policy, in seconds; 86400 in testing, else 604800.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=31_557_600))]
    pub(crate) max_age: Option<u32>,
    /// A mail host, or `*.` and a domain; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) mx: Vec<String>,
    /// The patterns of a provider; may be given several times.
    #[arg(long = "provider", value_name = "PROVIDER")]
    pub(crate) providers: Vec<ProviderName>,
    /// Write the policy into this file too, ready to be served.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Judge the text of an STS or TLS-RPT record: exit status 0 if senders can use it, 1 if not.
    Lint {
        /// The text, such as 'v=STSv1; id=20261101'; `-` reads it from standard input.
        #[arg(allow_hyphen_values = true)]
        text: OsString,
        /// How to show it.
        #[arg(long, default_value = "human", value_name = "FORMAT")]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleFormat {
    Human,
    Json,
    /// The reference page.
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct MetricsArguments {
    /// What to print.
    #[arg(long, default_value = "markdown", value_name = "FORMAT")]
    pub(crate) format: MetricsFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricsFormat {
    /// The reference page.
    Markdown,
    /// A dashboard that Grafana imports.
    Grafana,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Note,
    Warning,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartName {
    /// The STS record, the policy host, the policy.
    Sts,
    /// The TLS-RPT record.
    Tlsrpt,
    /// The MX hosts: DNS and a dialogue with each.
    Mx,
    /// What the DNS says of the MX hosts, where port 25 is closed to you.
    MxRecords,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeName {
    /// Report failures and deliver all the same.
    Testing,
    /// Do not deliver to hosts that fail.
    Enforce,
    /// There is no MTA-STS any more.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProviderName {
    GoogleWorkspace,
    #[value(name = "microsoft-365")]
    Microsoft365,
    Proofpoint,
    /// Your own hosts, each named by --mx.
    SelfHosted,
}

impl ProviderName {
    /// As it is written in a configuration.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::GoogleWorkspace => "google-workspace",
            Self::Microsoft365 => "microsoft-365",
            Self::Proofpoint => "proofpoint",
            Self::SelfHosted => "self-hosted",
        }
    }
}

/// A point in time.
fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write a time as in 2027-01-01T00:00:00Z".to_owned())
}

/// A resolver's address, with the port of DNS where none is given.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>().ok();
    let alone = || text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53));
    with_port
        .or_else(alone)
        .ok_or_else(|| "write an IP address, or address and port as 192.0.2.1:53".to_owned())
}
