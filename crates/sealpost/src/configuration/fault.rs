//! What is wrong with the text of a configuration, said with its line and without its values: one of
//! them may be a secret that a person wrote in the wrong place.

use std::fmt;

use serde_json::Value;
use toml::de::{DeTable, Error};

use super::schema::{keys, schema, visit};

/// The most faults that are told at a time.
const MOST_FAULTS: usize = 20;
/// How much two keys have in common that are taken for the same, from 0 to 1.
const LIKENESS: f64 = 0.6;
/// Of a table with more keys than that, not all are listed.
const MOST_KEYS: usize = 16;

/// A fault of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where it is, counted from 1.
    pub(crate) line: usize,
    /// What is wrong, and how to mend it if that is known.
    pub(crate) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.what)
    }
}

/// Why a text cannot be read that gave this error: every fault of its form, or else every key that
/// nobody reads and what the error tells.
pub(crate) fn faults(text: &str, error: &Error) -> Vec<Fault> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<Fault> = if errors.is_empty() {
        unknown_keys(text, table.get_ref())
    } else {
        errors
            .iter()
            .map(|error| fault_at(text, error.span(), error.message().to_owned()))
            .collect()
    };
    let is_told = error.message().starts_with("unknown field") || !errors.is_empty();
    if faults.is_empty() || !is_told {
        faults.push(of_value(text, table.get_ref(), error));
    }
    faults.sort_by_key(|fault| fault.line);
    faults.truncate(MOST_FAULTS);
    faults
}

/// The line in which an octet stands.
pub(crate) fn line_at(text: &str, octet: usize) -> usize {
    text.bytes().take(octet).filter(|octet| *octet == b'\n').count() + 1
}

fn fault_at(text: &str, place: Option<std::ops::Range<usize>>, what: String) -> Fault {
    Fault { line: line_at(text, place.map_or(0, |place| place.start)), what }
}

/// Keys that nobody reads.
fn unknown_keys(text: &str, table: &DeTable<'_>) -> Vec<Fault> {
    let schema = schema();
    let mut faults = Vec::new();
    visit(&schema, table, &mut |entry| {
        let Err(around) = entry.schema else { return };
        // A section is not taken for a key.
        let shown: String = entry.key.chars().take(80).flat_map(char::escape_debug).collect();
        let name = match entry.table {
            "" => format!("unknown key or section `{shown}`"),
            table => format!("unknown key `{shown}` in [{table}]"),
        };
        let what = format!("{name}: {}", suggestion(entry.key, around, &schema));
        faults.push(fault_at(text, Some(entry.place.clone()), what));
    });
    faults
}

/// What may have been meant.
fn suggestion(key: &str, around: &Value, schema: &Value) -> String {
    let known: Vec<&str> = around
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|properties| properties.keys().map(String::as_str))
        .collect();
    let nearest = known
        .iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(key, name), *name))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    if let Some((likeness, name)) = nearest
        && likeness >= LIKENESS
    {
        return format!("did you mean `{name}`?");
    }
    let elsewhere: Vec<String> = keys(schema)
        .into_iter()
        .filter(|(_, name)| name == key)
        .map(|(table, _)| match table.as_str() {
            "" => "the top, above all sections".to_owned(),
            table => format!("[{table}]"),
        })
        .take(3)
        .collect();
    if !elsewhere.is_empty() {
        return format!("it belongs in {}", elsewhere.join(" or "));
    }
    let more = if known.len() > MOST_KEYS { ", …" } else { "" };
    let listed: Vec<&str> = known.into_iter().take(MOST_KEYS).collect();
    format!("known here: {}{more}", listed.join(", "))
}

/// An error about a value. That of a secret is not told.
fn of_value(text: &str, table: &DeTable<'_>, error: &Error) -> Fault {
    let schema = schema();
    let (mut key, mut is_secret) = (None, false);
    if let Some(span) = error.span() {
        visit(&schema, table, &mut |entry| {
            let value = entry.value.span();
            let holds = value.start <= span.start && span.end <= value.end;
            // What comes later lies deeper.
            if holds || entry.place == span {
                is_secret = is_secret_key(entry.key)
                    || entry.schema.is_ok_and(|schema| {
                        schema
                            .get("x-path")
                            .and_then(Value::as_str)
                            .is_some_and(|kind| kind.contains("secret"))
                    });
                key = Some(entry.path());
            }
        });
    }
    let message = error.message();
    let said = match message.rsplit_once(", expected ") {
        Some((_, expected)) if is_secret => format!("it is not what is expected: {expected}"),
        None if is_secret => "it is not what is expected".to_owned(),
        _ => message.to_owned(),
    };
    let what = match key {
        Some(key) => format!("`{key}`: {said}"),
        None => said,
    };
    fault_at(text, error.span(), what)
}

/// Whether a key sounds like one with a secret in it.
fn is_secret_key(key: &str) -> bool {
    ["password", "secret", "token"].iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::Configuration;
    use super::*;

    #[track_caller]
    fn told(text: &str) -> Vec<String> {
        let error = toml::from_str::<Configuration>(text).unwrap_err();
        faults(text, &error).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_meant_is_suggested() {
        for (text, expected) in [
            ("[recieve]\n", "line 1: unknown key or section `recieve`: did you mean `receive`?"),
            (
                "\n[enforce]\nlisen = []",
                "line 3: unknown key `lisen` in [enforce]: did you mean `listen`?",
            ),
            (
                "domains = []",
                "line 1: unknown key or section `domains`: it belongs in [receive] or [publish]",
            ),
            (
                "[[receive.imap]]\nhost = \"a.example\"\nuser = \"u\"\npasword_file = \"x\"",
                "line 4: unknown key `pasword_file` in [receive.imap]: did you mean `password_file`?",
            ),
            (
                "[publish.domains.\"example.com\"]\nmxx = []",
                "line 2: unknown key `mxx` in [publish.domains.\"example.com\"]: did you mean `mx`?",
            ),
            ("[web]\nzzzzzz = 1", "line 2: unknown key `zzzzzz` in [web]: known here: "),
        ] {
            let told = told(text);
            assert!(told.iter().any(|line| line.starts_with(expected)), "{text}: {told:?}");
        }
    }

    #[test]
    fn everything_is_told_at_once() {
        assert_eq!(told("[enforce]\nlisen = []\nhtpp = []\n[web]\nhost = []\n").len(), 3);
        assert_eq!(told("a = \nb = \n").len(), 2);
    }

    #[test]
    fn no_value_that_may_be_secret_is_told() {
        for text in [
            "[[receive.imap]]\nhost = \"a.example\"\nuser = \"u\"\npassword = \"geheim\"",
            "[[receive.imap]]\nhost = \"a.example\"\nuser = \"u\"\npassword = geheim",
            "[[receive.imap]]\nhost = \"a.example\"\nuser = \"u\"\npassword_file = [\"geheim\"]",
            "[report]\ntoken_file = { geheim = 1 }",
            "[report]\ntoken = \"geheim",
        ] {
            let told = told(text);
            assert!(!told.is_empty() && !told.join("\n").contains("geheim"), "{text}: {told:?}");
        }
    }
}
