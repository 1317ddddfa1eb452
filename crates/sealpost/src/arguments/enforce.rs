//! `sealpost enforce` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealpost_enforce::{Seconds, Section};
use sealpost_enforce::setup::Endpoint;
use sealpost_listen::Address;
use sealpost_net::{Probe, Probes};

use super::{Format, NetworkArguments};
use crate::configuration::Configuration;
use crate::outcome::Failure;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "What stands in the section [enforce] of the configuration, flags override. \
                  It runs until it is interrupted or terminated, and answers what has arrived \
                  before it ends; at SIGHUP it reads the exceptions again.\n\n\
                  Exit status: 0 ended as told, 2 could not run."
)]
pub(crate) struct EnforceArguments {
    #[command(subcommand)]
    pub(crate) command: Option<EnforceCommand>,
    #[command(flatten)]
    pub(crate) configuration: ConfigurationArguments,
    /// Listen here: 127.0.0.1:8461, unix:/run/sealpost/enforce.sock (,mode=0660 behind it), or
    /// systemd:NAME; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Vec<Address>,
    /// Speak HTTP here, for this machine: /v1/enforce/DOMAIN, /metrics, /health.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http: Vec<Address>,
    /// Answer after this many seconds at the latest; 3 unless configured otherwise.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) deadline: Option<Seconds>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// Where the configuration and the policies are.
#[derive(Debug, Args)]
pub(crate) struct ConfigurationArguments {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Keep the policies in this file; it is made if it is missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

impl EnforceArguments {
    /// What is configured, with the flags over it.
    pub(crate) fn over(&self, mut section: Section) -> Section {
        if !self.listen.is_empty() {
            section.listen.clone_from(&self.listen);
        }
        if !self.http.is_empty() {
            section.http.clone_from(&self.http);
        }
        if let Some(store) = &self.configuration.store {
            section.store = Some(store.clone());
        }
        if let Some(deadline) = self.deadline {
            section.deadline = deadline;
        }
        section
    }
}

impl ConfigurationArguments {
    /// The configuration, or what holds without one.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        Configuration::load(self.config.as_deref().filter(|path| !path.as_os_str().is_empty()))
    }

    /// The store that is named by a flag or by the configuration.
    pub(crate) fn named_store(&self) -> Result<Option<PathBuf>, Failure> {
        match &self.store {
            Some(store) => Ok(Some(store.clone())),
            None => Ok(self.load()?.enforce.store),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnforceCommand {
    /// Say what would be answered about a domain, and why: looked up now, beside what is kept.
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
    pub(crate) configuration: ConfigurationArguments,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}
