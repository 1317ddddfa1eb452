use sealpost_store::{Sessions, Settings, Store};
use tempfile::TempDir;

use super::*;
use crate::{Flusher, Probing, domain_day, ring::Ring};

const AT: i64 = 1_795_650_000;

struct World {
    _folder: TempDir,
    sessions: Sessions,
    flusher: Flusher,
    memory: Memory,
}

impl World {
    async fn new(limits: SectionLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::at(folder.path().join("store.sqlite"));
        let sessions = Store::open(settings).await.unwrap().sessions();
        let section = Section { limits, probe: Some(Probing::default()), ..Section::default() };
        let shared = Arc::new(Shared::new(&section, Arc::default()));
        let clock = sealpost_runtime::Clock::system();
        let pause = std::time::Duration::from_secs(1);
        let flusher = Flusher::new(Arc::clone(&shared), sessions.clone(), "node", clock, pause);
        Self { _folder: folder, sessions, flusher, memory: Memory::new(shared, AT) }
    }

    fn take(&mut self, octets: impl AsRef<[u8]>, now: i64) {
        let octets = octets.as_ref();
        self.take_datagram(Datagram { octets, wholeness: Wholeness::Whole }, now);
    }

    fn take_datagram(&mut self, datagram: Datagram<'_>, now: i64) {
        let (ring, mut waiting) = (Ring::default(), Waiting::default());
        ring.fill().add(datagram, now);
        ring.exchange(&mut waiting);
        self.memory.take_all(&waiting);
    }

    /// Successful, failed, failures, over all policies.
    async fn sums(&self, domain: &str, now: i64) -> (u64, u64, u64) {
        let day =
            domain_day(&self.sessions, Day::of(now), domain.parse().unwrap(), 0).await.unwrap();
        assert_eq!(day.unreadable, 0);
        day.sessions.policies().fold((0, 0, 0), |sum, (_, it)| {
            let failures: u64 = it.failures.values().map(|count| count.failed).sum();
            (sum.0 + it.successful, sum.1 + it.failed, sum.2 + failures)
        })
    }
}

fn good(domain: &str, line: &str) -> String {
    format!(
        r#"{{"dpv": "1","d": "{domain}","pr": "v=TLSRPTv1; rua=mailto:a@{domain}","policies":[{{"policy-type":2,"policy-domain": "{domain}","policy-string":["{line}"],"t":0,"f":0}}]}}"#
    )
}

fn bad(domain: &str, host: &str) -> String {
    format!(
        r#"{{"dpv": "1","d": "{domain}","policies":[{{"policy-type":9,"policy-domain": "{domain}","failure-details":[{{"c":201,"n": "{host}"}}],"t":1,"f":1}}]}}"#
    )
}

#[tokio::test]
async fn sums_are_right_whenever_they_are_written() {
    let mut world = World::new(SectionLimits::default()).await;
    for round in 0..50 {
        world.take(good("a.test", "x"), AT);
        world.take(good("a.test", "y"), AT);
        world.take(bad("a.test", "mx.a.test"), AT);
        if round % 7 == 0 {
            world.flusher.flush().await.unwrap();
            world.flusher.flush().await.unwrap();
        }
    }
    world.flusher.flush().await.unwrap();
    assert_eq!(world.sums("a.test", AT).await, (100, 50, 50));
    assert_eq!(world.memory.shared.metrics.epochs.value(), 1);
    assert_eq!(world.memory.shared.metrics.datagrams.value(), 150);
    let day = domain_day(&world.sessions, Day::of(AT), "a.test".parse().unwrap(), 0).await.unwrap();
    assert_eq!(day.record.as_deref(), Some("v=TLSRPTv1; rua=mailto:a@a.test"));
}

