//! Domains in mode testing: what their MX hosts show when they are tried.
//!
//! To a domain in mode testing mail goes as without a policy (RFC 8461 section 5), and the mail
//! server tells of its sessions as without one. What the policy would have made of them nobody sees
//! who does not look; so the prober looks, if the operator wants it: it connects to the MX hosts of
//! domains that mail went to on the day, says EHLO and STARTTLS, looks at the certificate, and quits.
//! What it finds judges the sessions that there were, and adds none.

mod judging;
pub use judging::judge;

use std::{convert::Infallible, sync::Arc, time::Duration};

use mail_domain::DomainName;
use mta_sts::{Mode, Policy};
use sealpost_evidence::traffic::Day;
use sealpost_net::Network;
use sealpost_runtime::Clock;
use sealpost_store::{Sessions, StoreError, sessions::ProbeCandidate};
use tls_rpt::{HostProbe, Look, ProbeResult, SeenPolicy};
use tokio::time::sleep;

use crate::{ReportMetrics, metrics::Probed, section::Probing};

/// Domains that are asked for at a time.
const PAGE: u32 = 100;
/// Of a day, in seconds: within it each domain is looked at a last time.
const LAST: i64 = 3_600;
/// Between two searches for domains that are to be tried.
const SEARCH: Duration = Duration::from_mins(1);

/// Tries the MX hosts of domains in mode testing that had sessions.
#[derive(Clone)]
pub struct Prober {
    /// Which domains had sessions, and where it is written what they show.
    pub sessions: Sessions,
    /// The way out.
    pub network: Network,
    /// How often.
    pub probing: Probing,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<ReportMetrics>,
}

impl Prober {
    /// Tries them, one domain at a time, with a pause after each. It ends only by being dropped.
    pub async fn run(&self) -> Infallible {
        loop {
            if let Err(error) = self.round(|| sleep(self.probing.pause())).await {
                self.metrics.store_failures.increment();
                tracing::error!(%error, "domains in mode testing could not be looked for");
            }
            sleep(SEARCH).await;
        }
    }

    /// Tries each domain that is due, once, and waits after each as `pause` does. Says how many there
    /// were.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says; what was tried before is written down.
    pub async fn round<F: Future<Output = ()>>(
        &self,
        mut pause: impl FnMut() -> F,
    ) -> Result<u64, StoreError> {
        let (mut after, mut tried) = (None, 0);
        loop {
            let now = self.clock.now().as_second();
            let day = Day::of(now);
            // Once more before the day ends: sessions are judged only where there is a look behind
            // them, and that of tomorrow comes too late for the report.
            let last = day.plus(1).begins_at().saturating_sub(LAST);
            let before = match now >= last {
                true => last.saturating_sub(1),
                false => now.saturating_sub(self.probing.interval()),
            };
            let page = self.sessions.probe_candidates(day, after, before, PAGE).await?;
            let Some(last) = page.last() else { return Ok(tried) };
            after = Some(last.domain.clone());
            for candidate in page {
                let Some(policy) = testing(&candidate, now) else { continue };
                self.try_hosts(candidate, &policy).await?;
                tried += 1;
                pause().await;
            }
        }
    }

    async fn try_hosts(
        &self,
        candidate: ProbeCandidate,
        policy: &Policy,
    ) -> Result<(), StoreError> {
        let ProbeCandidate { domain, policy_text, .. } = candidate;
        // It is a look of the day on which it begins.
        let at = self.clock.now();
        let seen = self.network.try_mail_hosts(&domain).await;
        let mut hosts = judge(&domain, policy, &seen);
        if hosts.is_empty() {
            // It takes no mail any more. So that it is not asked for again at once.
            hosts.push(HostProbe { host: domain.clone(), result: ProbeResult::Unknown });
        }
        for probe in &hosts {
            self.metrics.probes.increment(Probed::of(&probe.result));
            tell(&domain, probe);
        }
        let policy = SeenPolicy::of_sts(domain.clone(), &policy_text, policy.mx());
        self.sessions.note_look(domain, Look { at, policy, hosts }).await
    }
}

/// The policy, if it is one in mode testing that holds at this time.
fn testing(candidate: &ProbeCandidate, now: i64) -> Option<Policy> {
    let policy = Policy::parse(&candidate.policy_text).ok()?;
    let age = now.saturating_sub(candidate.fetched_at);
    let holds = age < i64::from(policy.max_age().as_secs());
    (policy.mode() == Mode::Testing && holds).then_some(policy)
}

fn tell(domain: &DomainName, probe: &HostProbe) {
    let host = &probe.host;
    match &probe.result {
        ProbeResult::Fails(failure) => {
            let result_type = failure.result_type.as_str();
            tracing::info!(%domain, %host, result_type, "a host does not comply with a policy in mode testing");
        }
        result => tracing::debug!(%domain, %host, result = result.as_str(), "a host was tried"),
    }
}
