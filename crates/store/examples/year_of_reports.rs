//! How fast are questions about a year of reports answered? Fills a store and asks each.
//!
//! ```text
//! cargo run --release -p sealpost-store --example year_of_reports -- 1000 10 365
//! ```
//!
//! The numbers: domains, reporters, days. Each reporter sends a report on each domain each day; one
//! in ten tells of failures. With the name of a file behind them the store is kept there, and only
//! asked if it is there already. The last day is yesterday, so that the commands of `sealpost
//! receive` can be tried on it too.
//!
//! With the evidence of a domain in a further file, as `sealpost check --save-evidence` writes it, each
//! domain has also what it has in life: a newest look like that one, changes, a roll-out with its
//! logbook, and one in ten an open incident.
//!
//! On a shared machine of two cores, 3.65 million reports (1000, 10, 365) are taken in at 15,000 to
//! 23,000 a second, by how busy others keep it, and fill 1.7 GB; the slowest answer took 33 ms. Of
//! 3 million on 10,000 domains (10000, 10, 30), taken in at 11,000 to 16,000 a second, it took 28 ms.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::{
    env,
    error::Error,
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};

use mail_domain::DomainName;

use sealpost_evidence::{
    Evidence,
    incident::{Basis, Urgency},
    traffic::{Bounds, Day, Trust},
};
use sealpost_rollout::{Actor, Entry, Event, Past, Stage, Time};
use sealpost_rules::{
    Severity,
    changes::{Change, Facts},
    judge,
};
use sealpost_runtime::{Clock, Stopwatch};
use sealpost_store::{
    Digest, RawStore, Settings, Store, StoreError,
    checks::{Kept, Look, Sums},
    incidents::{self, Deed, Incident, Phase},
    reports::{
        Content, DayRange, DayShare, DomainId, Echo, HistoryPlace, NewReport, Ownership, Repair,
        ReportFilter, ReportedFailure, ReportedPolicy, Reports, Scope, Subject,
    },
};

/// Reports that are handed over together.
const TOGETHER: usize = 500;
const RESULTS: [&str; 5] = [
    "certificate-expired",
    "certificate-host-mismatch",
    "starttls-not-supported",
    "validation-failure",
    "sts-policy-fetch-error",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut number = |default: i64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (domains, reporters, days) = (number(1000)?, number(10)?, number(365)?);
    let kept = env::args().nth(4).map(PathBuf::from);
    let seen = env::args().nth(5).map(fs_err::read_to_string).transpose()?;
    let folder = tempfile::Builder::new().tempdir_in(".")?;
    let path = kept.unwrap_or_else(|| folder.path().join("store.sqlite"));
    let end = Day::of(Clock::system().now().as_second());
    if !path.exists() {
        fill(&path, (domains, reporters, days), end).await?;
        if let Some(seen) = seen {
            let store = Store::open(Settings::at(&path)).await?;
            for domain in 0..domains {
                live(&store, domain, &seen).await?;
            }
            store.close().await;
        }
    }
    let store = Store::open_to_read(Settings::at(&path)).await?;
    questions(&store.reports(), end.plus(-1), domains).await?;
    store.close().await;
    Ok(())
}

async fn fill(
    path: &Path,
    (domains, reporters, days): (i64, i64, i64),
    end: Day,
) -> Result<(), Box<dyn Error>> {
    let settings = Settings::at(path).for_much_writing();
    // The commands want the file of what came in, too.
    RawStore::open(settings.raw_beside()).await?.close().await;
    let store = Store::open(settings).await?;

    let watch = Stopwatch::start();
    let mut count: u64 = 0;
    for day in end.number() - days..end.number() {
        let mut batch = Vec::with_capacity(TOGETHER);
        for domain in 0..domains {
            for reporter in 0..reporters {
                batch.push(report(domain, reporter, day)?);
                if batch.len() == TOGETHER {
                    store.reports().accept(std::mem::take(&mut batch)).await?;
                }
                count += 1;
            }
        }
        store.reports().accept(batch).await?;
        if day % 30 == 0 {
            let rate = count * 1000 / watch.elapsed_ms().max(1);
            println!("{count} reports, {rate}/s, {} MB", size(path) / 1_000_000);
        }
    }
    let rate = count * 1000 / watch.elapsed_ms().max(1);
    store.close().await;
    println!("{count} reports, {rate}/s, {} MB", size(path) / 1_000_000);
    Ok(())
}

