//! How many submissions are stored in a second, each on the disk before it is answered?
//!
//! ```text
//! cargo run --release -p sealpost-store --example puts -- 50000 4096 64
//! ```
//!
//! The numbers: submissions, octets of each, puts at a time, KiB of the log.
//!
//! On a shared machine of two cores, 4096 octets and 64 at a time: 10,000 to 28,000, by how busy
//! others keep the disk; some 40 puts share a commit.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sealpost_runtime::Stopwatch;
use sealpost_store::{Arrival, Origin, RawState, RawStore, Settings};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (count, octets, together) = (number(50_000)?, number(4096)?, number(64)?);
    let folder = tempfile::Builder::new().tempdir_in(".")?;
    let commits = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&commits);
    let mut settings = Settings::at(folder.path().join("store.sqlite"));
    settings.log_kib = u32::try_from(number(4000)?)?;
    let settings = settings.raw_beside().with_witness(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let store = RawStore::open(settings).await?;

    let next = Arc::new(AtomicU64::new(0));
    let watch = Stopwatch::start();
    let mut putting = JoinSet::new();
    for _ in 0..together {
        let (store, next) = (store.clone(), Arc::clone(&next));
        putting.spawn(async move {
            let mut digests = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, sealpost_store::StoreError>(digests);
                }
                let arrival = Arrival {
                    origin: Origin::Smtp,
                    at: 1_800_000_000,
                    peer: None,
                    recipient: Some("reports@example.com".to_owned()),
                };
                digests.push(store.put(text(number, octets), arrival).await?);
            }
        });
    }
    let mut digests = Vec::new();
    for put in putting.join_all().await {
        digests.extend(put?);
    }
    let took = watch.elapsed_ms().max(1);
    // Two of each commit are told, and those of the schema.
    let commits = commits.load(Ordering::Relaxed) / 2;
    let rate = count * 1000 / took;
    println!("{count} puts of {octets} octets, {together} at a time: {rate}/s, {commits} commits");

    let watch = Stopwatch::start();
    for some in digests.chunks(64) {
        let outcomes = some.iter().map(|digest| (*digest, RawState::Read)).collect();
        store.settle(outcomes, 1).await?;
    }
    println!("{count} settled by 64: {}/s", count * 1000 / watch.elapsed_ms().max(1));
    store.close().await;
    Ok(())
}

/// Text that looks like base64 of something packed, and differs.
fn text(number: u64, octets: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let octets = usize::try_from(octets).unwrap_or(0);
    let mut text = Vec::with_capacity(octets);
    while text.len() < octets {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.extend(state.to_le_bytes().map(|octet| b'A' + octet % 26));
    }
    text.truncate(octets);
    text
}
