//! How long things take.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{
    Instrument, Kind,
    exposition::{Sample, Seconds, Series},
};

/// Durations, counted by length, and their sum to the nanosecond.
#[derive(Debug)]
pub struct Histogram {
    /// One for each bound, for what is not longer than it and longer than the one before; and the
    /// last for what is longer than all.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// It wraps after 584 years of waiting, which a scraper takes for a restart.
    nanoseconds: AtomicU64,
}

/// The longest duration of each bucket, in nanoseconds: 50 µs to 100 s.
pub(super) const BOUNDS: [u64; 20] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    25_000_000_000,
    50_000_000_000,
    100_000_000_000,
];

impl Histogram {
    /// One more that took so long.
    pub fn observe(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let place = BOUNDS.partition_point(|bound| *bound < nanoseconds);
        self.add(place, nanoseconds);
    }

    /// One more that took less than is worth a look at the clock.
    pub fn observe_none(&self) {
        self.add(0, 0);
    }

    fn add(&self, place: usize, nanoseconds: u64) {
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        if nanoseconds > 0 {
            self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets
            .iter()
            .fold(0, |count, bucket| count.wrapping_add(bucket.load(Ordering::Relaxed)))
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: array::from_fn(|_| AtomicU64::new(0)), nanoseconds: AtomicU64::new(0) }
    }
}

impl Instrument for Histogram {
    const KIND: Kind = Kind::Histogram;

    /// The count is the sum of the buckets as they were read, so that the two always agree, even
    /// while others count.
    fn write(&self, series: &mut Series<'_>) {
        let mut count: u64 = 0;
        let bounds = BOUNDS.iter().map(|bound| Some(Seconds(*bound))).chain([None]);
        for (bound, bucket) in bounds.zip(&self.buckets) {
            count = count.wrapping_add(bucket.load(Ordering::Relaxed));
            series.sample(Sample::Bucket(bound), count);
        }
        series.sample(Sample::Sum, Seconds(self.nanoseconds.load(Ordering::Relaxed)));
        series.sample(Sample::Count, count);
    }
}
