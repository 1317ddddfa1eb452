//! Looks at many domains, some at a time.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use mail_domain::DomainName;
use sealpost_evidence::{Evidence, Lookup};
use sealpost_net::{Network, Scope};
use sealpost_rules::{Judgement, Severity, judge};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// One domain, seen and judged.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What was seen.
    pub evidence: Evidence,
    /// What the rules say of it.
    pub judgement: Judgement,
}

/// Looks at domains and judges them, some at the same time.
#[derive(Clone, Debug)]
pub struct Checker {
    network: Network,
    second: Option<Network>,
    scope: Scope,
    at_once: NonZeroUsize,
}

impl Checked {
    /// Judges what was seen.
    pub fn new(evidence: Evidence) -> Self {
        let judgement = judge(&evidence);
        Self { evidence, judgement }
    }

    /// Whether something is open because the DNS did not answer.
    fn is_for_the_dns_to_tell(&self) -> bool {
        let evidence = &self.evidence;
        let records = evidence.sts_records.as_ref().is_some_and(is_unknown)
            || evidence.tls_rpt_records.as_ref().is_some_and(is_unknown);
        let hosts = evidence.mail_hosts.as_ref().is_some_and(|hosts| {
            let addresses = hosts.hosts.iter().filter_map(|host| host.addresses.as_ref());
            let mut lookups =
                addresses.map(|found| is_unknown(&found.ipv4) || is_unknown(&found.ipv6));
            is_unknown(&hosts.records) || lookups.any(|is_unknown| is_unknown)
        });
        let policy_host = evidence.policy_host.as_ref().is_some_and(|host| {
            is_unknown(&host.addresses.ipv4) || is_unknown(&host.addresses.ipv6)
        });
        let mut findings = self.judgement.findings.iter();
        let is_open = findings.any(|finding| finding.rule.severity == Severity::Unknown);
        is_open && (records || hosts || policy_host)
    }
}

fn is_unknown<T>(lookup: &Lookup<T>) -> bool {
    matches!(lookup, Lookup::Unknown(_))
}

impl Checker {
    /// Looks at so many domains at the same time. How long one of them may take is a setting of the
    /// network, so that none can hold up the others for longer.
    pub fn new(network: Network, scope: Scope, at_once: NonZeroUsize) -> Self {
        Self { network, second: None, scope, at_once }
    }

    /// The same, looking once more with this network where the DNS did not answer the first.
    #[must_use]
    pub fn with_second(self, second: Network) -> Self {
        Self { second: Some(second), ..self }
    }

    /// Looks at every domain that comes, and hands out each result when it is there. Ends when no
    /// more come, or when `each` breaks: then the rest is dropped.
    pub async fn check_as_they_come(
        &self,
        mut domains: mpsc::Receiver<DomainName>,
        mut each: impl FnMut(Checked) -> ControlFlow<()>,
    ) {
        let mut running = JoinSet::new();
        let mut is_over = false;
        while !(is_over && running.is_empty()) {
            tokio::select! {
                domain = domains.recv(), if !is_over && running.len() < self.at_once.get() => {
                    match domain {
                        Some(domain) => drop(running.spawn(self.clone().check(domain))),
                        None => is_over = true,
                    }
                }
                Some(ended) = running.join_next() => match ended {
                    Ok(checked) => {
                        if each(checked).is_break() {
                            return;
                        }
                    }
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
            }
        }
    }

    /// Looks at every domain and hands out the results in the order of the domains, each as soon as
    /// those before it are there. A domain that is listed twice is looked at once. Where `each`
    /// breaks, the rest is dropped.
    pub async fn check_in_order(
        &self,
        domains: &[DomainName],
        mut each: impl FnMut(Checked) -> ControlFlow<()>,
    ) {
        let mut listed = HashSet::new();
        let domains: Vec<&DomainName> =
            domains.iter().filter(|name| listed.insert(*name)).collect();
        let (to, from) = mpsc::channel(1);
        let feed = async {
            for domain in &domains {
                // The receiver is gone when nothing more is wanted.
                if to.send(DomainName::clone(domain)).await.is_err() {
                    break;
                }
            }
            drop(to);
        };
        let mut waiting: HashMap<DomainName, Checked> = HashMap::new();
        let mut order = domains.iter().peekable();
        let check = self.check_as_they_come(from, |checked| {
            waiting.insert(checked.evidence.domain.clone(), checked);
            while let Some(checked) = order.peek().and_then(|domain| waiting.remove(**domain)) {
                order.next();
                if each(checked).is_break() {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        tokio::join!(feed, check);
    }

    async fn check(self, domain: DomainName) -> Checked {
        let checked = Checked::new(self.network.gather(&domain, self.scope).await);
        match &self.second {
            Some(second) if checked.is_for_the_dns_to_tell() => {
                Checked::new(second.gather(&domain, self.scope).await)
            }
            _ => checked,
        }
    }
}