/// What a domain has beside its reports.
async fn live(store: &Store, domain: i64, seen: &str) -> Result<(), Box<dyn Error>> {
    const DAY: i64 = 86_400;
    let now = Clock::system().now().as_second();
    let name: DomainName = name(domain).parse()?;
    let seen: Evidence = serde_json::from_str(seen)?;
    let seen = serde_json::to_string(&seen)?.replace(seen.domain.as_str(), name.as_str());
    let mut evidence: Evidence = serde_json::from_str(&seen)?;
    let checks = store.checks();
    for (ago, last) in [(20, None), (0, Some(now - 20 * DAY))] {
        evidence.observed = jiff::Timestamp::from_second(now - ago * DAY)?;
        let judgement = judge(&evidence);
        let of = |severity| {
            let findings = judgement.findings.iter();
            findings.filter(|finding| finding.rule.severity == severity).count().try_into()
        };
        let (errors, warnings) = (of(Severity::Error)?, of(Severity::Warning)?);
        let certificate_end = Some(now + 40 * DAY);
        let verdict = judgement.verdict;
        let changes = match last {
            None => Vec::new(),
            Some(_) => (0..10)
                .map(|n| Change::MxAdded { host: format!("mx{n}.{name}"), preference: n })
                .collect(),
        };
        let look = Look {
            facts: Facts::of(&evidence),
            evidence: Arc::new(evidence.clone()),
            findings: Sums { verdict, errors, warnings, certificate_end },
            changes,
            due: now + DAY,
        };
        if checks.keep(look, last).await? != Kept::Done {
            return Err("there was a look before".into());
        }
    }
    let rollouts = store.rollouts();
    let since = Time::at(now - 300 * DAY);
    rollouts.enrol(name.clone(), Stage::Testing, since, Past::Nothing).await?;
    for n in 0..20 {
        let event = Event::Checked { verdict: format!("no. {n}: all is well") };
        let at = Time::at(now - (200 - n) * DAY);
        let by = Actor::Person("the operator".to_owned());
        rollouts
            .note(name.clone(), Entry { at, by, event, grounds: vec!["a ground".to_owned()] })
            .await?;
    }
    if domain % 10 == 0 {
        let incident = Incident {
            id: format!("{domain:016x}").parse()?,
            cause: "INC101".to_owned(),
            domain: name.clone(),
            subject: format!("mx1.{name}"),
            phase: Phase::Open,
            urgency: Urgency::Warning,
            basis: Basis::Look,
            since: now - DAY,
            opened_at: Some(now - DAY),
            gone_since: None,
            resolved_at: None,
            told: Some(Urgency::Warning),
            told_to: ["postmaster".to_owned()].into(),
            summary: "STARTTLS is not offered".to_owned(),
            grounds: vec!["seen from here".to_owned()],
            silent_until: None,
            acknowledged: None,
            revision: 0,
            number: 0,
        };
        let change = incidents::Change { incident, deed: Deed::Add, notices: Vec::new() };
        store.incidents().apply(vec![change]).await?;
    }
    Ok(())
}

async fn questions(reports: &Reports, last: Day, domains: i64) -> Result<(), Box<dyn Error>> {
    let (scope, year) = (Scope::Counted, DayRange::ending(last, 365));
    let month = DayRange::ending(last, 30);
    let domain = name(domains / 2).parse()?;
    let all = Subject::default();
    let one = Subject { domain: Some(domain), reporter: None };
    let known = reports.reporters(scope, None, 3).await?;
    let reporter = known.last().map(|row| row.id).ok_or("no reporter")?;
    let by = Subject { domain: None, reporter: Some(reporter) };
    let both = Subject { reporter: Some(reporter), ..one.clone() };
    for (what, subject) in [("all", &all), ("a domain", &one), ("a reporter", &by), ("both", &both)]
    {
        ask(&format!("series of a year of {what}"), || {
            let subject = subject.clone();
            async { Ok(reports.series(scope, subject, year).await?.days.len()) }
        })
        .await?;
        for (content, word) in [(Content::Any, "reports"), (Content::Failures, "failing reports")] {
            ask(&format!("100 {word} of {what}"), || {
                let filter = ReportFilter { scope, subject: subject.clone(), days: year, content };
                async { Ok(reports.list(filter, None, 100).await?.len()) }
            })
            .await?;
        }
        ask(&format!("failure groups of a year of {what}"), || {
            let subject = subject.clone();
            async {
                let groups = reports.failure_groups(scope, subject, year, 100).await?;
                println!(
                    "            {} reports read, {} groups more, unread before {:?}",
                    groups.reports,
                    groups.unlisted,
                    groups.unread_before.map(|day| day.to_string())
                );
                Ok(groups.groups.len())
            }
        })
        .await?;
    }
    ask("failure groups of a week of all", || async {
        let week = DayRange::ending(last, 7);
        Ok(reports.failure_groups(scope, Subject::default(), week, 100).await?.groups.len())
    })
    .await?;
    ask("totals of a year", || async { Ok(reports.totals(year).await?.len()) }).await?;
    ask("100 domains with sums of a year", || async {
        Ok(reports.domains(scope, year, Some(DomainId(300)), 100).await?.len())
    })
    .await?;
    ask("1000 domains with sums of a month", || async {
        Ok(reports.domains(scope, month, None, 1000).await?.len())
    })
    .await?;
    ask("reporters and their habits", || async {
        Ok(reports.reporters(scope, None, 1000).await?.len())
    })
    .await?;
    ask("repairs of a reporter", || async { Ok(reports.repairs(scope, reporter).await?.len()) })
        .await?;
    ask("100 of the history of all failures", || async {
        let place = HistoryPlace::default();
        Ok(reports.failure_history(scope, None, month.first, place, 100).await?.len())
    })
    .await?;
    ask("the history of the failures of a domain", || async {
        let (place, domain) = (HistoryPlace::default(), one.domain.clone());
        Ok(reports.failure_history(scope, domain, year.first, place, 100).await?.len())
    })
    .await?;
    let filter =
        ReportFilter { scope, subject: one.clone(), days: year, content: Content::Failures };
    let listed = reports.list(filter, None, 1).await?;
    let id = listed.first().map(|report| report.id).ok_or("no failing report")?;
    ask("one report with everything", || async {
        Ok(reports.report(id).await?.map_or(0, |report| report.policies.len()))
    })
    .await
}

