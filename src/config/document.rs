//! One file, read with the place of every key: unknown keys, exact types, required keys and ranges are checked here,
//! before any layer is put over another.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::credentials::inline_secret_hint;
use super::findings::Findings;
use super::kind::{Flaw, Kind, Written};
use super::names::TABLE_NAME;
use super::problem::Location;
use super::schema::{Key, Preset, Section, join};
use super::suggest::did_you_mean;
use super::syntax::{LineIndex, explain};

/// Whose text is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// A file's.
    File(&'a Path),
    /// Our own, or one that was made out of another file.
    BuiltIn,
}

/// Checks a text and returns what it sets, canonical. Problems and places go to `findings`.
pub(super) fn read(text: &str, place: Place<'_>, findings: &mut Findings) -> toml::Table {
    let mut reader = Reader { index: LineIndex::new(text), place, findings };
    match (DeTable::parse(text), Section::find("")) {
        (Ok(document), Some(top)) => reader.table(top, "", document.get_ref()),
        // Only the first: where a quote or a bracket is open, all that follows would be wrong, too.
        (Err(error), _) => {
            let location = reader.location(error.span().unwrap_or(text.len()..text.len()));
            reader.findings.add_at(location, "", explain(&error));
            toml::Table::new()
        }
        (Ok(_), None) => toml::Table::new(),
    }
}

