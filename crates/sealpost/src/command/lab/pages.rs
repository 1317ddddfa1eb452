//! The pages beside the lab: a month of reports on its domains, taken in as they would come.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use sealpost_lab::Lab;
use sealpost_lab::reporters::Month;
use sealpost_listen::Inherited;

use super::reports;
use crate::arguments::{NetworkArguments, PortsName, ServeArguments};
use crate::command::serve;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The month is that of `sealpost lab reports`: so many days, and the traffic of this number.
const DAYS: u32 = 31;
const SEED: u64 = 1;
/// The port of the pages, unless it is taken.
const PORT: u16 = 8460;

/// What is written for the pages: the configuration of a daemon, and the mails that it finds.
pub(super) struct Pages {
    /// For commands that look at the same reports, too.
    pub(super) configuration: PathBuf,
    network: PathBuf,
}

impl Pages {
    /// Writes it into the lab's folder; what an earlier lab has left there goes.
    pub(super) fn write(lab: &Lab, ports: Option<PortsName>) -> Result<Self, Failure> {
        let folder = lab.directory().join("pages");
        if folder.exists() {
            fs_err::remove_dir_all(&folder).map_err(Failure::new)?;
        }
        let mails = folder.join("mails");
        for part in ["cur", "tmp"] {
            fs_err::create_dir_all(mails.join(part)).map_err(Failure::new)?;
        }
        let month = reports::month(SEED, DAYS)?;
        reports::write(&month.sendings, &mails.join("new"))?;
        let file = folder.join("sealpost.toml");
        fs_err::write(&file, configuration(&month, port(ports))).map_err(Failure::new)?;
        Ok(Self { configuration: file, network: lab.settings_file().to_owned() })
    }

    /// Shows them until somebody ends it.
    pub(super) async fn show(
        self,
        inherited: Inherited,
        output: &mut Output,
    ) -> Result<Outcome, Failure> {
        let network =
            NetworkArguments { network: Some(self.network), ..NetworkArguments::default() };
        let config = Some(self.configuration);
        serve::run(
            ServeArguments { config, store: None, steered: false, network },
            inherited,
            output,
        )
        .await
    }
}

fn configuration(month: &Month, port: u16) -> String {
    let domains: BTreeSet<&str> = month.told.iter().map(|told| told.domain.name).collect();
    let domains: Vec<String> = domains.iter().map(|domain| format!("{domain:?}")).collect();
    format!(
        "# The pages of a lab. Its network is in ../network.toml.\n\
         store = \"store.sqlite\"\n\
         \n\
         [serve]\n\
         http = [\"127.0.0.1:{port}\"]\n\
         \n\
         [receive]\n\
         domains = [{}]\n\
         maildirs = [\"mails\"]\n\
         listen = {{ smtp = [], lmtp = [] }}\n",
        domains.join(", ")
    )
}

/// The usual port, if it is free and nobody wants another.
pub(super) fn port(ports: Option<PortsName>) -> u16 {
    let is_free = || TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).is_ok();
    if ports != Some(PortsName::Ephemeral) && is_free() { PORT } else { 0 }
}
