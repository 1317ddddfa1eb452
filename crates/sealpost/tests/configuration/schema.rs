//! `sealpost config schema`: the examples of the manual fit it, and the reference page names the same
//! keys.

use std::collections::BTreeSet;

use sealpost_lab::{Lab, Options, Ports};
use serde_json::{Value, json};

use crate::{root, sealpost};

/// Sections and what may stand above all.
const SECTIONS: [&str; 8] =
    ["serve", "web", "network", "enforce", "receive", "report", "publish", "alert"];

fn schema() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let printed = sealpost(folder.path(), &["config", "schema"]);
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    serde_json::from_str(&printed.stdout).unwrap()
}

fn value(toml: &str) -> Value {
    let table: toml::Table = toml::from_str(toml).unwrap_or_else(|error| panic!("{toml}\n{error}"));
    serde_json::to_value(table).unwrap()
}

#[test]
fn every_example_of_the_manual_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut checked = 0;
    let mut pages = vec![root().join("README.md")];
    for folder in ["doc/how-to", "doc/reference", "doc/explanation"] {
        let files = fs_err::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
        pages.extend(files.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    for page in pages {
        let text = fs_err::read_to_string(&page).unwrap();
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            // Exceptions are another file, and an excerpt of a table stands where that is.
            if block.starts_with("[[exception]]") {
                continue;
            }
            let excerpt =
                format!("[[receive.imap]]\nhost = \"imap.example.com\"\nuser = \"u\"\n{block}");
            let block = if block.starts_with("after = ") { &excerpt } else { block };
            let errors: Vec<String> =
                validator.iter_errors(&value(block)).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}\n{block}", page.display());
            checked += 1;
        }
    }
    assert!(checked >= 20, "only {checked} examples");
}

#[test]
fn the_settings_of_the_lab_fit_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    let text = fs_err::read_to_string(lab.settings_file()).unwrap();
    runtime.block_on(lab.stop());
    let settings = json!({ "network": value(&text) });
    let errors: Vec<String> =
        validator.iter_errors(&settings).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
}

#[test]
fn what_serve_refuses_does_not_fit() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for text in [
        "stores = \"a\"",
        "[enforce]\nlisen = []",
        "[enforce]\nlisten = \"127.0.0.1:1\"",
        "[enforce]\nmode = \"enforced\"",
        "[[enforce.tcp]]\nmap = \"postfix\"",
        "[network.deadlines]\ndns = \"10\"",
        "[network.limits]\nparallel = 65",
        "[publish.domains.\"a.example\"]\nmx = \"mx.a.example\"",
        "[publish.domains.\"a.example\".rollout]\nautonomy = \"all\"",
        "[serve]\nroles = [\"enforcer\"]",
        "[report.delivery]\nspread_hours = 300",
    ] {
        assert!(!validator.is_valid(&value(text)), "{text}");
    }
}

#[test]
fn keys_say_what_they_are_and_defaults_are_those_of_every_machine() {
    let schema = schema();
    let text = schema.to_string();
    assert!(!text.contains("null"), "TOML has none");
    let hostname = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert!(!text.contains(&format!("\"{}\"", hostname.trim())));
    let of = |path: &str| schema.pointer(path).unwrap_or_else(|| panic!("{path}")).clone();
    assert_eq!(
        of("/properties/receive/properties/limits/properties/posts_per_minute/default"),
        300
    );
    assert_eq!(of("/properties/network/properties/deadlines/properties/https/default"), 20);
    for (table, key) in keys(&schema) {
        let property = property(&schema, &table, &key);
        let is_section = table.is_empty() && SECTIONS.contains(&key.as_str());
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        assert!(is_section || description.len() > 4, "[{table}] {key} says nothing");
    }
}

