//! Reads `src/` and holds it to the tables of layers and crates, and all code to its sizes.
//!
//! What counts as a use: every path of a `use` tree and every path in code, whether it begins with `crate`, `self`,
//! `super`, an imported name or a module beside it. What does not: comments, literals, and test code, which may use
//! more than the code that it tests.

mod excuses;
mod graph;
mod module_tree;
mod names;
mod rules;
mod table;
mod tokens;

use std::path::Path;

use module_tree::ModuleTree;

use crate::support::app::files_below;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Paths and texts of the files below a folder of the repository, of these kinds.
fn texts(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(ROOT).join(folder);
    let wanted = |path: &Path| path.extension().is_some_and(|ending| endings.iter().any(|it| ending == *it));
    let paths = files_below(&root).into_iter().filter(|path| wanted(path));
    let texts = paths.map(|path| {
        let below = path.strip_prefix(&root).expect("below the folder").display().to_string();
        (below, std::fs::read_to_string(&path).expect("a text"))
    });
    texts.collect()
}

fn library() -> ModuleTree {
    let tree = ModuleTree::of(texts("src", &["rs"]));
    assert!(tree.files().count() > 100, "src is read");
    tree
}

#[track_caller]
fn assert_nothing(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_of_layers_has_no_cycle_and_no_gap() {
    assert_nothing(rules::wrong_layers(&library(), table::LAYERS));
}

#[test]
fn every_layer_uses_lower_layers_only() {
    assert_nothing(rules::wrong_uses(&library(), table::LAYERS));
}

#[test]
fn files_of_a_module_use_each_other_without_a_cycle() {
    assert_nothing(rules::wrong_cycles(&library(), excuses::CYCLES));
    assert_nothing(rules::wrong_globs(&library()));
}

#[test]
fn wire_formats_http_and_metrics_stay_at_their_edges() {
    assert_nothing(rules::wrong_crates(&library(), table::CRATES, excuses::CRATES));
}

/// clippy cannot name a trait's method.
#[test]
fn nothing_builds_an_awc_client_by_default() {
    for (path, text) in texts("src", &["rs"]) {
        assert!(!text.contains("Client::default()"), "{path}: build it where the limits are set");
    }
}

#[test]
fn files_stay_small() {
    let lines = |folder: &str| {
        let texts = texts(folder, &["rs", "py", "mjs", "go", "java", "php", "sh"]);
        let lines = texts.into_iter().map(|(path, text)| (format!("{folder}/{path}"), text.lines().count()));
        lines.collect::<Vec<_>>()
    };
    assert_nothing(rules::wrong_sizes(&lines("src")));
    let others = [lines("tests"), lines("benches"), lines("examples"), lines(".ci")].concat();
    assert_nothing(rules::wrong_sizes(&others));
}
