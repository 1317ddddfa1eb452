//! `sealpost enforce cache`, `dump`, `import` and `warm`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ConfigurationArguments;
use crate::arguments::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List the domains of which something is remembered.
    List {
        #[command(flatten)]
        configuration: ConfigurationArguments,
        /// How to show it; JSON is one object a line.
        #[arg(long, default_value = "human", value_name = "FORMAT")]
        format: Format,
    },
    /// Show all that is remembered of a domain: exit status 1 if that is nothing.
    Show {
        /// The domain, as U-label or A-label.
        domain: String,
        #[command(flatten)]
        configuration: ConfigurationArguments,
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
        configuration: ConfigurationArguments,
    },
    /// Forget domains, with policies that apply; mail then goes out unprotected until the next fetch.
    #[command(after_help = CARRIED_OUT)]
    Purge {
        /// The domains, as U-labels or A-labels.
        #[arg(required = true, value_name = "DOMAIN")]
        domains: Vec<String>,
        #[command(flatten)]
        configuration: ConfigurationArguments,
        /// Forget policies in mode enforce too.
        #[arg(long)]
        yes: bool,
    },
}

const CARRIED_OUT: &str = "The daemon carries it out: at once if it runs, else at its next start.\n\n\
                           Exit status: 0 done, 2 could not run, 3 no daemon took it yet.";

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
    #[command(flatten)]
    pub(crate) configuration: ConfigurationArguments,
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
    #[command(flatten)]
    pub(crate) configuration: ConfigurationArguments,
    /// Take no more than so many domains.
    #[arg(long, value_name = "NUMBER", default_value = "100000",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
}
