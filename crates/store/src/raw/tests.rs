use tempfile::TempDir;

use super::*;
use crate::Store;

const AT: i64 = 1_900_000_000;

async fn open() -> (TempDir, RawStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = RawStore::open(settings(&folder)).await.unwrap();
    (folder, store)
}

fn settings(folder: &TempDir) -> Settings {
    Settings::at(folder.path().join("store.sqlite")).raw_beside()
}

fn arrival(at: i64) -> Arrival {
    Arrival {
        origin: Origin::Smtp,
        at,
        peer: Some("2001:db8::1".parse().unwrap()),
        recipient: Some("reports@example.com".to_owned()),
    }
}

fn text(number: usize, length: usize) -> Vec<u8> {
    let mut text = format!("mail {number}\r\n").repeat(length / 6 + 1).into_bytes();
    text.truncate(length);
    text.extend_from_slice(b"\0\xFF");
    text
}

#[tokio::test]
async fn what_was_put_comes_back_octet_for_octet() {
    let (_folder, store) = open().await;
    for (number, length) in [0, 1, 100, 4096, 16 * 1024, 300_000, 5_000_000].into_iter().enumerate()
    {
        let octets = text(number, length);
        let digest = store.put(octets.clone(), arrival(AT)).await.unwrap();
        assert_eq!(digest, Digest::of(&octets));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(store.octets(digest).await.unwrap(), Some(octets.clone()));
        let entry = store.entry(digest).await.unwrap().unwrap();
        assert_eq!(entry.size, u64::try_from(octets.len()).unwrap());
        assert_eq!((entry.first, entry.state), (arrival(AT), RawState::New));
        assert_eq!((entry.arrivals, entry.last_at, entry.reader), (1, AT, 0));
    }
    let unknown = Digest::of(b"unknown");
    assert_eq!(store.octets(unknown).await.unwrap(), None);
    assert_eq!(store.entry(unknown).await.unwrap(), None);
    assert_eq!(store.arrivals(unknown).await.unwrap(), []);
    for bad in ["", "00", &"0".repeat(63), &"A".repeat(64), &"0".repeat(66)] {
        assert_eq!(bad.parse::<Digest>(), Err(DigestError), "{bad}");
    }
}

#[tokio::test]
async fn a_new_raw_file_is_private_in_wal_mode_and_synced_fully() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, store) = open().await;
    let mode = fs_err::metadata(settings(&folder).path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let modes = store.writer.write(|connection| {
        let journal: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        Ok((journal, synchronous))
    });
    assert_eq!(modes.await.unwrap(), ("wal".to_owned(), 2));
}

