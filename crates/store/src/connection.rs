//! Opening the file, to write and to read.

use std::{
    ffi::OsString, io, os::unix::ffi::OsStrExt as _, path::Path, thread::sleep, time::Duration,
};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use sealpost_runtime::{make_state_folder, state_folder};

use crate::{Settings, StoreError, schema};

/// Pause between attempts to switch to WAL while another process does the same.
const WAL_PAUSE: Duration = Duration::from_millis(20);

/// Statements that a connection keeps ready. Taking in a report needs about twenty in turn; if
/// there were fewer, each would be parsed again each time.
const STATEMENTS: usize = 64;

/// A connection to read with.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    /// May it serve further reads? Not if it was told that the file never changes.
    pub(crate) is_lasting: bool,
}

/// Makes an empty file if there is none, readable for its owner only.
pub(crate) fn create_file(path: &Path) -> Result<(), StoreError> {
    // Nobody has named that folder, so nobody has made it.
    if path.parent() == Some(&state_folder()) {
        make_state_folder().map_err(StoreError::of_file)?;
    }
    match fs_err::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::of_file(error)),
    }
}

/// The connection that writes. Never makes a file: one that vanished is not replaced unseen.
pub(crate) fn open_writer(settings: &Settings) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&settings.path, flags)?;
    // SQLite takes what it gets: a file that cannot be written is opened to be read.
    if connection.is_readonly(rusqlite::MAIN_DB)? {
        let cause = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
        return Err(StoreError::of_file(cause));
    }
    connection.busy_timeout(settings.patience)?;
    // Before anything is changed, so that a file of somebody else stays as it is.
    schema::is_current(&connection, settings.schema)?;
    // Of a file that has pages already it changes nothing.
    connection.pragma_update(None, "page_size", i64::from(settings.schema.page_octets))?;
    use_wal(&connection, settings.patience)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    keep_plans(&connection)?;
    // A negative number is in KiB.
    connection.pragma_update(None, "cache_size", -i64::from(settings.cache_kib))?;
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let log_pages = i64::from(settings.log_kib) * 1024 / page.max(512);
    connection.pragma_update(None, "wal_autocheckpoint", log_pages.max(1))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    schema::migrate(&connection, settings)?;
    Ok(connection)
}

/// A connection that reads.
pub(crate) fn open_reader(settings: &Settings) -> Result<Reader, StoreError> {
    open_reader_of(&settings.path, settings.patience, &|connection| {
        if schema::is_current(connection, settings.schema)? {
            return Ok(());
        }
        // An older schema that could not be brought up to date cannot be read either.
        Err(StoreError::unavailable(io::Error::other("its schema is older than this version")))
    })
}

/// A connection that reads a file which `is_good`.
///
/// A file system that is mounted read-only has no place for the index that readers of a WAL share.
/// If there is no WAL either, the file is read as one that never changes, for this one read.
pub(crate) fn open_reader_of(
    path: &Path,
    patience: Duration,
    is_good: &dyn Fn(&Connection) -> Result<(), StoreError>,
) -> Result<Reader, StoreError> {
    let ready = |connection: Connection| {
        connection.busy_timeout(patience)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        keep_plans(&connection)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        is_good(&connection)?;
        Ok(connection)
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match Connection::open_with_flags(path, flags).map_err(StoreError::from).and_then(ready) {
        Ok(connection) => Ok(Reader { connection, is_lasting: true }),
        Err(
            error @ (StoreError::Unavailable { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::Full { .. }),
        ) => {
            // Of a file that is missing SQLite would say no more than that it cannot open it.
            if path.try_exists().is_ok_and(|exists| !exists) {
                let cause = io::Error::new(io::ErrorKind::NotFound, "there is no such file");
                return Err(StoreError::unavailable(cause));
            }
            if !is_empty_or_missing(&with_suffix(path, "-wal")) {
                return Err(error);
            }
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(immutable_uri(path), flags)?;
            Ok(Reader { connection: ready(connection)?, is_lasting: false })
        }
        Err(error) => Err(error),
    }
}

/// Has SQLite choose the plan of a statement once. Otherwise it looks at the values that are bound,
/// and makes a new plan for a statement whenever one of some changes: a tenth of all the time when
/// many reports are taken in.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// SQLite does not wait for a lock by itself when it changes the journal mode.
fn use_wal(connection: &Connection, patience: Duration) -> Result<(), StoreError> {
    let mut left = patience;
    loop {
        let switched = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
            .map_err(StoreError::from);
        match switched {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let text = format!("the journal mode stays {mode}");
                return Err(StoreError::unavailable(io::Error::other(text)));
            }
            Err(StoreError::Busy { .. }) if !left.is_zero() => {
                sleep(WAL_PAUSE);
                left = left.saturating_sub(WAL_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> OsString {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name
}

fn is_empty_or_missing(path: &OsString) -> bool {
    match fs_err::metadata(path) {
        Ok(metadata) => metadata.len() == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The path as a URI of SQLite, every octet that could mean something else escaped.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &octet in path.as_os_str().as_bytes() {
        if octet.is_ascii_alphanumeric() || b"/._-".contains(&octet) {
            uri.push(char::from(octet));
        } else {
            uri.push_str(&format!("%{octet:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    uri
}
