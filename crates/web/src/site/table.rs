//! Tables as CSV.

use serde::Serialize;

use crate::format::csv;

/// Rows with the names of their members as a head; what has parts of its own stands as JSON.
pub(super) fn table(rows: &[impl Serialize]) -> String {
    let mut text = String::new();
    for row in rows {
        let Ok(serde_json::Value::Object(members)) = serde_json::to_value(row) else { continue };
        if text.is_empty() {
            line(&mut text, members.keys().cloned());
        }
        line(
            &mut text,
            members.values().map(|value| match value {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
        );
    }
    text
}

fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    let fields: Vec<String> = fields.map(|field| csv(&field)).collect();
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}
