//! Random histories, against a model that keeps a list and adds it up.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};
use sealpost_evidence::traffic::{DaySeries, Reporter};

use super::*;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Accept(Vec<Choice>),
    Prune(i64),
}

/// A report out of a small world, so that duplicates and revisions are frequent.
#[derive(Clone, Copy, Debug)]
struct Choice {
    domain: usize,
    organisation: usize,
    id: usize,
    trust: usize,
    is_ours: bool,
    payload: usize,
    received: i64,
    place: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = (0..3_usize, 0..2_usize, 0..2_usize, 0..4_usize, any::<bool>(), 0..4_usize);
    // Few times, so that places often decide.
    let when = (0..10_i64, 0..4_i64);
    let choice = (what, when).prop_map(
        |((domain, organisation, id, trust, is_ours, payload), (received, place))| Choice {
            domain,
            organisation,
            id,
            trust,
            is_ours,
            payload,
            received: received * 20,
            place,
        },
    );
    let step = prop_oneof![
        6 => vec(choice, 1..4).prop_map(Step::Accept),
        1 => (0..600_i64).prop_map(Step::Prune),
    ];
    vec(step, 1..24)
}

fn made(choice: Choice) -> NewReport {
    let Choice { domain, organisation, id, trust, is_ours, payload, received, place } = choice;
    let failed = u64::try_from(payload).unwrap();
    let mut report = report(&format!("id{id}"), 0, failed);
    report.domain =
        [None, Some("a.example"), Some("b.example")][domain].map(|d| d.parse().unwrap());
    report.organisation = ["One", "Two"][organisation].to_owned();
    report.trust = match trust {
        0 => verified("one.example"),
        1 => verified("two.example"),
        2 => Trust::Vouched { signer: "one.example".to_owned(), server: "mx".to_owned() },
        _ => unverified(),
    };
    report.ownership = if is_ours { Ownership::Ours } else { Ownership::NotOurs };
    let payload_of = format!("{domain} {organisation} {id} {payload}");
    report.payload = Digest::of(payload_of.as_bytes());
    report.received_at = day(received).begins_at();
    report.place = place;
    if let Some(failure) = report.policies[0].failures.first_mut() {
        failure.result_type = format!("result {}", payload % 2);
    }
    // Some tell of several days, the last of which differs between revisions.
    let span = i64::try_from(payload % 3).unwrap();
    report.days = (0..=span)
        .map(|offset| DayShare {
            day: day(offset),
            successful: Bounds::between(offset.unsigned_abs(), 10),
            failed: Bounds::exactly(failed),
        })
        .collect();
    report.repairs.truncate(payload % 2);
    report
}

/// A report in the model.
#[derive(Clone)]
struct Kept {
    scope: Scope,
    report: NewReport,
}

impl Kept {
    /// What identifies a report, whoever vouches for it.
    fn key(&self) -> (Option<DomainName>, &str, &str) {
        (self.report.domain.clone(), &self.report.organisation, &self.report.report_id)
    }

    fn reporter(&self) -> (&str, &str) {
        (self.report.trust.signer(), &self.report.organisation)
    }

    fn is_revision_of(&self, other: &Self) -> bool {
        (self.scope, self.key(), self.reporter()) == (other.scope, other.key(), other.reporter())
    }
}

#[derive(Default)]
struct Model(Vec<Kept>);

