//! What counts.

use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

use super::{
    Kind,
    exposition::{Sample, Series},
};

/// Something that keeps the value of a metric.
pub trait Instrument: Default {
    /// How the value moves.
    const KIND: Kind;
    /// The name of its label and the values that this can have.
    const LABEL: Option<(&'static str, &'static [&'static str])> = None;

    /// Writes what it has counted.
    fn write(&self, series: &mut Series<'_>);
}

/// A label with a closed set of values, most often an enum.
pub trait Label: Copy {
    /// Its name.
    const NAME: &'static str;
    /// All values, by index.
    const VALUES: &'static [&'static str];

    /// The place of this one among them. One that lies outside is not counted.
    fn index(self) -> usize;
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// A number for each value of a label that only grows.
pub struct CounterVec<L> {
    counters: Box<[Counter]>,
    label: PhantomData<fn(L)>,
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

/// A number for each value of a label that goes up and down.
pub struct GaugeVec<L> {
    gauges: Box<[Gauge]>,
    label: PhantomData<fn(L)>,
}

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many it has counted.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<L: Label> CounterVec<L> {
    /// One more of these.
    pub fn increment(&self, label: L) {
        self.add(label, 1);
    }

    /// So many more of these.
    pub fn add(&self, label: L, count: u64) {
        if let Some(counter) = self.counters.get(label.index()) {
            counter.add(count);
        }
    }

    /// How many of these it has counted.
    pub fn value(&self, label: L) -> u64 {
        self.counters.get(label.index()).map_or(0, Counter::value)
    }
}

impl Gauge {
    /// It is this now.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// So much more, or less.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// What it is.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<L: Label> GaugeVec<L> {
    /// It is this now.
    pub fn set(&self, label: L, value: i64) {
        if let Some(gauge) = self.gauges.get(label.index()) {
            gauge.set(value);
        }
    }

    /// What it is.
    pub fn value(&self, label: L) -> i64 {
        self.gauges.get(label.index()).map_or(0, Gauge::value)
    }
}

impl Instrument for Counter {
    const KIND: Kind = Kind::Counter;

    fn write(&self, series: &mut Series<'_>) {
        series.sample(Sample::Plain, self.value());
    }
}

impl<L: Label> Instrument for CounterVec<L> {
    const KIND: Kind = Kind::Counter;
    const LABEL: Option<(&'static str, &'static [&'static str])> = Some((L::NAME, L::VALUES));

    fn write(&self, series: &mut Series<'_>) {
        for (value, counter) in L::VALUES.iter().zip(&self.counters) {
            series.sample(Sample::Labelled { name: L::NAME, value }, counter.value());
        }
    }
}

impl Instrument for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn write(&self, series: &mut Series<'_>) {
        series.sample(Sample::Plain, self.value());
    }
}

impl<L: Label> Instrument for GaugeVec<L> {
    const KIND: Kind = Kind::Gauge;
    const LABEL: Option<(&'static str, &'static [&'static str])> = Some((L::NAME, L::VALUES));

    fn write(&self, series: &mut Series<'_>) {
        for (value, gauge) in L::VALUES.iter().zip(&self.gauges) {
            series.sample(Sample::Labelled { name: L::NAME, value }, gauge.value());
        }
    }
}

impl<L: Label> Default for CounterVec<L> {
    fn default() -> Self {
        let counters = L::VALUES.iter().map(|_| Counter::default()).collect();
        Self { counters, label: PhantomData }
    }
}

impl<L> fmt::Debug for CounterVec<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.counters.iter().map(Counter::value)).finish()
    }
}

impl<L: Label> Default for GaugeVec<L> {
    fn default() -> Self {
        let gauges = L::VALUES.iter().map(|_| Gauge::default()).collect();
        Self { gauges, label: PhantomData }
    }
}

impl<L> fmt::Debug for GaugeVec<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.gauges.iter().map(Gauge::value)).finish()
    }
}
