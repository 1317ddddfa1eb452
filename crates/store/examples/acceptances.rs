//! How many reports are taken in in a second, each on the disk before it is answered?
//!
//! ```text
//! cargo run --release -p sealpost-store --example acceptances -- 20000 1 1 64
//! ```
//!
//! The numbers: payloads, domains in each, failure details for each domain, payloads at a time, KiB
//! of the log.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sealpost_evidence::traffic::{Bounds, Day, Trust};
use sealpost_runtime::Stopwatch;
use sealpost_store::{
    Digest, Settings, Store, StoreError,
    reports::{DayShare, Echo, NewReport, Ownership, ReportedFailure, ReportedPolicy},
};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (count, domains, failures) = (number(20_000)?, number(1)?, number(1)?);
    let together = number(64)?;
    let folder = tempfile::Builder::new().tempdir_in(".")?;
    let mut settings = Settings::at(folder.path().join("store.sqlite")).for_much_writing();
    settings.log_kib = u32::try_from(number(32 * 1024)?)?;
    let store = Store::open(settings).await?;

    let next = Arc::new(AtomicU64::new(0));
    let watch = Stopwatch::start();
    let mut running = JoinSet::new();
    for _ in 0..together {
        let (store, next) = (store.clone(), Arc::clone(&next));
        running.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<(), StoreError>(());
                }
                let reports = (0..domains).filter_map(|domain| report(number, domain, failures));
                store.reports().accept(reports.collect()).await?;
            }
        });
    }
    for result in running.join_all().await {
        result?;
    }
    let rate = count * 1000 / watch.elapsed_ms().max(1);
    println!("{count} payloads of {domains} domains with {failures} failures each: {rate}/s");
    store.close().await;
    Ok(())
}

/// The shapes of the generator of reports: 400 domains, 180 days, addresses all over.
fn report(number: u64, domain: u64, failures: u64) -> Option<NewReport> {
    let day = Day::new(20_000 + i64::try_from(number % 180).ok()?);
    let name = format!("p{domain}.d{}.example", number % 400);
    let octet = |mix: u64| u8::try_from(mix % 250).unwrap_or(0);
    let failure = |index: u64| ReportedFailure {
        result_type: format!("result-{}", (number + domain + index) % 11),
        sending_ip: Some([198, 51, 100, octet(number * 7 + index * 13)].into()),
        receiving_ip: Some([203, 0, 113, octet(number * 11 + index * 17)].into()),
        mx_host: Some(format!("mx{}.{name}", index % 3)),
        reason: (!index.is_multiple_of(5)).then(|| "certificate verify failed: num=20".to_owned()),
        sessions: index + 1,
        ..ReportedFailure::default()
    };
    let failed = (1..=failures).sum();
    let policy = ReportedPolicy {
        policy_type: "sts".to_owned(),
        policy_domain: Some(name.clone()),
        strings: vec!["version: STSv1".to_owned(), "mode: enforce".to_owned()],
        mx_hosts: vec![format!("mx1.{name}")],
        successful: number,
        failed,
        failures: (0..failures).map(failure).collect(),
    };
    let payload = Digest::of(&number.to_be_bytes());
    Some(NewReport {
        domain: Some(name.parse().ok()?),
        ownership: Ownership::Ours,
        trust: Trust::Verified { signer: format!("s{}.example", number % 5) },
        organisation: format!("Reporter {}", number % 5),
        contact: None,
        report_id: format!("{day}_{number}"),
        begins_at: day.begins_at(),
        ends_at: day.begins_at() + 86_399,
        received_at: day.begins_at() + 100_000,
        place: 0,
        payload,
        raw: payload,
        days: vec![DayShare {
            day,
            successful: Bounds::exactly(number),
            failed: Bounds::exactly(failed),
        }],
        policies: vec![policy],
        repairs: Vec::new(),
        echo: Echo::No,
    })
}
