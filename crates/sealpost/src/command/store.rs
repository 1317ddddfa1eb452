//! `sealpost store`

use std::path::Path;

use sealpost_store::{RawStore, Settings, Store, StoreError, raw_path_beside};

use crate::arguments::{BackupArguments, StoreCommand};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(command: StoreCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        StoreCommand::Backup(arguments) => backup(&arguments, output).await,
    }
}

/// Copies the store, and then the raw file: it has the submission of every report in the copy.
async fn backup(arguments: &BackupArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let section = arguments.store.section()?;
    let (file, raw) = (section.store_file(), section.raw_file());
    let copies = [arguments.to.clone(), raw_path_beside(&arguments.to)];
    for copy in &copies {
        if fs_err::symlink_metadata(copy).is_ok() {
            let failure = Failure::new(format!("write {}: it is there already", copy.display()));
            return Err(failure.hint("give a name that nothing has"));
        }
    }
    let [copy, raw_copy] = copies;
    let failed = |path: &Path, error: &StoreError| {
        let source = std::error::Error::source(error).map(|source| format!(": {source}"));
        let source = source.unwrap_or_default();
        Failure::new(format!("copy {}: {error}{source}", path.display()))
    };
    let store = Store::open_to_read(Settings::at(&file)).await;
    let store = store.map_err(|error| failed(&file, &error))?;
    store.backup(copy.clone()).await.map_err(|error| failed(&file, &error))?;
    output.line(&format!("{} is a copy of {}", copy.display(), file.display()))?;
    // A sender's store has none.
    if raw.exists() {
        let store = RawStore::open_to_read(Settings::at(&raw)).await;
        let store = store.map_err(|error| failed(&raw, &error))?;
        store.backup(raw_copy.clone()).await.map_err(|error| failed(&raw, &error))?;
        output.line(&format!("{} is a copy of {}", raw_copy.display(), raw.display()))?;
    }
    Ok(Outcome::Clean)
}
