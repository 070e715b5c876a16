//! The state of a delivery in the store.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// What a row of `deliveries` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeliveryState {
    /// Given back: nobody holds it, and its attempt was not counted.
    Returned,
    /// Somebody has a handle to it; after its time it is delivered again.
    Out,
    /// Somebody has a handle to it; after its time it is a dead letter.
    OutForTheLastTime,
}

impl DeliveryState {
    const fn number(self) -> i64 {
        match self {
            Self::Returned => 0,
            Self::Out => 1,
            Self::OutForTheLastTime => 2,
        }
    }
}

impl ToSql for DeliveryState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.number().into())
    }
}

impl FromSql for DeliveryState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Returned),
            1 => Ok(Self::Out),
            2 => Ok(Self::OutForTheLastTime),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}
