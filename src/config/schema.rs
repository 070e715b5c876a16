//! The table of every key: what the check of unknown keys, the defaults, the environment and the reference all use.

use super::kind::Kind;
use super::{callers, credentials, dropin, embedded, limits, log, management, profiles, root, server, topics};

/// What holds when nobody sets a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Preset {
    /// This value, written as in a file.
    Value(&'static str),
    /// Nothing; the text says what happens then.
    Unset(&'static str),
    /// The key has to be there.
    Required,
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) preset: Preset,
    pub(super) meaning: &'static str,
}

/// One table of the file.
#[derive(Debug)]
pub(super) struct Section {
    /// `""` is the top, `profiles.*` every table below `profiles`, `topics[]` every table of the list `topics`, `topics[].groups[]`
    /// every table of a list inside those.
    pub(super) path: &'static str,
    /// What the table is for.
    pub(super) meaning: &'static str,
    pub(super) keys: &'static [Key],
}

/// Every section, in the order of the reference.
pub(super) const SECTIONS: &[&Section] = &[
    &root::SECTION,
    &server::SECTION,
    &limits::SECTION,
    &management::SECTION,
    &log::SECTION,
    &credentials::SECTION,
    &profiles::SECTION,
    &topics::SECTION,
    &topics::GROUPS_SECTION,
    &dropin::SECTION,
    &callers::SECTION,
    &embedded::SECTION,
];

impl Section {
    /// The section at a path.
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        SECTIONS.iter().find(|section| section.path == path).copied()
    }

    /// A table with a name of its own or a list: comes from files only, never from the environment.
    pub(super) fn is_named(&self) -> bool {
        self.path.contains(['*', '['])
    }

    /// One of its keys.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The path of one of its keys, `server.listen`.
    pub(super) fn key_path(&self, key: &Key) -> String {
        join(self.path, key.name)
    }

    /// The variable that sets a key, where one can.
    pub(super) fn variable(&self, key: &Key) -> Option<String> {
        if self.is_named() || matches!(key.kind, Kind::List { .. }) {
            return None;
        }
        Some(format!("{PREFIX}{}", self.key_path(key).to_uppercase().replace('.', "__")))
    }

    /// The names that may stand in this table: its keys, and the tables below it.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let below = |section: &&'static Self| below(self.path, section.path);
        // A list that may hold texts or tables is a key and has a section, too.
        let sections = SECTIONS.iter().filter_map(below).filter(|name| self.key(name).is_none());
        self.keys.iter().map(|key| key.name).chain(sections)
    }
}

/// What every environment variable of the configuration begins with. The second underscore keeps it apart from
/// `MQ_GATEWAY_PORT` and its like, which Kubernetes injects for a service named `mq-gateway`.
pub(super) const PREFIX: &str = "MQ_GATEWAY__";

/// A path and one more name.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The first name of `path` below `parent`, if it is below.
fn below(parent: &str, path: &'static str) -> Option<&'static str> {
    if path.is_empty() {
        return None;
    }
    let rest = if parent.is_empty() { path } else { path.strip_prefix(parent)?.strip_prefix('.')? };
    // A section two levels down is listed by the one between.
    let (first, deeper) = rest.split_once('.').map_or((rest, ""), |(first, deeper)| (first, deeper));
    (deeper.is_empty() || deeper == "*").then(|| first.trim_end_matches("[]"))
}

/// The defaults of all fixed keys, as a file.
pub(super) fn defaults() -> String {
    let mut text = String::new();
    for section in SECTIONS.iter().filter(|section| !section.is_named()) {
        if !section.path.is_empty() {
            text += &format!("[{}]\n", section.path);
        }
        for key in section.keys {
            if let Preset::Value(value) = key.preset {
                text += &format!("{} = {value}\n", key.name);
            }
        }
    }
    text
}
