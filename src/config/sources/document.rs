//! One file, read with the place of every key: unknown keys, exact types, required keys and ranges are checked here,
//! before any layer is put over another.

use std::ops::Range;
use std::path::Path;

use config::{Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::defaults::preset;
use super::syntax::{LineIndex, explain, kind_of, written};
use crate::config::findings::Findings;
use crate::config::problem::Location;
use crate::config::schema::{self, Below};
use crate::config::section::{Key, Section, Table, join};
use crate::config::sections::inline_secret_hint;
use crate::config::values::{ANY, Flaw, Kind, TABLE_NAME, did_you_mean, is_visible, looks_like_a_key, withheld};
use crate::model::{Protocol, Word as _};

const KNOWN_KEYS: &str = "known keys: ";

/// Whose text is read.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) enum Place<'a> {
    /// A file's.
    File(&'a Path),
    /// Our own, or one that was made out of another file.
    BuiltIn,
}

/// Checks a text and returns what it sets, canonical. Problems and places go to `findings`.
pub(in crate::config) fn read_document(text: &str, place: Place<'_>, findings: &mut Findings) -> Table {
    let mut reader = Reader { index: LineIndex::new(text), place, findings };
    match DeTable::parse(text) {
        Ok(document) => reader.keys(&Keys::of("", document.get_ref()), "", document.get_ref()),
        // Only the first: where a quote or a bracket is open, all that follows would be wrong, too.
        Err(error) => {
            let location = reader.location(error.span().unwrap_or(text.len()..text.len()));
            reader.findings.add_at(location, "", explain(&error));
            Table::new()
        }
    }
}

/// The keys that one table may have: those of its section, and those of its protocol where it has one.
struct Keys {
    path: &'static str,
    sections: Vec<&'static Section>,
    /// What the table's own key `protocol` says, if that is a protocol.
    protocol: Option<Protocol>,
}

impl Keys {
    fn of(path: &'static str, table: &DeTable<'_>) -> Self {
        let protocol = match table.get("protocol").map(Spanned::get_ref) {
            Some(DeValue::String(word)) => Protocol::named(word),
            Some(_) | None => None,
        };
        Self { path, sections: schema::at(path).collect(), protocol }
    }

    /// Whether a section is for this table. Without a protocol every one may be: that the protocol is wrong was reported already.
    fn has(&self, section: &Section) -> bool {
        section.protocol.is_none() || self.protocol.is_none() || section.protocol == self.protocol
    }

    fn find(&self, name: &str) -> Option<&'static Key> {
        self.sections.iter().filter(|section| self.has(section)).find_map(|section| section.key(name))
    }

    /// Keys that have to be in the table, or have a value when they are not.
    fn known(&self) -> impl Iterator<Item = &'static Key> {
        let certain = |section: &&&Section| section.protocol.is_none() || section.protocol == self.protocol;
        self.sections.iter().filter(certain).flat_map(|section| section.keys)
    }

    /// Why a name that only other protocols have is refused.
    fn no_effect(&self, name: &str) -> Option<Flaw> {
        let elsewhere = self.sections.iter().filter(|section| section.key(name).is_some());
        let owners: Vec<&str> = elsewhere.filter_map(|section| section.protocol).map(Protocol::as_str).collect();
        let protocol = self.protocol.filter(|_| !owners.is_empty())?;
        let flaw = Flaw::new(format!("is not a key of {protocol}, so it would have no effect"));
        let have = if owners.len() == 1 { "has" } else { "have" };
        Some(flaw.hint(format!("only {} {have} it: remove it", owners.join(" and "))))
    }

    /// Why any other name is refused.
    fn unknown(&self, name: &str) -> Flaw {
        let flaw = Flaw::new("unknown key");
        if let Some(hint) = inline_secret_hint(self.path, name) {
            return flaw.hint(hint);
        }
        let mut names: Vec<&str> = self.known().map(|key| key.name).collect();
        // A list that may hold texts or tables is a key and has a section, too.
        let tables: Vec<&str> = schema::names_below(self.path).filter(|name| !names.contains(name)).collect();
        names.extend(tables);
        match did_you_mean(name, names.iter().copied()) {
            Some(hint) => flaw.hint(hint),
            None => flaw.hint(format!("{KNOWN_KEYS}{}", names.join(", "))),
        }
    }
}

