//! A folder with a configuration, and the DNS that it names.

use std::path::PathBuf;

pub(crate) use crate::dns::{Answer, Dns};

pub(crate) struct World {
    pub(crate) dns: Dns,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { dns: Dns::start(), folder: tempfile::tempdir().unwrap() }
    }

    /// A configuration with these lines in `[receive]`, in front of which stand the doors.
    pub(crate) fn configuration(&self, receive: &str) -> PathBuf {
        let path = self.folder.path().join("sealpost.toml");
        let text = format!(
            "[network]\nresolvers = [\"{}\"]\ndnssec = \"off\"\n[network.deadlines]\ndns = 1\n\
             domain = 3\n[receive]\nstore = \"store.sqlite\"\nhttp = [\"127.0.0.1:0\"]\n\
             listen = {{ smtp = [\"127.0.0.1:0\"], lmtp = [\"unix:{}\"], http = [\"127.0.0.1:0\"] }}\n\
             {receive}\n",
            self.dns.address(),
            self.lmtp().display(),
        );
        fs_err::write(&path, text).unwrap();
        path
    }

    pub(crate) fn lmtp(&self) -> PathBuf {
        self.folder.path().join("lmtp.sock")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store.sqlite")
    }
}