#[tokio::test]
async fn whose_last_session_failed_is_known_until_the_day_is_over() {
    let mut world = World::new(SectionLimits::default()).await;
    let failing = |world: &mut World, sessions: &[String], now| {
        for session in sessions {
            world.take(session.clone(), now);
        }
        world.memory.shared.weight.failing()
    };
    let down = |domain: &str| bad(domain, "mx.a.test");
    // The same policy, and again successful.
    let up = |domain: &str| {
        down(domain)
            .replace(r#""f":1"#, r#""f":0"#)
            .replace(r#","failure-details":[{"c":201,"n": "mx.a.test"}],"t":1"#, "")
    };
    assert_eq!(failing(&mut world, &[good("a.test", "x"), up("b.test")], AT), 0);
    let sessions = [down("a.test"), down("a.test"), down("b.test")];
    assert_eq!(failing(&mut world, &sessions, AT), 2);
    assert_eq!(failing(&mut world, &[good("a.test", "x")], AT), 2, "another policy");
    assert_eq!(failing(&mut world, &[up("a.test")], AT), 1);
    assert_eq!(failing(&mut world, &[up("b.test"), down("b.test")], AT), 1);
    assert_eq!(failing(&mut world, &[up("c.test")], AT + 86_400), 1, "not written yet");
    world.flusher.flush().await.unwrap();
    assert_eq!(world.memory.shared.weight.failing(), 0, "the day is over");
}

#[tokio::test]
async fn each_session_is_of_its_day_also_when_the_clock_steps() {
    let mut world = World::new(SectionLimits::default()).await;
    const DAY: i64 = 86_400;
    for (number, now) in [AT, AT + DAY, AT, AT - 9 * DAY, AT + DAY, AT].into_iter().enumerate() {
        for _ in 0..10 {
            world.take(good("a.test", "x"), now);
        }
        if number % 2 == 0 {
            world.flusher.flush().await.unwrap();
        }
    }
    world.flusher.flush().await.unwrap();
    for (now, expected) in [(AT, 30), (AT + DAY, 20), (AT - 9 * DAY, 10)] {
        assert_eq!(world.sums("a.test", now).await, (expected, 0, 0));
    }
    assert_eq!(world.sessions.days(Day::new(0), 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn emptying_the_memory_loses_nothing() {
    let limits = SectionLimits { memory_octets: 40_000, ..SectionLimits::default() };
    let mut world = World::new(limits).await;
    for round in 0..20 {
        for number in 0..10 {
            world.take(good(&format!("d{number}.test"), "x"), AT);
            world.take(bad(&format!("d{number}.test"), &format!("mx{}.test", round % 3)), AT);
        }
        world.flusher.flush().await.unwrap();
        assert!(world.memory.shared.weight.octets() < 40_000);
    }
    for number in 0..10 {
        assert_eq!(world.sums(&format!("d{number}.test"), AT).await, (20, 20, 20));
    }
    assert!(world.memory.shared.metrics.epochs.value() > 5);
    assert_eq!(world.memory.shared.metrics.uncounted.value(), 0);
}

#[tokio::test]
async fn what_does_not_fit_and_cannot_be_written_is_told() {
    let limits = SectionLimits { memory_octets: 20_000, ..SectionLimits::default() };
    let mut world = World::new(limits).await;
    for _ in 0..3 {
        for number in 0..100 {
            world.take(good(&format!("d{number}.test"), "x"), AT);
        }
    }
    let metrics = Arc::clone(&world.memory.shared.metrics);
    let uncounted = metrics.uncounted.value();
    assert!(uncounted > 0);
    let keys_when_full = world.memory.shared.weight.keys();
    world.flusher.flush().await.unwrap();
    let [day] = world.sessions.days(Day::of(AT), 10).await.unwrap().try_into().unwrap();
    assert_eq!(day.successful + uncounted, 300);
    // There is room again.
    world.take(good("new.test", "x"), AT);
    assert_eq!(metrics.uncounted.value(), uncounted);
    world.flusher.flush().await.unwrap();
    assert!(world.memory.shared.weight.keys() < keys_when_full);
}

#[tokio::test]
async fn policies_and_failures_beyond_the_limits_are_counted_with_less_detail() {
    let limits = SectionLimits { policies: 3, failures: 4, ..SectionLimits::default() };
    let mut world = World::new(limits).await;
    for number in 0..50 {
        world.take(good("a.test", &format!("line {number}")), AT);
        world.take(bad("a.test", &format!("mx{number}.a.test")), AT);
        world.take(good("b.test", "x"), AT);
    }
    world.flusher.flush().await.unwrap();
    assert_eq!(world.sums("a.test", AT).await, (50, 50, 50));
    assert_eq!(world.sums("b.test", AT).await, (50, 0, 0));
    let day = domain_day(&world.sessions, Day::of(AT), "a.test".parse().unwrap(), 0).await.unwrap();
    assert!(day.sessions.policies().len() <= 5, "{:?}", day.sessions);
    let failures = day.sessions.policies().map(|(_, sums)| sums.failures.len()).max();
    assert_eq!(failures, Some(5));
}

#[tokio::test]
async fn what_cannot_be_written_is_written_later() {
    let mut world = World::new(SectionLimits::default()).await;
    world.take(good("a.test", "x"), AT);
    let other = Store::open(Settings::at(world._folder.path().join("other.sqlite"))).await.unwrap();
    let sessions = other.sessions();
    other.close().await;
    let shared = Arc::clone(&world.memory.shared);
    let clock = sealpost_runtime::Clock::system();
    let broken = Flusher::new(shared, sessions, "node", clock, std::time::Duration::from_secs(1));
    assert!(broken.flush().await.is_err());
    world.take(bad("a.test", "mx.a.test"), AT);
    assert!(broken.flush().await.is_err());
    assert_eq!(world.memory.shared.metrics.store_failures.value(), 2);
    world.flusher.flush().await.unwrap();
    assert_eq!(world.sums("a.test", AT).await, (1, 1, 1));
}

#[tokio::test]
async fn unreadable_datagrams_are_counted_and_the_last_kept() {
    let limits = SectionLimits { refused: 3, ..SectionLimits::default() };
    let mut world = World::new(limits).await;
    for text in ["", "x", "{}", "[1]", r#"{"dpv": "9"}"#] {
        world.take(text, AT);
    }
    world.take_datagram(Datagram { octets: b"{", wholeness: Wholeness::Cut }, AT);
    world.take(good("a.test", "x"), AT);
    world.flusher.flush().await.unwrap();
    let causes: Vec<_> =
        world.sessions.refused(10).await.unwrap().into_iter().map(|it| it.cause).collect();
    assert_eq!(causes, ["too-long", "version", "not-json"]);
    let metrics = &world.memory.shared.metrics;
    assert_eq!(metrics.refused.value(Cause(SessionRefusal::NotJson)), 2);
    assert_eq!(metrics.refused.value(Cause(SessionRefusal::Missing(""))), 1);
    assert_eq!(world.sums("a.test", AT).await, (1, 0, 0));
}

/// A stop while counters are being written: the task that writes is cut off, and the rest is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cut_off_write_had_is_written_at_the_end() {
    for round in 0..20_u64 {
        let mut world = World::new(SectionLimits::default()).await;
        for number in 0..2_000 {
            world.take(good(&format!("d{number}.test"), "x"), AT);
        }
        let flusher = world.flusher.clone();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            let mut inner = tokio::task::JoinSet::new();
            inner.spawn(async move { flusher.flush().await });
            inner.join_next().await;
        });
        tokio::time::sleep(std::time::Duration::from_millis(round)).await;
        tasks.shutdown().await;
        assert_eq!(world.flusher.finish().await, 0);
        let [day] = world.sessions.days(Day::of(AT), 10).await.unwrap().try_into().unwrap();
        assert_eq!((day.domains, day.successful), (2_000, 2_000), "round {round}");
    }
}

/// Where MX hosts are looked at, it matters when sessions without a policy were.
#[tokio::test]
async fn the_hours_of_sessions_without_a_policy_are_kept() {
    let mut world = World::new(SectionLimits::default()).await;
    let midnight = Day::of(AT).begins_at();
    let without = good("a.test", "").replace("\"policy-type\":2", "\"policy-type\":9");
    let without = without.replace(r#""policy-string":[""],"#, "");
    for at in [60, 9 * 3_600, 9 * 3_600 + 59, 23 * 3_600] {
        world.take(&without, midnight + at);
        world.take(good("a.test", "mode: testing"), midnight + at);
        world.take(bad("a.test", "mx.a.test"), midnight + at);
    }
    world.flusher.flush().await.unwrap();
    // What comes later is written with it, and what a new generation counts is added.
    world.take(&without, midnight + 10 * 3_600);
    world.flusher.flush().await.unwrap();
    world.memory.begin_anew();
    world.take(&without, midnight + 10 * 3_600);
    world.flusher.flush().await.unwrap();
    let of = world.sessions.of(Day::of(AT), "a.test".parse().unwrap()).await.unwrap();
    assert_eq!(of.hours.to_string(), "0:1 9:2 10:2 23:1");
}
