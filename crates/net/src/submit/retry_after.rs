//! How long a server wants to be left alone: `Retry-After` (RFC 9110 section 10.2.3).

use std::time::Duration;

use hyper::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use jiff::{
    Timestamp,
    fmt::{rfc2822, strtime},
    tz::TimeZone,
};

/// The two forms of a date that are no longer sent, and have to be read.
const OBSOLETE: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// The wait that an answer asks for, if it does: a number of seconds, or until a date. It is as long as
/// the server likes; a date that has passed is no wait.
///
/// The server has its date from its own clock, so the wait begins at the `Date` of the answer; where it
/// says none, at `now`.
pub(crate) fn retry_after(fields: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = text(fields, RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let begin = self::text(fields, DATE).and_then(http_date).unwrap_or(now);
    let wait = http_date(text)?.duration_since(begin);
    Some(wait.try_into().unwrap_or_default())
}

fn text(fields: &HeaderMap, name: HeaderName) -> Option<&str> {
    Some(fields.get(name)?.to_str().ok()?.trim())
}

/// A date in any of the three forms of RFC 9110 section 5.6.7.
fn http_date(text: &str) -> Option<Timestamp> {
    if let Ok(time) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(time);
    }
    let time = OBSOLETE.iter().find_map(|form| strtime::parse(form, text).ok())?;
    Some(time.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    /// The wait for this `Retry-After` in an answer of this `Date`, read on 6 November 1994 at 8 o'clock.
    fn wait(text: &str, date: Option<&str>) -> Option<u64> {
        let mut fields = HeaderMap::new();
        fields.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        if let Some(date) = date {
            fields.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        let now = "1994-11-06T08:00:00Z".parse().unwrap();
        retry_after(&fields, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_a_number_of_seconds_or_lasts_until_a_date() {
        for (text, date, expected) in [
            ("120", None, Some(120)),
            ("0", None, Some(0)),
            ("99999999999999999999", None, Some(u64::MAX)), // its reader has a bound
            ("Sun, 06 Nov 1994 08:49:37 GMT", None, Some(2_977)),
            ("Sun, 06 Nov 1994 07:59:59 GMT", None, Some(0)), // it has passed
            // The clock of the server is ten minutes fast, and the wait is a minute.
            ("Sun, 06 Nov 1994 08:11:00 GMT", Some("Sun, 06 Nov 1994 08:10:00 GMT"), Some(60)),
            ("Sun, 06 Nov 1994 08:01:00 GMT", Some("no date"), Some(60)),
            ("", None, None),
            ("-1", None, None),
            ("+1", None, None),
            ("1.5", None, None),
            ("1h", None, None),
            ("tomorrow", None, None),
            ("Sun, 06 Nov 1994 25:00:00 GMT", None, None),
        ] {
            assert_eq!(wait(text, date), expected, "{text:?}, {date:?}");
        }
    }

    #[test]
    fn a_date_is_read_in_each_of_its_forms() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(wait(text, None), Some(2_977), "{text}");
        }
        assert_eq!(wait("Wednesday, 16-Nov-94 08:00:00 GMT", None), Some(864_000));
        assert_eq!(wait("Wed Nov 16 08:00:00 1994", None), Some(864_000));
    }
}
