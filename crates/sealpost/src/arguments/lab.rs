//! `sealpost lab` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 every verdict as expected, everything on the tour as it should be, \
                  or ended as told; 1 not so; 2 could not run."
)]
pub(crate) struct LabArguments {
    #[command(subcommand)]
    pub(crate) command: Option<LabCommand>,
    /// Check the fleet and exit; the exit status is 1 if a verdict is not as expected. With --tour:
    /// take it as fast as it goes, and exit.
    #[arg(long, conflicts_with = "serve")]
    pub(crate) once: bool,
    /// Check nothing and show no pages: say how to use it, and run until interrupted or terminated.
    #[arg(long)]
    pub(crate) serve: bool,
    /// Lead a domain through a month, from nothing to enforce, past its faults, an attacker and a move
    /// of its mail hosts, with the pages beside it; the exit status is 1 if something is not to be
    /// seen that should be, or a number on the pages is not what the lab knows.
    #[arg(long, conflicts_with = "serve")]
    pub(crate) tour: bool,
    /// How many seconds a day of the tour takes, at least.
    #[arg(long, default_value_t = 4, requires = "tour", value_name = "SECONDS")]
    pub(crate) pace: u64,
    /// Whether a Postfix of this machine is one of those who send on the tour: an instance of its own, for
    /// which it has to be 3.10 or later, built with libtlsrpt, and started by root.
    #[arg(long, default_value = "auto", requires = "tour", value_name = "WHEN")]
    pub(crate) postfix: UsePostfix,
    /// Which ports to listen at; with --once any that are free, else those that are preferred.
    #[arg(long, value_name = "PORTS")]
    pub(crate) ports: Option<PortsName>,
    /// Keep the trust files and the settings in this directory, which is made if it is missing.
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// How to show the table; JSON is one object a line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Begin an attack in a lab that runs.
    Attack {
        /// The attack, as `sealpost lab attacks` lists them.
        name: String,
        /// A domain of the fleet, or '*' for all.
        domain: String,
        #[command(flatten)]
        lab: LabPlace,
    },
    /// End an attack in a lab that runs.
    Cease {
        /// The attack; `all` ends all.
        name: String,
        /// Where it was begun.
        domain: Option<String>,
        #[command(flatten)]
        lab: LabPlace,
    },
    /// Mend an MX host of a lab that runs: from now on it offers STARTTLS and shows a good certificate.
    Mend {
        /// The host, as `mx1.mx-certificate-expired.test`.
        host: String,
        #[command(flatten)]
        lab: LabPlace,
    },
    /// Write what senders of TLS reports would send on a made-up month, and show what is true of it.
    #[command(after_help = REPORTS)]
    Reports(ReportsArguments),
    /// List all attacks and what an honest sender must do; with --directory, also which are on.
    Attacks {
        #[command(flatten)]
        lab: LabPlace,
    },
}

const REPORTS: &str = "\
The senders behave as Google, Microsoft, Mail.ru, Stalwart and two installations of Postfix with \
tlsrpt-reporter, quirks included; some reports come twice, late, revised or forged. Each mail \
is a file. All are signed now; the keys are in the DNS of every lab. To see that `receive` comes to \
the same numbers:\n\n  \
sealpost lab --serve --directory lab\n  \
sealpost lab reports reports\n  \
sealpost receive import --network lab/network.toml --store store.sqlite reports\n  \
sealpost receive summary --store store.sqlite\n\n\
Exit status: 0 done, 2 could not run.";

#[derive(Debug, Args)]
pub(crate) struct ReportsArguments {
    /// Write the mails into this folder, which is made if it is missing and must be empty.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// How many days of traffic, the last of them yesterday.
    #[arg(long, default_value_t = 31, value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(1..=366))]
    pub(crate) days: u32,
    /// The same number makes the same traffic.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) seed: u64,
    /// How to show what is true: a table by domain, or one JSON object a line for each report that
    /// counts.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsePostfix {
    /// If one can be.
    Auto,
    /// It is an error if none can be.
    Always,
    /// A sender of the lab stands in.
    Never,
}

/// Which lab.
#[derive(Debug, Args)]
pub(crate) struct LabPlace {
    /// The lab's directory; without it, the only lab that runs in a temporary one.
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PortsName {
    /// DNS 53, HTTPS 443, SMTP 25, or an error: for root, or in a network namespace.
    Standard,
    /// DNS 5300, HTTPS 4443, SMTP 2525, and any other in place of a busy one.
    Preferred,
    /// Any that are free.
    Ephemeral,
}
