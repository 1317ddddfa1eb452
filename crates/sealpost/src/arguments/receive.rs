//! `sealpost receive` and what is below it.

use std::path::PathBuf;

use clap::Args;
use sealpost_listen::Address;
use sealpost_receive::Section;

use super::NetworkArguments;
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
    /// The configuration, or what holds without one.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        Configuration::load(self.config.as_deref().filter(|path| !path.as_os_str().is_empty()))
    }
}