/// Walks the tables of one text beside the table of keys.
struct Reader<'a> {
    index: LineIndex<'a>,
    place: Place<'a>,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn location(&self, span: Range<usize>) -> Location {
        match self.place {
            Place::File(path) => Location::File(path.to_owned(), self.index.position(span.start)),
            Place::BuiltIn => Location::BuiltIn,
        }
    }

    fn flaw(&mut self, span: Range<usize>, key: &str, flaw: Flaw) {
        let location = self.location(span);
        self.findings.add_at(location, key, flaw);
    }

    /// Reads the keys of one section, and the sections below it.
    fn table(&mut self, section: &'static Section, path: &str, table: &DeTable<'_>) -> toml::Table {
        let mut checked = toml::Table::new();
        for (name, value) in table {
            let key_path = join(path, name.get_ref());
            let location = self.location(value.span());
            self.findings.set(key_path.clone(), location);
            let below = join(section.path, name.get_ref());
            let read = if let Some(key) = section.key(name.get_ref()) {
                self.value(key, &key_path, value)
            } else if let Some(below) = Section::find(&below) {
                self.table_value(below, &key_path, value).map(toml::Value::Table)
            } else if let Some(below) = Section::find(&format!("{below}.*")) {
                self.named_tables(below, &key_path, value)
            } else if let Some(below) = Section::find(&format!("{below}[]")) {
                self.list_of_tables(below, &key_path, value)
            } else {
                self.flaw(name.span(), &key_path, unknown_key(section, name.get_ref()));
                None
            };
            if let Some(read) = read {
                checked.insert(name.get_ref().to_string(), read);
            }
        }
        checked
    }

    fn table_value(
        &mut self,
        section: &'static Section,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<toml::Table> {
        let DeValue::Table(table) = value.get_ref() else {
            let flaw = Flaw::new(format!("expects a table, found {}", kind_of(value.get_ref())));
            self.flaw(value.span(), path, flaw.hint(format!("write [{path}], and the keys below it")));
            return None;
        };
        let mut checked = self.table(section, path, table);
        if section.is_named() {
            self.presets(section, path, value.span(), |key| table.contains_key(key), &mut checked);
        }
        Some(checked)
    }

    /// Tables under names of the operator's choice.
    fn named_tables(
        &mut self,
        section: &'static Section,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<toml::Value> {
        let DeValue::Table(tables) = value.get_ref() else {
            let flaw = Flaw::new(format!("expects tables under names, found {}", kind_of(value.get_ref())));
            self.flaw(value.span(), path, flaw.hint(format!("write [{path}.NAME], and the keys below it")));
            return None;
        };
        let mut checked = toml::Table::new();
        for (name, value) in tables {
            let key_path = join(path, name.get_ref());
            let location = self.location(value.span());
            self.findings.set(key_path.clone(), location);
            if let Err(flaw) = (TABLE_NAME.check)(name.get_ref()) {
                self.flaw(name.span(), path, flaw);
            } else if let Some(table) = self.table_value(section, &key_path, value) {
                checked.insert(name.get_ref().to_string(), toml::Value::Table(table));
            }
        }
        Some(toml::Value::Table(checked))
    }

    fn list_of_tables(
        &mut self,
        section: &'static Section,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<toml::Value> {
        let DeValue::Array(tables) = value.get_ref() else {
            let flaw = Flaw::new(format!("expects a list of tables, found {}", kind_of(value.get_ref())));
            self.flaw(value.span(), path, flaw.hint(format!("write [[{path}]], with two brackets")));
            return None;
        };
        let mut checked = Vec::new();
        for (index, value) in tables.iter().enumerate() {
            let key_path = format!("{path}[{index}]");
            let location = self.location(value.span());
            self.findings.set(key_path.clone(), location);
            checked.extend(self.table_value(section, &key_path, value).map(toml::Value::Table));
        }
        Some(toml::Value::Array(checked))
    }

    /// Fills in what a named table leaves out. Fixed tables have their defaults in the lowest layer instead.
    fn presets(
        &mut self,
        section: &'static Section,
        path: &str,
        span: Range<usize>,
        written: impl Fn(&str) -> bool,
        checked: &mut toml::Table,
    ) {
        for key in section.keys {
            if written(key.name) {
                continue;
            }
            match key.preset {
                Preset::Required => {
                    let flaw = Flaw::new("is missing").hint(format!("it is {}", key.kind.expects()));
                    self.flaw(span.clone(), &join(path, key.name), flaw);
                }
                Preset::Value(text) => {
                    let preset = DeValue::parse(text).ok();
                    let value = preset.and_then(|preset| self.value(key, &join(path, key.name), &preset));
                    checked.extend(value.map(|value| (key.name.to_owned(), value)));
                }
                Preset::Unset(_) => {}
            }
        }
    }

    fn value(&mut self, key: &Key, path: &str, value: &Spanned<DeValue<'_>>) -> Option<toml::Value> {
        let (min, section) = if let Kind::List { min, .. } = key.kind {
            (min, None)
        } else if let Kind::Tables { section, .. } = key.kind {
            (0, Section::find(section))
        } else {
            return self.single(key, path, value);
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.flaw(value.span(), path, key.kind.wrong_type(kind_of(value.get_ref())));
            return None;
        };
        if items.len() < min {
            self.flaw(value.span(), path, Flaw::new(format!("expects at least {min}, this list has fewer")));
        }
        let mut checked = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let item_path = format!("{path}[{index}]");
            let location = self.location(item.span());
            self.findings.set(item_path.clone(), location);
            checked.extend(match section {
                Some(section) => self.text_or_table(key, section, &item_path, item),
                None => self.single(key, &item_path, item),
            });
        }
        Some(toml::Value::Array(checked))
    }

    /// A table of the section; a text is one with nothing but its name.
    fn text_or_table(
        &mut self,
        key: &Key,
        section: &'static Section,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<toml::Value> {
        if matches!(value.get_ref(), DeValue::Table(_)) {
            return self.table_value(section, path, value).map(toml::Value::Table);
        }
        let mut table = toml::Table::from_iter([("name".to_owned(), self.single(key, path, value)?)]);
        self.presets(section, path, value.span(), |key| key == "name", &mut table);
        Some(toml::Value::Table(table))
    }

    fn single(&mut self, key: &Key, path: &str, value: &Spanned<DeValue<'_>>) -> Option<toml::Value> {
        let base = match self.place {
            Place::File(file) => file.parent(),
            Place::BuiltIn => None,
        };
        match key.kind.check(written(value.get_ref()), base) {
            Ok(value) => Some(value),
            Err(flaw) => {
                self.flaw(value.span(), path, flaw);
                None
            }
        }
    }
}

fn unknown_key(section: &Section, name: &str) -> Flaw {
    let flaw = Flaw::new("is no key of this version");
    if let Some(hint) = inline_secret_hint(section.path, name) {
        return flaw.hint(hint);
    }
    match did_you_mean(name, section.names()) {
        Some(hint) => flaw.hint(hint),
        None => flaw.hint(format!("here are: {}", section.names().collect::<Vec<_>>().join(", "))),
    }
}

fn written<'a>(value: &'a DeValue<'_>) -> Written<'a> {
    match value {
        DeValue::String(text) => Written::Text(text),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Written::Other("an integer of more than 64 bits"), Written::Integer),
        DeValue::Boolean(flag) => Written::Flag(*flag),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Written::Other(kind_of(value))
        }
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
