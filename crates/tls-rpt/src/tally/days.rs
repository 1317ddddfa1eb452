//! Which days a report is of.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::report::DateRange;

/// The days of UTC that a range covers, in order, without gaps.
///
/// Empty when the report does not say, or names a range above [`Days::MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days(Vec<DayShare>);

/// A day and how much of it a range covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DayShare {
    /// The day, in UTC.
    pub date: Date,
    /// How many seconds of it, at most 86,400; 0 when only an instant of it is known.
    pub seconds: u32,
}

const DAY: i64 = 86_400;

impl Days {
    /// A range of more days says nothing about any of them.
    pub const MAX: usize = 400;

    /// The days of a range.
    ///
    /// An end at midnight belongs to the day before, and a last second such as 23:59:59 is covered to
    /// its end. Of a range with one end, the day of that end is taken: reports are of one day.
    pub fn of(range: &DateRange) -> Self {
        match (range.start, range.end) {
            (None, None) => Self::default(),
            (Some(start), None) => Self::instant(start),
            (None, Some(end)) => {
                Self::instant(end.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(end))
            }
            (Some(start), Some(end)) => Self::between(start, end),
        }
    }

    /// The days, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &DayShare> {
        self.0.iter()
    }

    /// How many days.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no day is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one day, so that a number of the report is a number of that day. Otherwise a
    /// number for a day is an estimate.
    pub fn is_one(&self) -> bool {
        self.0.len() == 1
    }

    /// Spreads a number over the days, in proportion to the time covered. The parts add up to the
    /// number; without a day there are none.
    pub fn spread(&self, number: u64) -> Vec<(Date, u64)> {
        let weight = |day: &DayShare| u128::from(day.seconds.max(1));
        let whole: u128 = self.0.iter().map(weight).sum();
        let mut time = 0;
        let mut given = 0;
        let part = |day: &DayShare| {
            time += weight(day);
            // What is due up to the end of this day, rounded to the nearest; at most `number`.
            let due = (u128::from(number) * time * 2 + whole) / (whole * 2);
            let due = u64::try_from(due).unwrap_or(number);
            let part = due.saturating_sub(given);
            given = due;
            (day.date, part)
        };
        self.0.iter().map(part).collect()
    }

    fn instant(time: Timestamp) -> Self {
        Self(vec![DayShare { date: Offset::UTC.to_datetime(time).date(), seconds: 0 }])
    }

    fn between(start: Timestamp, end: Timestamp) -> Self {
        let first = start.as_second();
        let last = end.as_second();
        // A range to xx:xx:59 means the whole minute: 23:59:59 is the last second, not the end.
        let after = if last.rem_euclid(60) == 59 { last.saturating_add(1) } else { last };
        if after <= first {
            return Self::instant(start);
        }
        let first_day = first.div_euclid(DAY);
        let last_day = after.saturating_sub(1).div_euclid(DAY);
        let count = last_day.saturating_sub(first_day).saturating_add(1);
        if usize::try_from(count).is_ok_and(|count| count > Self::MAX) {
            return Self::default();
        }
        let share = |day: i64| {
            let begin = (day * DAY).max(first);
            let end = ((day + 1) * DAY).min(after);
            let date =
                Timestamp::from_second(begin).ok().map(|t| Offset::UTC.to_datetime(t).date());
            Some(DayShare { date: date?, seconds: u32::try_from(end - begin).ok()? })
        };
        Self((first_day..=last_day).filter_map(share).collect())
    }
}
