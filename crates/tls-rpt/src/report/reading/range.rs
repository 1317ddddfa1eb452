//! The date range.

use super::members::{Keys, Seen};
use super::{Place, Reader, RepairKind, Shape, replace};
use crate::report::DateRange;
use crate::report::date_time::{self, Reading};

use jiff::{SignedDuration, Timestamp};

const KEYS: Keys = Keys { names: &["start-datetime", "end-datetime"], drafts: &[] };

/// One end as it was read.
struct ReadEnd {
    time: Timestamp,
    has_date_only: bool,
}

impl Reader<'_> {
    pub(super) fn date_range(&mut self, place: &Place<'_>) -> Option<DateRange> {
        if !self.is_object(place) {
            return None;
        }
        let (mut start, mut end) = (None, None);
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(member) = self.member(&KEYS, &mut seen, place) {
            let here = place.key(&member.written);
            match member.name {
                "start-datetime" => replace(&mut start, self.date_time(&here)),
                "end-datetime" => replace(&mut end, self.date_time(&here)),
                _ => {
                    self.repair(RepairKind::UnknownKey, &here);
                    self.cursor.skip(self.depth);
                }
            }
            self.settle(&here);
        }
        self.settle(place);
        for key in KEYS.names {
            self.expect(&KEYS, &seen, key, RepairKind::DateMissing, place);
        }
        Some(self.in_order(start, end, place))
    }

    fn in_order(
        &mut self,
        start: Option<ReadEnd>,
        end: Option<ReadEnd>,
        place: &Place<'_>,
    ) -> DateRange {
        if let (Some(start), Some(end)) = (&start, &end) {
            if end.time < start.time {
                self.repair(RepairKind::DateRangeReversed, place);
                return DateRange { start: Some(end.time), end: Some(start.time) };
            }
            // From a date to the same date is the whole of that day.
            if end.time == start.time && end.has_date_only {
                let last_second = SignedDuration::from_secs(86_399);
                let end = end.time.checked_add(last_second).unwrap_or(end.time);
                return DateRange { start: Some(start.time), end: Some(end) };
            }
        }
        DateRange { start: start.map(|end| end.time), end: end.map(|end| end.time) }
    }

    fn date_time(&mut self, place: &Place<'_>) -> Option<ReadEnd> {
        let reading = match self.cursor.shape() {
            Shape::Number => {
                let token = self.cursor.number()?;
                match token.parse() {
                    Ok(number) => date_time::read_number(number),
                    Err(_) => date_time::read(token.split('.').next().unwrap_or_default()),
                }
            }
            _ => date_time::read(&self.text_there(place)?),
        };
        let Reading { time, has_date_only, repairs } = reading;
        for repair in repairs {
            self.repair(repair, place);
        }
        time.map(|time| ReadEnd { time, has_date_only })
    }
}
