//! Arguments of `sealpost web`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ReceiveConfiguration;

#[derive(Debug, Subcommand)]
pub(crate) enum WebCommand {
    /// Make the hash of a password, for `password_file` in the section `web`.
    Password(PasswordArguments),
    /// Make, list and revoke tokens, by which programs ask `/api/v1`.
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Debug, Args)]
#[command(
    after_help = "The password is read from the terminal, where it is not shown, or else from the \
                  first line of standard input. It must have 12 to 1024 octets.\n\n\
                  Exit status: 0 done, 2 could not run."
)]
pub(crate) struct PasswordArguments {
    /// Write the hash into this file, readable for its owner only, instead of showing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it; it is shown this once.
    New(NewTokenArguments),
    /// Say which tokens there are.
    List(ListTokensArguments),
    /// Revoke a token: from then on it is worth nothing.
    Revoke(RevokeTokenArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Give it as `Authorization: Bearer TOKEN`. Only its hash is kept.\n\n\
                        Exit status: 0 made, 1 the name is taken, 2 could not run.")]
pub(crate) struct NewTokenArguments {
    /// What you call it, at most 64 characters.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it may do.
    #[arg(long, value_name = "RIGHTS", default_value = "read")]
    pub(crate) scope: ScopeName,
    /// It ends after so many days; by default when it is revoked.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) days: Option<u16>,
    /// Who, for the audit log; by default the user that runs the command.
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true, default_value = "somebody")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
}

#[derive(Debug, Args)]
pub(crate) struct ListTokensArguments {
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 revoked, 1 there is none of this name, 2 could not run.")]
pub(crate) struct RevokeTokenArguments {
    /// What you call it.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Who, for the audit log; by default the user that runs the command.
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true, default_value = "somebody")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeName {
    /// Look at everything.
    Read,
    /// Change something too.
    Write,
}
