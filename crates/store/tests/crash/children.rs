//! What the child processes do. Each line on standard output is something that was answered.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, abort},
    sync::atomic::{AtomicU64, Ordering},
};

use sealpost_store::{Remembered, Settings, Store, StoreError};
use tokio::task::JoinSet;

use crate::{
    intake,
    rows::{block_on, number, row, state},
};

/// Rows that `together` saves at once.
pub(crate) const TOGETHER: u32 = 12;
/// Names that `load` writes to, each in turn.
pub(crate) const WRITERS: u32 = 8;

pub(crate) fn run(arguments: &[String]) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["steps", path, moment] => block_on(steps(path, moment.parse().unwrap())),
        ["together", path, moment] => block_on(together(path, moment.parse().unwrap())),
        ["load", path, prefix, count] => block_on(load(path, prefix, count.parse().unwrap())),
        ["intake", path, moment] => block_on(intake::run(path, moment.parse().unwrap())),
        ["intake-load", path, first] => block_on(intake::load(path, first.parse().unwrap())),
        ["full", folder] => block_on(full(Path::new(folder))),
        ["read-only", folder] => block_on(read_only(Path::new(folder))),
        other => panic!("no such child: {other:?}"),
    }
}

/// Settings under which the process aborts at the `moment`th step around a commit, from 1 on.
fn aborting(path: &str, moment: u64) -> Settings {
    let count = AtomicU64::new(0);
    Settings::at(path).with_witness(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == moment {
            abort();
        }
    })
}

/// What `steps` does after opening: one commit each.
pub(crate) const STEPS: usize = 7;

/// One step. The parent applies the same to its model.
pub(crate) enum Step {
    Save(Box<Remembered>),
    Touch(&'static str, i64),
    Forget(&'static str),
}

pub(crate) fn step(index: usize) -> Step {
    let save = |row| Step::Save(Box::new(row));
    match index {
        0 => save(row("a.example.com", 1)),
        1 => save(row("b.example.com", 2)),
        2 => save(row("a.example.com", 3)),
        // A failed fetch: the policy stays.
        3 => save(Remembered { policy: None, ..row("a.example.com", 4) }),
        4 => Step::Touch("b.example.com", 99),
        5 => Step::Forget("b.example.com"),
        _ => save(row("c.example.com", 5)),
    }
}

async fn steps(path: &str, moment: u64) {
    let store = Store::open(aborting(path, moment)).await.unwrap();
    println!("opened");
    let policies = store.policies();
    for index in 0..STEPS {
        match step(index) {
            Step::Save(row) => policies.save(*row).await.unwrap(),
            Step::Touch(name, time) => {
                policies.touch(vec![(name.parse().unwrap(), time)]).await.unwrap();
            }
            Step::Forget(name) => {
                policies.forget(vec![name.parse().unwrap()]).await.unwrap();
            }
        }
        println!("step");
    }
    store.close().await;
}

/// Saves rows at once, so that several share a commit.
async fn together(path: &str, moment: u64) {
    let store = Store::open(aborting(path, moment)).await.unwrap();
    let mut saves = JoinSet::new();
    for index in 0..TOGETHER {
        let policies = store.policies();
        saves.spawn(async move {
            policies.save(row(&format!("d{index}.example.com"), index)).await.unwrap();
            println!("d{index}.example.com {index}");
        });
    }
    saves.join_all().await;
    store.close().await;
}

/// Several writers, each counting upwards in a row of its own, from where the file stands.
async fn load(path: &str, prefix: &str, count: u32) {
    let store = Store::open(Settings::at(path)).await.unwrap();
    let stored = state(&store).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let policies = store.policies();
        let name = format!("{prefix}{writer}.example.com");
        let first = stored.get(&name).map_or(1, |row| number(row) + 1);
        writers.spawn(async move {
            for number in first..first.saturating_add(count) {
                policies.save(row(&name, number)).await.unwrap();
                println!("{name} {number}");
            }
        });
    }
    writers.join_all().await;
    store.close().await;
}

/// In a folder with room for little: writes until the disk is full, then makes room.
async fn full(folder: &Path) {
    let ballast = folder.join("ballast");
    // More than the log can get: when it is closed, all of that goes into the file as well.
    fs_err::write(&ballast, vec![0; 1_700_000]).unwrap();
    let store = Store::open(Settings::at(folder.join("store.sqlite"))).await.unwrap();
    let policies = store.policies();
    let mut saved = 0;
    let error = loop {
        match policies.save(row(&format!("d{saved}.example.com"), saved)).await {
            Ok(()) => saved += 1,
            Err(error) => break error,
        }
        assert!(saved < 1000, "the disk does not get full");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(saved > 3, "only {saved} rows had room");
    check_rows(&store, saved).await;
    // Full again, and still alive.
    let again = policies.save(row("again.example.com", 1)).await;
    assert!(matches!(again, Err(StoreError::Full { .. })), "{again:?}");

    fs_err::remove_file(ballast).unwrap();
    policies.save(row(&format!("d{saved}.example.com"), saved)).await.unwrap();
    check_rows(&store, saved + 1).await;
    store.close().await;

    // A start while the disk is full: nothing that is remembered may be lost by it.
    fill(&folder.join("ballast"));
    let store = Store::open(Settings::at(folder.join("store.sqlite"))).await.unwrap();
    check_rows(&store, saved + 1).await;
    let again = store.policies().save(row("again.example.com", 1)).await;
    assert!(matches!(again, Err(StoreError::Full { .. })), "{again:?}");
    fs_err::remove_file(folder.join("ballast")).unwrap();
    store.policies().forget(vec!["d0.example.com".parse().unwrap()]).await.unwrap();
    assert_eq!(state(&store).await.len(), usize::try_from(saved).unwrap());
    println!("recovered");
}

/// Takes all the room that there is.
fn fill(path: &Path) {
    let mut file = fs_err::File::create(path).unwrap();
    let mut length = 0;
    while file.write_all(&[0; 512]).is_ok() {
        length += 512;
        assert!(length < 4_000_000, "there is no bound");
    }
}

async fn check_rows(store: &Store, count: u32) {
    let state = state(store).await;
    assert_eq!(state.len(), usize::try_from(count).unwrap());
    for index in 0..count {
        let name = format!("d{index}.example.com");
        assert_eq!(number(state.get(&name).unwrap()), index);
    }
}

/// In a folder that is read-only and holds a file with the row `a`: reads, cannot write, and can
/// once the folder is writable.
async fn read_only(folder: &Path) {
    let store = Store::open(Settings::at(folder.join("store.sqlite"))).await.unwrap();
    let policies = store.policies();
    for _ in 0..2 {
        assert_eq!(state(&store).await.into_keys().collect::<Vec<_>>(), ["a.example.com"]);
        let saved = policies.save(row("b.example.com", 2)).await;
        assert!(matches!(saved, Err(StoreError::ReadOnly { .. })), "{saved:?}");
    }
    let mount = Command::new("mount").args(["-o", "remount,rw"]).arg(folder).status().unwrap();
    assert!(mount.success());
    policies.save(row("b.example.com", 2)).await.unwrap();
    let names: Vec<_> = state(&store).await.into_keys().collect();
    assert_eq!(names, ["a.example.com", "b.example.com"]);
    println!("recovered");
}
