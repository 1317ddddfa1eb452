//! `sealpost enforce` and what is below it.

mod cache;
mod setup;
pub(crate) use cache::{CacheCommand, ImportArguments, Peer, WarmArguments};
pub(crate) use setup::{SetupArguments, SetupCommand};

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealpost_enforce::{Seconds, Section};
use sealpost_listen::Address;

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

    /// Where the policies are kept.
    pub(crate) fn store_file(&self) -> Result<PathBuf, Failure> {
        match &self.store {
            Some(store) => Ok(store.clone()),
            None => Ok(self.load()?.enforce.store_file()),
        }
    }

    /// The same if a flag or the configuration names it, or else if it is there.
    pub(crate) fn store_if_any(&self) -> Result<Option<PathBuf>, Failure> {
        let file = self.store_file()?;
        let is_named = self.store.is_some() || self.load()?.enforce.store.is_some();
        Ok((is_named || file.exists()).then_some(file))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnforceCommand {
    /// Say what would be answered about a domain, and why: looked up now, beside what is kept.
    Why(Box<WhyArguments>),
    /// Make a mail server ask, and undo it.
    #[command(subcommand)]
    Setup(SetupCommand),
    /// Look at what is remembered, and change it.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Print what is remembered, a domain a line, for `import` to take back.
    Dump(ConfigurationArguments),
    /// Take over the policies that another program remembers.
    Import(ImportArguments),
    /// Find out about the domains of a list or a mail log before mail waits for them.
    Warm(WarmArguments),
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