impl Model {
    fn accept(&mut self, report: NewReport) -> &'static str {
        let scope = Scope::of(&report.trust, report.ownership);
        let new = Kept { scope, report };
        let is_same =
            |kept: &Kept| kept.key() == new.key() && kept.report.payload == new.report.payload;
        if self.0.iter().any(|kept| is_same(kept) && kept.scope <= scope) {
            return "duplicate";
        }
        self.0.retain(|kept| !is_same(kept));
        let is_revision = self.0.iter().any(|kept| kept.is_revision_of(&new));
        self.0.push(new);
        if is_revision { "revision" } else { "new" }
    }

    fn prune(&mut self, offset: i64) {
        let oldest = day(offset - 90).begins_at();
        self.0.retain(|kept| kept.scope == Scope::Counted || kept.report.received_at >= oldest);
    }

    /// What counts.
    fn current(&self, scope: Scope) -> Vec<&NewReport> {
        let is_current = |kept: &&Kept| {
            // Of what came at the same time and place, the last that was taken in.
            let others = self.0.iter().filter(|other| other.is_revision_of(kept));
            let newest = others.max_by_key(|other| (other.report.received_at, other.report.place));
            newest.is_some_and(|newest| std::ptr::eq(newest, *kept))
        };
        let of_scope = self.0.iter().filter(|kept| kept.scope == scope);
        of_scope.filter(is_current).map(|kept| &kept.report).collect()
    }
}

type Sums = BTreeMap<Day, (u64, Bounds, Bounds)>;

fn summed(reports: &[&NewReport]) -> Sums {
    let mut sums = Sums::new();
    for report in reports {
        let last = report.days.iter().map(|share| share.day).max();
        for share in &report.days {
            let sum = sums.entry(share.day).or_default();
            sum.0 += u64::from(Some(share.day) == last);
            sum.1 = sum.1.plus(share.successful);
            sum.2 = sum.2.plus(share.failed);
        }
    }
    sums
}

async fn stored_sums(store: &Store, scope: Scope, subject: Subject) -> Sums {
    let series = store.reports().series(scope, subject, around_today()).await.unwrap();
    let days = series.days.into_iter();
    days.map(|day| (day.day, (day.reports, day.successful, day.failed))).collect()
}

async fn compare(store: &Store, model: &Model) {
    for scope in Scope::ALL {
        let current = model.current(scope);
        assert_eq!(stored_sums(store, scope, Subject::default()).await, summed(&current));
        let domains: BTreeSet<_> =
            current.iter().filter_map(|report| report.domain.clone()).collect();
        for domain in &domains {
            let of_domain: Vec<_> = current
                .iter()
                .filter(|report| report.domain.as_ref() == Some(domain))
                .copied()
                .collect();
            let subject = Subject { domain: Some(domain.clone()), reporter: None };
            assert_eq!(stored_sums(store, scope, subject).await, summed(&of_domain));
            compare_reporters_of(store, scope, domain, &of_domain).await;
        }
        let listed = store.reports().domains(scope, around_today(), None, 10).await.unwrap();
        let with_name = listed.iter().filter_map(|row| row.domain.clone()).collect::<BTreeSet<_>>();
        assert_eq!(with_name, domains);
        compare_reporters(store, scope, &current).await;
        compare_failures(store, scope, &current).await;
    }
}

async fn compare_reporters_of(
    store: &Store,
    scope: Scope,
    domain: &DomainName,
    current: &[&NewReport],
) {
    let mut expected = BTreeMap::<_, Vec<&NewReport>>::new();
    for report in current {
        let name = (report.trust.signer().to_owned(), report.organisation.clone());
        expected.entry(name).or_default().push(report);
    }
    let expected: BTreeMap<_, Sums> =
        expected.into_iter().map(|(name, reports)| (name, summed(&reports))).collect();
    let found = store.reports().series_by_reporter(scope, domain.clone(), around_today()).await;
    let found = found.unwrap();
    assert!(!found.is_cut);
    let sums = |series: DaySeries| {
        let days = series.days.into_iter();
        days.map(|day| (day.day, (day.reports, day.successful, day.failed))).collect()
    };
    let found: BTreeMap<_, Sums> = found
        .series
        .into_iter()
        .map(|series| {
            let reporter = series.reporter.clone().unwrap();
            ((reporter.signer, reporter.organisation), sums(series))
        })
        .collect();
    assert_eq!(found, expected);
}

