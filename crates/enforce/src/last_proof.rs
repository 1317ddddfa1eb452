//! What was proven last of the resolvers, in this process or an earlier one.
//!
//! At the start of a machine its resolver may not answer yet. If that were taken for a lack of proof,
//! whoever can make us start, or waits until we do, would switch DANE off for a while.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};

use crate::enforcer::lock;

/// The longest file that is read, in octets: some hundreds of resolvers.
const LONGEST: u64 = 64 * 1024;

/// That these were seen to validate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    /// The resolvers of the mail server.
    pub(crate) mta_resolvers: BTreeSet<SocketAddr>,
    /// How we look up ourselves.
    pub(crate) own: String,
}

/// The last proof, if nothing has refuted it since. Clones share it.
///
/// It is in memory, and in a file where there is one.
#[derive(Clone, Debug, Default)]
pub struct LastProof {
    memory: Arc<Mutex<Option<Claim>>>,
    file: Option<PathBuf>,
}

impl LastProof {
    /// The same, kept in this file too. What is in memory is newer than what the file says. A file that
    /// cannot be read is none.
    #[must_use]
    pub fn in_file(&self, path: PathBuf) -> Self {
        let mut memory = lock(&self.memory);
        if memory.is_none() {
            *memory = read(&path);
        }
        drop(memory);
        Self { memory: Arc::clone(&self.memory), file: Some(path) }
    }

    /// Whether this was proven: nobody else has been added since, and we look up as we did.
    pub(crate) fn holds_for(&self, claim: &Claim) -> bool {
        let memory = lock(&self.memory);
        !claim.mta_resolvers.is_empty()
            && memory.as_ref().is_some_and(|proven| {
                proven.own == claim.own && proven.mta_resolvers.is_superset(&claim.mta_resolvers)
            })
    }

    /// This is proven.
    pub(crate) fn keep(&self, claim: &Claim) {
        let mut memory = lock(&self.memory);
        if memory.as_ref() == Some(claim) {
            return;
        }
        *memory = Some(claim.clone());
        if let Some(path) = &self.file
            && let Err(error) = write(path, claim)
        {
            tracing::warn!(%error, "a restart will not know that the resolvers validate");
        }
    }

    /// It is refuted.
    pub(crate) fn forget(&self) {
        *lock(&self.memory) = None;
        let Some(path) = &self.file else { return };
        match fs_err::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::error!(%error, "a restart will not know that the proof is refuted");
            }
            _ => {}
        }
    }
}

fn read(path: &Path) -> Option<Claim> {
    use std::io::Read as _;

    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(%error, "it is not known whether the resolvers were proven to validate");
            }
            return None;
        }
    };
    let mut text = String::new();
    let read = file.take(LONGEST).read_to_string(&mut text).map_err(|error| error.to_string());
    let claim = read.and_then(|_| serde_json::from_str(&text).map_err(|error| error.to_string()));
    match claim {
        Ok(claim) => Some(claim),
        Err(error) => {
            tracing::warn!(
                error,
                file = %path.display(),
                "it is not known whether the resolvers were proven to validate"
            );
            None
        }
    }
}

/// The whole file, or the one before.
fn write(path: &Path, claim: &Claim) -> std::io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut file = fs_err::File::create(&new)?;
    file.write_all(serde_json::to_string(claim)?.as_bytes())?;
    file.sync_all()?;
    fs_err::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(resolvers: &[&str], own: &str) -> Claim {
        let mta_resolvers = resolvers.iter().map(|it| it.parse().unwrap()).collect();
        Claim { mta_resolvers, own: own.to_owned() }
    }

    #[test]
    fn a_proof_outlives_the_process_and_covers_what_it_was_about() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proof");
        let proof = LastProof::default().in_file(path.clone());
        let both = claim(&["127.0.0.1:53", "[::1]:53"], "a");
        assert!(!proof.holds_for(&both));
        proof.keep(&both);
        for proof in [proof, LastProof::default().in_file(path.clone())] {
            assert!(proof.holds_for(&both));
            assert!(proof.holds_for(&claim(&["127.0.0.1:53"], "a")), "one less");
            assert!(!proof.holds_for(&claim(&["127.0.0.1:53", "127.0.0.2:53"], "a")), "another");
            assert!(!proof.holds_for(&claim(&["127.0.0.1:53"], "b")), "we look up otherwise");
            assert!(!proof.holds_for(&claim(&[], "a")), "nobody is named");
        }
        LastProof::default().in_file(path.clone()).forget();
        assert!(!LastProof::default().in_file(path).holds_for(&both));
    }

    #[test]
    fn a_file_that_is_none_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proof");
        let one = claim(&["127.0.0.1:53"], "a");
        let text = serde_json::to_string(&one).unwrap();
        for bad in ["", "{}", &text[1..], &text.replace("own", "won"), &" ".repeat(70_000)] {
            fs_err::write(&path, bad).unwrap();
            assert!(!LastProof::default().in_file(path.clone()).holds_for(&one), "{bad:.40}");
        }
        // Nowhere to write: it holds as long as the process.
        let nowhere = LastProof::default().in_file(folder.path().join("no/proof"));
        nowhere.keep(&one);
        assert!(nowhere.holds_for(&one));
        // What is in memory is newer than the file.
        nowhere.in_file(path).forget();
        assert!(!nowhere.holds_for(&one));
    }
}
