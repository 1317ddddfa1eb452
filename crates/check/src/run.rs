//! Looks at many domains, some at a time, and gives the results in their order.

use std::ops::ControlFlow;

use mail_domain::DomainName;
use sealpost_evidence::Evidence;
use sealpost_net::{Network, Scope};
use sealpost_rules::{Judgement, judge};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Domains looked at at the same time.
const AT_ONCE: usize = 32;

/// One domain, seen and judged.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What was seen.
    pub evidence: Evidence,
    /// What the rules say of it.
    pub judgement: Judgement,
}

impl Checked {
    /// Judges what was seen.
    pub fn new(evidence: Evidence) -> Self {
        let judgement = judge(&evidence);
        Self { evidence, judgement }
    }
}

/// Looks at every domain, at most 32 at the same time, and calls `each` with the results, in the
/// order of the domains.
///
/// Where `each` breaks, the rest is dropped. A result is given out as soon as those before it are; how long one domain may take is a setting
/// of the network, so no domain can hold up the others for longer.
pub async fn check_each(
    network: &Network,
    domains: &[DomainName],
    scope: Scope,
    mut each: impl FnMut(Checked) -> ControlFlow<()>,
) {
    let (finished, mut results) = mpsc::channel(AT_ONCE);
    let mut running = JoinSet::new();
    let mut waiting: Vec<Option<Checked>> = Vec::new();
    waiting.resize_with(domains.len(), || None);
    let mut queue = domains.iter().enumerate();
    let mut next = 0;

    loop {
        while running.len() < AT_ONCE {
            let Some((index, domain)) = queue.next() else { break };
            let (network, domain, finished) = (network.clone(), domain.clone(), finished.clone());
            running.spawn(async move {
                let checked = Checked::new(network.gather(&domain, scope).await);
                // The receiver outlives every task.
                finished.send((index, checked)).await.ok();
            });
        }
        if next == domains.len() {
            return;
        }
        tokio::select! {
            Some((index, checked)) = results.recv() => {
                if let Some(place) = waiting.get_mut(index) {
                    *place = Some(checked);
                }
                while let Some(checked) = waiting.get_mut(next).and_then(Option::take) {
                    if each(checked).is_break() {
                        return;
                    }
                    next += 1;
                }
            }
            Some(ended) = running.join_next() => {
                if let Err(error) = ended {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        }
    }
}