async fn compare_reporters(store: &Store, scope: Scope, current: &[&NewReport]) {
    let rows = store.reports().reporters(scope, None, 100).await.unwrap();
    let mut expected = BTreeMap::<_, Vec<&NewReport>>::new();
    for report in current {
        let name = (report.trust.signer().to_owned(), report.organisation.clone());
        expected.entry(name).or_default().push(report);
    }
    assert_eq!(rows.len(), expected.len());
    for row in rows {
        let reporter = row.activity.reporter;
        let reports = &expected[&(reporter.signer, reporter.organisation)];
        let subject = Subject { domain: None, reporter: Some(row.id) };
        assert_eq!(stored_sums(store, scope, subject).await, summed(reports));
        let domain: DomainName = "a.example".parse().unwrap();
        let both: Vec<_> = reports
            .iter()
            .filter(|report| report.domain.as_ref() == Some(&domain))
            .copied()
            .collect();
        let subject = Subject { domain: Some(domain), reporter: Some(row.id) };
        assert_eq!(stored_sums(store, scope, subject).await, summed(&both));
        let repaired = reports.iter().filter(|report| !report.repairs.is_empty()).count();
        let repairs = store.reports().repairs(scope, row.id).await.unwrap();
        let stored: u64 = repairs.iter().map(|repair| repair.reports).sum();
        assert_eq!(stored, u64::try_from(repaired).unwrap());
    }
}

/// Reports and sessions, first and last day of each kind.
type Kinds = BTreeMap<(Option<DomainName>, String, String, String), (u64, u64, Day, Day)>;

async fn compare_failures(store: &Store, scope: Scope, current: &[&NewReport]) {
    let mut expected = Kinds::new();
    for report in current {
        let last = report.days.iter().map(|share| share.day).max().unwrap();
        for failure in &report.policies[0].failures {
            let (signer, organisation) = (report.trust.signer(), &report.organisation);
            let result = failure.result_type.clone();
            let key = (report.domain.clone(), signer.to_owned(), organisation.clone(), result);
            let sum = expected.entry(key).or_insert((0, 0, last, last));
            sum.0 += 1;
            sum.1 += failure.sessions;
            sum.2 = sum.2.min(last);
            sum.3 = sum.3.max(last);
        }
    }
    let place = HistoryPlace::default();
    let rows = store.reports().failure_history(scope, None, day(-100), place, 1000).await.unwrap();
    let history: Kinds = rows
        .into_iter()
        .map(|row| {
            let kind = row.history;
            let Reporter { signer, organisation } = kind.reporter;
            let key = (kind.domain, signer, organisation, kind.result_type);
            (key, (kind.reports, kind.sessions, kind.first_day, kind.last_day))
        })
        .collect();
    assert_eq!(history, expected);
    let groups = store
        .reports()
        .failure_groups(scope, Subject::default(), around_today(), 1000)
        .await
        .unwrap();
    let mut grouped = Kinds::new();
    for group in groups.groups {
        let Reporter { signer, organisation } = group.reporter;
        let key = (group.domain, signer, organisation, group.result_type);
        let days = (group.first_day, group.last_day);
        let sum = grouped.entry(key).or_insert((0, 0, days.0, days.1));
        *sum =
            (sum.0 + group.reports, sum.1 + group.sessions, sum.2.min(days.0), sum.3.max(days.1));
    }
    assert_eq!(grouped, expected);
}

async fn run(steps: Vec<Step>) {
    let (_folder, store) = open().await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Accept(choices) => {
                let reports: Vec<_> = choices.into_iter().map(made).collect();
                let accepted = store.reports().accept(reports.clone()).await.unwrap();
                assert_eq!(accepted.len(), reports.len());
                for (accepted, report) in accepted.into_iter().zip(reports) {
                    let word = match accepted {
                        Accepted::New(_) => "new",
                        Accepted::Duplicate(_) => "duplicate",
                        Accepted::Revision(_) => "revision",
                    };
                    assert_eq!(word, model.accept(report.clone()), "{report:?}");
                }
            }
            Step::Prune(offset) => {
                let (now, retention) = (day(offset).begins_at(), Retention::default());
                while store.reports().prune(now, retention, 2).await.unwrap().is_more {}
                model.prune(offset);
            }
        }
        compare(&store, &model).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_has_the_sums_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
