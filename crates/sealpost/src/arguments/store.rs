//! Arguments of `sealpost store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ReceiveConfiguration;

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy the store as it stands at one moment, while others go on using it.
    Backup(BackupArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "What came in as it came lies in a file of its own; its copy is made after \
                        and beside the first one. To restore, end what uses the store, and put both \
                        copies in the place of the files.\n\n\
                        Exit status: 0 done, 2 could not run."
)]
pub(crate) struct BackupArguments {
    /// The copy; nothing may have this name yet.
    #[arg(value_name = "FILE")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) store: ReceiveConfiguration,
}
