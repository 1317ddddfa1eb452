//! Dates and times as reporters write them.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use super::RepairKind;

/// What was read, and what had to be mended.
pub(super) struct Reading {
    pub(super) time: Option<Timestamp>,
    pub(super) has_date_only: bool,
    pub(super) repairs: Vec<RepairKind>,
}

impl Reading {
    fn unreadable() -> Self {
        Self { time: None, has_date_only: false, repairs: vec![RepairKind::DateUnreadable] }
    }

    /// Whether there can be a report of that time at all.
    fn of_a_report(self) -> Self {
        let is_before = |time: Timestamp| Offset::UTC.to_datetime(time).year() < FIRST_YEAR;
        if self.time.is_some_and(is_before) { Self::unreadable() } else { self }
    }
}

/// The first draft of TLS reports is of 2016. What is before this year is no date: a counter that was
/// never set, the zero of a library, or a number that means something else. As a date it would put
/// sessions on a day of 1970, where nobody sees them.
const FIRST_YEAR: i16 = 2015;

/// Numbers of seconds above this are taken for milliseconds: it is the year 5138.
const LAST_SECOND: i64 = 100_000_000_000;

/// Reads a date and time.
//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//# It is provided as a string formatted according
//# to "Internet Date/Time Format", Section 5.6 of [RFC3339].
pub(super) fn read(text: &str) -> Reading {
    read_any(text).of_a_report()
}

/// Reads a number of seconds since 1970, or of milliseconds; or a date without its hyphens.
pub(super) fn read_number(number: i64) -> Reading {
    from_number(number).of_a_report()
}

fn read_any(text: &str) -> Reading {
    let mut scanner = Scanner { rest: text.as_bytes(), repairs: Vec::new() };
    if let Some((time, has_date_only)) = scanner.date_time() {
        return Reading { time: Some(time), has_date_only, repairs: scanner.repairs };
    }
    if let Ok(number) = text.trim().parse::<i64>() {
        return from_number(number);
    }
    let zoned = rfc2822::DateTimeParser::new().parse_timestamp(text.trim());
    match zoned {
        Ok(time) => {
            Reading { time: Some(time), has_date_only: false, repairs: vec![RepairKind::DateForm] }
        }
        Err(_) => Reading::unreadable(),
    }
}

/// A date in the basic form of ISO 8601, as in `20240910`. As a number of seconds it would be of
/// 1970, so nothing else can be meant.
fn basic_date(number: i64) -> Option<Reading> {
    let number = u32::try_from(number).ok()?;
    let date = date(number / 10_000, number / 100 % 100, number % 100)?;
    let time = at(DateTime::from_parts(date, Time::midnight()), 0)?;
    Some(Reading { time: Some(time), has_date_only: true, repairs: vec![RepairKind::DateOnly] })
}

fn from_number(number: i64) -> Reading {
    if let Some(reading) = basic_date(number) {
        return reading;
    }
    let time = if number.unsigned_abs() > LAST_SECOND.unsigned_abs() {
        Timestamp::from_millisecond(number)
    } else {
        Timestamp::from_second(number)
    };
    match time {
        Ok(time) => Reading {
            time: Some(time),
            has_date_only: false,
            repairs: vec![RepairKind::DateNumber],
        },
        Err(_) => Reading::unreadable(),
    }
}

struct Scanner<'t> {
    rest: &'t [u8],
    repairs: Vec<RepairKind>,
}

