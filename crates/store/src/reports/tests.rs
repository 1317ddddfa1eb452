//! Reports in a store of their own.

mod acceptance;
mod model;
mod plans;
mod questions;
mod retention;

use tempfile::TempDir;

use super::*;
use crate::{Digest, Settings};
use sealpost_evidence::traffic::Trust;

/// A day on which nothing happens in the world.
const TODAY: i64 = 20_000;

async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    (folder, store)
}

fn day(offset: i64) -> Day {
    Day::new(TODAY + offset)
}

fn verified(signer: &str) -> Trust {
    Trust::Verified { signer: signer.to_owned() }
}

fn unverified() -> Trust {
    Trust::Unverified { reason: "unsigned".to_owned() }
}

fn share(offset: i64, successful: u64, failed: u64) -> DayShare {
    DayShare {
        day: day(offset),
        successful: Bounds::exactly(successful),
        failed: Bounds::exactly(failed),
    }
}

/// A report on one day: ten sessions well, and `failed` not.
fn report(id: &str, offset: i64, failed: u64) -> NewReport {
    let failure = ReportedFailure {
        result_type: "certificate-expired".to_owned(),
        sending_ip: Some([198, 51, 100, 1].into()),
        receiving_ip: Some([203, 0, 113, 1].into()),
        mx_host: Some("mx1.example.com".to_owned()),
        helo: Some("mx1".to_owned()),
        reason: Some("expired".to_owned()),
        additional: Some("https://example.net/?ip=203.0.113.1".to_owned()),
        sessions: failed,
    };
    let policy = ReportedPolicy {
        policy_type: "sts".to_owned(),
        policy_domain: Some("example.com".to_owned()),
        strings: vec!["version: STSv1".to_owned(), "mode: enforce".to_owned()],
        mx_hosts: vec!["mx1.example.com".to_owned()],
        successful: 10,
        failed,
        failures: if failed > 0 { vec![failure] } else { Vec::new() },
    };
    let begins_at = day(offset).begins_at();
    NewReport {
        domain: Some("example.com".parse().unwrap()),
        ownership: Ownership::Ours,
        trust: verified("example.net"),
        organisation: "Example Mail".to_owned(),
        contact: Some("postmaster@example.net".to_owned()),
        report_id: id.to_owned(),
        begins_at,
        ends_at: begins_at + 86_399,
        received_at: begins_at + 100_000,
        place: 0,
        payload: Digest::of(format!("{id} {failed}").as_bytes()),
        raw: Digest::of(format!("mail {id} {failed}").as_bytes()),
        days: vec![share(offset, 10, failed)],
        policies: vec![policy],
        repairs: vec![Repair {
            code: "mx-host-string".to_owned(),
            place: "/policies/0".to_owned(),
        }],
        echo: Echo::No,
    }
}

async fn accept(store: &Store, report: &NewReport) -> Accepted {
    store.reports().accept(vec![report.clone()]).await.unwrap().remove(0)
}

/// All reports of a scope that count, and their sums: reports, successful, failed.
async fn total(store: &Store, scope: Scope) -> (u64, Bounds, Bounds) {
    let reports = store.reports();
    let series = reports.series(scope, Subject::default(), around_today()).await.unwrap();
    series.total()
}

fn around_today() -> DayRange {
    DayRange { first: day(-2000), last: day(2000) }
}

fn exact(reports: u64, successful: u64, failed: u64) -> (u64, Bounds, Bounds) {
    (reports, Bounds::exactly(successful), Bounds::exactly(failed))
}
