//! What is counted.

use mta_sts::cache::{FetchFailure, Note, RecordLookup};
use sealpost_evidence::{LookupFault, LookupFaultKind};
use sealpost_rules::matrix::SenderDecision;
use sealpost_runtime::metrics::{Counter, CounterVec, Gauge, Histogram, Label};

sealpost_runtime::metric_table! {
    /// What the role counts.
    pub struct EnforceMetrics {
        answers: CounterVec<Decision> = "sealpost_enforce_answers_total", "Answers to mail servers, by decision.";
        observed: CounterVec<Decision> = "sealpost_enforce_observed_total", "Answers that were only recorded, by what they would have been.";
        answer_seconds: Histogram = "sealpost_enforce_answer_seconds", "How long an answer took, look-ups that it waited for included.";
        unanswerable: Counter = "sealpost_enforce_unanswerable_total", "Questions that name no map of ours.";
        record_lookups: CounterVec<RecordResult> = "sealpost_enforce_record_lookups_total", "Look-ups of STS records, by result.";
        record_faults: CounterVec<DnsFault> = "sealpost_enforce_record_lookup_faults_total", "Look-ups of STS records without an answer, by fault.";
        record_seconds: Histogram = "sealpost_enforce_record_lookup_seconds", "How long a look-up of an STS record took.";
        fetches: CounterVec<FetchResult> = "sealpost_enforce_policy_fetches_total", "Fetches of policies, by result.";
        postponed: Counter = "sealpost_enforce_policy_fetches_postponed_total", "Fetches of policies that found no turn among others in time, and are tried again.";
        fetch_seconds: Histogram = "sealpost_enforce_policy_fetch_seconds", "How long a fetch of a policy took.";
        dane_seconds: Histogram = "sealpost_enforce_dane_lookup_seconds", "How long a look-up of a next hop for DANE took.";
        alarms: CounterVec<Alarm> = "sealpost_enforce_alarms_total", "What operators should hear about policies, as in the log.";
        store_failures: Counter = "sealpost_enforce_store_failures_total", "Savings that failed.";
        policies: Gauge = "sealpost_enforce_policies", "Domains with a policy that applies.";
        without_policy: Gauge = "sealpost_enforce_without_policy", "Domains that are known to have none.";
        dane: Gauge = "sealpost_enforce_dane", "1 while answers follow DANE, else 0.";
        exceptions: Gauge = "sealpost_enforce_exceptions", "Exceptions in the file.";
        exceptions_ended: Gauge = "sealpost_enforce_exceptions_ended", "Exceptions in the file that have ended.";
        panics: Counter = "sealpost_enforce_panics_total", "Tasks of the role that panicked, and were begun anew.";
        remarks: Counter = "sealpost_enforce_remarks_total", "What was found of policies and is written down for TLS reports; the same again after ten minutes at the earliest.";
        excepted: Counter = "sealpost_enforce_excepted_total", "Answers that an exception had a part in.";
    }
}

/// A label for decisions.
#[derive(Clone, Copy, Debug)]
pub struct Decision(pub SenderDecision);

impl Label for Decision {
    const NAME: &'static str = "decision";
    const VALUES: &'static [&'static str] = &["dane-only", "dane", "secure", "none", "wait"];

    fn index(self) -> usize {
        match self.0 {
            SenderDecision::DaneOnly => 0,
            SenderDecision::Dane => 1,
            SenderDecision::Secure => 2,
            SenderDecision::NotFound => 3,
            SenderDecision::Temporary => 4,
        }
    }
}

/// A label for look-ups of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordResult {
    /// A valid record.
    Found,
    /// None.
    Absent,
    /// Several, or an invalid one.
    Unusable,
    /// It could not be told.
    Unknown,
}

impl RecordResult {
    pub(crate) fn of(lookup: &RecordLookup) -> Self {
        match lookup {
            RecordLookup::Found { .. } => Self::Found,
            RecordLookup::Absent { .. } => Self::Absent,
            RecordLookup::Unusable { .. } => Self::Unusable,
            RecordLookup::Unknown => Self::Unknown,
        }
    }
}

impl Label for RecordResult {
    const NAME: &'static str = "result";
    const VALUES: &'static [&'static str] = &["found", "absent", "unusable", "unknown"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for faults of the DNS.
#[derive(Clone, Copy, Debug)]
pub struct DnsFault(LookupFaultKind);

impl DnsFault {
    pub(crate) fn of(fault: &LookupFault) -> Self {
        Self(fault.kind)
    }
}

impl Label for DnsFault {
    const NAME: &'static str = "fault";
    const VALUES: &'static [&'static str] = &[
        "timed-out",
        "server-failure",
        "refused",
        "unreachable",
        "malformed",
        "too-large",
        "bogus",
        "other",
    ];

    fn index(self) -> usize {
        match self.0 {
            LookupFaultKind::TimedOut => 0,
            LookupFaultKind::ServerFailure => 1,
            LookupFaultKind::Refused => 2,
            LookupFaultKind::Unreachable => 3,
            LookupFaultKind::Malformed => 4,
            LookupFaultKind::TooLarge => 5,
            LookupFaultKind::Bogus => 6,
            _ => 7,
        }
    }
}

/// A label for fetches: `fetched`, or the result type of RFC 8460 §4.3.
#[derive(Clone, Copy, Debug)]
pub struct FetchResult(pub(crate) Option<FetchFailure>);

impl Label for FetchResult {
    const NAME: &'static str = "result";
    const VALUES: &'static [&'static str] =
        &["fetched", "sts-policy-fetch-error", "sts-webpki-invalid", "sts-policy-invalid"];

    fn index(self) -> usize {
        match self.0 {
            None => 0,
            Some(FetchFailure::NotFetched) => 1,
            Some(FetchFailure::CertificateInvalid) => 2,
            Some(FetchFailure::PolicyInvalid) => 3,
        }
    }
}

/// A label for what operators should hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// There is a record, and no policy can be had.
    FetchFailed,
    /// A policy that applies could not be fetched again.
    RefreshFailed,
    /// A policy has expired that could not be renewed.
    Expired,
    /// A new policy protects less.
    Weakened,
    /// The record is gone while a policy applies.
    RecordVanished,
    /// Something newer than this table.
    Other,
}

impl Alarm {
    pub(crate) fn of(note: &Note) -> Self {
        match note {
            Note::FetchFailed { .. } => Self::FetchFailed,
            Note::RefreshFailed { .. } => Self::RefreshFailed,
            Note::Expired => Self::Expired,
            Note::Weakened(_) => Self::Weakened,
            Note::RecordVanished { .. } => Self::RecordVanished,
            _ => Self::Other,
        }
    }
}

impl Label for Alarm {
    const NAME: &'static str = "kind";
    const VALUES: &'static [&'static str] =
        &["fetch-failed", "refresh-failed", "expired", "weakened", "record-vanished", "other"];

    fn index(self) -> usize {
        self as usize
    }
}
