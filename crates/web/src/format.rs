//! Numbers, times and text for people.

use std::fmt;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Bounds;
use sealpost_rollout::{Stage, Time};

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

/// A text of ours as HTML in which dates do not break at the end of a line, and a time of RFC 3339 is
/// written as everywhere on the pages. It is escaped here; the only tags are those around dates.
pub(crate) fn prose(text: impl fmt::Display) -> String {
    let text = text.to_string();
    let (mut html, mut rest, mut before) = (String::with_capacity(text.len()), text.as_str(), None);
    while let Some(next) = rest.chars().next() {
        let (told, length) = match date(rest) {
            Some((told, length)) if !before.is_some_and(is_of_word) => (told, length),
            _ => {
                escape(&mut html, next);
                before = Some(next);
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
                continue;
            }
        };
        html.push_str("<span class=\"day\">");
        told.chars().for_each(|part| escape(&mut html, part));
        html.push_str("</span>");
        before = None;
        rest = rest.get(length..).unwrap_or_default();
    }
    html
}

/// The date, or the time in UTC, with which a text begins: for people, and its length there.
fn date(text: &str) -> Option<(String, usize)> {
    let is_like = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(octet, wanted)| match wanted {
                b'0' => octet.is_ascii_digit(),
                _ => octet == wanted,
            })
    };
    let day = text.get(..10).filter(|day| is_like(day, "0000-00-00"))?;
    if text.get(10..19).is_some_and(|time| is_like(time, "T00:00:00")) {
        let part = text.get(19..)?;
        let digits = part
            .strip_prefix('.')
            .map_or(0, |part| 1 + part.bytes().take_while(u8::is_ascii_digit).count());
        if part.get(digits..)?.starts_with('Z') {
            let length = 19 + digits + 1;
            return Some((moment(text.get(..length)?), length));
        }
    }
    let is_whole = !text.chars().nth(10).is_some_and(is_of_word);
    is_whole.then(|| (day.to_owned(), 10))
}

/// Whether a date beside it would be a part of something longer.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_')
}

fn escape(html: &mut String, character: char) {
    match character {
        '<' => html.push_str("&#60;"),
        '>' => html.push_str("&#62;"),
        '&' => html.push_str("&#38;"),
        '"' => html.push_str("&#34;"),
        '\'' => html.push_str("&#39;"),
        other => html.push(other),
    }
}

/// A domain as people write it, if that is not how it stands in the DNS.
pub(crate) fn unicode(domain: &DomainName) -> Option<String> {
    Some(domain.to_unicode()).filter(|written| written != domain.as_str())
}

/// What the sessions of a part of a report were held against.
pub(crate) fn policy_type(name: &str) -> &str {
    match name {
        "sts" => "MTA-STS policy (sts)",
        "tlsa" => "TLSA records of DANE (tlsa)",
        "no-policy-found" => "No policy (no-policy-found)",
        other => other,
    }
}

/// What it means for mail that a domain is in a stage.
pub(crate) fn stage(name: &str) -> &'static str {
    match name.parse() {
        Ok(Stage::Nothing) => "Nothing is published yet.",
        Ok(Stage::Record) => "The TLS-RPT record asks senders for reports; mail flows as ever.",
        Ok(Stage::Prerequisites) => {
            "Our look has to show that every MX host and the policy host could bear a policy; mail flows \
             as ever."
        }
        Ok(Stage::Testing) => {
            "A policy in mode testing is served: senders report what would fail, and deliver all the \
             same."
        }
        Ok(Stage::EnforceDay) => {
            "A policy in mode enforce is served, which senders remember for a day: they deliver only \
             where it is kept."
        }
        Ok(Stage::EnforceWeek) => {
            "A policy in mode enforce is served, which senders remember for a week: they deliver only \
             where it is kept."
        }
        Ok(Stage::EnforceLong) => {
            "A policy in mode enforce is served, which senders remember for its whole max_age: they \
             deliver only where it is kept."
        }
        Ok(Stage::Leaving) => {
            "A policy in mode none is served until no sender can hold a stronger one any more."
        }
        Ok(Stage::Removed) => "Record and policy host are gone, or may go.",
        Err(_) => "",
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
    fn dates_in_a_sentence_stay_whole_and_nothing_in_it_is_a_tag() {
        let day = "<span class=\"day\">2026-07-01</span>";
        for (text, expected) in [
            ("", String::new()),
            ("on 2026-07-01.", format!("on {day}.")),
            ("2026-07-01, 2026-07-01", format!("{day}, {day}")),
            (
                "green at 2026-07-01T10:20:30Z and 2026-07-01T10:20:30.5Z",
                "green at <span class=\"day\">2026-07-01 10:20 UTC</span> and \
                 <span class=\"day\">2026-07-01 10:20 UTC</span>"
                    .to_owned(),
            ),
            ("a-2026-07-01 12026-07-01 2026-07-011", "a-2026-07-01 12026-07-01 2026-07-011".into()),
            ("2026-07-01T10:20:30+02:00", "2026-07-01T10:20:30+02:00".into()),
            ("ä<b>\"'&", "ä&#60;b&#62;&#34;&#39;&#38;".into()),
        ] {
            assert_eq!(prose(text), expected, "{text}");
        }
    }

    #[test]
    fn every_stage_is_explained() {
        for one in Stage::ALL {
            assert!(stage(one.as_str()).ends_with('.'), "{one}");
        }
        assert_eq!(stage("no stage"), "");
    }

    #[test]
    fn a_time_is_shown_to_the_minute() {
        assert_eq!(time(1_782_864_000), "2026-07-01 00:00 UTC");
        assert_eq!(moment("soon"), "soon");
        assert_eq!(held_until("2026-07-01T00:00:00Z"), "until 2026-07-01 00:00 UTC");
        assert!(held_until("open").starts_with("as long as it is served"));
    }
}
