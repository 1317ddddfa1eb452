//! Which keys of a configuration are set, for people.

use sealpost_net::ServiceUrl;
use sealpost_web::Setting;
use toml::{Table, Value};

/// What stands in place of a secret.
const HIDDEN: &str = "(not shown)";

/// Every key that a text sets, with its value; of secrets only that there is one. A text that cannot
/// be read sets nothing.
pub(super) fn keys(text: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    if let Ok(table) = text.parse::<Table>() {
        add("", &table, &mut settings);
    }
    settings
}

/// Whether a key stands in this section, or in a table below it.
pub(super) fn is_of(setting: &Setting, section: &str) -> bool {
    setting.section.split(['.', ' ']).next() == Some(section)
}

/// What of one section is set, taken from another configuration. `is_taken` says of its keys whether
/// they are. Gives the names of those keys whose values differ.
pub(super) fn take(
    settings: &mut Vec<Setting>,
    other: &[Setting],
    section: &str,
    is_taken: impl Fn(&Setting) -> bool,
) -> Vec<String> {
    let is_meant = |setting: &Setting| is_of(setting, section) && is_taken(setting);
    let taken: Vec<Setting> = other.iter().filter(|one| is_meant(one)).cloned().collect();
    let left: Vec<Setting> = settings.extract_if(.., |one| is_meant(one)).collect();
    let changed = left.iter().filter(|one| !taken.contains(one));
    let changed = changed.chain(taken.iter().filter(|one| !left.contains(one)));
    let mut names: Vec<String> =
        changed.map(|one| format!("[{}] {}", one.section, one.key)).collect();
    names.sort();
    names.dedup();
    let place = settings.iter().position(|one| *one.section > *section && !is_of(one, section));
    let place = place.unwrap_or(settings.len());
    settings.splice(place..place, taken);
    names
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
        let value = if is_secret(key) { HIDDEN.to_owned() } else { written(key, value) };
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

/// A value as it would stand in the file, but for what of a URL may be a secret.
fn written(key: &str, value: &Value) -> String {
    let mut value = value.clone();
    // Where reports may be sent to stands in the DNS for everybody.
    if key != "rua" {
        hide(&mut value);
    }
    // What stands in our files is written alike in both.
    serde_json::to_string(&value).unwrap_or_default()
}

/// Leaves of URLs the scheme and the host: for chat services the path is the secret, and what stands
/// before an `@` is a password.
fn hide(value: &mut Value) {
    match value {
        Value::String(text) => {
            let Some((scheme, _)) = text.split_once("://") else { return };
            let shown = match text.parse::<ServiceUrl>() {
                Ok(url) => url.to_string(),
                Err(_) => format!("{scheme}:/"),
            };
            if text.trim_end_matches('/') != shown {
                *text = format!("{shown}/{HIDDEN}");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| hide(value)),
        _ => {}
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

    #[test]
    fn of_a_url_nothing_is_shown_that_may_be_a_secret() {
        for (value, shown) in [
            ("\"https://hooks.example.com/T/B/KEY\"", "\"https://hooks.example.com/(not shown)\""),
            ("\"https://hooks.example.com/?key=KEY\"", "\"https://hooks.example.com/(not shown)\""),
            ("\"http://127.0.0.1:9093/KEY\"", "\"http://127.0.0.1:9093/(not shown)\""),
            ("\"http://127.0.0.1:9093\"", "\"http://127.0.0.1:9093\""),
            ("\"https://pages.example.com/\"", "\"https://pages.example.com/\""),
            ("\"https://eve:KEY@example.com/\"", "\"https://(not shown)\""),
            ("\"postgresql://eve:KEY@db/sealpost\"", "\"postgresql://(not shown)\""),
            ("[\"a\", \"https://a.example/KEY\"]", "[\"a\",\"https://a.example/(not shown)\"]"),
            ("[[\"https://a.example/KEY\"]]", "[[\"https://a.example/(not shown)\"]]"),
            ("\"unix:/run/a.sock\"", "\"unix:/run/a.sock\""),
        ] {
            let set = keys(&format!("[[alert.receiver]]\nwebhook = {value}\n"));
            let [Setting { value: said, .. }] = set.as_slice() else { panic!("{set:?}") };
            assert_eq!(said, shown, "{value}");
        }
        let rua = keys("[publish]\nrua = [\"https://reports.example.com/v1/tls\"]\n");
        assert!(rua[0].value.contains("/v1/tls"), "it stands in the DNS: {rua:?}");
    }

    #[test]
    fn a_section_is_taken_over_and_what_differs_is_named() {
        let before = keys("[check]\nat_once = 1\n[serve]\nhttp = [\"a\"]\nroles = []\n");
        let mut after = keys(
            "[check]\nat_once = 2\n[serve]\nhttps = [\"a\"]\nroles = [\"check\"]\n\
             [web]\nhosts = []\n",
        );
        let names = take(&mut after, &before, "serve", |one| one.key != "roles");
        assert_eq!(names, ["[serve] http", "[serve] https"]);
        let shown: Vec<String> =
            after.iter().map(|one| format!("{}.{}={}", one.section, one.key, one.value)).collect();
        let expected =
            ["check.at_once=2", "serve.roles=[\"check\"]", "serve.http=[\"a\"]", "web.hosts=[]"];
        assert_eq!(shown, expected);
        assert!(take(&mut after, &before, "network", |_| true).is_empty());
    }
}
