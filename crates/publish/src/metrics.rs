//! What is counted about the policy host, and about the leading of domains.

use sealpost_rollout::{Decision, Stage, Step};
use sealpost_runtime::metrics::{Counter, CounterVec, Gauge, GaugeVec, Histogram, Label};

sealpost_runtime::metric_table! {
    /// What the policy host counts.
    pub struct PublishMetrics {
        requests: CounterVec<Answered> = "sealpost_publish_requests_total", "Requests, by what was answered.";
        policies: Gauge = "sealpost_publish_policies", "Domains whose policy is served.";
        held: Gauge = "sealpost_publish_policies_held", "Domains whose configured policy is not served yet: one of mode enforce is not before a pass has seen that it covers every MX host, and the one before it is served; the first of a fixed mode is not where another publishes one (`publish adopt`), or where that could not be told.";
        gone: Gauge = "sealpost_publish_domains_gone", "Domains that were taken out of the configuration, and whose policy is served on because senders may hold it.";
        certificates: Gauge = "sealpost_publish_certificates", "Policy hosts that have a certificate.";
        missing: Gauge = "sealpost_publish_certificates_missing", "Policy hosts that have none, yet or any more.";
        soonest: Gauge = "sealpost_publish_certificate_expiry_timestamp_seconds", "When the first of the certificates from the authority expires, in seconds since 1970; 0 if there is none.";
        issued: Counter = "sealpost_publish_certificates_issued_total", "Certificates that the authority has issued.";
        failures: Counter = "sealpost_publish_certificate_failures_total", "Tries to get a certificate that failed.";
        store_failures: Counter = "sealpost_publish_store_failures_total", "Failures of the store. A policy that could not be recorded is not served.";
        panics: Counter = "sealpost_publish_panics_total", "Tasks of the policy host that panicked.";
    }
}

sealpost_runtime::metric_table! {
    /// What is counted about the leading of domains.
    pub struct DriveMetrics {
        domains: GaugeVec<InStage> = "sealpost_publish_domains", "Configured domains, by stage. Those that were not taken up yet are in `nothing`.";
        due: Gauge = "sealpost_publish_domains_due", "Configured domains that are to be passed over now.";
        late: Gauge = "sealpost_publish_domains_late", "Domains whose pass began an hour late or more in the last round: raise `passes_at_once`.";
        gates: GaugeVec<Gate> = "sealpost_publish_gates", "Configured domains by the gate of their stage, as the last pass of this process saw it: `open` if a move waits for a person, `shut` if a condition does not hold, `none` if no stage comes next by itself or the mode is fixed.";
        passes: Counter = "sealpost_publish_passes_total", "Passes that came to their end.";
        pass_time: Histogram = "sealpost_publish_pass_seconds", "How long a pass over one domain took.";
        moves: CounterVec<InStage> = "sealpost_publish_moves_total", "Moves, by the stage that a domain came to.";
        proposals: Counter = "sealpost_publish_proposals_total", "Moves that were proposed to a person.";
        pass_failures: CounterVec<PassFailure> = "sealpost_publish_pass_failures_total", "Passes that failed, or had to leave something to the next, by cause: `store`; `policy` (it can't be made); `dns` (a zone could not be read or written); `dns-lag` (a server does not have the records yet); `look` (it could not be told how the domain is); `not-taken-up` (something is live already: `publish adopt`); `panic`.";
        job_panics: Counter = "sealpost_publish_job_panics_total", "Times that the work through all domains panicked and was begun anew.";
    }
}

/// A label for a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InStage(pub Stage);

/// A label for how a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// A move waits for a person.
    Open,
    /// A condition does not hold.
    Shut,
    /// There is none.
    None,
}

/// A label for why a pass failed, or had to leave something to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassFailure {
    /// The store cannot be read or written.
    Store,
    /// The policy can't be made.
    Policy,
    /// A zone could not be read or written.
    Dns,
    /// A server of the zone does not have the records yet.
    DnsLag,
    /// A look of our own could not tell how the domain is.
    Look,
    /// The domain was not taken up.
    NotTakenUp,
    /// The pass panicked.
    Panic,
}

impl Gate {
    pub(crate) const ALL: [Self; 3] = [Self::Open, Self::Shut, Self::None];

    /// How the gate stands of a domain that is in this stage, after this decision.
    pub(crate) fn of(stage: Stage, decision: &Decision) -> Self {
        match decision.step {
            Step::Propose(_) => Self::Open,
            // The gate of the stage that it came to.
            Step::Go(_) => Self::Shut,
            Step::Stay if stage.next().is_none() || decision.readings.is_empty() => Self::None,
            Step::Stay if decision.waits().next().is_some() => Self::Shut,
            // A person leads by hand.
            Step::Stay => Self::Open,
        }
    }
}

impl Label for InStage {
    const NAME: &'static str = "stage";
    const VALUES: &'static [&'static str] = &[
        "nothing",
        "record",
        "prerequisites",
        "testing",
        "enforce-day",
        "enforce-week",
        "enforce-long",
        "leaving",
        "removed",
    ];

    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Label for Gate {
    const NAME: &'static str = "gate";
    const VALUES: &'static [&'static str] = &["open", "shut", "none"];

    fn index(self) -> usize {
        self as usize
    }
}

impl Label for PassFailure {
    const NAME: &'static str = "cause";
    const VALUES: &'static [&'static str] =
        &["store", "policy", "dns", "dns-lag", "look", "not-taken-up", "panic"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// A policy.
    Policy,
    /// The answer to a challenge of an authority.
    Challenge,
    /// That there is no such thing.
    NotFound,
}

impl Label for Answered {
    const NAME: &'static str = "answer";
    const VALUES: &'static [&'static str] = &["policy", "challenge", "not-found"];

    fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_labelled_with_its_word() {
        for stage in Stage::ALL {
            assert_eq!(InStage::VALUES.get(InStage(stage).index()), Some(&stage.as_str()));
        }
        assert_eq!(InStage::VALUES.len(), Stage::ALL.len());
    }
}
