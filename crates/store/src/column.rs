//! Columns as they are written and read. What cannot have been stored in one is an error of the
//! file.

use std::io;

use rusqlite::{Error, Row, types::Type};
use serde::Deserialize;

/// The beginning of a text, at most so many characters, none of them NUL: PostgreSQL takes none.
pub(crate) fn clip(text: &str, characters: usize) -> String {
    if is_within(text, characters) {
        return text.to_owned();
    }
    text.chars().filter(|&character| character != '\0').take(characters).collect()
}

/// Whether [`clip`] would leave it as it is, as far as its octets tell.
pub(crate) fn is_within(text: &str, characters: usize) -> bool {
    text.len() <= characters && !text.contains('\0')
}

/// A count as it is stored. There is none so large; it would be the largest.
pub(crate) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count, which is never negative.
pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// A text, where it lies.
pub(crate) fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// A text, where it lies, or NULL.
pub(crate) fn text_or_null<'a>(
    row: &'a Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<&'a str>> {
    Ok(row.get_ref(column)?.as_str_or_null()?)
}

/// JSON from a column.
pub(crate) fn json<'a, T: Deserialize<'a>>(column: usize, text: &'a str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// A value that no version of ours has stored there.
pub(crate) fn senseless(column: usize) -> Error {
    let cause = io::Error::other("a value that was never stored there");
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(cause))
}
