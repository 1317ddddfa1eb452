//! A copy of a file that is in use.

use std::{io, path::Path};

use rusqlite::Connection;

use crate::{StoreError, connection::create_file};

/// Copies the database as it stands at one moment. The copy has its name only when it is whole and
/// on the disk; what was there under this name is replaced.
pub(crate) fn copy(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    let copied = make(connection, unfinished, to);
    if copied.is_err() {
        // It may not have been made at all.
        let _ = fs_err::remove_file(unfinished);
    }
    copied
}

fn make(connection: &Connection, unfinished: &Path, to: &Path) -> Result<(), StoreError> {
    match fs_err::remove_file(unfinished) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::of_file(error)),
    }
    create_file(unfinished)?;
    let name = unfinished.to_str().ok_or_else(|| {
        StoreError::refused("the path of the copy is not UTF-8, as SQLite needs it")
    })?;
    // SQLite writes into an empty file, and does not wait for the disk.
    connection.execute("VACUUM INTO $1", [name])?;
    let synced = fs_err::File::open(unfinished).and_then(|file| file.sync_all());
    synced.and_then(|()| fs_err::rename(unfinished, to)).map_err(StoreError::of_file)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs_err::File::open(folder.unwrap_or(Path::new(".")));
    folder.and_then(|folder| folder.sync_all()).map_err(StoreError::of_file)
}
