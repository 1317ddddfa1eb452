//! `sealpost alert` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_store::incidents::IncidentId;

use super::{Format, NetworkArguments, moment};
use crate::configuration::Configuration;
use crate::outcome::Failure;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Receivers stand in the section [alert] of the configuration. It looks at what the \
                  other roles keep in the store, and runs until it is interrupted or terminated.\n\n\
                  Exit status: 0 ended as told, 2 could not run."
)]
pub(crate) struct AlertArguments {
    #[command(subcommand)]
    pub(crate) command: Option<AlertCommand>,
    #[command(flatten)]
    pub(crate) configuration: AlertConfiguration,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// Where the configuration and the incidents are.
#[derive(Debug, Args)]
pub(crate) struct AlertConfiguration {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The file in which incidents are kept, beside what they are made of.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Send a test to receivers, and say whether they took it.
    Test(Box<AlertTestArguments>),
    /// List incidents.
    List(AlertListArguments),
    /// Show one incident, and what was told of it.
    Show(AlertShowArguments),
    /// Take an incident in hand: nobody is told of it again until the end.
    Ack(AlertAckArguments),
    /// Say what would be told now, and to whom; nothing is changed or sent.
    Preview(AlertPreviewArguments),
    /// Print the reference of everything that people are told of, as Markdown.
    Causes,
}

#[derive(Debug, Args)]
#[command(after_help = "It is sent at once, past quiet hours, and marked as a test.\n\n\
                        Exit status: 0 all took it, 1 one did not, 2 could not run.")]
pub(crate) struct AlertTestArguments {
    /// The receiver; all, if none is named. May be given several times.
    #[arg(long = "receiver", value_name = "NAME")]
    pub(crate) receivers: Vec<String>,
    #[command(flatten)]
    pub(crate) configuration: AlertConfiguration,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 none is open, 1 at least one is, 2 could not run.")]
pub(crate) struct AlertListArguments {
    /// Only those of this domain.
    #[arg(value_name = "DOMAIN", value_parser = super::receive::domain)]
    pub(crate) domain: Option<DomainName>,
    /// Which.
    #[arg(long, value_name = "PHASE", default_value = "open")]
    pub(crate) phase: WhichPhase,
    /// How many, the last first.
    #[arg(long, default_value = "100", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// How to show them.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) configuration: AlertConfiguration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhichPhase {
    /// Seen, and not for long enough yet.
    Pending,
    Open,
    Resolved,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 shown, 1 there is none of this id, 2 could not run.")]
pub(crate) struct AlertShowArguments {
    /// The id, as `alert list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: IncidentId,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) configuration: AlertConfiguration,
}

#[derive(Debug, Args)]
#[command(after_help = "If it is over before, that is told all the same.\n\n\
                        Exit status: 0 done, 1 there is no open incident of this id, 2 could not run.")]
pub(crate) struct AlertAckArguments {
    /// The id, as `alert list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: IncidentId,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Until when, such as 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Timestamp,
    /// Who; by default the user that runs the command.
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true, default_value = "somebody")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) configuration: AlertConfiguration,
}

#[derive(Debug, Args)]
#[command(
    after_help = "It looks at everything at once, which takes a while with many domains.\n\n\
                        Exit status: 0 nobody would be told, 1 somebody would, 2 could not run."
)]
pub(crate) struct AlertPreviewArguments {
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Take this for the time, such as 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) configuration: AlertConfiguration,
}

impl AlertConfiguration {
    /// What is configured, with the flags over it.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        let file = self.config.as_deref().filter(|path| !path.as_os_str().is_empty());
        let mut configuration = Configuration::load(file)?;
        if let Some(store) = &self.store {
            configuration.alert.store = Some(store.clone());
        }
        Ok(configuration)
    }

    /// Where incidents are kept.
    pub(crate) fn store_file(&self) -> Result<PathBuf, Failure> {
        match &self.store {
            Some(store) => Ok(store.clone()),
            None => Ok(self.load()?.alert.store_file()),
        }
    }
}
