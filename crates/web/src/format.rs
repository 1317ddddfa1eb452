//! Numbers, times and text for people.

use sealpost_evidence::traffic::Bounds;
use sealpost_rollout::Time;

/// A time, to the minute.
pub(crate) fn time(seconds: i64) -> String {
    moment(&Time::at(seconds).to_string())
}

/// A time in the words of RFC 3339, to the minute; what is none stays as it is.
pub(crate) fn moment(text: &str) -> String {
    match text.get(..16) {
        Some(minute) if text.ends_with('Z') => format!("{} UTC", minute.replace('T', " ")),
        _ => text.to_owned(),
    }
}

/// Until when some sender may hold a policy, as the history of what was served has it.
pub(crate) fn held_until(text: &str) -> String {
    match text {
        "nobody" => "none does".to_owned(),
        "open" => "as long as it is served, and for its max_age from then on".to_owned(),
        time => format!("until {}", moment(time)),
    }
}

/// A number, or the two that it lies between.
pub(crate) fn bounds(bounds: Bounds) -> String {
    match bounds.exact() {
        Some(number) => count(number),
        None => format!("{} to {}", count(bounds.lower), count(bounds.upper)),
    }
}

/// A number in groups of three digits.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A number with the word for what it counts.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A number of sessions, or the two that it lies between.
pub(crate) fn sessions(count: Bounds) -> String {
    match count.exact() {
        Some(number) => counted(number, "session", "sessions"),
        None => format!("{} sessions", bounds(count)),
    }
}

/// In how many days something ends, or before how many it has.
pub(crate) fn days_left(days: i64) -> String {
    match days {
        0 => "within a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days if days > 1 => format!("in {days} days"),
        _ => match days.unsigned_abs() {
            1 => "has ended".to_owned(),
            days => format!("has ended {} days ago", days.saturating_sub(1)),
        },
    }
}

/// Each of these, or one place for none.
pub(crate) fn rows<T>(all: &[T]) -> Vec<Option<&T>> {
    if all.is_empty() { vec![None] } else { all.iter().map(Some).collect() }
}

/// How many of all sessions failed, as a percentage with one place that never says 0 for some or
/// 100 for not all.
pub(crate) fn share(failed: Bounds, successful: Bounds) -> String {
    let all = failed.upper.saturating_add(successful.lower);
    if all == 0 {
        return "–".to_owned();
    }
    let tenths = u128::from(failed.upper) * 1000 / u128::from(all);
    match tenths {
        0 if failed.upper > 0 => "< 0.1 %".to_owned(),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// A field of CSV (RFC 4180). What spreadsheets would take for a formula is marked as text.
pub(crate) fn csv(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if is_formula { format!("'{field}") } else { field.to_owned() };
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let written: Vec<String> = [0, 7, 999, 1_000, 1_234_567].map(count).into();
        assert_eq!(written, ["0", "7", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
    }

    #[test]
    fn a_share_never_hides_a_failure() {
        let exactly = Bounds::exactly;
        assert_eq!(share(exactly(0), exactly(0)), "–");
        assert_eq!(share(exactly(0), exactly(5)), "0.0 %");
        assert_eq!(share(exactly(1), exactly(1_000_000)), "< 0.1 %");
        assert_eq!(share(exactly(1), exactly(3)), "25.0 %");
        assert_eq!(share(exactly(u64::MAX), exactly(1)), "100.0 %");
    }

    #[test]
    fn a_field_of_csv_is_one_field_and_no_formula() {
        assert_eq!(csv("plain"), "plain");
        assert_eq!(csv("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(csv("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }

    #[test]
    fn days_are_rounded_down() {
        let told: Vec<String> = [-3, -1, 0, 1, 30].map(days_left).into();
        let expected =
            ["has ended 2 days ago", "has ended", "within a day", "in 1 day", "in 30 days"];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_time_is_shown_to_the_minute() {
        assert_eq!(time(1_782_864_000), "2026-07-01 00:00 UTC");
        assert_eq!(moment("soon"), "soon");
        assert_eq!(held_until("2026-07-01T00:00:00Z"), "until 2026-07-01 00:00 UTC");
        assert!(held_until("open").starts_with("as long as it is served"));
    }
}
