use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{RawStore, Remembered, schema, statement};

fn folder() -> (TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("a store #1?.sqlite"));
    (folder, settings)
}

fn remembered(domain: &str) -> Remembered {
    Remembered { domain: domain.parse().unwrap(), policy: None, backoff: None, last_used: 1 }
}

fn pragma(settings: &Settings, name: &str) -> i64 {
    let connection = Connection::open(&settings.path).unwrap();
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_new_file_is_private_in_wal_mode_and_synced_fully() {
    let (_folder, settings) = folder();
    let store = Store::open(settings.clone()).await.unwrap();
    let mode = fs_err::metadata(&settings.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let modes = store.writer.write(|connection| {
        let journal: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        let foreign: i64 = connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0))?;
        Ok((journal, synchronous, foreign))
    });
    assert_eq!(modes.await.unwrap(), ("wal".to_owned(), 2, 1));
}

/// Pages of another size would have to be written anew, all of them.
#[tokio::test]
async fn a_file_keeps_the_size_of_its_pages() {
    let (_folder, settings) = folder();
    let raw = settings.raw_beside();
    let open = async || {
        let (store, beside) =
            (Store::open(settings.clone()).await, RawStore::open(raw.clone()).await);
        let store = store.unwrap();
        store.policies().save(remembered("example.com")).await.unwrap();
        let log = store.writer.write(|connection| {
            Ok(connection.query_row("PRAGMA wal_autocheckpoint", [], |row| row.get::<_, i64>(0))?)
        });
        let log = log.await.unwrap();
        store.close().await;
        beside.unwrap().close().await;
        let size = pragma(&settings, "page_size");
        assert_eq!(log, i64::from(settings.log_kib) * 1024 / size);
        (size, pragma(&raw, "page_size"))
    };
    assert_eq!(open().await, (8192, 16_384));
    // As earlier versions have made them.
    for settings in [&settings, &raw] {
        let connection = Connection::open(&settings.path).unwrap();
        let smaller = "PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM";
        connection.execute_batch(smaller).unwrap();
    }
    assert_eq!(open().await, (4096, 4096));
}

#[tokio::test]
async fn every_older_schema_is_brought_up_to_date() {
    for done in 0..=schema::STORE.migrations.len() {
        let (_folder, settings) = folder();
        let connection = Connection::open(&settings.path).unwrap();
        for migration in &schema::STORE.migrations[..done] {
            connection.execute_batch(migration).unwrap();
        }
        if done > 0 {
            connection.pragma_update(None, "application_id", 0x5365_616C).unwrap();
        }
        connection.pragma_update(None, "user_version", i64::try_from(done).unwrap()).unwrap();
        drop(connection);

        let store = Store::open(settings.clone()).await.unwrap();
        store.policies().save(remembered("example.com")).await.unwrap();
        store.close().await;
        assert_eq!(pragma(&settings, "user_version"), schema::STORE.newest());
        assert_eq!(pragma(&settings, "application_id"), 0x5365_616C);
        let store = Store::open(settings).await.unwrap();
        let loaded = store.policies().load("example.com".parse().unwrap()).await.unwrap();
        assert_eq!(loaded, Some(remembered("example.com")), "from schema {done}");
    }
}

