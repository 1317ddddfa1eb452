//! `sealpost receive` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, NetworkArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiveCommand {
    /// Explain a TLS report: who reports, how many sessions failed, what it means, what to do.
    Show(Box<ShowArguments>),
    /// Judge a TLS report for its sender: what is wrong, where, and how to mend it.
    Lint(LintArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Takes reports as they come: a mail, also a forwarded one or with several \
                        reports, gzip, zip, JSON. Needs no store and no configuration, and asks \
                        nobody anything without --verify.\n\n\
                        Exit status: 0 all was shown, 1 something held no report that can be read, \
                        2 could not run (wrong usage, a file that can't be opened).")]
pub(crate) struct ShowArguments {
    /// The reports; `-` is standard input.
    #[arg(required_unless_present = "schema", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How to show them; JSON is one object a file and line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Look the keys of DKIM signatures up in DNS, and say whether the mail is genuine.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Print the JSON Schema of the results.
    #[arg(long, conflicts_with_all = ["files", "verify"])]
    pub(crate) schema: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "`error`: known programs or any strict reader lose the report or a part of \
                        it. `warning`: against RFC 8460 or what it builds on. `note`: allowed, yet \
                        not what readers expect.\n\n\
                        Exit status: 0 no errors, 1 errors, 2 could not run (wrong usage, a file \
                        that can't be opened)."
)]
pub(crate) struct LintArguments {
    /// The reports, as they are sent: mail, gzip or JSON; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How to show the findings; JSON is one object a file and line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
}