/// Walks the tables of one text beside the schema.
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

    /// Notes where a key is set.
    fn set(&mut self, key: &str, value: &Spanned<DeValue<'_>>) {
        let location = self.location(value.span());
        self.findings.set(key.to_owned(), location);
    }

    /// What a table sets, and the tables below it.
    fn keys(&mut self, keys: &Keys, path: &str, table: &DeTable<'_>) -> Table {
        let mut checked = Table::new();
        for (name, value) in table {
            let key_path = join(path, name.get_ref());
            self.set(&key_path, value);
            let read = if let Some(key) = keys.find(name.get_ref()) {
                self.value(key, &key_path, value)
            } else if let Some(flaw) = keys.no_effect(name.get_ref()) {
                self.flaw(value.span(), &key_path, flaw);
                None
            } else {
                match Below::find(keys.path, name.get_ref()) {
                    Some(Below::Table(section)) => self.table(section, &key_path, value).map(Value::from),
                    Some(Below::Named(section)) => self.named_tables(section, &key_path, value),
                    Some(Below::Listed(section)) => self.listed_tables(section, &key_path, value),
                    None => {
                        self.unknown(keys, path, name);
                        None
                    }
                }
            };
            checked.extend(read.map(|read| (name.get_ref().to_string(), read)));
        }
        checked
    }

    /// A name that is no key here. It is repeated where it may be a slip of the fingers.
    fn unknown(&mut self, keys: &Keys, path: &str, name: &Spanned<std::borrow::Cow<'_, str>>) {
        let flaw = keys.unknown(name.get_ref());
        let is_near = flaw.hint.as_ref().is_some_and(|hint| !hint.starts_with(KNOWN_KEYS));
        if (is_near && is_visible(name.get_ref())) || looks_like_a_key(name.get_ref()) {
            return self.flaw(name.span(), &join(path, name.get_ref()), flaw);
        }
        let detail = format!("{}: {}", flaw.detail, withheld(name.get_ref()));
        self.flaw(name.span(), path, Flaw { detail, ..flaw });
    }

    fn table(&mut self, section: &Section, path: &str, value: &Spanned<DeValue<'_>>) -> Option<Table> {
        let DeValue::Table(table) = value.get_ref() else {
            let flaw = Flaw::new(format!("expects a table, found {}", kind_of(value.get_ref())));
            self.flaw(value.span(), path, flaw.hint(format!("write [{path}], and the keys below it")));
            return None;
        };
        let problems = self.findings.problems.len();
        let keys = Keys::of(section.path, table);
        let mut checked = self.keys(&keys, path, table);
        if section.is_named() {
            self.presets(&keys, path, value.span(), |name| table.contains_key(name), &mut checked);
        }
        if problems == self.findings.problems.len()
            && let Some(Err(flaw)) = section.rule.map(|rule| rule(&checked))
        {
            self.flaw(value.span(), path, flaw);
        }
        Some(checked)
    }

    /// Tables under names of the operator's choice.
    fn named_tables(&mut self, section: &Section, path: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let DeValue::Table(tables) = value.get_ref() else {
            let flaw = Flaw::new(format!("expects tables under names, found {}", kind_of(value.get_ref())));
            self.flaw(value.span(), path, flaw.hint(format!("write [{path}.NAME], and the keys below it")));
            return None;
        };
        let mut checked = Table::new();
        for (name, value) in tables {
            let key_path = join(path, name.get_ref());
            self.set(&key_path, value);
            if let Err(flaw) = (TABLE_NAME.check)(name.get_ref()) {
                self.flaw(name.span(), path, flaw);
            } else if let Some(table) = self.table(section, &key_path, value) {
                checked.insert(name.get_ref().to_string(), table.into());
            }
        }
        Some(checked.into())
    }

    fn listed_tables(&mut self, section: &Section, path: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let DeValue::Array(tables) = value.get_ref() else {
            let flaw = Flaw::new(format!("expects a list of tables, found {}", kind_of(value.get_ref())));
            self.flaw(value.span(), path, flaw.hint(format!("write [[{path}]], with two brackets")));
            return None;
        };
        let mut checked: Vec<Value> = Vec::new();
        for (index, value) in tables.iter().enumerate() {
            let key_path = format!("{path}[{index}]");
            self.set(&key_path, value);
            checked.extend(self.table(section, &key_path, value).map(Value::from));
        }
        Some(checked.into())
    }

    /// Fills in what a table under a name or in a list leaves out: there is no path for it in the layer of defaults, and the
    /// `config` crate replaces lists as a whole.
    fn presets(
        &mut self,
        keys: &Keys,
        path: &str,
        span: Range<usize>,
        is_written: impl Fn(&str) -> bool,
        checked: &mut Table,
    ) {
        for key in keys.known().filter(|key| !is_written(key.name)) {
            if let Some(preset) = preset(key) {
                checked.insert(key.name.to_owned(), preset);
            } else {
                let flaw = Flaw::new("is missing").hint(format!("it is {}", key.kind.expects()));
                self.flaw(span.clone(), &join(path, key.name), flaw);
            }
        }
    }

    fn value(&mut self, key: &Key, path: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let (min, names, section) = if let Kind::List { min, names, .. } = key.kind {
            (min, names, None)
        } else if let Kind::Tables { section, names, .. } = key.kind {
            (0, Some(names), schema::find(section))
        } else {
            return self.single(key, path, value);
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.flaw(value.span(), path, key.kind.wrong_type(kind_of(value.get_ref())));
            return None;
        };
        if items.len() < min {
            self.flaw(value.span(), path, Flaw::new(format!("expects at least {min}; this list has fewer")));
        }
        let mut checked: Vec<Value> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let item_path = format!("{path}[{index}]");
            self.set(&item_path, item);
            checked.extend(match section {
                Some(section) => self.text_or_table(key, section, &item_path, item),
                None => self.single(key, &item_path, item),
            });
        }
        if let Some(flaw) = names.and_then(|what| name_clash(what, &checked)) {
            self.flaw(value.span(), path, flaw);
        }
        Some(checked.into())
    }

    /// A table of the section; a text is one with nothing but its name.
    fn text_or_table(
        &mut self,
        key: &Key,
        section: &Section,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Value> {
        if matches!(value.get_ref(), DeValue::Table(_)) {
            return self.table(section, path, value).map(Value::from);
        }
        let short = if let Kind::Tables { short, .. } = key.kind { section.key(short) } else { None };
        let short = short.filter(|_| matches!(value.get_ref(), DeValue::String(_))).unwrap_or(key);
        let mut table = Table::from_iter([(short.name.to_owned(), self.single(short, path, value)?)]);
        let keys = Keys::of(section.path, &DeTable::new());
        self.presets(&keys, path, value.span(), |name| name == short.name, &mut table);
        Some(table.into())
    }

    fn single(&mut self, key: &Key, path: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let base = match self.place {
            Place::File(file) => file.parent(),
            Place::BuiltIn => None,
        };
        let checked = key.kind.check(written(value.get_ref()), base);
        checked.map_err(|flaw| self.flaw(value.span(), path, flaw)).ok()
    }
}

/// What is wrong with names, or tables with names, where `*` stands for all of them.
fn name_clash(what: &str, items: &[Value]) -> Option<Flaw> {
    let mut names: Vec<&str> = items.iter().filter_map(name_of).collect();
    let is_any_beside_others = names.len() > 1 && names.contains(&ANY);
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    if names.len() < count {
        return Some(Flaw::new(format!("lists a {what} twice")));
    }
    is_any_beside_others.then(|| Flaw::new(format!("has \"*\" beside other {what}s")).hint("it stands alone"))
}

fn name_of(item: &Value) -> Option<&str> {
    if let ValueKind::Table(table) = &item.kind {
        return table.get("name").and_then(name_of);
    }
    if let ValueKind::String(name) = &item.kind { Some(name) } else { None }
}
