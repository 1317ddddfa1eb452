//! `sealpost receive` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;

use super::{Format, NetworkArguments};
use crate::configuration::Configuration;
use crate::outcome::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiveCommand {
    /// Take in reports: mails, files, folders, Maildirs, mailbox files, standard input.
    Import(Box<ReceiveImportArguments>),
    /// Read again what could not be read, or not by this version.
    Reparse(Box<ReparseArguments>),
    /// Sum up what was reported: sessions, domains, reporters.
    Summary(SummaryArguments),
}

/// Where the reports are kept.
#[derive(Debug, Args)]
pub(crate) struct ReceiveStoreArguments {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Keep the reports in this file, and what came in in a second one beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

/// How reports are judged.
#[derive(Debug, Args)]
pub(crate) struct JudgementArguments {
    /// Only reports on this domain count; may be given several times. Without it, all do.
    #[arg(long = "domain", value_name = "DOMAIN", value_parser = domain)]
    pub(crate) domains: Vec<DomainName>,
    /// Look up no keys: mails whose signature needs one are unverified.
    #[arg(long)]
    pub(crate) no_dns: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Folders are searched, links in them are not followed. What has come before is \
                  not counted again, so that an import may be repeated.\n\n\
                  Exit status: 0 all was read, 1 some was not and is kept apart or left, 2 could \
                  not run, 3 the keys of some signatures could not be looked up: `reparse` tries \
                  them again. With - for a mail server: 0 it is stored, 65 it is too long, 75 \
                  could not store it, try again."
)]
pub(crate) struct ReceiveImportArguments {
    /// Files, folders, Maildirs, mailbox files; `-` is one mail or report on standard input.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to show what became of it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReceiveStoreArguments,
    #[command(flatten)]
    pub(crate) judgement: JudgementArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 all was read, 1 some was not and stays apart, 2 could not \
                        run, 3 the keys of some signatures could not be looked up.")]
pub(crate) struct ReparseArguments {
    /// Read everything again, also what was read by this version: after an import with --no-dns.
    #[arg(long)]
    pub(crate) all: bool,
    /// How to show what became of it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReceiveStoreArguments,
    #[command(flatten)]
    pub(crate) judgement: JudgementArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "What nobody vouches for and what is not about our domains is shown \
                        apart; it counts for nothing.\n\nExit status: 0 done, 2 could not run.")]
pub(crate) struct SummaryArguments {
    /// From this day on, such as 2026-11-01.
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<Day>,
    /// Up to this day.
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<Day>,
    /// Show the domains of the reports that nobody vouches for.
    #[arg(long)]
    pub(crate) unverified: bool,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) store: ReceiveStoreArguments,
}

impl ReceiveStoreArguments {
    /// Where the reports are kept.
    pub(crate) fn file(&self) -> Result<PathBuf, Failure> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let config = self.config.as_deref().filter(|path| !path.as_os_str().is_empty());
        Ok(Configuration::load(config)?.enforce.store_file())
    }
}

fn domain(text: &str) -> Result<DomainName, String> {
    DomainName::parse(text).map_err(|error| error.to_string())
}
