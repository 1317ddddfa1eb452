//! What is counted about scheduled checks.

use sealpost_rules::{Verdict, changes::Change};
use sealpost_runtime::metrics::{Counter, CounterVec, Gauge, GaugeVec, Histogram, Label};

sealpost_runtime::metric_table! {
    /// What is counted about scheduled checks.
    pub struct CheckMetrics {
        domains: GaugeVec<Judged> = "sealpost_check_domains", "Domains that are looked at regularly, by the verdict of the last look; `none` if there was none yet.";
        due: Gauge = "sealpost_check_domains_due", "Domains that are to be looked at now.";
        errors: Gauge = "sealpost_check_domains_with_errors", "Domains with a finding that is an error, as of the last look at each.";
        soonest: Gauge = "sealpost_check_certificate_expiry_timestamp_seconds", "When the first of all certificates that policy hosts and MX hosts have shown ends, in seconds since 1970; 0 if none was shown.";
        looks: Counter = "sealpost_check_looks_total", "Looks that were kept.";
        look_time: Histogram = "sealpost_check_look_seconds", "How long a look at one domain took.";
        events: CounterVec<Kind> = "sealpost_check_events_total", "Changes from one look to the next, by kind.";
        failures: CounterVec<LookFailure> = "sealpost_check_failures_total", "Looks that came to nothing, by cause: `store`; `outdated` (another process has looked meanwhile); `panic`. A domain that does not answer is no failure, but a look like others.";
        job_panics: Counter = "sealpost_check_job_panics_total", "Times that the work through all domains panicked and was begun anew.";
    }
}

/// A label for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged(pub Option<Verdict>);

/// A label for a kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(usize);

/// A label for why a look came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookFailure {
    /// The store cannot be read or written.
    Store,
    /// Another process was faster.
    Outdated,
    /// The look panicked.
    Panic,
}

impl Judged {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Verdict::ALL.into_iter().map(Some).chain([None]).map(Self)
    }
}

impl Kind {
    pub(super) fn of(change: &Change) -> Self {
        let place = Change::KINDS.iter().position(|kind| *kind == change.kind());
        Self(place.unwrap_or(usize::MAX))
    }
}

impl Label for Judged {
    const NAME: &'static str = "verdict";
    const VALUES: &'static [&'static str] = &[
        "enforced", "testing", "failing", "off", "broken", "absent", "no-mail", "unknown", "none",
    ];

    fn index(self) -> usize {
        self.0.map_or(Verdict::ALL.len(), |verdict| verdict as usize)
    }
}

impl Label for Kind {
    const NAME: &'static str = "kind";
    const VALUES: &'static [&'static str] = &Change::KINDS;

    fn index(self) -> usize {
        self.0
    }
}

impl Label for LookFailure {
    const NAME: &'static str = "cause";
    const VALUES: &'static [&'static str] = &["store", "outdated", "panic"];

    fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_labelled_with_its_word() {
        for judged in Judged::all() {
            let word = judged.0.map_or("none", Verdict::as_str);
            assert_eq!(Judged::VALUES.get(judged.index()), Some(&word));
        }
        assert_eq!(Judged::VALUES.len(), Judged::all().count());
    }
}
