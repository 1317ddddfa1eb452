//! What is counted about the counting.

use sealpost_runtime::metrics::{Counter, CounterVec, Gauge, Histogram, Label};
use sealpost_store::submissions::Verdict;
use tls_rpt::{ProbeResult, SessionOutcome, SessionRefusal, SessionRepair};

use crate::Considered;

sealpost_runtime::metric_table! {
    /// What the role counts.
    pub struct ReportMetrics {
        datagrams: Counter = "sealpost_report_datagrams_total", "Datagrams that mail servers sent; one for each session.";
        overflowed: Counter = "sealpost_report_overflowed_total", "Datagrams that were taken and dropped because too many before them were still to be counted.";
        refused: CounterVec<Cause> = "sealpost_report_refused_total", "Datagrams that could not be read and were not counted, by cause.";
        repaired: CounterVec<Mended> = "sealpost_report_repaired_total", "Datagrams of which something had to be mended, by what it was; once for each thing, and again for each datagram that is the same.";
        posted: Counter = "sealpost_report_posted_total", "Sessions that were posted over HTTP and counted.";
        post_repeated: Counter = "sealpost_report_post_repeated_total", "Posts of sessions that came again with their key, and were not counted again.";
        post_refused: Counter = "sealpost_report_post_refused_total", "Posts of sessions that were refused as a whole.";
        logged: Counter = "sealpost_report_logged_total", "Sessions that lines of a mail server's log told of.";
        log_refused: Counter = "sealpost_report_log_refused_total", "Lines of a log that tell of a session and could not be read.";
        log_failures: Counter = "sealpost_report_log_failures_total", "Failures to read a log.";
        sessions: CounterVec<Result> = "sealpost_report_sessions_total", "Sessions for each policy that they were held against, by whether they complied.";
        failing: Gauge = "sealpost_report_failing", "Policies of domains whose last session failed: what cannot be reached securely now. It begins with 0 at the start and with each day; `report status` names the domains.";
        uncounted: Counter = "sealpost_report_uncounted_total", "Sessions that were not counted because the memory was full and the store could not be written.";
        days: Gauge = "sealpost_report_days_open", "Days that have counters in memory.";
        keys: Gauge = "sealpost_report_keys", "Counters in memory.";
        memory: Gauge = "sealpost_report_memory_bytes", "Memory that the counters take, about.";
        unsaved: Gauge = "sealpost_report_unsaved_policies", "Policies of domains whose counters have changed since they were written.";
        unsaved_seconds: Gauge = "sealpost_report_unsaved_seconds", "Age of the last write, if something is to be written; 0 if nothing is.";
        flush_seconds: Histogram = "sealpost_report_flush_seconds", "How long it took to write what has changed.";
        epochs: Counter = "sealpost_report_epochs_total", "Times that counting began from 0: at the start, each day, and when the memory had to be emptied.";
        queue: Gauge = "sealpost_report_queue_length", "Datagrams that the kernel keeps until they are taken (net.unix.max_dgram_qlen at the start).";
        receive_failures: Counter = "sealpost_report_receive_failures_total", "Failures to take datagrams out of the socket.";
        store_failures: Counter = "sealpost_report_store_failures_total", "Failures of the store. What could not be written is written later.";
        forgotten: Counter = "sealpost_report_forgotten_total", "Domains of days whose counters were forgotten because of their age.";
        probes: CounterVec<Probed> = "sealpost_report_probes_total", "MX hosts of domains in mode testing that were tried, by what they showed.";
        decided: CounterVec<Decided> = "sealpost_report_decided_total", "Domains of days that are over, by what was decided of them: a report was queued, or why there is none.";
        late: Counter = "sealpost_report_late_total", "Sessions that were written after the report of their day was made, and are in none; counted for each policy.";
        attempts: CounterVec<Became> = "sealpost_report_attempts_total", "Attempts to send a report to one destination, by what came of them.";
        waiting: Gauge = "sealpost_report_submissions_waiting", "Reports that are to be sent, counted for each destination.";
        failing_destinations: Gauge = "sealpost_report_failing_destinations", "Destinations for which a report waits that they have not taken so far.";
        suppressed: Counter = "sealpost_report_suppressed_total", "Destinations that are held back because they refused several reports in turn.";
        panics: Counter = "sealpost_report_panics_total", "Tasks of the role that panicked.";
    }
}

/// A label for why a datagram could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause(pub SessionRefusal);

/// A label for what was mended in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mended(pub SessionRepair);

/// A label for whether sessions complied with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Result(pub SessionOutcome);

impl Label for Cause {
    const NAME: &'static str = "cause";
    const VALUES: &'static [&'static str] = SessionRefusal::CODES;

    fn index(self) -> usize {
        self.0.number()
    }
}

impl Label for Mended {
    const NAME: &'static str = "what";
    const VALUES: &'static [&'static str] = SessionRepair::CODES;

    fn index(self) -> usize {
        self.0.number()
    }
}

impl Label for Result {
    const NAME: &'static str = "result";
    const VALUES: &'static [&'static str] = &["successful", "failed"];

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// A label for what was decided of a domain on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided(pub Verdict);

impl Decided {
    /// What is decided by this, if anything is.
    pub(crate) fn of(considered: &Considered) -> Option<Self> {
        match considered {
            Considered::Report(_) => Some(Self(Verdict::Queued)),
            Considered::None(verdict, _) => Some(Self(*verdict)),
            Considered::Later(_) => None,
        }
    }
}

/// A label for what came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It was taken.
    Accepted,
    /// It is tried again.
    Later,
    /// It was refused for good.
    Refused,
    /// The time is over.
    Expired,
}

/// A label for what an MX host showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It complies with the policy.
    Passes,
    /// It does not.
    Fails,
    /// It could not be told.
    Unknown,
}

impl Probed {
    pub(crate) fn of(result: &ProbeResult) -> Self {
        match result {
            ProbeResult::Passes => Self::Passes,
            ProbeResult::Fails(_) => Self::Fails,
            ProbeResult::Unknown => Self::Unknown,
        }
    }
}

impl Label for Probed {
    const NAME: &'static str = "result";
    const VALUES: &'static [&'static str] = &["passes", "fails", "unknown"];

    fn index(self) -> usize {
        self as usize
    }
}

impl Label for Decided {
    const NAME: &'static str = "as";
    const VALUES: &'static [&'static str] = &[
        "queued",
        "not-wanted",
        "unknown",
        "only-reports",
        "suppressed",
        "unfit",
        "told-elsewhere",
    ];

    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Label for Became {
    const NAME: &'static str = "as";
    const VALUES: &'static [&'static str] = &["accepted", "later", "refused", "expired"];

    fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_called_as_they_are_stored() {
        for verdict in Verdict::ALL {
            assert_eq!(Decided::VALUES[Decided(verdict).index()], verdict.as_str());
        }
    }
}
