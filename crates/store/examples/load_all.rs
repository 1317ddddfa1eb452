//! How long does a start take? Fills a store with policies and measures reading them all.
//!
//! ```text
//! cargo run --release -p sealpost-store --example load_all -- 50000
//! ```

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::{env, error::Error};

use mta_sts::PolicyId;
use sealpost_runtime::Stopwatch;
use sealpost_store::{FetchedPolicy, Remembered, Settings, Store};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: u32 = env::args().nth(1).map_or(Ok(50_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let store = Store::open(settings.clone()).await?;

    let watch = Stopwatch::start();
    let mut saves = JoinSet::new();
    for index in 0..count {
        let policies = store.policies();
        let remembered = Remembered {
            domain: format!("domain-{index}.example.com").parse()?,
            policy: Some(FetchedPolicy {
                id: PolicyId::parse(&format!("20260101T{index}"))?,
                text: format!(
                    "version: STSv1\r\nmode: enforce\r\nmx: mx1.domain-{index}.example.com\r\n\
                     mx: *.mail.example.net\r\nmax_age: 604800\r\n"
                )
                .into_bytes(),
                fetched_at: 1_800_000_000,
            }),
            backoff: None,
            last_used: 1_800_000_000,
        };
        saves.spawn(async move { policies.save(remembered).await });
    }
    for saved in saves.join_all().await {
        saved?;
    }
    println!("{count} policies saved one by one in {} ms", watch.elapsed_ms());
    store.close().await;

    let watch = Stopwatch::start();
    let store = Store::open(settings).await?;
    let mut loading = store.policies().load_all().await?;
    let mut loaded = 0;
    while let Some(batch) = loading.next().await? {
        loaded += batch.len();
    }
    println!("{loaded} policies opened and loaded in {} ms", watch.elapsed_ms());
    Ok(())
}
