//! The rules, each as a function from what there is to what is wrong with it.

use std::collections::BTreeSet;

use super::excuses::{ExcusedCrate, ExcusedUses};
use super::graph::Graph;
use super::module_tree::ModuleTree;
use super::table::{CrateRow, Row};

/// The layers are those of `src`, and what they allow goes downwards, without a cycle.
pub fn wrong_layers(tree: &ModuleTree, layers: &[Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    let modules: BTreeSet<&str> =
        tree.files().map(|file| file.top_level_module()).filter(|it| !it.is_empty()).collect();
    let rows: BTreeSet<&str> = layers.iter().map(|(module, ..)| *module).collect();
    wrong.extend(modules.difference(&rows).map(|module| format!("{module} belongs to no layer of the table")));
    wrong.extend(rows.difference(&modules).map(|module| format!("{module} is in the table and not in src")));
    if rows.len() != layers.len() {
        wrong.push("a module is in the table twice".to_owned());
    }
    for (module, layer, listed) in layers {
        for other in listed.iter().filter(|other| **other != "*") {
            match layers.iter().find(|(name, ..)| name == other) {
                None => wrong.push(format!("{module} may use {other}, which is not in the table")),
                Some((_, used, _)) if used > layer => wrong.push(format!("{module} may use {other} of a higher layer")),
                Some(_) => {}
            }
        }
    }
    let pairs = layers.iter().flat_map(|user| layers.iter().map(move |used| (user, used)));
    let allowed: Graph =
        pairs.filter(|(user, used)| may_use(user, used)).map(|(user, used)| (user.0, used.0)).collect();
    wrong.extend(allowed.cycles().into_iter().map(|cycle| format!("the table allows a cycle: {cycle}")));
    wrong
}

fn may_use((user, layer, listed): &Row, (used, used_layer, _): &Row) -> bool {
    let usual = match layer {
        0 => false,
        1 => *used_layer == 0,
        _ => *used_layer <= 1,
    };
    user != used && (usual || listed.contains(used) || (listed.contains(&"*") && used_layer < layer))
}

/// No file uses a module that the table does not allow it.
pub fn wrong_uses(tree: &ModuleTree, layers: &[Row]) -> Vec<String> {
    let row = |module: &str| layers.iter().find(|(name, ..)| *name == module);
    let mut wrong = Vec::new();
    for file in tree.files() {
        let Some(user) = row(file.top_level_module()) else { continue };
        for used in tree.modules_used_by(file) {
            if used != user.0 && row(&used).is_some_and(|used| !may_use(user, used)) {
                wrong.push(format!("{} uses {used}", file.path));
            }
        }
    }
    wrong
}

/// The files of a module use each other without a cycle.
pub fn wrong_cycles(tree: &ModuleTree, excuses: &[ExcusedUses]) -> Vec<String> {
    let mut graph = Graph::default();
    for file in tree.files() {
        let inside = format!("{}/", file.top_level_module());
        for used in tree.files_used_by(file).iter().filter(|used| used.starts_with(&inside)) {
            graph.add(&file.path, used);
        }
    }
    let excused: Vec<_> = excuses.iter().flat_map(|(from, used, _)| used.iter().map(move |to| (*from, *to))).collect();
    let mut rest = graph.clone();
    for (from, to) in &excused {
        rest.remove(from, to);
    }
    let needed = |from: &str, to: &str| graph.has(from, to) && (from == to || rest.shortest_path(to, from).is_some());
    let cycles = rest.cycles().into_iter().map(|cycle| format!("a cycle: {cycle}"));
    let stale = excused.iter().filter(|(from, to)| !needed(from, to));
    cycles.chain(stale.map(|(from, to)| format!("no longer needed: the excuse for {from} → {to}"))).collect()
}

/// Nothing of our own is imported by glob: it would hide from the rules, and from a reader, where a name is from.
pub fn wrong_globs(tree: &ModuleTree) -> Vec<String> {
    let globs = tree.files().flat_map(|file| file.globs().map(move |glob| (file, glob)));
    globs.map(|(file, glob)| format!("{} imports {}::*", file.path, glob.join("::"))).collect()
}

/// A crate is named in its modules only.
pub fn wrong_crates(tree: &ModuleTree, crates: &[CrateRow], excuses: &[ExcusedCrate]) -> Vec<String> {
    let excused: BTreeSet<(&str, &str)> =
        excuses.iter().flat_map(|(files, name, _)| files.iter().map(move |file| (*file, *name))).collect();
    let mut found: BTreeSet<(&str, &str)> = BTreeSet::new();
    for file in tree.files() {
        let used = tree.crates_used_by(file);
        for (pattern, modules) in crates {
            let named = used.iter().any(|name| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == pattern,
            });
            if named && !modules.contains(&file.top_level_module()) {
                found.insert((&file.path, pattern));
            }
        }
    }
    let wrong = found.difference(&excused).map(|(file, name)| format!("{file} names {name}"));
    let stale = excused.difference(&found);
    wrong.chain(stale.map(|(file, name)| format!("no longer needed: the excuse for {name} in {file}"))).collect()
}

