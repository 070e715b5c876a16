//! Text columns as the model's types.

use rusqlite::Row;
use rusqlite::types::Type;

use crate::model::NameError;

/// A text column through its type's only constructor.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize, parse: fn(&str) -> Result<T, NameError>) -> rusqlite::Result<T> {
    parse(row.get_ref(column)?.as_str()?).map_err(|error| damaged(column, error))
}

/// As [`parsed`], for a column that may be empty.
pub(super) fn parsed_optional<T>(
    row: &Row<'_>,
    column: usize,
    parse: fn(&str) -> Result<T, NameError>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => parse(text).map(Some).map_err(|error| damaged(column, error)),
        None => Ok(None),
    }
}

/// The file holds what this program never writes.
pub(super) fn damaged(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A number as the limit of a query.
pub(super) fn limit(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
