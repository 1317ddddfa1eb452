//! `sealpost enforce` and what is below it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use sealpost_listen::Address;

use super::{Format, NetworkArguments};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "It runs until it is interrupted or terminated, and answers what has arrived \
                  before it ends. A mail server whose default level is dane should not ask it yet: \
                  the answer for an enforced policy would override DANE.\n\n\
                  Exit status: 0 ended as told, 2 could not run."
)]
pub(crate) struct EnforceArguments {
    #[command(subcommand)]
    pub(crate) command: Option<EnforceCommand>,
    /// Listen here: 127.0.0.1:8461, unix:/run/sealpost/enforce.sock (,mode=0660 behind it), or
    /// systemd:NAME; may be given several times.
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub(crate) listen: Vec<Address>,
    /// Keep the policies in this file; it is made if it is missing.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) store: Option<PathBuf>,
    /// Answer after this many seconds at the latest.
    #[arg(long, value_name = "SECONDS", default_value = "3")]
    pub(crate) deadline: Seconds,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnforceCommand {
    /// Say what would be answered about a domain, and why, with nothing cached.
    Why(Box<WhyArguments>),
    /// Look at what is remembered, and change it.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Print what is remembered, a domain a line, for `import` to take back.
    Dump(StoreArguments),
    /// Take over the policies that another program remembers.
    Import(ImportArguments),
    /// Find out about the domains of a list or a mail log before mail waits for them.
    Warm(WarmArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List the domains of which something is remembered.
    List {
        #[command(flatten)]
        store: StoreArguments,
        /// How to show it; JSON is one object a line.
        #[arg(long, default_value = "human", value_name = "FORMAT")]
        format: Format,
    },
    /// Show all that is remembered of a domain: exit status 1 if that is nothing.
    Show {
        /// The domain, as U-label or A-label.
        domain: String,
        #[command(flatten)]
        store: StoreArguments,
        /// How to show it.
        #[arg(long, default_value = "human", value_name = "FORMAT")]
        format: Format,
    },
    /// Look up and fetch now; what is held applies until there is better.
    #[command(after_help = CARRIED_OUT)]
    Refresh {
        /// The domains, as U-labels or A-labels.
        #[arg(required = true, value_name = "DOMAIN")]
        domains: Vec<String>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Forget domains, with policies that apply; mail then goes out unprotected until the next fetch.
    #[command(after_help = CARRIED_OUT)]
    Purge {
        /// The domains, as U-labels or A-labels.
        #[arg(required = true, value_name = "DOMAIN")]
        domains: Vec<String>,
        #[command(flatten)]
        store: StoreArguments,
        /// Forget policies in mode enforce too.
        #[arg(long)]
        yes: bool,
    },
}

const CARRIED_OUT: &str = "The daemon carries it out: at once if it runs, else at its next start.\n\n\
                           Exit status: 0 done, 2 could not run, 3 no daemon took it yet.";

/// Where the daemon keeps its policies.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// The file in which the daemon keeps the policies.
    #[arg(long = "store", value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The daemon fetches each policy anew: at once if it runs, else at its next \
                        start. Until then what was taken over applies, as long as its own max_age \
                        allows.\n\n\
                        Exit status: 0 all was taken over, 1 some was not, 2 could not run."
)]
pub(crate) struct ImportArguments {
    /// The files; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Whose they are.
    #[arg(long, default_value = "auto", value_name = "PROGRAM")]
    pub(crate) from: Peer,
    /// Put the policies into this file; it is made if it is missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Whatever the file looks like.
    Auto,
    /// What `sealpost enforce dump` has printed.
    Sealpost,
    /// Its SQLite cache.
    PostfixMtaStsResolver,
    /// Its cache file, or what `-dump` or `-export` has printed.
    PostfixTlspol,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The daemon asks about those that it does not know, some at a time: at once \
                        if it runs, else at its next start.\n\n\
                        Exit status: 0 all was read, 1 some was not, 2 could not run."
)]
pub(crate) struct WarmArguments {
    /// Domains, one a line, or a mail log of Postfix or Exim; `-` is standard input.
    pub(crate) file: PathBuf,
    /// The file in which the daemon keeps the policies; it is made if it is missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: PathBuf,
    /// Take no more than so many domains.
    #[arg(long, value_name = "NUMBER", default_value = "100000",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 it could be told, 2 could not run, 3 could not tell.")]
pub(crate) struct WhyArguments {
    /// The domain, as U-label or A-label.
    pub(crate) domain: String,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// A time from 0.1 to 60 seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(Duration);

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f64>() {
            Ok(seconds) if (0.1..=60.0).contains(&seconds) => {
                Ok(Self(Duration::from_secs_f64(seconds)))
            }
            _ => Err("write a number of seconds from 0.1 to 60"),
        }
    }
}
