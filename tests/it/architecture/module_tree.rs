//! The files of the library as a tree of modules, and what each file uses of the others.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{GLOB, Names, Path};

/// One file with production code.
#[derive(Debug)]
pub struct SourceFile {
    /// Below `src`: `config/topics.rs`.
    pub path: String,
    /// `["config", "topics"]`; empty for `lib.rs`.
    module: Path,
    names: Names,
}

/// What a path means, seen from one file.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// A path from the library's root.
    Ours(Path),
    /// Something of this crate.
    Crate(String),
}

/// All files by their modules. Test code is not in it: files named `tests.rs` and those below a folder `tests`.
#[derive(Debug)]
pub struct ModuleTree(BTreeMap<Path, SourceFile>);

impl ModuleTree {
    /// From paths below `src` and texts.
    pub fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let production = files.into_iter().filter_map(|(path, text)| {
            let mut module: Path = path.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
            if module.iter().any(|segment| segment == "tests") || path == "main.rs" {
                return None;
            }
            if module.last().is_some_and(|last| last == "mod") || path == "lib.rs" {
                module.pop();
            }
            Some((module.clone(), SourceFile { path, module, names: Names::of(&text) }))
        });
        Self(production.collect())
    }

    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.0.values()
    }

    /// The top-level modules that a file uses, its own among them.
    pub fn modules_used_by(&self, file: &SourceFile) -> BTreeSet<String> {
        let meanings = file.all_paths().filter_map(|path| self.meaning(file, path));
        let ours = meanings.filter_map(|meaning| match meaning {
            Meaning::Ours(path) => path.into_iter().next(),
            Meaning::Crate(_) => None,
        });
        ours.filter(|module| self.0.contains_key(std::slice::from_ref(module))).collect()
    }

    /// The names that a file's paths begin with and that are not the library's own: crates, and types with their
    /// variants and functions.
    pub fn crates_used_by(&self, file: &SourceFile) -> BTreeSet<String> {
        let meanings = file.all_paths().filter_map(|path| self.meaning(file, path));
        let crates = meanings.filter_map(|meaning| match meaning {
            Meaning::Ours(_) => None,
            Meaning::Crate(name) => Some(name),
        });
        crates.collect()
    }

    /// The other files that a file uses. A name that another file re-exports counts as a use of the file that defines
    /// it; `mod x;` and a re-export are no use of `x`. A module that is imported is used when something of it is.
    pub fn files_used_by(&self, file: &SourceFile) -> BTreeSet<String> {
        let own = file.names.imports.iter().filter(|import| !import.reexported).map(|import| &import.path);
        let meanings = own.chain(&file.names.paths).filter_map(|path| self.meaning(file, path));
        let definitions = meanings.filter_map(|meaning| match meaning {
            Meaning::Ours(path) => self.definition(&path),
            Meaning::Crate(_) => None,
        });
        definitions.filter(|used| used.path != file.path).map(|used| used.path.clone()).collect()
    }

    fn meaning(&self, file: &SourceFile, path: &[String]) -> Option<Meaning> {
        let (first, rest) = path.split_first()?;
        let below = |module: &[String], rest: &[String]| Meaning::Ours([module, rest].concat());
        match first.as_str() {
            "" => Some(Meaning::Crate(rest.first()?.clone())),
            "crate" => Some(below(&[], rest)),
            "self" => Some(below(&file.module, rest)),
            "super" => {
                let levels = path.iter().take_while(|segment| *segment == "super").count();
                let parent = file.module.len().checked_sub(levels)?;
                Some(below(&file.module[..parent], &path[levels..]))
            }
            "Self" => None,
            _ if self.child(&file.module, first).is_some() => Some(below(&file.module, path)),
            _ => match file.import(first) {
                // `use config;` names the crate.
                Some(import) if import.path.first() != Some(first) => {
                    self.meaning(file, &[import.path.as_slice(), rest].concat())
                }
                Some(_) | None => Some(Meaning::Crate(first.clone())),
            },
        }
    }

    fn child(&self, module: &[String], name: &str) -> Option<&SourceFile> {
        self.0.get(&[module, &[name.to_owned()]].concat())
    }

    /// The file that defines what a path from the root names; `None` for a whole module and for what is not ours.
    fn definition(&self, path: &[String]) -> Option<&SourceFile> {
        let mut module = self.0.get(&Path::new())?;
        for (at, segment) in path.iter().enumerate() {
            let rest = &path[at + 1..];
            let child = self.child(&module.module, segment);
            // Modules and functions have names apart: after `mod check; pub use check::check;` the last `check` is the
            // function.
            if let Some(import) = module.import(segment).filter(|_| child.is_none() || rest.is_empty()) {
                return match self.meaning(module, &[import.path.as_slice(), rest].concat())? {
                    Meaning::Ours(path) => self.definition(&path),
                    Meaning::Crate(_) => None,
                };
            }
            match child {
                Some(child) => module = child,
                None => return Some(module),
            }
        }
        None
    }
}

impl SourceFile {
    /// The top-level module that the file belongs to; empty for `lib.rs`.
    pub fn top_level_module(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// Globs of our own modules: where a name of theirs is defined cannot be seen.
    pub fn globs(&self) -> impl Iterator<Item = &Path> {
        let globs = self.names.imports.iter().filter(|import| import.name == GLOB).map(|import| &import.path);
        globs.filter(|path| path.first().is_some_and(|first| ["crate", "self", "super"].contains(&first.as_str())))
    }

    fn import(&self, name: &str) -> Option<&super::names::Import> {
        self.names.imports.iter().find(|import| import.name == name)
    }

    fn all_paths(&self) -> impl Iterator<Item = &Path> {
        self.names.imports.iter().map(|import| &import.path).chain(&self.names.paths)
    }
}
