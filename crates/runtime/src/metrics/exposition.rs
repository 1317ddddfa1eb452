//! The text that is scraped: the text format of Prometheus, version 0.0.4.

use std::fmt::{self, Display, Write as _};

use super::{Definition, Instrument, Table};

/// A text that grows by one metric after the other.
#[derive(Clone, Debug, Default)]
pub struct Exposition(String);

/// The lines of one metric.
#[derive(Debug)]
pub struct Series<'a> {
    text: &'a mut String,
    name: &'static str,
}

/// Which line of a metric.
#[derive(Clone, Copy)]
pub(super) enum Sample<'a> {
    /// The only one.
    Plain,
    /// That of one value of a label.
    Labelled { name: &'static str, value: &'a str },
    /// How many were not longer than this; none is the longest.
    Bucket(Option<Seconds>),
    /// All durations together.
    Sum,
    /// How many there were.
    Count,
}

/// Nanoseconds, shown as seconds without rounding.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) u64);

impl Exposition {
    /// What goes into the Content-Type of an answer that carries it.
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// Writes all metrics of a table.
    pub fn table(&mut self, table: &impl Table) {
        table.write(self);
    }

    /// Writes one metric.
    pub fn metric(&mut self, definition: &Definition, instrument: &impl Instrument) {
        instrument.write(&mut self.series(definition));
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, to be sent.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Begins a metric: what it is, before its values.
    pub(super) fn series(&mut self, definition: &Definition) -> Series<'_> {
        let Definition { name, kind, help, .. } = definition;
        self.0.push_str("# HELP ");
        self.0.push_str(name);
        self.0.push(' ');
        escape(help, Place::Help, &mut self.0);
        push(&mut self.0, format_args!("\n# TYPE {name} {kind}\n"));
        Series { text: &mut self.0, name }
    }
}

impl Series<'_> {
    pub(super) fn sample(&mut self, sample: Sample<'_>, value: impl Display) {
        self.text.push_str(self.name);
        match sample {
            Sample::Plain => {}
            Sample::Labelled { name, value } => {
                push(self.text, format_args!("{{{name}=\""));
                escape(value, Place::Value, self.text);
                self.text.push_str("\"}");
            }
            Sample::Bucket(Some(bound)) => {
                push(self.text, format_args!("_bucket{{le=\"{bound}\"}}"));
            }
            Sample::Bucket(None) => self.text.push_str("_bucket{le=\"+Inf\"}"),
            Sample::Sum => self.text.push_str("_sum"),
            Sample::Count => self.text.push_str("_count"),
        }
        push(self.text, format_args!(" {value}\n"));
    }
}

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000_000;
        let (whole, rest) = (self.0 / SECOND, self.0 % SECOND);
        if rest == 0 {
            return whole.fmt(f);
        }
        let rest = format!("{rest:09}");
        write!(f, "{whole}.{}", rest.trim_end_matches('0'))
    }
}

/// What must be escaped depends on where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Help,
    Value,
}

fn escape(text: &str, place: Place, to: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '"' if place == Place::Value => to.push_str("\\\""),
            _ => to.push(character),
        }
    }
}

fn push(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}
