//! What leads domains on: `sealpost publish run`, `move`, `waive`, `accept`, `past`
//! and `history`.

use std::path::PathBuf;

use clap::Args;
use mail_domain::DomainName;
use sealpost_rollout::Stage;

use super::{PastWord, PublishConfiguration};
use crate::arguments::{Format, NetworkArguments};

#[derive(Debug, Args)]
#[command(
    after_help = "A pass looks at each domain, decides, and publishes what its stage asks for. \
                        Without --apply it tells what it would do and changes nothing, neither in \
                        the store nor in the zone.\n\n\
                        Exit status: 0 nothing is left to do, 1 a person or a server is waited for, \
                        2 could not run."
)]
pub(crate) struct RunArguments {
    /// The domains; all that are configured, if none is named. Named ones need not be due.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domains: Vec<DomainName>,
    /// One pass, and no more.
    #[arg(long, required = true)]
    pub(crate) once: bool,
    /// Tell what would be done, which is what happens without --apply too.
    #[arg(long, conflicts_with = "apply")]
    pub(crate) dry_run: bool,
    /// Do it.
    #[arg(long)]
    pub(crate) apply: bool,
    /// How to show it; JSON is one object a line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) configuration: PublishPaths,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// Where the configuration and the store are, for commands that have the time from the network.
#[derive(Debug, Args)]
pub(crate) struct PublishPaths {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The file in which stages and histories are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

/// Who says something, and why.
#[derive(Debug, Args)]
pub(crate) struct Statement {
    /// Why, for the logbook.
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: String,
    /// Who says so, for the logbook.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "an operator")]
    pub(crate) by: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Onward, the move is made if every condition holds. testing leads back from \
                        enforce, leaving out of MTA-STS, record back in.\n\n\
                        Exit status: 0 moved, 1 refused, 2 could not run."
)]
pub(crate) struct MoveArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    /// The stage to move to.
    #[arg(value_name = "STAGE")]
    pub(crate) stage: Stage,
    /// Move on though evidence is missing. What a look of our own finds wrong is never passed over.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) statement: Statement,
    #[command(flatten)]
    pub(crate) configuration: PublishPaths,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct WaiveArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    #[command(flatten)]
    pub(crate) statement: Statement,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

#[derive(Debug, Args)]
#[command(
    after_help = "`sealpost publish run --once DOMAIN` names the kinds of failures that nobody \
                        has explained."
)]
pub(crate) struct AcceptArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    /// The kind of failure, such as sts/certificate-expired/mx2.example.com.
    #[arg(value_name = "GROUP", required = true)]
    pub(crate) groups: Vec<String>,
    #[command(flatten)]
    pub(crate) statement: Statement,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Dates of plans and the end of the way out follow it. What is known to have been \
                        served since the domain was taken up counts all the same."
)]
pub(crate) struct PastArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    /// What was served before: nothing, the longest max_age in seconds, or unknown.
    #[arg(value_name = "PAST")]
    pub(crate) past: PastWord,
    #[command(flatten)]
    pub(crate) statement: Statement,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    /// How to show it; JSON is one object a line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}
