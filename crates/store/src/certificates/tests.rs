use super::*;
use crate::Settings;

async fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap()
}

fn host(name: &str) -> DomainName {
    name.parse().unwrap()
}

#[tokio::test]
async fn an_order_has_one_key_and_ends_with_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let certificates = store.certificates();
    let name = host("mta-sts.example.com");
    let begin = |key: &'static [u8]| {
        certificates.begin(name.clone(), "https://ca.example/dir".to_owned(), key.to_vec(), 10)
    };
    let begun = begin(b"one").await.unwrap();
    assert_eq!((begun.key.as_slice(), begun.asked_at, begun.url), (&b"one"[..], None, None));
    assert_eq!(begin(b"two").await.unwrap().key, b"one", "the key of a begun order stays");
    certificates.asked(name.clone(), 11).await.unwrap();
    certificates.ordered(name.clone(), "https://ca.example/o/1".to_owned()).await.unwrap();
    let begun = certificates.order(name.clone()).await.unwrap().unwrap();
    assert_eq!((begun.asked_at, begun.url.as_deref()), (Some(11), Some("https://ca.example/o/1")));

    certificates.trouble(name.clone(), 70, "no\0thing").await.unwrap();
    certificates.trouble(name.clone(), 80, "again").await.unwrap();
    let troubles = certificates.troubles(None).await.unwrap();
    assert_eq!((troubles[0].failures, troubles[0].next_at), (2, 80));
    let known = certificates.of(name.clone()).await.unwrap();
    assert_eq!((known.certificate, known.trouble), (None, troubles.into_iter().next()));

    let kept = Kept {
        host: name.clone(),
        directory: "https://ca.example/dir".to_owned(),
        chain: b"chain".to_vec(),
        key: b"one".to_vec(),
        not_before: 5,
        not_after: 500,
        renew_at: None,
        ask_at: None,
    };
    certificates.keep(kept.clone()).await.unwrap();
    assert_eq!(certificates.order(name.clone()).await.unwrap(), None);
    assert_eq!(certificates.troubles(None).await.unwrap(), []);
    let known = KnownHost { certificate: Some(kept.clone()), trouble: None };
    assert_eq!(certificates.of(name.clone()).await.unwrap(), known);
    certificates.suggest(name.clone(), Some(300), 400).await.unwrap();
    let listed = certificates.list(None).await.unwrap();
    assert_eq!(listed, [Kept { renew_at: Some(300), ask_at: Some(400), ..kept.clone() }]);
    assert_eq!(certificates.list(Some(name)).await.unwrap(), []);
    // The suggestion was for the certificate of before.
    certificates.keep(kept.clone()).await.unwrap();
    assert_eq!(certificates.list(None).await.unwrap(), [kept]);
}

#[tokio::test]
async fn the_first_key_of_an_account_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let certificates = store.certificates();
    let directory = || "https://ca.example/dir".to_owned();
    let first = certificates.account(directory(), b"one".to_vec(), 1).await.unwrap();
    assert_eq!(first, Account { key: b"one".to_vec(), url: None });
    certificates.name_account(directory(), "https://ca.example/a/1".to_owned()).await.unwrap();
    let again = certificates.account(directory(), b"two".to_vec(), 2).await.unwrap();
    assert_eq!(again.key, b"one");
    assert_eq!(again.url.as_deref(), Some("https://ca.example/a/1"));
}

#[tokio::test]
async fn a_limit_lets_a_burst_through_and_then_one_in_each_interval() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let certificates = store.certificates();
    let wide = || Allowance { name: "wide".to_owned(), burst: 100, interval: 1 };
    let narrow = || Allowance { name: "narrow".to_owned(), burst: 3, interval: 60 };
    let spend = |now| certificates.spend(vec![wide(), narrow()], now);
    for _ in 0..3 {
        assert_eq!(spend(1_000).await.unwrap(), Spending::Spent);
    }
    assert_eq!(spend(1_000).await.unwrap(), Spending::Not(1_060));
    assert_eq!(spend(1_059).await.unwrap(), Spending::Not(1_060));
    assert_eq!(certificates.free_at("wide".to_owned()).await.unwrap(), 1_003, "as 3 were spent");
    assert_eq!(spend(1_060).await.unwrap(), Spending::Spent);
    assert_eq!(spend(1_061).await.unwrap(), Spending::Not(1_120));
    for _ in 0..3 {
        assert_eq!(spend(9_000).await.unwrap(), Spending::Spent, "all is free again");
    }
    assert_eq!(spend(9_000).await.unwrap(), Spending::Not(9_060));
}

#[tokio::test]
async fn a_host_is_in_one_hand_of_all_that_share_the_store() {
    let folder = tempfile::tempdir().unwrap();
    // As two processes have it: each its own connection.
    let stores = [store(&folder).await, store(&folder).await];
    let name = host("mta-sts.example.com");
    let lease = async |holder: usize, now: i64, until: i64| {
        let hand = format!("holder {holder}");
        stores[holder].certificates().lease(name.clone(), hand, now, until).await.unwrap()
    };
    assert!(lease(0, 100, 115).await && !lease(1, 100, 115).await);
    assert!(lease(0, 110, 125).await, "who holds it may keep it");
    assert!(!lease(1, 124, 139).await, "it was kept");
    assert!(lease(1, 125, 140).await && !lease(0, 125, 140).await, "the first did not come back");
    let release = async |holder: usize| {
        let hand = format!("holder {holder}");
        stores[holder].certificates().release(name.clone(), hand).await.unwrap();
    };
    release(0).await;
    assert!(!lease(0, 126, 141).await, "nobody lets go for another");
    release(1).await;
    assert!(lease(0, 126, 141).await);
    assert!(!lease(1, 66, 81).await && lease(1, 65, 80).await, "that clock was ahead");

    let (first, second) = tokio::join!(lease(0, 1_000, 1_015), lease(1, 1_000, 1_015));
    assert!(first != second, "both at once: {first} and {second}");
}
