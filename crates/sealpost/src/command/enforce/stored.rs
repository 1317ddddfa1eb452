//! The store of a daemon, from beside it.

use std::path::Path;

use mail_domain::DomainName;
use sealpost_rules::Quoted;
use sealpost_store::{Settings, Store, StoreError};

use crate::outcome::Failure;

/// Opens a store that is there, only to read it.
pub(super) async fn open_to_read(path: &Path) -> Result<Store, Failure> {
    Store::open_to_read(Settings::at(path)).await.map_err(|error| {
        let failure = failure(path, &error);
        if matches!(error, StoreError::Unavailable { .. }) {
            return failure.hint(
                "give the file in which the daemon keeps its policies; after an update it has to \
                 be started once",
            );
        }
        failure
    })
}

/// Opens a store that is there, to write into it.
pub(super) async fn open(path: &Path) -> Result<Store, Failure> {
    fs_err::metadata(path)?;
    open_or_make(path).await
}

/// Opens a store, and makes it if it is missing.
pub(super) async fn open_or_make(path: &Path) -> Result<Store, Failure> {
    Store::open(Settings::at(path)).await.map_err(|error| failure(path, &error))
}

/// Why the store in that file cannot be used.
pub(super) fn failure(path: &Path, error: &StoreError) -> Failure {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    Failure::new(format!("{error}{} ({})", source.unwrap_or_default(), path.display()))
}

/// Reads domains.
pub(super) fn domains(texts: &[String]) -> Result<Vec<DomainName>, Failure> {
    texts.iter().map(|text| domain(text)).collect()
}

/// Reads a domain.
pub(super) fn domain(text: &str) -> Result<DomainName, Failure> {
    DomainName::parse(text)
        .map_err(|error| Failure::new(format!("read the domain {}: {error}", Quoted(text))))
}
