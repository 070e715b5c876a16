//! Reads `src/` and holds it to the table of layers: changing the table is a visible act.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Module, layer, and which modules it may use besides layers 0 and 1 of lower number.
/// Layer 0 uses nothing of ours but layer 0's `model`; a layer-1 module uses layer 0 and what is listed.
const TABLE: &[(&str, u8, &[&str])] = &[
    ("model", 0, &[]),
    ("clock", 0, &["model"]),
    ("context", 0, &[]),
    ("http_message", 0, &[]),
    ("random", 0, &[]),
    ("tasks", 0, &[]),
    ("signature", 1, &[]),
    ("protocol", 1, &["signature"]),
    ("config", 1, &["signature"]),
    ("telemetry", 1, &["config"]),
    ("outbound", 2, &[]),
    ("storage", 2, &[]),
    ("embedded", 3, &["storage"]),
    ("upstream", 4, &["outbound"]),
    ("gateway", 6, &["storage", "upstream"]),
    ("listener", 8, &[]),
    ("http", 8, &["gateway", "embedded", "upstream", "listener"]),
    ("app", 9, &["*"]),
    ("cli", 9, &["*"]),
];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn sources(below: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(ROOT).join(below)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The module that a file of `src/` belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(ROOT).join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Every `crate::module` that a text names, also inside `use crate::{…}`.
fn used_by(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            Some(list) => used.extend(list.split('}').next().unwrap().split(',').map(|part| name(part.trim()))),
            None => {
                used.insert(name(rest));
            }
        }
    }
    used.remove("");
    used
}

#[test]
fn every_layer_uses_lower_layers_only() {
    let layers: BTreeMap<&str, u8> = TABLE.iter().map(|(module, layer, _)| (*module, *layer)).collect();
    let mut wrong = Vec::new();
    for path in sources("src") {
        let module = module_of(&path);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some((_, layer, allowed)) = TABLE.iter().find(|(name, ..)| *name == module) else {
            panic!("{} belongs to no layer of the table", path.display());
        };
        for used in used_by(&std::fs::read_to_string(&path).unwrap()) {
            let Some(&used_layer) = layers.get(used.as_str()) else { continue };
            let below = match layer {
                0 | 1 => used_layer == 0 && *layer > 0,
                _ => used_layer <= 1,
            };
            if used != module && !below && !allowed.contains(&used.as_str()) && !allowed.contains(&"*") {
                wrong.push(format!("{} ({module}) uses {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn wire_formats_and_http_stay_at_their_edges() {
    for path in sources("src") {
        let (module, text) = (module_of(&path), std::fs::read_to_string(&path).unwrap());
        let forbidden: &[&str] = match module.as_str() {
            "model" => &["serde", "actix", "tokio"],
            "signature" | "protocol" => &["actix", "tokio", "awc"],
            "gateway" | "upstream" | "cli" => &["actix", "awc"],
            "config" => &["actix", "awc", "tokio"],
            _ => &[],
        };
        for name in forbidden {
            let named = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| line.contains(&format!("{name}::")) || line.contains(&format!("{name}_web::")));
            assert!(!named, "{} names {name}", path.display());
        }
    }
}

/// clippy cannot name a trait's method.
#[test]
fn nothing_builds_an_awc_client_by_default() {
    for path in sources("src") {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("Client::default()"), "{}: build it in outbound", path.display());
    }
}

#[test]
fn files_stay_small() {
    let lines: Vec<(usize, PathBuf)> = sources("src")
        .into_iter()
        .map(|path| (std::fs::read_to_string(&path).unwrap().lines().count(), path))
        .collect();
    let long: Vec<_> = lines.iter().filter(|(lines, _)| *lines > 400).collect();
    assert!(long.len() * 10 <= lines.len(), "nine in ten files have at most 400 lines: {long:#?}");
}
