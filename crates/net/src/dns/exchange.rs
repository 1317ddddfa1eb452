//! From a question to an answer: which upstream, when.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_proto::op::Query;
use sealpost_evidence::{LookupFault, LookupFaultKind};
use tokio::sync::Semaphore;

use super::message::{Answer, Checking, fault};
use super::upstream::Upstream;
use crate::deadline::Deadline;

/// How often an upstream that says nothing has its turn. In each it is asked twice.
const ROUNDS: u32 = 3;

/// How many questions may wait for their answers at a time, all upstreams together. Each may have two
/// ports of its own, of which Linux has 28,232 unless it is told otherwise.
const MOST_WAITING: usize = 14_000;

/// The upstream resolvers, asked in their order.
#[derive(Debug)]
pub(crate) struct Upstreams {
    upstreams: Vec<Arc<Upstream>>,
    patience: Duration,
    waiting: Arc<Semaphore>,
}

impl Upstreams {
    /// Asks these, within `patience` for each question.
    pub(crate) fn new(addresses: Vec<SocketAddr>, patience: Duration) -> Self {
        let upstreams = addresses.into_iter().map(|address| Arc::new(Upstream::resolver(address)));
        Self {
            upstreams: upstreams.collect(),
            patience,
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
        }
    }

    /// The answer of each upstream by itself, all asked at once, each within a quarter of the patience.
    pub(super) async fn ask_each(
        &self,
        query: &Query,
        checking: Checking,
        deadline: Deadline,
    ) -> Vec<Result<Box<Answer>, LookupFault>> {
        let ask = async |upstream: &Arc<Upstream>| {
            let (upstreams, waiting) = (vec![Arc::clone(upstream)], Arc::clone(&self.waiting));
            let one = Self { upstreams, patience: self.patience / 4, waiting };
            one.ask(query, checking, deadline).await
        };
        join_all(self.upstreams.iter().map(ask)).await
    }

    /// The answer to one question: NOERROR or NXDOMAIN.
    ///
    /// An upstream that fails gives way to the next; one that says nothing is asked again in the
    /// next round. When nobody answers, the most telling fault is returned.
    pub(crate) async fn ask(
        &self,
        query: &Query,
        checking: Checking,
        deadline: Deadline,
    ) -> Result<Box<Answer>, LookupFault> {
        let deadline = Deadline::after(self.patience).or_before(deadline);
        let turns = ROUNDS.saturating_mul(u32::try_from(self.upstreams.len()).unwrap_or(u32::MAX));
        let patience = self.patience.checked_div(turns).unwrap_or(self.patience);
        let mut worst = fault(LookupFaultKind::Unreachable, "there is no resolver to ask");
        let mut silent: Vec<&Upstream> = self.upstreams.iter().map(Arc::as_ref).collect();
        for _ in 0..ROUNDS {
            let mut still_silent = Vec::new();
            for upstream in silent {
                let turn = Deadline::after(patience).or_before(deadline);
                let asked = async {
                    // The semaphore is never closed.
                    let _place = self.waiting.acquire().await;
                    upstream.ask(query, checking).await
                };
                let found = match turn.bound(asked).await {
                    Ok(Ok(answer)) => return Ok(answer),
                    Ok(Err(found)) => found,
                    Err(_) => {
                        still_silent.push(upstream);
                        let address = upstream.address();
                        let text = format!("{address} did not answer within the deadline");
                        fault(LookupFaultKind::TimedOut, &text)
                    }
                };
                if weight(found.kind) > weight(worst.kind) || weight(worst.kind) == 0 {
                    worst = found;
                }
            }
            if still_silent.is_empty() || deadline.has_passed() {
                break;
            }
            silent = still_silent;
        }
        Err(worst)
    }
}

/// How much a fault tells of the domain, rather than of the way to the resolver.
fn weight(kind: LookupFaultKind) -> u8 {
    match kind {
        LookupFaultKind::Bogus => 5,
        LookupFaultKind::ServerFailure => 4,
        LookupFaultKind::Refused => 3,
        LookupFaultKind::Malformed | LookupFaultKind::TooLarge => 2,
        LookupFaultKind::TimedOut => 1,
        _ => 0,
    }
}