/// Asks once for the first time and three times more.
async fn ask<F: Future<Output = Result<usize, StoreError>>>(
    what: &str,
    question: impl Fn() -> F,
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    let mut rows = 0;
    for _ in 0..4 {
        let watch = Stopwatch::start();
        rows = question().await?;
        times.push(watch.elapsed_ms());
    }
    println!("{times:?} ms  {what}: {rows} rows");
    Ok(())
}

fn name(domain: i64) -> String {
    format!("domain-{domain}.example.com")
}

fn report(domain: i64, reporter: i64, day: i64) -> Result<NewReport, Box<dyn Error>> {
    let day = Day::new(day);
    let mix = domain.wrapping_mul(31).wrapping_add(reporter * 7).wrapping_add(day.number() * 13);
    let signer = format!("reporter-{reporter}.example.net");
    let report_id = format!("{day}T00:00:00Z_{}", name(domain));
    let payload = Digest::of(format!("{signer} {report_id}").as_bytes());
    let successful = u64::try_from(mix.rem_euclid(5000))?;
    let failures = if mix % 10 == 0 { vec![failure(mix)] } else { Vec::new() };
    let failed = failures.iter().map(|failure| failure.sessions).sum();
    let mx_hosts = vec![format!("mx1.{}", name(domain)), format!("mx2.{}", name(domain))];
    let strings = ["version: STSv1", "mode: enforce", "max_age: 604800"].map(str::to_owned);
    let policy = ReportedPolicy {
        policy_type: "sts".to_owned(),
        policy_domain: Some(name(domain)),
        strings: strings.into(),
        mx_hosts,
        successful,
        failed,
        failures,
    };
    let (successful, failed) = (Bounds::exactly(successful), Bounds::exactly(failed));
    let repair = Repair { code: "sending-ip-empty".to_owned(), place: "/policies/0".to_owned() };
    Ok(NewReport {
        domain: Some(name(domain).parse()?),
        ownership: Ownership::Ours,
        trust: Trust::Verified { signer },
        organisation: format!("Reporter {reporter}"),
        contact: Some("postmaster@example.net".to_owned()),
        report_id,
        begins_at: day.begins_at(),
        ends_at: day.begins_at() + 86_399,
        received_at: day.begins_at() + 100_000,
        place: 0,
        payload,
        raw: payload,
        days: vec![DayShare { day, successful, failed }],
        policies: vec![policy],
        repairs: if reporter == 2 { vec![repair] } else { Vec::new() },
        echo: Echo::No,
    })
}

fn failure(mix: i64) -> ReportedFailure {
    let last = u8::try_from(mix.rem_euclid(250)).unwrap_or(0);
    let result = RESULTS.get(usize::from(last) % RESULTS.len()).copied().unwrap_or_default();
    ReportedFailure {
        result_type: result.to_owned(),
        sending_ip: Some([198, 51, 100, last].into()),
        receiving_ip: Some([203, 0, 113, last % 4].into()),
        mx_host: Some("mx1.example.com".to_owned()),
        reason: Some("certificate has expired".to_owned()),
        sessions: u64::from(last) + 1,
        ..ReportedFailure::default()
    }
}

fn size(path: &Path) -> u64 {
    fs_err::metadata(path).map_or(0, |metadata| metadata.len())
}
