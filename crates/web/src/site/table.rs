//! Tables as CSV.

use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use crate::format::csv;

/// Rows with the names of their members as a head, which is there for no rows too; what has parts of
/// its own stands as JSON.
pub(super) fn table<T: Serialize + JsonSchema>(rows: &[T]) -> String {
    let schema = SchemaGenerator::default().into_root_schema_for::<T>();
    let members = schema.get("properties").and_then(Value::as_object);
    let names: Vec<&String> = members.into_iter().flat_map(|members| members.keys()).collect();
    let mut text = String::new();
    line(&mut text, names.iter().map(|name| (*name).clone()));
    for row in rows {
        let Ok(Value::Object(members)) = serde_json::to_value(row) else { continue };
        line(&mut text, names.iter().map(|name| field(members.get(*name))));
    }
    text
}

/// Only what is text may be taken for a formula: a number below 0 stays one.
fn field(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => csv(text),
        Some(number @ Value::Number(_)) => number.to_string(),
        Some(other) => csv(&other.to_string()),
    }
}

fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    let fields: Vec<String> = fields.collect();
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Row {
        name: &'static str,
        days_left: Option<i64>,
        parts: Vec<&'static str>,
    }

    #[test]
    fn numbers_stay_numbers_and_formulas_do_not() {
        let rows = [
            Row { name: "-1+cmd", days_left: Some(-3), parts: vec!["a", "b"] },
            Row { name: "plain", days_left: None, parts: Vec::new() },
        ];
        let written = table(&rows);
        let mut lines = written.lines();
        assert_eq!(lines.next(), Some("name,days_left,parts"));
        assert_eq!(lines.next(), Some("'-1+cmd,-3,\"[\"\"a\"\",\"\"b\"\"]\""));
        assert_eq!(lines.next(), Some("plain,,[]"));
    }

    #[test]
    fn a_table_without_rows_has_its_head() {
        assert_eq!(table::<Row>(&[]), "name,days_left,parts\r\n");
    }
}
