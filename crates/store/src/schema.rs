//! The schema: numbered files, applied once each.

use rusqlite::{Connection, OptionalExtension as _};

use crate::{Moment, Settings, StoreError};

/// In the order of their numbers. A file that has been released is never changed.
pub(crate) const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_policies.sql"), include_str!("migrations/0002_intents.sql")];

/// Marks the file as ours (`PRAGMA application_id`): "Seal" in ASCII.
const APPLICATION: i64 = 0x5365_616C;

/// What a file says of itself.
struct State {
    version: i64,
    application: i64,
    has_tables: bool,
}

/// The newest schema that this version knows.
pub(crate) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings an open file to the newest schema, in one transaction.
///
/// # Errors
///
/// [`StoreError::Newer`] and [`StoreError::Foreign`] leave the file as it is.
pub(crate) fn migrate(connection: &Connection, settings: &Settings) -> Result<(), StoreError> {
    if is_current(connection)? {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let applied = apply(connection);
    if applied.is_ok() {
        settings.tell(Moment::BeforeCommit);
    }
    let ended = applied.and_then(|()| Ok(connection.execute_batch("COMMIT")?));
    if ended.is_ok() {
        settings.tell(Moment::AfterCommit);
    } else if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    ended
}

fn apply(connection: &Connection) -> Result<(), StoreError> {
    // Another process may have been faster.
    if is_current(connection)? {
        return Ok(());
    }
    let version = number(connection, "PRAGMA user_version")?;
    let done = usize::try_from(version).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", newest())?;
    Ok(())
}

/// Is the file ours and at the newest schema? An empty file is ours and is not.
pub(crate) fn is_current(connection: &Connection) -> Result<bool, StoreError> {
    // All that is read must be of one moment: another process may be migrating.
    connection.execute_batch("SAVEPOINT schema")?;
    let state = read_state(connection);
    connection.execute_batch("RELEASE schema")?;
    let State { version, application, has_tables } = state?;
    let is_empty = version == 0 && application == 0 && !has_tables;
    if !is_empty && application != APPLICATION {
        return Err(StoreError::Foreign);
    }
    if version > newest() {
        return Err(StoreError::Newer { found: version, known: newest() });
    }
    Ok(version == newest())
}

fn read_state(connection: &Connection) -> Result<State, StoreError> {
    let tables =
        connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(())).optional()?;
    Ok(State {
        version: number(connection, "PRAGMA user_version")?,
        application: number(connection, "PRAGMA application_id")?,
        has_tables: tables.is_some(),
    })
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, StoreError> {
    Ok(connection.query_row(pragma, [], |row| row.get(0))?)
}
