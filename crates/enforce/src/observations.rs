//! What would have been answered.

use std::{collections::VecDeque, sync::Mutex};

use mail_domain::DomainName;
use sealpost_rules::matrix::SenderDecision;
use sealpost_wire::postfix::MapName;
use serde::Serialize;

use crate::{Decided, enforcer::lock};

/// How many are remembered one by one.
const REMEMBERED: usize = 1_000;

/// What would have been answered while answers are only recorded: the last 1,000 that would have
/// demanded something. The metrics count all of them.
#[derive(Debug, Default)]
pub struct Observations {
    last: Mutex<VecDeque<Observation>>,
}

/// One answer that was not given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The policy domain.
    pub domain: String,
    /// The map that was asked.
    pub map: &'static str,
    /// The decision.
    pub decision: &'static str,
    /// Why.
    pub because: String,
}

impl Observations {
    pub(crate) fn record(&self, domain: &DomainName, map: MapName, decided: &Decided, at: i64) {
        let decision = decided.decision;
        if decision == SenderDecision::NotFound {
            return;
        }
        let because = decided.because(domain);
        let (domain, decision) = (domain.to_string(), decision.as_str());
        tracing::info!(domain, decision, because, "only observed");
        let mut last = lock(&self.last);
        if last.len() == REMEMBERED {
            last.pop_front();
        }
        last.push_back(Observation { at, domain, map: map.as_str(), decision, because });
    }

    /// The last ones that would have demanded something, the newest first.
    pub fn last(&self) -> Vec<Observation> {
        lock(&self.last).iter().rev().cloned().collect()
    }
}