impl Scanner<'_> {
    /// The time, and whether only its date was given; `None` when it is in no known form.
    fn date_time(&mut self) -> Option<(Timestamp, bool)> {
        self.space();
        let year = self.digits(4)?;
        self.expect(b'-')?;
        let month = self.digits(2)?;
        self.expect(b'-')?;
        let day = self.digits(2)?;
        let date = date(year, month, day)?;

        let has_space = self.space();
        if self.rest.is_empty() {
            self.repairs = vec![RepairKind::DateOnly];
            return Some((at(DateTime::from_parts(date, Time::midnight()), 0)?, true));
        }
        if self.take(b"Tt_").is_none() && !has_space {
            return None;
        }
        let time = self.time()?;
        let offset = self.zone()?;
        self.space();
        if !self.rest.is_empty() {
            return None;
        }
        let mut date_time = DateTime::from_parts(date, time.time);
        if time.is_next_day {
            date_time = date_time.checked_add(SignedDuration::from_hours(24)).ok()?;
        }
        Some((at(date_time, offset)?, false))
    }

    fn time(&mut self) -> Option<DayTime> {
        let hour = self.digits(2)?;
        self.expect(b':')?;
        let minute = self.digits(2)?;
        let mut second = 0;
        let mut nanosecond = 0;
        if self.take(b":").is_some() {
            second = self.digits(2)?;
            // RFC 3339 knows leap seconds, our calendar does not: it is the second before.
            if second == 60 {
                second = 59;
            }
            let has_comma = self.rest.first() == Some(&b',');
            if self.take(b".,").is_some() {
                if has_comma {
                    self.repair(RepairKind::DateForm);
                }
                nanosecond = self.fraction()?;
            }
        } else {
            self.repair(RepairKind::DateForm);
        }
        let is_next_day = (hour, minute, second, nanosecond) == (24, 0, 0, 0);
        if is_next_day {
            self.repair(RepairKind::DateForm);
        }
        let hour = if is_next_day { 0 } else { hour };
        let time = Time::new(
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            i32::try_from(nanosecond).ok()?,
        )
        .ok()?;
        Some(DayTime { time, is_next_day })
    }

    /// The offset from UTC, in seconds.
    fn zone(&mut self) -> Option<i32> {
        self.space();
        if self.take(b"Zz").is_some() {
            return Some(0);
        }
        for name in [&b"UTC"[..], b"GMT"] {
            if let Some(rest) = self.rest.strip_prefix(name) {
                self.rest = rest;
                self.repair(RepairKind::DateForm);
                return Some(0);
            }
        }
        let Some(sign) = self.take(b"+-") else {
            self.repair(RepairKind::DateNoZone);
            return Some(0);
        };
        let hours = self.digits(2)?;
        let minutes = if self.take(b":").is_some() {
            self.digits(2)?
        } else {
            self.repair(RepairKind::DateForm);
            self.digits(2).unwrap_or(0)
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = i32::try_from(hours * 3_600 + minutes * 60).ok()?;
        if seconds != 0 {
            self.repair(RepairKind::DateOffset);
        }
        Some(if sign == b'-' { -seconds } else { seconds })
    }

    /// Any number of digits behind the point; those after the ninth are dropped.
    fn fraction(&mut self) -> Option<u32> {
        let length = self.rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(length).filter(|_| length > 0)?;
        self.rest = rest;
        let nine = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
        Some(nine.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.rest = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    fn expect(&mut self, octet: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[octet])?;
        Some(())
    }

    fn take(&mut self, octets: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        if !octets.contains(first) {
            return None;
        }
        if *first == b'_' {
            self.repair(RepairKind::DateForm);
        }
        self.rest = rest;
        Some(*first)
    }

    fn space(&mut self) -> bool {
        let trimmed = self.rest.trim_ascii_start();
        let has_space = trimmed.len() < self.rest.len();
        if has_space {
            self.rest = trimmed;
            self.repair(RepairKind::DateForm);
        }
        has_space
    }

    fn repair(&mut self, kind: RepairKind) {
        if !self.repairs.contains(&kind) {
            self.repairs.push(kind);
        }
    }
}

struct DayTime {
    time: Time,
    /// For `24:00:00`, which is read as midnight.
    is_next_day: bool,
}

fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Date::new(i16::try_from(year).ok()?, month, day).ok()
}

fn at(date_time: DateTime, offset: i32) -> Option<Timestamp> {
    Offset::from_seconds(offset).ok()?.to_timestamp(date_time).ok()
}
