//! The sending part of the daemon within this process, at any time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sealpost_evidence::traffic::Day;
use sealpost_net::{Network, Settings as NetworkSettings};
use sealpost_report::{Built, Delivery, Dispatch, DispatchParts, Occasion, ReportMetrics};
use sealpost_runtime::Clock;
use sealpost_store::submissions::{Submission, SubmissionState};
use sealpost_store::{
    Settings, Store,
    sessions::{CountedPolicy, SessionCounts},
};
use tls_rpt::{PolicyType, ReportFace, SeenPolicy};

use crate::dns::{Answer, Dns};
use crate::sink::Sink;

/// The day that is reported on.
pub(crate) const DAY: &str = "2026-11-25";
pub(crate) const HOUR: i64 = 3_600;

/// A store, a DNS and a mail server.
pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) dns: Dns,
    pub(crate) sink: Sink,
    /// More of the section `[report.delivery]`.
    pub(crate) more: String,
}

impl House {
    pub(crate) fn new() -> Self {
        let dns = Dns::start();
        dns.set("mx.test", Answer::Loopback);
        let sink = Sink::start(Duration::ZERO);
        Self { folder: tempfile::tempdir().unwrap(), dns, sink, more: String::new() }
    }

    pub(crate) fn store_file(&self) -> PathBuf {
        self.folder.path().join("store.sqlite")
    }

    pub(crate) async fn store(&self) -> Store {
        Store::open(Settings::at(self.store_file())).await.unwrap()
    }

    /// A domain that wants reports there.
    pub(crate) fn wants(&self, domain: &str, rua: &str) {
        let text = format!("v=TLSRPTv1; rua={rua}");
        self.dns.set(&format!("_smtp._tls.{domain}"), Answer::Text(text));
    }

    /// Sessions of a domain on a day, under one policy.
    pub(crate) async fn had(&self, domain: &str, day: Day, successful: u64, failed: u64) {
        let store = self.store().await;
        let epoch = store.sessions().begin("test", 1).await.unwrap();
        let counts = counts(domain, day, successful, failed);
        store.sessions().save(&epoch, vec![counts]).await.unwrap();
        store.close().await;
    }

    /// Sessions of a domain on [`DAY`] without a policy, all of them successful, in those hours.
    pub(crate) async fn had_in(&self, domain: &str, hours: &str, successful: u64) {
        let store = self.store().await;
        let epoch = store.sessions().begin("test", 1).await.unwrap();
        let hours = Some(Box::new(hours.parse().unwrap()));
        let counts = SessionCounts { hours, ..counts(domain, day(), successful, 0) };
        store.sessions().save(&epoch, vec![counts]).await.unwrap();
        store.close().await;
    }

    /// Sessions of a domain on a day that were held against the TLSA records of a host.
    pub(crate) async fn had_by_dane(&self, domain: &str, host: &str, successful: u64, failed: u64) {
        let store = self.store().await;
        let epoch = store.sessions().begin("test", 1).await.unwrap();
        let mut policy = SeenPolicy::new(PolicyType::Tlsa, host.parse().unwrap());
        policy.strings = vec![format!("3 1 1 {}", "07".repeat(32))];
        let counts = counts(domain, day(), successful, failed);
        let policy = Arc::new(CountedPolicy::of(&policy));
        let counts = SessionCounts { policy, ..counts };
        store.sessions().save(&epoch, vec![counts]).await.unwrap();
        store.close().await;
    }

    /// The daemon's part at a time in seconds after the end of [`DAY`].
    pub(crate) async fn dispatch(&self, store: &Store, after: i64) -> Dispatch {
        dispatch(store, self.dns.address(), self.sink.address, &self.more, after).await
    }

    /// Makes the reports of a day and sends what is due, at a time in seconds after the end of
    /// [`DAY`].
    pub(crate) async fn work(&self, day: Day, after: i64) -> Built {
        let store = self.store().await;
        let dispatch = self.dispatch(&store, after).await;
        let now = self::day().plus(1).begins_at() + after;
        let occasion = Occasion { now, is_at_once: false, is_last: false };
        let built = dispatch.builder().build(day, occasion, |_, _| {}).await.unwrap();
        dispatch.send_due().await.unwrap();
        store.close().await;
        built
    }

    pub(crate) async fn queue(&self) -> Vec<Submission> {
        let store = self.store().await;
        let all = store.submissions().list(None, None, 1_000).await.unwrap();
        store.close().await;
        all
    }

    pub(crate) async fn states(&self) -> Vec<SubmissionState> {
        self.queue().await.into_iter().map(|one| one.state).collect()
    }
}

/// The daemon's part at a time in seconds after the end of [`DAY`], with a DNS and a mail server,
/// and more in its section.
pub(crate) async fn dispatch(
    store: &Store,
    dns: &str,
    sink: SocketAddr,
    more: &str,
    after: i64,
) -> Dispatch {
    let at = day().plus(1).begins_at() + after;
    let clock = Clock::simulated(jiff::Timestamp::from_second(at).unwrap());
    let text = format!(
        "resolvers = [\"{dns}\"]\ndnssec = \"off\"\nsmtp_port = {}\n\
         allowed_networks = [\"127.0.0.0/8\"]\n[deadlines]\ndns = 1\n",
        sink.port()
    );
    let network: NetworkSettings = toml::from_str(&text).unwrap();
    let mut text = format!("spread_hours = 0\nsettle_minutes = 0\n{more}\n");
    if !more.contains("mail =") {
        text += &format!("mail = \"relay:{sink}\"\n");
    }
    let delivery: Delivery = toml::from_str(&text).unwrap();
    let parts = DispatchParts {
        sessions: store.sessions(),
        submissions: store.submissions(),
        network: Network::new(network, clock.clone()).unwrap(),
        face: ReportFace::new("Reporter", "tls@reporter.example"),
        delivery,
        retention_days: 35,
        node: "test".to_owned(),
        clock,
        metrics: Arc::new(ReportMetrics::default()),
    };
    Dispatch::new(parts).await.unwrap()
}

/// Sessions of a domain on a day, without a policy.
pub(crate) fn counts(domain: &str, day: Day, successful: u64, failed: u64) -> SessionCounts {
    let domain: mail_domain::DomainName = domain.parse().unwrap();
    let policy = SeenPolicy::new(PolicyType::NoPolicyFound, domain.clone());
    let policy = Arc::new(CountedPolicy::of(&policy));
    let seen_at = day.begins_at();
    SessionCounts {
        day,
        domain,
        policy,
        successful,
        failed,
        failures: Vec::new(),
        record: None,
        seen_at,
        hours: None,
    }
}

pub(crate) fn day() -> Day {
    DAY.parse().unwrap()
}
