//! Arguments of `sealpost check`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mail_domain::DomainName;

use super::{FailOn, Format, NetworkArguments, PartName, resolver};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Exit status: 0 clean, 1 findings at or above --fail-on, 2 could not run (wrong \
                  usage, a file that can't be read or written), 3 could not tell. With --format \
                  nagios: 0 ok, 1 warnings, 2 errors, 3 could not tell or could not run.\n\n\
                  A domain that is called like a command is written with a trailing dot: `diff.`"
)]
pub(crate) struct CheckArguments {
    #[command(subcommand)]
    pub(crate) command: Option<CheckCommand>,
    /// The domains, as U-labels or A-labels.
    #[arg(
        required_unless_present_any = ["from", "zone", "axfr", "evidence", "schema"],
        value_name = "DOMAIN"
    )]
    pub(crate) domains: Vec<String>,
    /// Show the results in this form; those of a list come as they are found.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: CheckFormat,
    /// The lowest severity that makes the exit status 1.
    #[arg(long, default_value = "error", value_name = "SEVERITY")]
    pub(crate) fail_on: FailOn,
    /// Look at these parts only, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    pub(crate) only: Vec<PartName>,
    /// Keep all that was seen in this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_evidence: Option<PathBuf>,
    /// Judge what was kept in this file, with no network.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "domains", "from", "zone", "axfr", "output", "save_evidence", "only", "resolvers",
            "https_port", "smtp_port", "trust_roots", "allowed_networks", "ehlo_name", "timeout",
            "at",
        ]
    )]
    pub(crate) evidence: Option<PathBuf>,
    /// Print the JSON Schema of the results.
    #[arg(long, conflicts_with_all = ["domains", "from", "zone", "axfr", "evidence"])]
    pub(crate) schema: bool,
    #[command(flatten)]
    pub(crate) list: ListArguments,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// Many domains in one run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Lists")]
pub(crate) struct ListArguments {
    /// Look at the domains of this list, one a line, or `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["domains", "zone", "axfr"])]
    pub(crate) from: Option<PathBuf>,
    /// Look at every name of this zone file that takes mail, or `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["domains", "axfr"])]
    pub(crate) zone: Option<PathBuf>,
    /// What the names of the zone file are relative to, where it does not say so itself.
    #[arg(long, value_name = "DOMAIN", requires = "zone")]
    pub(crate) origin: Option<String>,
    /// Look at every name of a zone that takes mail; the name server must allow the transfer.
    #[arg(
        long,
        value_name = "ZONE@ADDRESS",
        conflicts_with = "domains",
        value_parser = zone_at_server
    )]
    pub(crate) axfr: Option<Zone>,
    /// The key with which the transfer is signed (TSIG), as tsig-keygen writes it, or as
    /// algorithm:name:secret.
    #[arg(long, value_name = "FILE", requires = "axfr")]
    pub(crate) tsig_key: Option<PathBuf>,
    /// Look at so many domains at the same time.
    #[arg(
        long,
        default_value = "128",
        value_name = "NUMBER",
        conflicts_with = "domains",
        value_parser = clap::value_parser!(u16).range(1..=4096)
    )]
    pub(crate) at_once: u16,
    /// Write the results into this file, which must not exist yet, and a summary to standard
    /// output.
    #[arg(long, value_name = "FILE", conflicts_with = "domains")]
    pub(crate) output: Option<PathBuf>,
    /// Go on with the file where an earlier run with --format json was stopped, and with that of
    /// --save-evidence.
    #[arg(long, requires = "output")]
    pub(crate) resume: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckCommand {
    /// Sum up kept results: adoption, modes, findings by rule, the worst.
    Summary(ResultsArguments),
    /// Tell what changed between two runs: exit status 1 if a finding at or above --fail-on is new.
    Diff(DiffArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ResultsArguments {
    /// What `sealpost check --format json` wrote, or `-` for standard input.
    pub(crate) file: PathBuf,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: SummaryFormat,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The results of the earlier run.
    pub(crate) old: PathBuf,
    /// The results of the later run, or `-` for standard input.
    pub(crate) new: PathBuf,
    /// How to show it; JSON is one object for each domain that changed.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    /// The lowest severity of a new finding that makes the exit status 1.
    #[arg(long, default_value = "error", value_name = "SEVERITY")]
    pub(crate) fail_on: FailOn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people: a page for each domain, a line for each domain of a list.
    Human,
    /// One object a line.
    Json,
    /// One row for each finding.
    Csv,
    /// Test reports of build servers.
    Junit,
    /// Code scanning, SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// One line for a monitoring system.
    Nagios,
    /// A text file for node_exporter.
    Prometheus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryFormat {
    Human,
    Json,
    /// A page that needs nothing beside it.
    Html,
    /// A bar for each verdict.
    Svg,
}

/// A zone, and a name server that gives it away.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: DomainName,
    pub(crate) server: SocketAddr,
}

fn zone_at_server(text: &str) -> Result<Zone, String> {
    let (name, server) = text
        .split_once('@')
        .ok_or_else(|| "write ZONE@ADDRESS, as example.com@192.0.2.1".to_owned())?;
    let name = DomainName::parse(name).map_err(|error| error.to_string())?;
    Ok(Zone { name, server: resolver(server)? })
}
