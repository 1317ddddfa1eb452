//! `sealpost enforce setup`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealpost_enforce::setup::Endpoint;
use sealpost_net::{Probe, Probes};

use crate::arguments::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum SetupCommand {
    /// Print or write the lines of main.cf that make Postfix ask; see whether its resolver validates.
    Postfix(Box<SetupArguments>),
}

#[derive(Debug, Args)]
#[command(
    after_help = "It asks postconf what is there, and each resolver that Postfix uses whether \
                        it validates DNSSEC. Without --write and --undo nothing is changed.\n\n\
                        Exit status: 0 nothing is in the way, 1 there are warnings, or --undo left \
                        something alone, 2 could not run, 3 could not tell whether a resolver \
                        validates."
)]
pub(crate) struct SetupArguments {
    /// Where sealpost listens: 127.0.0.1:8461, inet: before it or not, or
    /// unix:/run/sealpost/enforce.sock.
    #[arg(long, value_name = "ADDRESS", default_value = "inet:127.0.0.1:8461")]
    pub(crate) listen: Endpoint,
    /// Write the lines into main.cf; what was there before is saved beside it.
    #[arg(long)]
    pub(crate) write: bool,
    /// Put back what --write has changed.
    #[arg(long, conflicts_with_all = ["write", "listen", "signed_name", "bogus_names"])]
    pub(crate) undo: bool,
    /// The postconf program.
    #[arg(long, value_name = "FILE", default_value = "postconf")]
    pub(crate) postconf: PathBuf,
    /// The folder of main.cf, if it is not the usual one.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) config_directory: Option<PathBuf>,
    /// Ask the resolvers about this name, which is signed (NAME or NAME/TYPE), in the place of the
    /// root.
    #[arg(long, value_name = "NAME", help_heading = "Resolver probe")]
    pub(crate) signed_name: Option<Probe>,
    /// Ask them about this name, which is signed wrongly, in the place of some on the Internet that
    /// are so on purpose; may be given several times.
    #[arg(long = "bogus-name", value_name = "NAME", help_heading = "Resolver probe")]
    pub(crate) bogus_names: Vec<Probe>,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
}

impl SetupArguments {
    /// What the resolvers are asked.
    pub(crate) fn probes(&self) -> Probes {
        let mut probes = Probes::default();
        if let Some(name) = &self.signed_name {
            probes = probes.with_secure(name.clone());
        }
        if !self.bogus_names.is_empty() {
            probes = probes.with_bogus(self.bogus_names.iter().cloned());
        }
        probes
    }
}
