//! The schema: numbered files, applied once each.

use rusqlite::{Connection, OptionalExtension as _};

use crate::{Moment, Settings, StoreError};

/// The schema of one kind of file.
#[derive(Debug)]
pub(crate) struct Schema {
    /// In the order of their numbers. A file that has been released is never changed.
    pub(crate) migrations: &'static [&'static str],
    /// The size of its pages, which a file keeps from its beginning.
    pub(crate) page_octets: u32,
    /// Marks the file as ours and of this kind (`PRAGMA application_id`).
    pub(crate) application: i64,
}

/// The store.
pub(crate) static STORE: Schema = Schema {
    migrations: &[
        include_str!("migrations/0001_policies.sql"),
        include_str!("migrations/0002_intents.sql"),
        include_str!("migrations/0003_reports.sql"),
        include_str!("migrations/0004_mailboxes.sql"),
        include_str!("migrations/0005_submissions.sql"),
        include_str!("migrations/0006_sessions.sql"),
        include_str!("migrations/0007_rollout.sql"),
        include_str!("migrations/0008_rollout_watch.sql"),
        include_str!("migrations/0009_sending.sql"),
        include_str!("migrations/0010_certificates.sql"),
        include_str!("migrations/0011_report_places.sql"),
        include_str!("migrations/0012_report_packed.sql"),
        include_str!("migrations/0013_beside_sessions.sql"),
        include_str!("migrations/0014_web.sql"),
        include_str!("migrations/0015_checks.sql"),
        include_str!("migrations/0016_incidents.sql"),
        include_str!("migrations/0017_looks.sql"),
        include_str!("migrations/0018_session_posts.sql"),
        include_str!("migrations/0019_late_sessions.sql"),
        include_str!("migrations/0020_certificate_leases.sql"),
        include_str!("migrations/0021_counters_whole.sql"),
        include_str!("migrations/0022_held_posts.sql"),
        include_str!("migrations/0023_rollout_hosted.sql"),
        include_str!("migrations/0024_hosted_whereabouts.sql"),
        include_str!("migrations/0025_followed_logs.sql"),
    ],
    // Several reports with many failures lie in one page; in pages of the usual 4 KiB there would be
    // two, and much room between them.
    page_octets: 8 * 1024,
    application: 0x5365_616C, // "Seal" in ASCII
};

/// The raw file beside it.
pub(crate) static RAW: Schema = Schema {
    migrations: &[
        include_str!("migrations/raw_0001.sql"),
        include_str!("migrations/raw_0002.sql"),
        include_str!("migrations/raw_0003.sql"),
    ],
    // The same for mails. To write a page costs by the page more than by the octet.
    page_octets: 16 * 1024,
    application: 0x5365_6152, // "SeaR"
};

/// What a file says of itself.
struct State {
    version: i64,
    application: i64,
    has_tables: bool,
}

impl Schema {
    /// The newest that this version knows.
    pub(crate) fn newest(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }
}

/// Brings an open file to the newest schema, in one transaction.
///
/// # Errors
///
/// [`StoreError::Newer`] and [`StoreError::Foreign`] leave the file as it is.
pub(crate) fn migrate(connection: &Connection, settings: &Settings) -> Result<(), StoreError> {
    if is_current(connection, settings.schema)? {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let applied = apply(connection, settings.schema);
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

fn apply(connection: &Connection, schema: &Schema) -> Result<(), StoreError> {
    // Another process may have been faster.
    if is_current(connection, schema)? {
        return Ok(());
    }
    let version = number(connection, "PRAGMA user_version")?;
    let done = usize::try_from(version).unwrap_or(0);
    for migration in schema.migrations.iter().skip(done) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", schema.application)?;
    connection.pragma_update(None, "user_version", schema.newest())?;
    Ok(())
}

/// Is the file ours and at the newest schema? An empty file is ours and is not.
pub(crate) fn is_current(connection: &Connection, schema: &Schema) -> Result<bool, StoreError> {
    // All that is read must be of one moment: another process may be migrating.
    connection.execute_batch("SAVEPOINT schema")?;
    let state = read_state(connection);
    connection.execute_batch("RELEASE schema")?;
    let State { version, application, has_tables } = state?;
    let is_empty = version == 0 && application == 0 && !has_tables;
    if !is_empty && application != schema.application {
        return Err(StoreError::Foreign);
    }
    if version > schema.newest() {
        return Err(StoreError::Newer { found: version, known: schema.newest() });
    }
    Ok(version == schema.newest())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A version is the number of files that were applied: one that stands in another place, is left
    /// out or comes twice would be a version that other builds take for something else.
    #[test]
    fn the_number_of_a_migration_is_its_place() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations");
        let mut files = 0;
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let (schema, rest) = match name.strip_prefix("raw_") {
                Some(rest) => (&RAW, rest),
                None => (&STORE, name),
            };
            let number: usize = rest.get(..4).unwrap().parse().unwrap();
            let place = number.checked_sub(1).unwrap();
            let text = fs_err::read_to_string(&path).unwrap();
            assert_eq!(schema.migrations.get(place), Some(&text.as_str()), "{name}");
            files += 1;
        }
        assert_eq!(files, STORE.migrations.len() + RAW.migrations.len(), "each file once");
    }
}
