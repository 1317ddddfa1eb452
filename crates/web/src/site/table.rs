//! Tables as CSV.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::Value;

use crate::format::csv;

/// Rows with the names of their members as a head, which is there for no rows too. What has members of
/// its own stands in a column for each of them; a list stands as JSON.
pub(super) fn table<T: Serialize + JsonSchema>(rows: &[T]) -> String {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    let schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    let mut columns = Vec::new();
    columns_of(schema.as_value(), &mut Vec::new(), &mut columns);
    let mut text = String::new();
    line(&mut text, columns.iter().map(|path| path.join("_")));
    for row in rows {
        let Ok(row) = serde_json::to_value(row) else { continue };
        let value = |path: &Vec<&str>| {
            let found = path.iter().try_fold(&row, |value, name| value.get(name));
            field(found)
        };
        line(&mut text, columns.iter().map(value));
    }
    text
}

/// The way to each value that stands in a column.
fn columns_of<'a>(schema: &'a Value, path: &mut Vec<&'a str>, columns: &mut Vec<Vec<&'a str>>) {
    match schema.get("properties").and_then(Value::as_object) {
        Some(members) => {
            for (name, schema) in members {
                path.push(name);
                columns_of(schema, path, columns);
                path.pop();
            }
        }
        None if path.is_empty() => {}
        None => columns.push(path.clone()),
    }
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
        bounds: Bounds,
    }

    #[derive(Serialize, JsonSchema)]
    struct Bounds {
        lower: u64,
        upper: u64,
    }

    #[test]
    fn numbers_stay_numbers_and_formulas_do_not() {
        let rows = [
            Row {
                name: "-1+cmd",
                days_left: Some(-3),
                parts: vec!["a", "b"],
                bounds: Bounds { lower: 1, upper: 2 },
            },
            Row {
                name: "plain",
                days_left: None,
                parts: Vec::new(),
                bounds: Bounds { lower: 3, upper: 3 },
            },
        ];
        let written = table(&rows);
        let mut lines = written.lines();
        assert_eq!(lines.next(), Some("name,days_left,parts,bounds_lower,bounds_upper"));
        assert_eq!(lines.next(), Some("'-1+cmd,-3,\"[\"\"a\"\",\"\"b\"\"]\",1,2"));
        assert_eq!(lines.next(), Some("plain,,[],3,3"));
    }

    #[test]
    fn a_table_without_rows_has_its_head() {
        assert_eq!(table::<Row>(&[]), "name,days_left,parts,bounds_lower,bounds_upper\r\n");
    }
}
