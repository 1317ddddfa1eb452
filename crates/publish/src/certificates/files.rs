//! Certificates from files.

use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_listen::tls::{NamedCertificate, NamedCertificates};

use crate::acme::CertificateFacts;

/// More than any chain or key has, in octets.
const LARGEST_FILE: u64 = 1 << 20;
/// Hosts whose fault is named in the log at a time; the others are only counted.
const NAMED: usize = 10;

/// A folder with a folder for each host.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    /// The files of each host as they were at the last look.
    seen: Mutex<HashMap<DomainName, Seen>>,
}

/// Files of a host.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    /// From when until when their certificate is valid; `None` if it cannot be used.
    valid: Option<(i64, i64)>,
}

/// Enough of a file's state to see that it was written or replaced.
type Stamp = [(u64, u64, i64, i64); 2];

impl Files {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, seen: Mutex::default() }
    }

    /// Takes up what is new or has changed, and logs what cannot be used, or not any more. What was in
    /// use stays.
    pub(crate) fn look(&self, hosts: &[DomainName], named: &NamedCertificates, now: i64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // They come in the order of their names.
        seen.retain(|host, _| hosts.binary_search(host).is_ok());
        let (mut taken, mut failed) = (0_usize, 0_usize);
        for host in hosts {
            let paths = paths(&self.folder, host);
            // There may be none for this host.
            let Ok(stamp) = stamp(&paths) else {
                if seen.remove(host).is_some() {
                    tracing::warn!(%host, "the files of its certificate are gone");
                }
                continue;
            };
            let known = seen.get(host).filter(|known| known.stamp == stamp);
            let found = match known.map(|known| known.valid) {
                // It stays what it is until the files change, or it runs out.
                Some(None) => continue,
                Some(Some((_, until))) if now <= until => continue,
                Some(Some(valid)) => Err(fit(valid, now).err().unwrap_or_default()),
                None => load(&paths, host, now),
            };
            let valid = found.as_ref().ok().map(|(valid, _)| *valid);
            seen.insert(host.clone(), Seen { stamp, valid });
            match found {
                Ok((_, certificate)) => {
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

    /// Whether there is one for this host that can be used now.
    pub(crate) fn has(&self, host: &DomainName, now: i64) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(host).and_then(|seen| seen.valid).is_some_and(|valid| fit(valid, now).is_ok())
    }
}

/// From when until when the certificate of a host is valid that lies in the files of this folder, in
/// seconds since 1970; `None` if there are none.
///
/// # Errors
///
/// Why the policy host does not use it, for people.
pub fn certificate_in_files(
    folder: &Path,
    host: &DomainName,
    now: i64,
) -> Option<Result<(i64, i64), String>> {
    let paths = paths(folder, host);
    stamp(&paths).ok()?;
    Some(load(&paths, host, now).map(|(valid, _)| valid))
}

fn paths(folder: &Path, host: &DomainName) -> [PathBuf; 2] {
    let folder = folder.join(host.as_str());
    [folder.join("fullchain.pem"), folder.join("privkey.pem")]
}

fn stamp(paths: &[PathBuf; 2]) -> std::io::Result<Stamp> {
    let stamp = |path: &Path| {
        let data = fs_err::metadata(path)?;
        Ok::<_, std::io::Error>((data.ino(), data.size(), data.mtime(), data.mtime_nsec()))
    };
    let [chain, key] = paths;
    Ok([stamp(chain)?, stamp(key)?])
}

/// A certificate, and from when until when it is valid.
type Loaded = ((i64, i64), NamedCertificate);

/// Reads a certificate that senders accept for this host now, but for who vouches for it.
fn load([chain, key]: &[PathBuf; 2], host: &DomainName, now: i64) -> Result<Loaded, String> {
    let certificate = NamedCertificate::from_pem(&read(chain)?, &read(key)?, chain);
    let certificate = certificate.map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("failed to {error}: {source}"),
        None => format!("failed to {error}"),
    })?;
    let facts = CertificateFacts::read(certificate.leaf());
    let facts = facts.ok_or_else(|| format!("{} has no certificate", chain.display()))?;
    let valid = (facts.not_before, facts.not_after);
    fit(valid, now)?;
    if !facts.names.iter().any(|name| covers(name, host)) {
        return Err(format!("it is for {}", facts.names.join(", ")));
    }
    Ok((valid, certificate))
}

/// Whether it is valid now.
fn fit((from, until): (i64, i64), now: i64) -> Result<(), String> {
    let time = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
    if now > until {
        Err(format!("it expired at {}", time(until)))
    } else if now < from {
        Err(format!("it is not valid before {}", time(from)))
    } else {
        Ok(())
    }
}

/// Whether a name of a certificate means this host (RFC 6125 §6.4).
fn covers(name: &str, host: &DomainName) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => host.as_str().split_once('.').is_some_and(|(_, above)| above == parent),
        None => name == host.as_str(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    /// 2026-11-01T00:00:00Z
    const FIRST: i64 = 1_793_491_200;

    #[test]
    fn only_a_certificate_that_senders_accept_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let named = NamedCertificates::new().unwrap();
        let files = Files::new(folder.path().to_owned());
        let host: DomainName = "mta-sts.example.com".parse().unwrap();
        let place = folder.path().join(host.as_str());
        let write = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(2026, 11, 1);
            params.not_after = rcgen::date_time_ymd(2026, 11, 11);
            let certificate = params.self_signed(&key).unwrap();
            fs_err::create_dir_all(&place).unwrap();
            fs_err::write(place.join("fullchain.pem"), certificate.pem()).unwrap();
            fs_err::write(place.join("privkey.pem"), key.serialize_pem()).unwrap();
        };
        let look = |day: i64| {
            let now = FIRST + day * DAY;
            files.look(std::slice::from_ref(&host), &named, now);
            let told = certificate_in_files(folder.path(), &host, now);
            assert_eq!(files.has(&host, now), matches!(told, Some(Ok(_))), "{told:?}");
            told.map(|told| told.map(|(_, until)| (until - FIRST) / DAY))
        };
        assert_eq!(look(1), None);
        write("mta-sts.example.org");
        assert_eq!(look(1), Some(Err("it is for mta-sts.example.org".to_owned())));
        assert!(!named.has(host.as_str()));
        write("*.example.com");
        assert_eq!(look(1), Some(Ok(10)));
        assert!(named.has(host.as_str()));
        // The same files, later.
        let expired = look(11).unwrap().unwrap_err();
        assert!(expired.starts_with("it expired at 2026-11-11"), "{expired}");
        write("mta-sts.example.com");
        assert_eq!(look(2), Some(Ok(10)));
        fs_err::remove_dir_all(&place).unwrap();
        assert_eq!(look(2), None);
        write("mta-sts.example.com");
        assert!(look(-1).unwrap().unwrap_err().starts_with("it is not valid before 2026-11-01"));
    }
}
