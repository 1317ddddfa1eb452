//! What is counted about incidents and notices.

use sealpost_evidence::incident::Urgency;
use sealpost_runtime::metrics::{Counter, CounterVec, Gauge, GaugeVec, Histogram, Label};

sealpost_runtime::metric_table! {
    /// What the role that tells people counts.
    pub struct AlertMetrics {
        open: GaugeVec<OfUrgency> = "sealpost_alert_incidents_open", "Incidents that are open, by how much they press.";
        changes: CounterVec<Became> = "sealpost_alert_incidents_total", "What became of incidents: `opened`, `worsened`, `still-open` (at the end of an acknowledgement), `resolved`.";
        sent: CounterVec<SendOutcome> = "sealpost_alert_sendings_total", "Attempts to tell a receiver: `sent`, `failed` (it is tried again), `expired` (it is not).";
        due: Gauge = "sealpost_alert_notices_due", "Notices that are due and not sent, with those that wait for another attempt.";
        oldest: Gauge = "sealpost_alert_oldest_unsent_seconds", "How long the oldest of them has been waiting; 0 if none is.";
        pass_time: Histogram = "sealpost_alert_pass_seconds", "How long a look at everything took.";
        pass_failures: CounterVec<FailedSource> = "sealpost_alert_look_failures_total", "Looks that could not tell how things are, by where: what was known before holds on.";
        store_failures: Counter = "sealpost_alert_store_failures_total", "Failures of the store when incidents or notices were written or read.";
        panics: Counter = "sealpost_alert_panics_total", "Tasks of the role that panicked and were begun anew.";
    }
}

/// A label for how much it presses.
#[derive(Clone, Copy, Debug)]
pub struct OfUrgency(pub Urgency);

/// A label for what became of an incident.
#[derive(Clone, Copy, Debug)]
pub enum Became {
    /// It began.
    Opened,
    /// It presses more.
    Worsened,
    /// It is still open.
    StillOpen,
    /// It is over.
    Resolved,
}

/// A label for what came of an attempt to tell a receiver.
#[derive(Clone, Copy, Debug)]
pub enum SendOutcome {
    /// It has it.
    Sent,
    /// It is tried again.
    Failed,
    /// It is not.
    Expired,
}

/// A label for what could not tell.
#[derive(Clone, Copy, Debug)]
pub enum FailedSource {
    /// The roll-outs.
    Rollouts,
    /// The looks of our own.
    Looks,
    /// The certificates.
    Certificates,
    /// The reports.
    Reports,
}

impl Label for OfUrgency {
    const NAME: &'static str = "urgency";
    const VALUES: &'static [&'static str] = &["note", "warning", "critical"];

    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Label for Became {
    const NAME: &'static str = "became";
    const VALUES: &'static [&'static str] = &["opened", "worsened", "still-open", "resolved"];

    fn index(self) -> usize {
        self as usize
    }
}

impl Label for SendOutcome {
    const NAME: &'static str = "outcome";
    const VALUES: &'static [&'static str] = &["sent", "failed", "expired"];

    fn index(self) -> usize {
        self as usize
    }
}

impl Label for FailedSource {
    const NAME: &'static str = "source";
    const VALUES: &'static [&'static str] = &["rollouts", "looks", "certificates", "reports"];

    fn index(self) -> usize {
        self as usize
    }
}
