//! Comma-separated values (RFC 4180).

use sealpost_check::formats::csv_field;

/// A row, with its line end.
pub(crate) fn row(fields: &[impl AsRef<str>]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| csv_field(field.as_ref())).collect();
    format!("{}\r\n", fields.join(","))
}
