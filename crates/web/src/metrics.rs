//! What is counted of the pages.

use sealpost_runtime::metrics::{CounterVec, Label};

sealpost_runtime::metric_table! {
    /// What the pages count.
    pub struct WebMetrics {
        answers: CounterVec<Answer> = "sealpost_web_answers_total", "Requests for pages and data that were answered, by what was asked for.";
        refused: CounterVec<Refused> = "sealpost_web_refused_total", "Requests that were refused because of who asked, or how.";
        log_ins: CounterVec<LogIn> = "sealpost_web_log_ins_total", "Passwords that were given, by what came of it.";
        deeds: CounterVec<DeedOutcome> = "sealpost_web_changes_total", "Changes that somebody wanted made, by what came of it.";
    }
}

/// A label for what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A page.
    Page,
    /// JSON.
    Data,
    /// A table as CSV, or something raw.
    File,
}

impl Label for Answer {
    const NAME: &'static str = "answer";
    const VALUES: &'static [&'static str] = &["page", "data", "file"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for why somebody was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// By a name that is not ours.
    Host,
    /// From elsewhere, while only this machine may ask.
    Far,
    /// From elsewhere without TLS.
    Open,
    /// With a field that only the proxy may set.
    Proxy,
    /// With a token that is not known.
    Token,
    /// Nobody knows who it is.
    Unknown,
    /// Without the right to it.
    Rights,
    /// With a form that is not from a page of ours.
    Forgery,
}

impl Label for Refused {
    const NAME: &'static str = "reason";
    const VALUES: &'static [&'static str] =
        &["host", "far", "open", "proxy", "token", "unknown", "rights", "forgery"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for what came of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogIn {
    /// It was right.
    Right,
    /// It was wrong.
    Wrong,
    /// It was not looked at: there were too many.
    TooOften,
}

impl Label for LogIn {
    const NAME: &'static str = "outcome";
    const VALUES: &'static [&'static str] = &["right", "wrong", "too-often"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for what came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeedOutcome {
    /// It was made.
    Done,
    /// It was not, for a reason that the caller was told.
    Declined,
    /// It failed.
    Failed,
}

impl Label for DeedOutcome {
    const NAME: &'static str = "outcome";
    const VALUES: &'static [&'static str] = &["done", "declined", "failed"];

    fn index(self) -> usize {
        self as usize
    }
}
