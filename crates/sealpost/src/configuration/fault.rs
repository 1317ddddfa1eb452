//! What is wrong with the text of a configuration, said with its line and without its values: one of
//! them may be a secret that a person wrote in the wrong place.

use std::fmt;

use serde_json::Value;
use toml::de::{DeTable, DeValue, Error};

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
    let is_told: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    faults.extend(beyond_bounds(text).into_iter().filter(|fault| !is_told.contains(&fault.line)));
    faults.sort_by_key(|fault| fault.line);
    faults.truncate(MOST_FAULTS);
    faults
}

/// The numbers that are beyond what the schema says of their keys. What reads them knows their types
/// alone.
pub(crate) fn beyond_bounds(text: &str) -> Vec<Fault> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut faults = Vec::new();
    visit(&schema(), table.get_ref(), &mut |entry| {
        let (Ok(schema), DeValue::Integer(number)) = (entry.schema, entry.value.get_ref()) else {
            return;
        };
        // One that is no such number was refused before.
        let Ok(number) = i128::from_str_radix(number.as_str(), number.radix()) else { return };
        let (least, most) = bounds(schema);
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            let what = format!("`{}`: {number} cannot be: write {}", entry.path(), kind(schema));
            faults.push(fault_at(text, Some(entry.value.span()), what));
        }
    });
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
    let (mut key, mut is_secret, mut wanted) = (None, false, None);
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
                wanted = entry.schema.ok().map(|schema| match value == span {
                    true => kind(schema),
                    false => kind_of_item(schema, &entry.path()),
                });
            }
        });
    }
    let message = error.message();
    // What reads a value says which type of ours it makes of it.
    let is_of_type = ["invalid type: ", "invalid value: integer", "wanted string or table"]
        .iter()
        .any(|it| message.starts_with(it));
    let said = match (message.rsplit_once(", expected "), wanted) {
        (_, Some(wanted)) if is_of_type => format!("write {wanted}"),
        (Some((_, expected)), _) if is_secret => format!("it is not what is expected: {expected}"),
        (None, _) if is_secret => "it is not what is expected".to_owned(),
        _ => message.to_owned(),
    };
    let what = match key {
        Some(key) => format!("`{key}`: {said}"),
        None => said,
    };
    fault_at(text, error.span(), what)
}

/// The least and the largest number that may stand there.
fn bounds(schema: &Value) -> (Option<i128>, Option<i128>) {
    let of = |word: &str, beyond: &str, step: i128| {
        let number = |word| schema.get(word).and_then(Value::as_f64).map(|bound| bound as i128);
        number(word).or_else(|| number(beyond).map(|bound| bound.saturating_add(step)))
    };
    (of("minimum", "exclusiveMinimum", 1), of("maximum", "exclusiveMaximum", -1))
}

/// What may stand in an item of a list.
fn kind_of_item(schema: &Value, path: &str) -> String {
    let Some(item) = schema.get("items") else { return kind(schema) };
    match item.get("type").and_then(Value::as_str) {
        Some("object") => format!("each as {}, below [[{path}]]", kind(item)),
        _ => format!("{}, each in the list", kind(item)),
    }
}

