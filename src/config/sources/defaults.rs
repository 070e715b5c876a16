//! What holds when nobody sets a key: the lowest layer, and what a table under a name or in a list leaves out.

use config::{Value, ValueKind};
use toml::de::DeValue;

use super::Layer;
use super::syntax::written;
use crate::config::schema::SECTIONS;
use crate::config::section::{Key, Preset, Table};

/// Every fixed key, and the tables that hold others, empty.
pub(in crate::config) fn defaults() -> Layer {
    let mut table = Table::new();
    for section in SECTIONS {
        if let Some(tables) = section.path.strip_suffix(".*") {
            table.insert(tables.to_owned(), Table::new().into());
        } else if let Some(list) = section.path.strip_suffix("[]").filter(|list| !list.contains('.')) {
            table.insert(list.to_owned(), Vec::<Value>::new().into());
        } else if !section.is_named() {
            table.extend(section.keys.iter().filter_map(|key| Some((section.key_path(key), preset(key)?))));
        }
    }
    Layer(table)
}

/// The value of a key that nobody sets; none for a key that has to be set.
pub(in crate::config) fn preset(key: &Key) -> Option<Value> {
    match key.preset {
        Preset::Value(text) => {
            let parsed = DeValue::parse(text).ok()?;
            let check = |value: &DeValue<'_>| key.kind.check(written(value), None).ok();
            let DeValue::Array(items) = parsed.get_ref() else { return check(parsed.get_ref()) };
            let items: Option<Vec<Value>> = items.iter().map(|item| check(item.get_ref())).collect();
            items.map(Value::from)
        }
        Preset::Machine(value, _) => Some(value().into()),
        Preset::Unset(_) => Some(Value::new(None, ValueKind::Nil)),
        Preset::Required => None,
    }
}
