//! The JSON Schema of `sealpost.toml`, made from the types that read it, and a text held beside it.
//!
//! Beside the words of JSON Schema it has one of our own: `x-path` says what the path in a value
//! names. It is `file`, `folder`, `log` (a file that may come later), `secret` (a file with one),
//! `own-secret` (which only its owner may read) or `store` (a file that is made).

use std::ops::Range;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Configuration;

/// Makes it.
pub(crate) fn schema() -> Value {
    let mut settings =
        SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_null));
    // Each key says itself what it is; several types are called `Section`.
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<Configuration>();
    schema.insert("title".to_owned(), "sealpost.toml".into());
    schema.to_value()
}

/// TOML knows no null: what may be left out is not required, and that is all.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("default") == Some(&Value::Null) {
        object.shift_remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(ways)) = object.get_mut("anyOf") {
        ways.retain(|way| way.get("type") != Some(&Value::from("null")));
        if let [Value::Object(only)] = ways.as_slice() {
            let only = only.clone();
            object.shift_remove("anyOf");
            for (word, value) in only {
                object.entry(word).or_insert(value);
            }
        }
    }
}

/// A key of a text.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    /// The table that it stands in, as `receive.imap`; empty above all sections.
    pub(crate) table: &'a str,
    pub(crate) key: &'a str,
    /// Where the key stands, in octets.
    pub(crate) place: Range<usize>,
    pub(crate) value: &'a Spanned<DeValue<'a>>,
    /// What may stand there, or for a key that nobody reads, what its table may have.
    pub(crate) schema: Result<&'a Value, &'a Value>,
}

impl Entry<'_> {
    /// The key and the tables around it.
    pub(crate) fn path(&self) -> String {
        below(self.table, self.key)
    }
}

/// Shows every key of a table, and of those in it, from the first to the last.
pub(crate) fn visit(schema: &Value, table: &DeTable<'_>, look: &mut dyn FnMut(Entry<'_>)) {
    visit_table(schema, table, "", look);
}

fn visit_table(schema: &Value, table: &DeTable<'_>, name: &str, look: &mut dyn FnMut(Entry<'_>)) {
    // A table where none belongs is another fault than its keys.
    if schema.get("properties").is_none() && schema.get("additionalProperties").is_none() {
        return;
    }
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let key_text = key.get_ref().as_ref();
        let named = schema.get("properties").and_then(|properties| properties.get(key_text));
        let any = schema.get("additionalProperties").filter(|others| others.is_object());
        let found = named.or(any);
        let schema = found.ok_or(schema);
        look(Entry { table: name, key: key_text, place: key.span(), value, schema });
        let Ok(schema) = schema else { continue };
        match value.get_ref() {
            DeValue::Table(inner) => visit_table(schema, inner, &below(name, key_text), look),
            DeValue::Array(items) => {
                let Some(schema) = schema.get("items") else { continue };
                for item in items.iter() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        visit_table(schema, inner, &below(name, key_text), look);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Shows every key that a schema knows, with the table that it belongs to.
pub(crate) fn keys(schema: &Value) -> Vec<(String, String)> {
    fn add(schema: &Value, name: &str, keys: &mut Vec<(String, String)>) {
        for (key, schema) in
            schema.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            keys.push((name.to_owned(), key.clone()));
            add(schema, &below(name, key), keys);
        }
        let inner = schema.get("items").or_else(|| schema.get("additionalProperties"));
        if let Some(inner) = inner {
            let name =
                if schema.get("items").is_some() { name.to_owned() } else { below(name, "*") };
            add(inner, &name, keys);
        }
    }
    let mut found = Vec::new();
    add(schema, "", &mut found);
    found
}

/// The name of a table or key below another, as TOML writes it.
fn below(table: &str, key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*');
    let quoted = match !key.is_empty() && key.chars().all(is_bare) {
        true => key.to_owned(),
        false => format!("{:?}", key.chars().take(80).collect::<String>()),
    };
    if table.is_empty() { quoted } else { format!("{table}.{quoted}") }
}
