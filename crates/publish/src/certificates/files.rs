//! Certificates from files.

use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use mail_domain::DomainName;
use sealpost_listen::tls::{NamedCertificate, NamedCertificates};

/// More than any chain or key has, in octets.
const LARGEST_FILE: u64 = 1 << 20;
/// Hosts whose fault is named in the log at a time; the others are only counted.
const NAMED: usize = 10;

/// A folder with a folder for each host.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    /// The state of the files of each host that was looked at last, and whether they could be used.
    seen: Mutex<HashMap<DomainName, (Stamp, bool)>>,
}

/// Enough of a file's state to see that it was written or replaced.
type Stamp = [(u64, u64, i64, i64); 2];

impl Files {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, seen: Mutex::default() }
    }

    /// Takes up what is new or has changed, and logs what cannot be used. What was in use stays.
    pub(crate) fn look(&self, hosts: &[DomainName], named: &NamedCertificates) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // They come in the order of their names.
        seen.retain(|host, _| hosts.binary_search(host).is_ok());
        let (mut taken, mut failed) = (0_usize, 0_usize);
        for host in hosts {
            let folder = self.folder.join(host.as_str());
            let paths = [folder.join("fullchain.pem"), folder.join("privkey.pem")];
            let stamp = match stamp(&paths) {
                Ok(stamp) => stamp,
                // There is none for this host.
                Err(_) => continue,
            };
            if seen.get(host).is_some_and(|(known, _)| *known == stamp) {
                continue;
            }
            let loaded = load(&paths);
            seen.insert(host.clone(), (stamp, loaded.is_ok()));
            match loaded {
                Ok(certificate) => {
                    taken += 1;
                    named.set(host.as_str(), certificate);
                }
                Err(error) => {
                    failed += 1;
                    if failed <= NAMED {
                        tracing::error!(%host, error, "the certificate cannot be used");
                    }
                }
            }
        }
        if taken + failed > 0 {
            tracing::info!(taken, failed, "certificates were read");
        }
    }

    /// Whether there is one for this host that can be used.
    pub(crate) fn has(&self, host: &DomainName) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(host).is_some_and(|(_, is_usable)| *is_usable)
    }
}

fn stamp(paths: &[PathBuf; 2]) -> std::io::Result<Stamp> {
    let stamp = |path: &Path| {
        let data = fs_err::metadata(path)?;
        Ok::<_, std::io::Error>((data.ino(), data.size(), data.mtime(), data.mtime_nsec()))
    };
    let [chain, key] = paths;
    Ok([stamp(chain)?, stamp(key)?])
}

fn load([chain, key]: &[PathBuf; 2]) -> Result<NamedCertificate, String> {
    let certificate = NamedCertificate::from_pem(&read(chain)?, &read(key)?, chain);
    certificate.map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("failed to {error}: {source}"),
        None => format!("failed to {error}"),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut octets = Vec::new();
    let file = fs_err::File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(LARGEST_FILE + 1).read_to_end(&mut octets);
    read.map_err(|error| error.to_string())?;
    if octets.len() as u64 > LARGEST_FILE {
        return Err(format!("{} is larger than any certificate or key", path.display()));
    }
    Ok(octets)
}
