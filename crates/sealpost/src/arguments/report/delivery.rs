//! `sealpost report send`, `queue`, `suppress` and `bounce`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_store::submissions::SubmissionState;

use super::ReportConfiguration;
use crate::arguments::{Format, NetworkArguments};

#[derive(Debug, Args)]
#[command(
    after_help = "A domain gets one report for a day: of what was decided before, by the                         daemon or by this command, nothing changes; `sealpost report queue retry`                         sends again what failed. What is due in the queue is sent then, once; what                         fails the daemon tries again.

                        Exit status: 0 done, 1 a destination refused its report or is to be tried                         again, or there was no session, 2 could not run, 3 it could not be told                         where a domain wants its report."
)]
pub(crate) struct SendArguments {
    /// The day, such as 2026-11-25; it must be over.
    #[arg(long, value_name = "DAY")]
    pub(crate) day: Day,
    /// Only this domain.
    #[arg(long, value_name = "DOMAIN", value_parser = crate::arguments::receive::domain)]
    pub(crate) domain: Option<DomainName>,
    /// Say what would be sent where; nothing is written or sent.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) store: ReportConfiguration,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List reports on their way, and what became of them.
    List {
        /// Only those in this state.
        #[arg(long, value_name = "STATE")]
        state: Option<QueueState>,
        /// How to show it; JSON is one object a line.
        #[arg(long, default_value = "human", value_name = "FORMAT")]
        format: Format,
        #[command(flatten)]
        store: ReportConfiguration,
    },
    /// Give reports that were refused, have expired or were dropped another life.
    Retry {
        /// Their numbers, as `list` shows them.
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<i64>,
        #[command(flatten)]
        store: ReportConfiguration,
    },
    /// Give up reports that are to be sent.
    Drop {
        /// Their numbers, as `list` shows them.
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<i64>,
        #[command(flatten)]
        store: ReportConfiguration,
    },
}

/// How a submission stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum QueueState {
    /// It is sent only if the destinations before it fail.
    Reserve,
    /// It is to be sent.
    Waiting,
    /// It was taken.
    Accepted,
    /// It was refused, or came back.
    Refused,
    /// It failed until the time was over.
    Expired,
    /// Another destination has accepted the report.
    Spared,
    /// It was given up by hand.
    Dropped,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SuppressCommand {
    /// Send nothing to a destination for a while.
    Add {
        /// The URI as published, such as mailto:tls@example.com, or a host: then all of its
        /// destinations.
        #[arg(value_name = "DESTINATION")]
        destination: String,
        /// For how many days.
        #[arg(long, value_name = "NUMBER", default_value = "30", value_parser = clap::value_parser!(u16).range(1..))]
        days: u16,
        /// Why, for those who look later.
        #[arg(long, value_name = "TEXT", default_value = "by hand")]
        reason: String,
        #[command(flatten)]
        store: ReportConfiguration,
    },
    /// List the destinations that get nothing.
    List {
        /// How to show it; JSON is one object a line.
        #[arg(long, default_value = "human", value_name = "FORMAT")]
        format: Format,
        #[command(flatten)]
        store: ReportConfiguration,
    },
    /// Send to a destination again.
    Remove {
        /// As `list` shows it.
        #[arg(value_name = "DESTINATION")]
        destination: String,
        #[command(flatten)]
        store: ReportConfiguration,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "For the pipe of a mail server, at the return path of the reports. A                         destination whose report came back for good is held back. A mail that is no                         delivery status notification (RFC 3464), or about no report of ours, changes                         nothing.

                        Exit status: 0 done, 75 try again later: the store cannot be written."
)]
pub(crate) struct BounceArguments {
    /// The mail; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) store: ReportConfiguration,
}

impl From<QueueState> for SubmissionState {
    fn from(state: QueueState) -> Self {
        match state {
            QueueState::Reserve => Self::Reserve,
            QueueState::Waiting => Self::Waiting,
            QueueState::Accepted => Self::Accepted,
            QueueState::Refused => Self::Refused,
            QueueState::Expired => Self::Expired,
            QueueState::Spared => Self::Spared,
            QueueState::Dropped => Self::Dropped,
        }
    }
}