#[test]
fn the_reference_page_names_the_same_keys() {
    let schema = schema();
    let is_table = |table: &str, key: &str| {
        let property = property(&schema, table, key);
        let inner = property.get("items").unwrap_or(property);
        let has_keys = |value: &Value| value.get("properties").is_some();
        has_keys(inner) || inner.get("additionalProperties").is_some_and(has_keys)
    };
    // What has keys of its own is described by them; the page may have a row for it too.
    let (tables, rest): (Vec<_>, Vec<_>) =
        keys(&schema).into_iter().partition(|(table, key)| is_table(table, key));
    let path = |(table, key): (String, String)| {
        if table.is_empty() { key } else { format!("{table}.{key}") }
    };
    let in_schema: BTreeSet<String> = rest
        .into_iter()
        .map(path)
        // Groups say what domains say.
        .filter(|path| !path.starts_with("publish.groups."))
        .map(|path| whole(&path))
        .collect();
    let tables: BTreeSet<String> = tables.into_iter().map(path).collect();
    let page = fs_err::read_to_string(root().join("doc/reference/configuration.md")).unwrap();
    let mut on_page = keys_of_page(&page);
    on_page.retain(|path| !tables.contains(path) || whole_tables().any(|end| path.ends_with(end)));
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        one.difference(other).cloned().collect::<Vec<_>>()
    };
    assert_eq!(only(&in_schema, &on_page), [""; 0], "not on the page");
    assert_eq!(only(&on_page, &in_schema), [""; 0], "only on the page");
}

/// Tables that the page describes in the row of one key.
fn whole_tables() -> impl Iterator<Item = &'static str> {
    [".rollout.testing", ".rollout.enforce", ".acme.external_account"].into_iter()
}

fn whole(path: &str) -> String {
    for end in whole_tables() {
        if let Some((before, _)) = path.split_once(&format!("{end}.")) {
            return format!("{before}{end}");
        }
    }
    path.to_owned()
}

/// Every key that a schema knows, with the table that it belongs to; `*` is any name.
fn keys(schema: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    add_keys(schema, "", &mut found);
    found
}

fn add_keys(schema: &Value, table: &str, found: &mut Vec<(String, String)>) {
    let below = |key: &str| {
        if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
    };
    for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        found.push((table.to_owned(), key.clone()));
        add_keys(property, &below(key), found);
    }
    if let Some(items) = schema.get("items") {
        add_keys(items, table, found);
    }
    if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
        add_keys(others, &below("*"), found);
    }
}

fn property<'a>(schema: &'a Value, table: &str, key: &str) -> &'a Value {
    let inner = |schema: &'a Value| schema.get("items").unwrap_or(schema);
    let mut at = schema;
    for name in table.split('.').filter(|name| !name.is_empty()).chain([key]) {
        at = inner(at);
        at = match name {
            "*" => at.get("additionalProperties").unwrap(),
            name => at.get("properties").unwrap().get(name).unwrap(),
        };
    }
    at
}

/// The keys in the tables of the page, each with that of its section.
fn keys_of_page(page: &str) -> BTreeSet<String> {
    let mut table: Option<String> = None;
    let mut found = BTreeSet::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("#") {
            let heading = heading.trim_start_matches('#').trim();
            table = match heading {
                "Above all sections" => Some(String::new()),
                "`dns_servers.NAME`" => Some("publish.dns_servers.*".to_owned()),
                "`rollout`" => Some("publish.domains.*.rollout".to_owned()),
                heading => section(heading),
            };
        } else if let Some(name) = section(line) {
            // A small table without a heading: [network.limits].
            table = Some(name);
        } else if line.starts_with("A domain may say") {
            table = Some("publish.domains.*".to_owned());
        } else if let (Some(table), Some(row)) = (&table, line.strip_prefix("| `")) {
            let cell = row.split('|').next().unwrap();
            let names = cell.split('`').step_by(2).filter(|name| !name.trim().is_empty());
            for name in names {
                // Any name may stand there.
                if ["dns_servers.NAME", "groups.NAME", "domains.\"DOMAIN\""].contains(&name) {
                    continue;
                }
                let path =
                    if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
                found.insert(path);
            }
        }
    }
    found
}

/// The name in `[name]` or `[[name]]` at the beginning of a text.
fn section(text: &str) -> Option<String> {
    let inner = text.strip_prefix("`[")?.split_once('`')?.0;
    Some(inner.trim_matches(['[', ']']).to_owned())
}
