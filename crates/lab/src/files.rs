//! The files that clients of the lab read: what to trust, and the settings.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::LabError;

// The settings name these files without their folder, which is their own.
const TRUST_ROOTS: &str = "ca.pem";
const TRUST_ANCHORS: &str = "trust-anchors.txt";

/// How the name of a temporary folder begins.
const PREFIX: &str = "sealpost-lab-";

/// The folder of the lab's files.
pub(crate) struct Files {
    pub(crate) trust_roots: PathBuf,
    pub(crate) trust_anchors: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) settings: PathBuf,
    pub(crate) deliveries: PathBuf,
    pub(crate) visits: PathBuf,
    /// Removes a folder that the lab made itself.
    _temporary: Option<TempDir>,
}

impl Files {
    /// Finds or makes the folder.
    pub(crate) fn new(directory: Option<&Path>) -> Result<Self, LabError> {
        let (directory, temporary) = match directory {
            Some(directory) => (std::path::absolute(directory)?, None),
            None => {
                let temporary = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        fs_err::create_dir_all(&directory)?;
        Ok(Self {
            trust_roots: directory.join(TRUST_ROOTS),
            trust_anchors: directory.join(TRUST_ANCHORS),
            settings: directory.join("network.toml"),
            deliveries: directory.join("deliveries.jsonl"),
            visits: directory.join("visits.jsonl"),
            directory,
            _temporary: temporary,
        })
    }

    pub(crate) fn write(
        &self,
        root_pem: &str,
        trust_anchors: &str,
        resolver: SocketAddr,
        https_port: u16,
        smtp_port: u16,
    ) -> Result<(), LabError> {
        fs_err::write(&self.trust_roots, root_pem)?;
        fs_err::write(&self.trust_anchors, trust_anchors)?;
        let settings = format!(
            "# The lab's own network, for as long as it runs.\n\
             resolvers = [\"{resolver}\"]\n\
             https_port = {https_port}\n\
             smtp_port = {smtp_port}\n\
             trust_roots = \"{TRUST_ROOTS}\"\n\
             dnssec = \"validate\"\n\
             trust_anchors = \"{TRUST_ANCHORS}\"\n\
             allowed_networks = [\"127.0.0.0/8\", \"::1/128\"]\n\
             \n\
             # On loopback nothing is slow but what means to be.\n\
             [deadlines]\n\
             dns = 3\n\
             connect = 3\n\
             tls = 3\n\
             https = 4\n\
             smtp_reply = 3\n\
             smtp = 10\n"
        );
        fs_err::write(&self.settings, settings)?;
        Ok(())
    }
}

/// The folders of labs that nobody gave one, also of those that have died.
pub(crate) fn temporary_folders() -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(std::env::temp_dir()) else { return Vec::new() };
    let is_lab = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX))
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_lab).collect()
}
