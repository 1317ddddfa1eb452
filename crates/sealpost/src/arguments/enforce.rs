//! `sealpost enforce` and what is below it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use sealpost_enforce::setup::Endpoint;
use sealpost_listen::Address;
use sealpost_net::{Probe, Probes};

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
    /// Make a mail server ask, and undo it.
    #[command(subcommand)]
    Setup(SetupCommand),
}

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
