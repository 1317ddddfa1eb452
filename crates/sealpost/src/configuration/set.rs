//! Which keys of a configuration are set, for people.

use sealpost_web::Setting;
use toml::{Table, Value};

/// Every key that a text sets, with its value; of secrets only that there is one. A text that cannot
/// be read sets nothing.
pub(super) fn keys(text: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    if let Ok(table) = text.parse::<Table>() {
        add("", &table, &mut settings);
    }
    settings
}

/// The keys of a table, and then those of the tables below it.
fn add(section: &str, table: &Table, settings: &mut Vec<Setting>) {
    let below = |key: &str| match section {
        "" => key.to_owned(),
        section => format!("{section}.{key}"),
    };
    let is_table = |value: &Value| match value {
        Value::Table(_) => true,
        Value::Array(values) => values.first().is_some_and(Value::is_table),
        _ => false,
    };
    for (key, value) in table.iter().filter(|(_, value)| !is_table(value)) {
        // What stands in our files is written alike in both.
        let written = serde_json::to_string(value).unwrap_or_default();
        let value = if is_secret(key) { "(not shown)".to_owned() } else { written };
        settings.push(Setting { section: section.to_owned(), key: key.clone(), value });
    }
    for (key, value) in table {
        match value {
            Value::Table(table) => add(&below(key), table, settings),
            Value::Array(values) => {
                let tables = values.iter().filter_map(Value::as_table);
                for (place, table) in (1..).zip(tables) {
                    add(&format!("{} {place}", below(key)), table, settings);
                }
            }
            _ => {}
        }
    }
}

/// Secrets lie in files of their own. Should a key ever hold one, it is not shown.
fn is_secret(key: &str) -> bool {
    let names_secret = ["password", "secret", "token"].iter().any(|word| key.contains(word));
    let names_place = ["_file", "_credential", "_url", "_endpoint"].iter();
    names_secret && !names_place.into_iter().any(|end| key.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_by_section_and_secrets_are_not() {
        let text = "store = \"a\"\n[web]\nhosts = [\"a.example\"]\npassword_file = \"hash\"\n\
                    [web.proxy]\naddresses = [\"::1\"]\n[[receive.imap]]\nhost = \"b\"\n\
                    password = \"geheim\"\n[[receive.imap]]\nhost = \"c\"\n";
        let shown: Vec<String> = keys(text)
            .into_iter()
            .map(|Setting { section, key, value }| format!("[{section}] {key} = {value}"))
            .collect();
        assert_eq!(
            shown,
            [
                "[] store = \"a\"",
                "[receive.imap 1] host = \"b\"",
                "[receive.imap 1] password = (not shown)",
                "[receive.imap 2] host = \"c\"",
                "[web] hosts = [\"a.example\"]",
                "[web] password_file = \"hash\"",
                "[web.proxy] addresses = [\"::1\"]",
            ]
        );
        assert!(keys("no toml").is_empty());
    }
}