#[tokio::test]
async fn too_much_is_refused() {
    let (_folder, store) = open().await;
    let refused = store.put(vec![0; MOST_OCTETS + 1], arrival(AT)).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert_eq!(store.list(0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_same_octets_are_stored_once_and_their_arrivals_noted() {
    let (_folder, store) = open().await;
    let digest = store.put(text(1, 50), arrival(AT)).await.unwrap();
    let reason = "not-a-report".to_owned();
    let state = RawState::Refused { reason };
    store.settle(vec![(digest, state.clone())], 7).await.unwrap();
    for number in 1..=30 {
        let again = Arrival { origin: Origin::Imap, peer: None, recipient: None, at: AT + number };
        assert_eq!(store.put(text(1, 50), again).await.unwrap(), digest);
    }
    // A clock that has stepped back.
    store.put(text(1, 50), arrival(AT - 5)).await.unwrap();
    let entry = store.entry(digest).await.unwrap().unwrap();
    assert_eq!((entry.arrivals, entry.last_at), (32, AT + 30));
    assert_eq!((entry.state, entry.reader), (state, 7));
    let arrivals = store.arrivals(digest).await.unwrap();
    assert_eq!(arrivals.len(), usize::try_from(MOST_ARRIVALS).unwrap());
    assert_eq!(arrivals[0], arrival(AT));
    assert_eq!((arrivals[15].at, arrivals[15].origin), (AT + 15, Origin::Imap));
    assert_eq!(store.list(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_waits_is_found_by_its_standing_and_its_reader() {
    let (_folder, store) = open().await;
    let mut digests = Vec::new();
    for number in 0..9 {
        digests.push(store.put(text(number, 20), arrival(AT)).await.unwrap());
    }
    let quarantined = || RawState::Quarantined { reason: "json".to_owned() };
    let outcomes = [(0, RawState::Read), (1, quarantined()), (2, quarantined())];
    let outcomes = outcomes.map(|(number, state)| (digests[number], state)).into();
    store.settle(outcomes, 1).await.unwrap();
    store.settle(vec![(digests[3], quarantined())], 2).await.unwrap();
    store.settle(vec![(Digest::of(b"unknown"), quarantined())], 2).await.unwrap();

    let find = |standing, reader, after, limit| {
        let store = store.clone();
        async move {
            let entries = store.standing(standing, reader, after, limit).await.unwrap();
            entries.iter().map(|entry| entry.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(find(Standing::Quarantined, 2, 0, 10).await, [2, 3]);
    assert_eq!(find(Standing::Quarantined, 3, 0, 10).await, [2, 3, 4]);
    assert_eq!(find(Standing::Quarantined, 3, 2, 1).await, [3]);
    assert_eq!(find(Standing::New, 1, 0, 10).await, [5, 6, 7, 8, 9]);
    let entry = store.entry(digests[1]).await.unwrap().unwrap();
    assert_eq!(entry.state, quarantined());
    let counts = store.counts().await.unwrap();
    assert_eq!(counts, RawCounts { new: 5, read: 1, quarantined: 3, refused: 0 });
}

#[tokio::test]
async fn only_what_is_old_and_read_is_forgotten() {
    let (_folder, store) = open().await;
    let mut digests = Vec::new();
    for number in 0..6 {
        let at = AT + i64::try_from(number).unwrap();
        let digest = store.put(text(number, 20), arrival(at)).await.unwrap();
        store.put(text(number, 20), arrival(at)).await.unwrap();
        digests.push(digest);
    }
    let read = digests[1..].iter().map(|digest| (*digest, RawState::Read)).collect();
    store.settle(read, 1).await.unwrap();
    assert_eq!(store.prune(AT + 5, 3).await.unwrap(), 3);
    assert_eq!(store.prune(AT + 5, 3).await.unwrap(), 1);
    assert_eq!(store.prune(AT + 5, 3).await.unwrap(), 0);
    let left: Vec<_> = store.list(0, 10).await.unwrap().iter().map(|entry| entry.digest).collect();
    assert_eq!(left, [digests[0], digests[5]]);
    assert_eq!(store.octets(digests[1]).await.unwrap(), None);
    // It may come again.
    store.put(text(1, 20), arrival(AT + 9)).await.unwrap();
    assert_eq!(store.arrivals(digests[1]).await.unwrap(), [arrival(AT + 9)]);
}

/// Keys do not stay, so a mail that is read by a later version could not be verified any more.
#[tokio::test]
async fn who_vouched_for_what_lies_in_quarantine_is_kept_as_long() {
    let (_folder, store) = open().await;
    let [one, other] = [text(1, 20), text(2, 20)].map(|octets| (Digest::of(&octets), octets));
    store.put(one.1, arrival(AT)).await.unwrap();
    store.put(other.1, arrival(AT)).await.unwrap();
    let state = || RawState::Quarantined { reason: "json".to_owned() };
    let vouched = |message: &[u8]| Vouched {
        message: Digest::of(message),
        signer: "reporter.example".to_owned(),
        reader: 7,
    };
    let settled = || RawOutcomes {
        outcomes: vec![(1, one.0, state())],
        vouched: vec![
            (1, one.0, vouched(b"outer")),
            (1, one.0, vouched(b"inner")),
            (2, one.0, vouched(b"of another")), // no such place
        ],
        reader: 1,
    };
    // To do so twice changes nothing.
    store.settle_placed(settled()).await.unwrap();
    store.settle_placed(settled()).await.unwrap();
    let mut expected = vec![vouched(b"outer"), vouched(b"inner")];
    expected.sort_by_key(|vouched| *vouched.message.as_bytes());
    assert_eq!(store.vouched(1).await.unwrap(), expected);
    assert_eq!(store.vouched(2).await.unwrap(), []);
    assert_eq!(store.prune(AT + 1, 10).await.unwrap(), 1);
    assert_eq!(store.vouched(1).await.unwrap(), []);
}

#[tokio::test]
async fn octets_that_have_changed_are_not_given_out() {
    let (folder, store) = open().await;
    let plain = store.put(text(1, 100), arrival(AT)).await.unwrap();
    let packed = store.put(text(2, 100_000), arrival(AT)).await.unwrap();
    let path = settings(&folder).path;
    let change = |sql: &str| {
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    };
    for sql in [
        "UPDATE raw_octets SET octets = CAST('other' AS BLOB)",
        "UPDATE raw_octets SET encoding = 'deflate', octets = x'00'",
        "UPDATE raw_octets SET encoding = 'zstd'",
    ] {
        change(sql);
        for digest in [plain, packed] {
            let read = store.octets(digest).await;
            assert!(matches!(read, Err(StoreError::Damaged { .. })), "{sql}: {read:?}");
        }
    }
}

/// More than there is room for waits, and all of it is stored.
#[tokio::test]
async fn many_large_puts_wait_for_room() {
    let (_folder, store) = open().await;
    let mut puts = tokio::task::JoinSet::new();
    for number in 0..12 {
        let store = store.clone();
        puts.spawn(async move { store.put(vec![number; 20_000_000], arrival(AT)).await });
    }
    for put in puts.join_all().await {
        put.unwrap();
    }
    assert_eq!(store.list(0, 100).await.unwrap().len(), 12);
}

#[tokio::test]
async fn the_two_files_are_not_taken_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let store = Store::open(Settings::at(&path)).await.unwrap();
    let raw = RawStore::open(Settings::at(&path).raw_beside()).await.unwrap();
    store.close().await;
    raw.close().await;
    assert!(fs_err::exists(folder.path().join("store.sqlite.raw.db")).unwrap());
    let swapped = RawStore::open(Settings::at(&path)).await.err().unwrap();
    assert!(matches!(swapped, StoreError::Foreign), "{swapped:?}");
    let swapped = Store::open(Settings::at(&path).raw_beside()).await.err().unwrap();
    assert!(matches!(swapped, StoreError::Foreign), "{swapped:?}");
}

#[tokio::test]
async fn a_copy_of_a_file_in_use_is_whole() {
    let (folder, store) = open().await;
    let digest = store.put(text(1, 100_000), arrival(AT)).await.unwrap();
    let to = folder.path().join("copy of it.db");
    fs_err::write(&to, "what was there").unwrap();
    fs_err::write(folder.path().join("copy of it.db.unfinished"), "half").unwrap();
    let (writing, reading) = (store.clone(), store.clone());
    let copying = tokio::spawn(async move { reading.backup(to).await });
    for number in 2..50 {
        writing.put(text(number, 1000), arrival(AT)).await.unwrap();
    }
    copying.await.unwrap().unwrap();
    let to = folder.path().join("copy of it.db");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs_err::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs_err::exists(folder.path().join("copy of it.db.unfinished")).unwrap());
    // It is a raw file like any other.
    let copy = RawStore::open(Settings::at(&to)).await.unwrap();
    assert_eq!(copy.octets(digest).await.unwrap(), Some(text(1, 100_000)));
    copy.put(text(99, 10), arrival(AT)).await.unwrap();

    let nowhere = store.backup(folder.path().join("no/folder/copy")).await;
    assert!(matches!(nowhere, Err(StoreError::Unavailable { .. })), "{nowhere:?}");
    // A failed copying costs the store nothing.
    store.put(text(100, 10), arrival(AT)).await.unwrap();
}
