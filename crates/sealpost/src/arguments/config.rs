//! Arguments of `sealpost config`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mail_domain::DomainName;
use mta_sts::MxPattern;

use super::{Format, ProviderName};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write a configuration for what you need, with comments; asks for what is not given.
    Init(InitArguments),
    /// Read a configuration as `serve` does, and say everything that is wrong with it.
    Check(ConfigCheckArguments),
    /// Print the JSON Schema of the configuration, for editors and programs.
    Schema,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 written, 2 could not run.")]
pub(crate) struct InitArguments {
    /// The file to write; nothing may have this name yet. `-` prints it.
    #[arg(value_name = "FILE", default_value = "sealpost.toml")]
    pub(crate) file: PathBuf,
    /// A domain of yours that receives mail; may be given several times.
    #[arg(long = "domain", value_name = "DOMAIN")]
    pub(crate) domains: Vec<DomainName>,
    /// What sends your mail and shall ask where it must be encrypted: by default Postfix, if it is
    /// installed here.
    #[arg(long, value_name = "SERVER")]
    pub(crate) sending: Option<SendingName>,
    /// How TLS reports about your domains come in: by default by mail.
    #[arg(long, value_name = "WAY")]
    pub(crate) receive: Option<ReceivingName>,
    /// The server of the mailbox that reports come to.
    #[arg(long, value_name = "HOST")]
    pub(crate) imap_host: Option<DomainName>,
    /// The user of that mailbox.
    #[arg(long, value_name = "USER")]
    pub(crate) imap_user: Option<String>,
    /// Who serves the MTA-STS policies of your domains: by default nobody.
    #[arg(long, value_name = "WHO")]
    pub(crate) publish: Option<PublishingName>,
    /// A mail host of your domains, or `*.` and a domain; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) mx: Vec<MxPattern>,
    /// The mail hosts of a provider; may be given several times.
    #[arg(long = "provider", value_name = "PROVIDER")]
    pub(crate) providers: Vec<ProviderName>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "It looks at the text, the files that it names and who may read secrets, addresses \
                  that two want, and roles. It opens no socket and no store, and shows no secret. \
                  It judges for the user who runs it: run it as the service does.\n\n\
                  Exit status: 0 nothing to complain of but notes, 1 there are errors or warnings, \
                  2 could not run."
)]
pub(crate) struct ConfigCheckArguments {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SendingName {
    Postfix,
    /// None that asks sealpost.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReceivingName {
    /// A mail server hands them on, by SMTP or LMTP.
    Mail,
    /// They lie in a mailbox.
    Imap,
    /// Not here.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PublishingName {
    /// sealpost, with certificates of its own.
    Own,
    /// Another web server; sealpost looks on and says what to do.
    External,
    /// Nobody.
    None,
}