/// No file has more than 600 lines, nine in ten have at most 400. `files` are paths and numbers of lines.
pub fn wrong_sizes(files: &[(String, usize)]) -> Vec<String> {
    let mut wrong: Vec<String> = files
        .iter()
        .filter(|(_, lines)| *lines > 600)
        .map(|(path, lines)| format!("{path} has {lines} lines"))
        .collect();
    let long: Vec<_> = files.iter().filter(|(_, lines)| *lines > 400).collect();
    if long.len() * 10 > files.len() {
        wrong.push(format!("nine in ten files have at most 400 lines, and these have more: {long:?}"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> ModuleTree {
        ModuleTree::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    #[track_caller]
    fn assert_wrong(wrong: &[String], expected: &[&str]) {
        assert_eq!(wrong.len(), expected.len(), "{wrong:#?}");
        for (wrong, expected) in wrong.iter().zip(expected) {
            assert!(wrong.contains(expected), "{expected} in {wrong}");
        }
    }

    const ROWS: &[Row] = &[("a", 0, &[]), ("b", 1, &[]), ("c", 1, &["b"]), ("d", 2, &[]), ("e", 3, &["*"])];

    #[test]
    fn a_table_that_contradicts_itself_or_src_is_wrong() {
        let all = tree(&[("a.rs", ""), ("b/mod.rs", ""), ("b/x.rs", ""), ("c.rs", ""), ("d.rs", ""), ("e.rs", "")]);
        assert_wrong(&wrong_layers(&all, ROWS), &[]);
        let more = tree(&[("lib.rs", ""), ("a.rs", ""), ("f/mod.rs", ""), ("main.rs", ""), ("tests.rs", "")]);
        assert_wrong(&wrong_layers(&more, &[("a", 0, &[]), ("g", 2, &[])]), &["f belongs to no", "g is in the table"]);
        let two = tree(&[("a.rs", ""), ("b.rs", "")]);
        let twice: &[Row] = &[("a", 0, &[]), ("b", 0, &[]), ("b", 1, &[])];
        assert_wrong(&wrong_layers(&two, twice), &["twice"]);
        let odd: &[Row] = &[("a", 2, &["x"]), ("b", 3, &[])];
        assert_wrong(&wrong_layers(&two, odd), &["x, which is not in the table"]);
        assert_wrong(&wrong_layers(&two, &[("a", 2, &["b"]), ("b", 3, &[])]), &["a may use b of a higher layer"]);
        let cycle = &[("a", 2, ["b"].as_slice()), ("b", 2, &["a"])];
        assert_wrong(&wrong_layers(&two, cycle), &["the table allows a cycle: a → b → a"]);
    }

    #[test]
    fn uses_that_the_table_does_not_allow_are_wrong() {
        for (path, text, expected) in [
            ("d.rs", "use crate::a::A; use crate::{b, c};", &[][..]),
            ("e.rs", "use crate::d::D;", &[]),
            ("c.rs", "use crate::b::B; use crate::c::C;", &[]),
            ("a.rs", "use crate::b::B;", &["a.rs uses b"]),
            ("b/x.rs", "use crate::c::C;", &["b/x.rs uses c"]),
            ("b/x.rs", "use crate::{a::{A, AA}, c::{self}};", &["b/x.rs uses c"]),
            ("b/x.rs", "use super::super::d;", &["b/x.rs uses d"]),
            ("b/x.rs", "fn f() -> crate::d::D { crate::e::f() }", &["uses d", "uses e"]),
            ("b/x.rs", "use crate as us; fn f() { us::d::f() }", &["uses d"]),
            ("b/x.rs", "// crate::d\n/* crate::d */ const D: &str = \"crate::d\";", &[]),
            ("b/x.rs", "#[cfg(test)] mod tests { use crate::d::D; }", &[]),
            ("b/tests.rs", "use crate::d::D;", &[]),
            ("b/tests/x.rs", "use crate::d::D;", &[]),
        ] {
            let mut files = vec![("lib.rs", "pub mod a;"), ("a.rs", ""), ("b/mod.rs", ""), ("c.rs", ""), ("d.rs", "")];
            files.push(("e.rs", ""));
            files.push((path, text));
            assert_wrong(&wrong_uses(&tree(&files), ROWS), expected);
        }
    }

    #[test]
    fn files_that_use_each_other_are_wrong() {
        let module = "mod x; mod y; mod z; pub use x::X; pub(super) use self::y::{Y, y}; use z::Z as Zed;";
        let check = |files: &[(&str, &str)], expected: &[&str]| {
            let files = [&[("lib.rs", "")], files].concat();
            assert_wrong(&wrong_cycles(&tree(&files), &[]), expected);
        };
        for (x, y, expected) in [
            ("use super::Y;", "", &[][..]),
            ("use super::Y;", "use super::X;", &["a cycle: a/x.rs → a/y.rs → a/x.rs"]),
            ("use super::{y};", "use crate::a::{X};", &["a/x.rs → a/y.rs"]),
            ("use super::y; fn f() { y::g() }", "fn g() -> super::x::X {}", &["a/x.rs → a/y.rs"]),
            ("use super::y; fn f() { y() }", "use crate::a as up; fn g() -> up::X {}", &["a/x.rs → a/y.rs"]),
            ("use crate::{a::{y::{Y}}};", "use super::super::a::X;", &["a/x.rs → a/y.rs"]),
            ("use super::Y;", "// super::X\nconst X: &str = \"super::X\";", &[]),
            ("use super::Y;", "#[cfg(test)] mod tests { use super::super::X; }", &[]),
            ("use super::OfTheModule;", "", &[]),
            ("use super::Zed;", "", &[]),
        ] {
            check(&[("a/mod.rs", module), ("a/x.rs", x), ("a/y.rs", y), ("a/z.rs", "")], expected);
        }
        check(
            &[("a/mod.rs", module), ("a/x.rs", ""), ("a/y.rs", ""), ("a/z.rs", "use super::OfTheModule;")],
            &["a cycle: a/mod.rs → a/z.rs → a/mod.rs"],
        );
        check(&[("a/mod.rs", "mod x; fn f() { x::g() }"), ("a/x.rs", "use super::f;")], &["a/mod.rs → a/x.rs"]);
        // Another module's file is the layers' matter.
        check(&[("a/mod.rs", "use crate::b::B;"), ("b/mod.rs", "use crate::a::A;")], &[]);
    }

    #[test]
    fn an_excuse_is_needed_or_wrong() {
        let files = tree(&[
            ("lib.rs", ""),
            ("a/mod.rs", "mod x; mod y;"),
            ("a/x.rs", "use super::y::Y;"),
            ("a/y.rs", "use super::x::X;"),
        ]);
        let excuse = |from, to: &'static [&'static str]| (from, to, "a reason");
        assert_wrong(&wrong_cycles(&files, &[excuse("a/x.rs", &["a/y.rs"])]), &[]);
        let both = [excuse("a/x.rs", &["a/y.rs"]), excuse("a/y.rs", &["a/x.rs"])];
        assert_wrong(&wrong_cycles(&files, &both), &["no longer needed", "no longer needed"]);
        let gone = [excuse("a/x.rs", &["a/y.rs", "a/z.rs"])];
        assert_wrong(&wrong_cycles(&files, &gone), &["no longer needed: the excuse for a/x.rs → a/z.rs"]);
    }

    #[test]
    fn globs_of_our_own_are_wrong() {
        let files =
            [("a/mod.rs", "use std::io::*; pub use self::x::*;"), ("a/x.rs", "use super::*; use crate::b::{c::*};")];
        let expected = ["a/mod.rs imports self::x::*", "a/x.rs imports super::*", "a/x.rs imports crate::b::c::*"];
        assert_wrong(&wrong_globs(&tree(&files)), &expected);
    }

    #[test]
    fn crates_outside_their_modules_are_wrong() {
        const ONLY: &[CrateRow] = &[("actix*", &["a"]), ("prometheus", &["b"])];
        let check = |text: &str, excuses: &[ExcusedCrate], expected: &[&str]| {
            let files = [("a.rs", "use actix_web::web; use actix_http::Response;"), ("b.rs", "use prometheus;")];
            assert_wrong(
                &wrong_crates(&tree(&[&files[..], &[("c/mod.rs", ""), ("c/x.rs", text)]].concat()), ONLY, excuses),
                expected,
            );
        };
        check(
            "use tokio::time; // actix_web::x\nconst X: &str = \"prometheus::x\"; fn f() { my_actix_web::g() }",
            &[],
            &[],
        );
        check("use actix_web::web;", &[], &["c/x.rs names actix*"]);
        check("use {tokio::time, actix_http as http};", &[], &["c/x.rs names actix*"]);
        check("fn f() -> ::prometheus::Registry {}", &[], &["c/x.rs names prometheus"]);
        check("#[actix_web::main] fn main() {}", &[], &["c/x.rs names actix*"]);
        check("#[cfg(test)] mod tests { use actix_web::web; }", &[], &[]);
        let excuses: &[ExcusedCrate] = &[(&["c/x.rs"], "actix*", "a reason")];
        check("use actix_web::web;", excuses, &[]);
        check("use tokio::time;", excuses, &["no longer needed: the excuse for actix* in c/x.rs"]);
    }

    #[test]
    fn files_that_are_too_long_are_wrong() {
        let files = |lines: &[usize]| lines.iter().map(|lines| (format!("{lines}.rs"), *lines)).collect::<Vec<_>>();
        assert_wrong(&wrong_sizes(&files(&[600, 1, 2, 3, 4, 5, 6, 7, 8, 400])), &[]);
        assert_wrong(&wrong_sizes(&files(&[600, 1, 2, 3, 4, 5, 6, 7, 8, 401])), &["nine in ten"]);
        assert_wrong(&wrong_sizes(&files(&[601, 1, 2, 3, 4, 5, 6, 7, 8, 9])), &["601.rs has 601 lines"]);
    }
}
