//! From a checked, canonical value to the type of a setting.
//!
//! A value that does not fit its type was not checked: a bug of ours, for which there is no message but that.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{ConsumerGroup, Key, Tag, TagFilter, Topic, UnixMillis, Word};

use super::units::{parse_duration, parse_time};

pub(super) use serde_json::Value;

/// The type of a setting, or of a whole table of settings.
pub(crate) trait Setting: Sized {
    /// Takes it out of a checked value; `null` is a key that is not set.
    fn read(value: &Value) -> Option<Self>;
}

/// One key of a table.
pub(crate) fn setting<T: Setting>(table: &Value, key: &str) -> Option<T> {
    T::read(table.get(key)?)
}

/// A table that may be missing.
pub(crate) fn optional<T: Setting>(table: &Value, key: &str) -> Option<Option<T>> {
    table.get(key).map_or(Some(None), Option::read)
}

impl<T: Word> Setting for T {
    fn read(value: &Value) -> Option<Self> {
        T::named(value.as_str()?)
    }
}

impl<T: Setting> Setting for Option<T> {
    fn read(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
}

/// Tables under names; each finds its own as its key `name`.
impl<T: Setting> Setting for BTreeMap<String, T> {
    fn read(value: &Value) -> Option<Self> {
        let named = |(name, table): (&String, &Value)| {
            let mut table = table.as_object()?.clone();
            table.insert("name".to_owned(), name.as_str().into());
            Some((name.clone(), T::read(&table.into())?))
        };
        value.as_object()?.iter().map(named).collect()
    }
}

macro_rules! settings {
    ($($type:ty: |$value:ident| $read:expr;)+) => {
        $(impl Setting for $type {
            fn read($value: &Value) -> Option<Self> {
                $read
            }
        })+
    };
}

settings! {
    bool: |value| value.as_bool();
    u64: |value| value.as_u64();
    u32: |value| value.as_u64()?.try_into().ok();
    usize: |value| value.as_u64()?.try_into().ok();
    String: |value| value.as_str().map(str::to_owned);
    PathBuf: |value| value.as_str().map(Self::from);
    SocketAddr: |value| value.as_str()?.parse().ok();
    Duration: |value| parse_duration(value.as_str()?);
    Topic: |value| Self::parse_longest(value.as_str()?).ok();
    ConsumerGroup: |value| Self::parse_longest(value.as_str()?).ok();
    Tag: |value| Self::parse(value.as_str()?).ok();
    TagFilter: |value| Self::new(Vec::<Tag>::read(value)?);
    Key: |value| Self::parse(value.as_str()?).ok();
    UnixMillis: |value| parse_time(value.as_str()?);
}
