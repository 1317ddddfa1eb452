//! Rows whose parts all tell the same number, so that a torn one is seen.

use std::{collections::BTreeMap, path::Path};

use mta_sts::PolicyId;
use sealpost_store::{Backoff, FetchedPolicy, Remembered, Settings, Store};

/// Everything in a store, by name.
pub(crate) type State = BTreeMap<String, Remembered>;

/// A row that is made of `number`, with a text that fills several pages.
pub(crate) fn row(name: &str, number: u32) -> Remembered {
    let id = PolicyId::parse(&format!("n{number}")).unwrap();
    let time = i64::from(number);
    Remembered {
        domain: name.parse().unwrap(),
        policy: Some(FetchedPolicy {
            id: id.clone(),
            text: format!("number {number}\n").repeat(400).into_bytes(),
            fetched_at: time,
        }),
        backoff: Some(Backoff {
            id,
            failure: "sts-policy-invalid".to_owned(),
            failures: number,
            failed_at: time,
        }),
        last_used: time,
    }
}

/// The number that a row was made of. Panics if it is not whole.
pub(crate) fn number(remembered: &Remembered) -> u32 {
    let number = remembered.backoff.as_ref().unwrap().failures;
    assert_eq!(*remembered, row(remembered.domain.as_str(), number), "a torn row");
    number
}

/// Opens a file as the next process would, and reads everything.
pub(crate) fn read(path: &Path) -> State {
    block_on(async {
        let store = Store::open(Settings::at(path)).await.unwrap();
        let state = state(&store).await;
        store.close().await;
        state
    })
}

/// Everything in an open store.
pub(crate) async fn state(store: &Store) -> State {
    let mut loading = store.policies().load_all().await.unwrap();
    let mut state = State::new();
    while let Some(rows) = loading.next().await.unwrap() {
        state.extend(rows.into_iter().map(|row| (row.domain.to_string(), row)));
    }
    assert_eq!(loading.unreadable(), 0);
    state
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
