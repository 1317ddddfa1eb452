use tempfile::TempDir;

use super::*;
use crate::Settings;

const AT: i64 = 1_900_000_000;

async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    (folder, store)
}

fn domains(names: &[&str]) -> Vec<DomainName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

async fn pending(intents: &Intents) -> Vec<String> {
    let pending = intents.pending(100).await.unwrap();
    assert!(pending.unreadable.is_empty());
    assert!(pending.intents.is_sorted_by(|one, next| one.id < next.id));
    pending.intents.iter().map(|intent| format!("{} {}", intent.verb, intent.domain)).collect()
}

#[tokio::test]
async fn what_was_asked_for_waits_in_that_order_until_it_is_done() {
    let (_folder, store) = open().await;
    let intents = store.intents();
    intents.add(Verb::Purge, domains(&["a.test", "b.test"]), AT).await.unwrap();
    intents.add(Verb::Refresh, domains(&["a.test"]), AT).await.unwrap();
    // A clock that has stepped back changes no order.
    intents.add(Verb::Warm, domains(&["c.test"]), AT - 1_000).await.unwrap();
    let all = ["purge a.test", "purge b.test", "refresh a.test", "warm c.test"];
    assert_eq!(pending(&intents).await, all);

    let first = intents.pending(2).await.unwrap().intents;
    assert_eq!(first.len(), 2);
    assert_eq!((first[0].verb, first[0].asked_at), (Verb::Purge, AT));
    let ids: Vec<i64> = first.iter().map(|intent| intent.id).collect();
    for _ in 0..2 {
        intents.done(ids.clone()).await.unwrap();
        assert_eq!(pending(&intents).await, all[2..]);
    }
    let waiting = intents.waiting(Verb::Refresh, domains(&["a.test", "b.test"])).await.unwrap();
    assert_eq!(waiting, domains(&["a.test"]));
}

#[tokio::test]
async fn who_asks_again_waits_once_and_is_not_done_by_what_was_before() {
    let (_folder, store) = open().await;
    let intents = store.intents();
    intents.add(Verb::Refresh, domains(&["a.test"]), AT).await.unwrap();
    let taken = intents.pending(1).await.unwrap().intents[0].id;
    intents.add(Verb::Purge, domains(&["a.test"]), AT).await.unwrap();
    intents.add(Verb::Refresh, domains(&["a.test"]), AT).await.unwrap();
    intents.done(vec![taken]).await.unwrap();
    assert_eq!(pending(&intents).await, ["purge a.test", "refresh a.test"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_told_apart() {
    let (folder, store) = open().await;
    let intents = store.intents();
    intents.add(Verb::Warm, domains(&["a.test"]), AT).await.unwrap();
    let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
    let bad = "INSERT INTO intents VALUES (1, 'dance', 'a.test', 0), (2, 'warm', '-', 0)";
    other.execute_batch(bad).unwrap();
    let pending = intents.pending(10).await.unwrap();
    assert_eq!(pending.unreadable, [1, 2]);
    assert_eq!(pending.intents.len(), 1);
}

#[tokio::test]
async fn intents_outlive_the_process() {
    let (folder, store) = open().await;
    store.intents().add(Verb::Purge, domains(&["a.test"]), AT).await.unwrap();
    store.close().await;
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let reader = Store::open_to_read(settings).await.unwrap();
    assert_eq!(pending(&reader.intents()).await, ["purge a.test"]);
    let refused = reader.intents().done(vec![1]).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
}

#[tokio::test]
async fn opening_to_read_makes_nothing_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    assert!(Store::open_to_read(Settings::at(&path)).await.is_err());
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);

    // As an earlier version had left it.
    let old = Connection::open(&path).unwrap();
    old.execute_batch(crate::schema::STORE.migrations[0]).unwrap();
    old.execute_batch("PRAGMA application_id = 1399153004").unwrap();
    old.execute_batch("PRAGMA user_version = 1").unwrap();
    drop(old);
    let before = fs_err::read(&path).unwrap();
    let refused = Store::open_to_read(Settings::at(&path)).await.err().unwrap();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
    assert_eq!(fs_err::read(&path).unwrap(), before);
    // The next who may write brings it up to date.
    let store = Store::open(Settings::at(&path)).await.unwrap();
    store.intents().add(Verb::Warm, domains(&["a.test"]), AT).await.unwrap();
}