/// What may stand there, in words.
fn kind(schema: &Value) -> String {
    let listed = |values: Vec<&Value>| {
        let values: Vec<_> = values.into_iter().map(Value::to_string).collect();
        values.join(" or ")
    };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return listed(values.iter().collect());
    }
    if let Some(ways) = ["oneOf", "anyOf"].iter().find_map(|word| schema.get(*word)?.as_array()) {
        let fixed: Vec<_> = ways.iter().filter_map(|way| way.get("const")).collect();
        if fixed.len() == ways.len() {
            return listed(fixed);
        }
        return ways.iter().map(kind).collect::<Vec<_>>().join(", or ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some(name @ ("integer" | "number")) => {
            let number = if name == "integer" { "a whole number" } else { "a number" };
            let bound = |word: &str| schema.get(word).filter(|bound| bound.is_number());
            match (bound("minimum"), bound("maximum")) {
                (Some(least), Some(most)) => format!("{number} from {least} to {most}"),
                (Some(least), None) => format!("{number} of at least {least}"),
                (None, Some(most)) => format!("{number} of at most {most}"),
                (None, None) => number.to_owned(),
            }
        }
        Some("boolean") => "true or false".to_owned(),
        Some("string") => "a text, in quotation marks".to_owned(),
        Some("array") => match schema.get("items").map(kind) {
            Some(item) => format!("a list, in brackets, of which each is {item}"),
            None => "a list, in brackets".to_owned(),
        },
        Some("object") => {
            let keys = schema.get("properties").and_then(Value::as_object);
            let keys = keys.into_iter().flatten().map(|(key, _)| format!("`{key}`"));
            let keys: Vec<_> = keys.take(MOST_KEYS).collect();
            match keys.is_empty() {
                true => "a table".to_owned(),
                false => format!("a table with {}", keys.join(", ")),
            }
        }
        _ => "another value: the reference of the configuration says which".to_owned(),
    }
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
        assert_eq!(told("[report]\ncontact = \"nobody\"\nflush_seconds = 0\n").len(), 2);
    }

    #[test]
    fn what_may_stand_there_is_told_in_words() {
        for (text, expected) in [
            (
                "[enforce]\ntcp = [\"127.0.0.1:1\"]",
                "line 2: `enforce.tcp`: write each as a table with ",
            ),
            (
                "[report.delivery]\nsettle_minutes = 99999",
                "line 2: `report.delivery.settle_minutes`: write a whole number from 0 to 65535",
            ),
            ("[report]\ncontact = 5", "line 2: `report.contact`: write a text, in quotation marks"),
            ("[report]\nlog = \"x\"", "line 2: `report.log`: write a list, in brackets, of which"),
            ("report = 5", "line 1: `report`: write a table with "),
            ("[enforce]\ndane = 5", "line 2: `enforce.dane`: write \"off\" or \"on\""),
        ] {
            let told = told(text);
            assert!(told.iter().any(|line| line.starts_with(expected)), "{text}: {told:?}");
            assert!(!told.iter().any(|line| line.contains("struct ")), "{text}: {told:?}");
        }
    }

    #[test]
    fn numbers_beyond_their_bounds_are_told() {
        let told = |text: &str| -> Vec<String> {
            beyond_bounds(text).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            told("[report]\nretention_days = 1\nflush_seconds = 0\n"),
            ["line 3: `report.flush_seconds`: 0 cannot be: write a whole number from 1 to 3600"]
        );
        for (section, key, bad, good) in [
            ("report", "flush_seconds", 3_601, 3_600),
            ("report", "retention_days", 0, 1),
            ("report.limits", "memory_octets", 1_048_575, 1_048_576),
            ("report.limits", "report_octets", 9_999, 10_000),
            ("report.delivery", "retry_hours", 0, 1),
            ("report.delivery", "late_days", 0, 1),
            ("report.delivery", "at_once", 0, 1),
            ("report.delivery", "at_once_per_host", 0, 1),
            ("report.delivery", "per_host_a_day", 0, 1),
            ("report.delivery", "keep_days", 1, 2),
            ("report.probe", "every_hours", 0, 1),
            ("report.probe", "per_hour", 3_601, 3_600),
            ("alert", "look_seconds", 0, 1),
            ("alert", "retry_seconds", 0, 1),
            ("alert", "retry_days", 0, 1),
            ("alert", "keep_days", 0, 1),
            ("check", "at_once", 257, 256),
            ("check", "every_hours", 169, 168),
            ("publish", "passes_at_once", 0, 1),
            ("publish.host", "idle_seconds", 3_601, 3_600),
            ("publish.acme", "parallel", 65, 64),
            ("[alert.receiver]", "timeout_seconds", 601, 600),
        ] {
            let of = |number: i64| told(&format!("[{section}]\n{key} = {number}\n"));
            assert_eq!(of(bad).len(), 1, "{section} {key}");
            assert_eq!(of(good), [""; 0], "{section} {key}");
        }
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