/// The policies and intents of a file from before there were reports.
#[tokio::test]
async fn what_an_older_file_holds_is_there_after_reports_were_added() {
    let (_folder, settings) = folder();
    let connection = Connection::open(&settings.path).unwrap();
    for migration in &schema::STORE.migrations[..2] {
        connection.execute_batch(migration).unwrap();
    }
    connection
        .execute_batch(
            "PRAGMA application_id = 1399153004; PRAGMA user_version = 2;
             INSERT INTO policies (domain, policy_id, policy_text, fetched_at, last_used)
             VALUES ('example.com', 'a1', x'76657273696F6E', 7, 9);
             INSERT INTO intents VALUES (5, 'purge', 'example.com', 3)",
        )
        .unwrap();
    drop(connection);
    let store = Store::open(settings).await.unwrap();
    let loaded = store.policies().load("example.com".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(loaded.policy.unwrap().text, b"version");
    assert_eq!(store.intents().pending(9).await.unwrap().intents.len(), 1);
    let reports = store.reports();
    let totals = reports.totals(crate::reports::DayRange::all()).await.unwrap();
    assert!(totals.iter().all(|(_, reports, ..)| *reports == 0));
}

/// Each reads version, mark and tables of the file, and must see all three of one moment.
#[tokio::test]
async fn a_new_file_may_be_opened_many_times_at_once() {
    for _ in 0..30 {
        let (_folder, settings) = folder();
        let opening: Vec<_> = (0..6).map(|_| tokio::spawn(Store::open(settings.clone()))).collect();
        for opened in opening {
            opened.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let (_folder, settings) = folder();
    Store::open(settings.clone()).await.unwrap().close().await;
    let connection = Connection::open(&settings.path).unwrap();
    connection.pragma_update(None, "user_version", schema::STORE.newest() + 1).unwrap();
    drop(connection);
    let before = fs_err::read(&settings.path).unwrap();

    let error = Store::open(settings.clone()).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "open the store: its schema is {}, this version knows up to {}",
            schema::STORE.newest() + 1,
            schema::STORE.newest()
        )
    );
    assert_eq!(error.label(), "newer");
    assert_eq!(fs_err::read(&settings.path).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    for setup in [
        "CREATE TABLE sts_policy_cache (domain TEXT)",
        "CREATE TABLE sts_policy_cache (domain TEXT); PRAGMA user_version = 1",
        "PRAGMA application_id = 7",
    ] {
        let (_folder, settings) = folder();
        Connection::open(&settings.path).unwrap().execute_batch(setup).unwrap();
        let before = fs_err::read(&settings.path).unwrap();
        let error = Store::open(settings.clone()).await.err().unwrap();
        assert!(matches!(error, StoreError::Foreign), "{setup}: {error:?}");
        assert_eq!(fs_err::read(&settings.path).unwrap(), before, "{setup}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_called_damaged() {
    let (_folder, settings) = folder();
    fs_err::write(&settings.path, "v=STSv1; id=1\n".repeat(600)).unwrap();
    let error = Store::open(settings).await.err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open(Settings::at(folder.path().join("no/store"))).await.err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(cause.contains("no/store"), "{cause}");
}

#[tokio::test]
async fn a_damaged_page_fails_the_call_and_not_the_store() {
    let (_folder, settings) = folder();
    let store = Store::open(settings.clone()).await.unwrap();
    let policies = store.policies();
    for index in 0..2000 {
        policies.touch(Vec::new()).await.unwrap();
        policies.save(remembered(&format!("d{index}.example.com"))).await.unwrap();
        if index == 100 {
            break;
        }
    }
    store.close().await;
    let sound = fs_err::read(&settings.path).unwrap();
    let mut damaged = sound.clone();
    // Every page on which a domain stands.
    let has_domain = |page: &[u8]| page.windows(11).any(|octets| octets == b"example.com");
    let pages = damaged.chunks_mut(8192).filter(|page| has_domain(page));
    assert_ne!(pages.map(|page| page.fill(0xA5)).count(), 0);
    fs_err::write(&settings.path, &damaged).unwrap();

    let store = Store::open(settings.clone()).await.unwrap();
    let policies = store.policies();
    let domain = "d1.example.com".parse().unwrap();
    assert!(matches!(policies.load(domain).await, Err(StoreError::Damaged { .. })));
    let saved = policies.save(remembered("new.example.com")).await;
    assert!(matches!(saved, Err(StoreError::Damaged { .. })), "{saved:?}");
    // A person puts the sound file back, and the same store goes on.
    fs_err::write(&settings.path, &sound).unwrap();
    policies.save(remembered("new.example.com")).await.unwrap();
    assert!(policies.load("d1.example.com".parse().unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_vanished_is_not_replaced_unseen() {
    let (_folder, settings) = folder();
    let store = Store::open(settings.clone()).await.unwrap();
    // Makes the writer open its file anew.
    let lost = store.writer.write(|connection| {
        connection.execute_batch("ROLLBACK")?;
        let fault = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
        Err::<(), _>(rusqlite::Error::SqliteFailure(fault, None).into())
    });
    assert!(matches!(lost.await, Err(StoreError::Unavailable { .. })));
    fs_err::remove_file(&settings.path).unwrap();
    let saved = store.policies().save(remembered("example.com")).await;
    assert!(matches!(saved, Err(StoreError::Unavailable { .. })), "{saved:?}");
    assert!(!fs_err::exists(&settings.path).unwrap());
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (_folder, settings) = folder();
    let store = Store::open(settings).await.unwrap();
    let policies = store.policies();
    store.close().await;
    store.close().await;
    assert!(matches!(policies.save(remembered("example.com")).await, Err(StoreError::Closed)));
    let loaded = policies.load("example.com".parse().unwrap()).await;
    assert!(matches!(loaded, Err(StoreError::Closed)));
    assert!(matches!(policies.load_all().await.err(), Some(StoreError::Closed)));
}

/// SQLite numbers `$n` by first appearance, PostgreSQL by `n`: they must agree.
#[tokio::test]
async fn parameters_appear_in_the_order_of_their_numbers() {
    let (_folder, settings) = folder();
    Store::open(settings.clone()).await.unwrap();
    let raw = settings.raw_beside();
    RawStore::open(raw.clone()).await.unwrap();
    let connections = [&settings, &raw].map(|file| Connection::open(&file.path).unwrap());
    let of_store = statement::all().map(|statement| (&connections[0], statement));
    let of_raw = statement::all_raw().map(|statement| (&connections[1], statement));
    let mut seen = 0;
    for (connection, (name, sql)) in of_store.chain(of_raw) {
        let prepared = connection.prepare(sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        for index in 1..=prepared.parameter_count() {
            assert_eq!(
                prepared.parameter_name(index),
                Some(format!("${index}").as_str()),
                "{name}"
            );
        }
        seen += 1;
    }
    assert!(seen > 60, "{seen}");
}
