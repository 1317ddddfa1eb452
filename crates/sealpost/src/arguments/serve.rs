//! `sealpost serve`

use std::path::PathBuf;

use clap::Args;

use super::NetworkArguments;
use crate::configuration::Configuration;
use crate::outcome::Failure;

#[derive(Debug, Args)]
#[command(after_help = "It runs the roles that have a section in the configuration ([enforce], \
                  [receive], [report], [publish], [check], [alert]), and looks at the domains that are yours from \
                  time to time, until it is interrupted or terminated. A role that fails \
                  is started again and takes no other with it. At SIGHUP everything is read \
                  again, and a role whose settings have changed starts anew.\n\n\
                  Without a configuration it answers mail servers and takes in reports on this \
                  machine only, and keeps everything below ~/.local/state/sealpost, or for root \
                  in /var/lib/sealpost. `sealpost config init` writes a configuration.\n\n\
                  Exit status: 0 ended as told, 2 could not run.")]
pub(crate) struct ServeArguments {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Keep everything in this file, unless the configuration names others; it is made if it is
    /// missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// The clock stands at the time of `--at`, and is set forward to each time that comes in by
    /// standard input, one on a line: for tests that live through years.
    #[arg(long, hide = true, requires = "at")]
    pub(crate) steered: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

impl ServeArguments {
    /// What is configured, with the flags over it.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        let file = self.config.as_deref().filter(|path| !path.as_os_str().is_empty());
        let mut configuration = Configuration::load(file)?;
        if file.is_none() {
            configuration.serve.roles = Configuration::ROLES_WITHOUT_FILE.to_vec();
        }
        if let Some(store) = &self.store {
            configuration.keep_in(store);
        }
        Ok(configuration)
    }
}
