//! Environment variables: `MQ_GATEWAY__SECTION__KEY` for fixed keys with one value.

use std::collections::BTreeMap;

use super::Layer;
use crate::config::findings::Findings;
use crate::config::problem::Location;
use crate::config::schema::SECTIONS;
use crate::config::section::{Key, PREFIX, Section};
use crate::config::values::{Flaw, did_you_mean, is_visible, looks_like_a_key, withheld};

/// The layer that the environment makes. Other variables than those with our prefix are not looked at.
pub(in crate::config) fn read_environment(environment: &BTreeMap<String, String>, findings: &mut Findings) -> Layer {
    let mut layer = Layer::default();
    for (name, text) in environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        let location = Location::Environment(name.clone());
        let Some((section, key)) = find(name) else {
            let flaw = refusal(name);
            let is_near = flaw.hint.as_ref().is_some_and(|hint| hint.starts_with("did you mean"));
            if looks_like_a_variable(name) || (is_near && is_visible(name)) {
                findings.add_at(location, &key_path(name), flaw);
            } else {
                let detail = format!("{}: {}", flaw.detail, withheld(name));
                findings.add_at(Location::Environment(format!("{PREFIX}…")), "", Flaw { detail, ..flaw });
            }
            continue;
        };
        let path = section.key_path(key);
        match key.kind.check(key.kind.read_text(text), None) {
            Ok(value) => {
                layer.0.insert(path.clone(), value);
                findings.set(path, location);
            }
            Err(flaw) => findings.add_at(location, &path, flaw),
        }
    }
    layer
}

fn variables() -> impl Iterator<Item = (&'static Section, &'static Key, String)> {
    SECTIONS.iter().copied().flat_map(|section| {
        let variable = move |key| section.variable(key).map(|variable| (section, key, variable));
        section.keys.iter().filter_map(variable)
    })
}

fn find(name: &str) -> Option<(&'static Section, &'static Key)> {
    variables().find(|(_, _, variable)| variable == name).map(|(section, key, _)| (section, key))
}

/// Variables are keys in capitals, or by mistake in small letters; never in both.
fn looks_like_a_variable(name: &str) -> bool {
    let key = name.strip_prefix(PREFIX).unwrap_or(name);
    let has_both = key.bytes().any(|it| it.is_ascii_lowercase()) && key.bytes().any(|it| it.is_ascii_uppercase());
    !has_both && looks_like_a_key(&key_path(name))
}

/// The key that a variable would stand for.
fn key_path(name: &str) -> String {
    name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase().replace("__", ".")
}

/// Why a variable sets nothing.
fn refusal(name: &str) -> Flaw {
    let path = key_path(name);
    let first = path.split('.').next().unwrap_or_default();
    let is_named = |section: &&Section| section.is_named() && section.path.split(['.', '[']).next() == Some(first);
    if SECTIONS.iter().copied().any(|section| is_named(&section)) {
        return Flaw::new(format!("nothing below `{first}` can be set by the environment"))
            .hint("its names are case-sensitive and variables are not; write it into the configuration file");
    }
    let is_key = |section: &&Section| section.keys.iter().any(|key| section.key_path(key) == path);
    if SECTIONS.iter().copied().any(|section| is_key(&section)) {
        return Flaw::new("is not set by this variable")
            .hint("variables are written in capitals; lists can be set in the configuration file only");
    }
    let known: Vec<String> = variables().map(|(_, _, variable)| variable).collect();
    let flaw = Flaw::new("unknown variable");
    match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(hint) => flaw.hint(hint),
        None => flaw.hint("config/reference.md lists them; between section and key are two underscores"),
    }
}
