//! A section of the configuration: the rows of its keys, and the type that they are read into, declared in one list.

use super::values::{Flaw, Kind};
use crate::model::Protocol;

/// One table of the file, or what one protocol adds to it.
#[derive(Debug)]
pub(crate) struct Section {
    /// `""` is the top, `profiles.*` every table below `profiles`, `topics[]` every table of the list `topics`, `topics[].groups[]`
    /// every table of a list inside those.
    pub(crate) path: &'static str,
    /// The keys stand only in tables whose key `protocol` says this one.
    pub(crate) protocol: Option<Protocol>,
    /// What the table is for.
    pub(crate) meaning: &'static str,
    pub(crate) keys: &'static [Key],
    /// What the keys of one table must fulfil together.
    pub(crate) rule: Option<TableRule>,
}

/// The checked values of one table.
pub(crate) type Table = config::Map<String, config::Value>;

/// A rule for the keys of one table.
pub(crate) type TableRule = fn(&Table) -> Result<(), Flaw>;

/// One key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) preset: Preset,
    pub(crate) meaning: &'static str,
}

/// What holds when nobody sets a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Preset {
    /// This value, written as in a file.
    Value(&'static str),
    /// What this machine has; the text says what that is.
    Machine(fn() -> i64, &'static str),
    /// Nothing; the text says what happens then.
    Unset(&'static str),
    /// The key has to be there.
    Required,
}

impl Section {
    /// A table with a name of its own or a list: comes from files only, never from the environment.
    pub(crate) fn is_named(&self) -> bool {
        self.path.contains(['*', '['])
    }

    /// One of its keys.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The path of one of its keys, `server.listen`.
    pub(crate) fn key_path(&self, key: &Key) -> String {
        join(self.path, key.name)
    }

    /// The variable that sets a key, where one can.
    pub(crate) fn variable(&self, key: &Key) -> Option<String> {
        if self.is_named() || matches!(key.kind, Kind::List { .. }) {
            return None;
        }
        Some(format!("{PREFIX}{}", self.key_path(key).to_uppercase().replace('.', "__")))
    }
}

/// What every environment variable of the configuration begins with. The second underscore keeps it apart from
/// `MQ_GATEWAY_PORT` and its like, which Kubernetes injects for a service named `mq-gateway`.
pub(crate) const PREFIX: &str = "MQ_GATEWAY__";

/// A path and one more name.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Declares a section: the struct, its rows (`SECTION`), and how it is read ([`Setting`](super::values::Setting)).
///
/// ```text
/// /// What the table is for; also the reference's words.
/// pub struct ServerConfig at "server" {
///     /// What the key means; also the reference's words.
///     name: Type, KIND, PRESET;
/// } and {
///     /// A part that is read from the same table and is not a key of this section: a table below, a name.
///     part: Type,
/// } and optional {
///     /// A table below that may be missing.
///     part: Type,
/// }
/// ```
/// `PRESET` is `default(VALUE)` as a file has it, `unset("what happens then")`, `machine(function, "what that is")` or
/// `required`. After `at "…"` may follow `for Protocol`: the keys are only that protocol's; then `with [ROW, …]`: rows of keys
/// that every protocol has, each with its own default, which are read into the type that the protocols share. After a preset may
/// follow `=> function`: the key is read by this function of the whole table.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $type:ident at $path:literal $(for $protocol:ident)? $(with [$($row:expr),+])? {
            $(
                $(#[doc = $meaning:literal])+
                $name:ident: $field:ty, $kind:expr, $preset:ident$(($($given:tt)+))? $(=> $read:path)?;
            )+
        }
        $(and { $($(#[doc = $doc:literal])+ $part:ident: $part_type:ty,)+ })?
        $(and optional { $($(#[doc = $note:literal])+ $choice:ident: $choice_type:ty,)+ })?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type {
            $($(#[doc = $meaning])+ pub $name: $field,)+
            $($($(#[doc = $doc])+ pub $part: $part_type,)+)?
            $($($(#[doc = $note])+ pub $choice: Option<$choice_type>,)+)?
        }

        impl $type {
            pub(crate) const SECTION: $crate::config::section::Section = $crate::config::section::Section {
                path: $path,
                protocol: $crate::config::section::section!(@protocol $($protocol)?),
                meaning: concat!($($about),+),
                keys: &[
                    $($($row,)+)?
                    $($crate::config::section::Key {
                        name: stringify!($name),
                        kind: $kind,
                        preset: $crate::config::section::section!(@preset $preset $($($given)+)?),
                        meaning: concat!($($meaning),+),
                    },)+
                ],
                rule: None,
            };
        }

        impl $crate::config::values::Setting for $type {
            fn read(table: &serde_json::Value) -> Option<Self> {
                Some(Self {
                    $($name: $crate::config::section::section!(@read table $name $($read)?),)+
                    $($($part: $crate::config::values::setting(table, stringify!($part))?,)+)?
                    $($($choice: $crate::config::values::optional(table, stringify!($choice))?,)+)?
                })
            }
        }
    };
    (@protocol) => { None };
    (@protocol $protocol:ident) => { Some($crate::model::Protocol::$protocol) };
    (@preset default $value:tt) => { $crate::config::section::Preset::Value(stringify!($value)) };
    (@preset unset $effect:literal) => { $crate::config::section::Preset::Unset($effect) };
    (@preset machine $value:path, $effect:literal) => { $crate::config::section::Preset::Machine($value, $effect) };
    (@preset required) => { $crate::config::section::Preset::Required };
    (@read $table:ident $name:ident) => { $crate::config::values::setting($table, stringify!($name))? };
    (@read $table:ident $name:ident $read:path) => { $read($table)? };
}

pub(crate) use section;
