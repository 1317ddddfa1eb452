//! What a metric is.

use std::fmt;

use super::Instrument;

/// All that is to know of a metric but its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// The name, without the endings that a histogram adds.
    pub name: &'static str,
    /// How the value moves.
    pub kind: Kind,
    /// What it says, in one line.
    pub help: &'static str,
    /// The name of its label and the values that this can have.
    pub label: Option<(&'static str, &'static [&'static str])>,
}

/// How a value moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Up only, from 0 at the start of the process.
    Counter,
    /// Up and down.
    Gauge,
    /// Durations, counted by length.
    Histogram,
}

impl Definition {
    /// The definition of a metric that is kept by such an instrument.
    ///
    /// # Panics
    ///
    /// If the name breaks the customs of Prometheus: lower-case letters, digits and underscores; a
    /// counter ends in `_total`, a histogram in `_seconds`. In a constant, as in
    /// [`metric_table!`](crate::metric_table), that is an error of the compiler.
    pub const fn of<I: Instrument>(name: &'static str, help: &'static str) -> Self {
        Self::new(name, I::KIND, help, I::LABEL)
    }

    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        help: &'static str,
        label: Option<(&'static str, &'static [&'static str])>,
    ) -> Self {
        let ending: &[u8] = match kind {
            Kind::Counter => b"_total",
            Kind::Gauge => b"",
            Kind::Histogram => b"_seconds",
        };
        assert!(is_name(name.as_bytes()), "a name has lower-case letters, digits and underscores");
        assert!(ends_with(name.as_bytes(), ending), "counters end in _total, times in _seconds");
        if let Some((label, _)) = label {
            assert!(is_name(label.as_bytes()), "a label is named like a metric");
        }
        Self { name, kind, help, label }
    }
}

impl Kind {
    /// Its word in the text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const fn is_name(mut text: &[u8]) -> bool {
    let [b'a'..=b'z', ..] = text else { return false };
    while let [octet, rest @ ..] = text {
        if !matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        text = rest;
    }
    true
}

const fn ends_with(mut text: &[u8], mut ending: &[u8]) -> bool {
    while let [rest_of_ending @ .., last] = ending {
        let [rest @ .., octet] = text else { return false };
        if *octet != *last {
            return false;
        }
        (text, ending) = (rest, rest_of_ending);
    }
    true
}
