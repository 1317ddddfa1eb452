//! What is counted about the policy host.

use sealpost_runtime::metrics::{Counter, CounterVec, Gauge, Label};

sealpost_runtime::metric_table! {
    /// What the policy host counts.
    pub struct PublishMetrics {
        requests: CounterVec<Answered> = "sealpost_publish_requests_total", "Requests, by what was answered.";
        policies: Gauge = "sealpost_publish_policies", "Domains whose policy is served.";
        certificates: Gauge = "sealpost_publish_certificates", "Policy hosts that have a certificate.";
        missing: Gauge = "sealpost_publish_certificates_missing", "Policy hosts that have none, yet or any more.";
        soonest: Gauge = "sealpost_publish_certificate_expiry_timestamp_seconds", "When the first of the certificates from the authority expires, in seconds since 1970; 0 if there is none.";
        issued: Counter = "sealpost_publish_certificates_issued_total", "Certificates that the authority has issued.";
        failures: Counter = "sealpost_publish_certificate_failures_total", "Tries to get a certificate that failed.";
        store_failures: Counter = "sealpost_publish_store_failures_total", "Failures of the store. A policy that could not be recorded is not served.";
        panics: Counter = "sealpost_publish_panics_total", "Tasks of the policy host that panicked.";
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
