//! Record and policy as postfix-mta-sts-resolver 1.5 reads them.
//!
//! A model of what it does, found by asking it; the end-to-end tests compare the two.

use std::collections::HashMap;

use super::SentPolicy;

/// It reads no more, in octets.
const LARGEST_POLICY: usize = 64 * 1024;
const LARGEST_MAX_AGE: i128 = 31_557_600;

pub(super) fn refusal_of_records(records: &[&[u8]]) -> Option<String> {
    let ours: Vec<&str> = records
        .iter()
        .filter(|record| record.is_ascii())
        .filter_map(|record| std::str::from_utf8(record).ok())
        .filter(|record| record.starts_with("v=STSv1"))
        .collect();
    let record = match ours.as_slice() {
        [] => return Some("no record begins with v=STSv1".to_owned()),
        [record] => record,
        several => return Some(format!("{} records begin with v=STSv1", several.len())),
    };
    let fields = record.split(';').map(trimmed).filter(|field| !field.is_empty());
    let fields: HashMap<&str, &str> =
        fields.map(|field| field.split_once('=').unwrap_or((field, ""))).collect();
    match (fields.get("v"), fields.contains_key("id")) {
        (Some(&"STSv1"), true) => None,
        (Some(&"STSv1"), false) => Some("the record has no id".to_owned()),
        _ => Some("the record's version is not STSv1".to_owned()),
    }
}

pub(super) fn refusal_of_policy(sent: SentPolicy<'_>) -> Option<String> {
    if sent.body.len() > LARGEST_POLICY {
        return Some(format!("the policy has more than {LARGEST_POLICY} octets"));
    }
    let Some(text) = decoded(sent) else {
        return Some("the policy is not in the charset that the reply declares".to_owned());
    };
    let mut fields: HashMap<&str, &str> = HashMap::new();
    let mut has_mx = false;
    for line in lines(&text) {
        let line = line.trim_end_matches(is_space);
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        match key {
            "mx" => has_mx = true,
            _ => drop(fields.insert(key, value.trim_start_matches(is_space))),
        }
    }
    let max_age = fields.get("max_age").map_or(Some(-1), |text| integer(text));
    match (fields.get("version"), max_age, fields.get("mode")) {
        (Some(&"STSv1"), Some(0..=LARGEST_MAX_AGE), Some(&mode)) => match mode {
            "none" => None,
            "testing" | "enforce" if has_mx => None,
            "testing" | "enforce" => Some("the policy has no mx".to_owned()),
            _ => Some("the mode is not enforce, testing or none".to_owned()),
        },
        (Some(&"STSv1"), Some(0..=LARGEST_MAX_AGE), None) => {
            Some("the policy has no mode".to_owned())
        }
        (Some(&"STSv1"), _, _) => {
            Some(format!("max_age is not a number from 0 to {LARGEST_MAX_AGE}"))
        }
        _ => Some("the policy's version is not STSv1".to_owned()),
    }
}

/// US-ASCII where nothing else is declared. Other charsets than these are not told apart: what they
/// make of US-ASCII is the same.
fn decoded(sent: SentPolicy<'_>) -> Option<String> {
    let charset = sent.charset.map(str::to_ascii_lowercase);
    match charset.as_deref() {
        None | Some("ascii" | "us-ascii") => {
            sent.body.is_ascii().then(|| String::from_utf8_lossy(sent.body).into_owned())
        }
        Some("utf-8" | "utf8") => std::str::from_utf8(sent.body).ok().map(str::to_owned),
        Some(_) => Some(sent.body.iter().copied().map(char::from).collect()),
    }
}

/// The lines of a text, which end at more characters than a line feed.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    // A carriage return before a line feed begins an empty line that holds no field.
    text.split(|end: char| {
        matches!(
            end,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    })
    .filter(|line| !line.is_empty())
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// White space as it knows it: that of Unicode, and the separators of US-ASCII.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// A whole number with a sign, white space round it, and single underscores between digits; beyond
/// ten digits all are alike.
fn integer(text: &str) -> Option<i128> {
    let text = trimmed(text);
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) if text.starts_with('-') => (-1, digits),
        Some(digits) => (1, digits),
        None => (1, text),
    };
    let is_number = digits
        .split('_')
        .all(|part| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit()));
    if !is_number {
        return None;
    }
    let digits = digits.replace('_', "");
    let digits = digits.trim_start_matches('0');
    let number = match digits.len() {
        0 => 0,
        1..=20 => digits.parse().ok()?,
        _ => i128::MAX,
    };
    Some(sign * number)
}
