//! The documents that are performed, with the least that each has to have: a block that is no longer taken for one would go
//! unnoticed otherwise.

use std::path::{Path, PathBuf};

use super::ROOT;
use super::blocks::blocks;

#[derive(Debug)]
pub struct Document {
    /// From the repository's root.
    pub path: &'static str,
    /// Answers that come to curl lines.
    pub answers: usize,
    /// Printed answers that are compared.
    pub compared: usize,
    /// Lines that run the program.
    pub programs: usize,
    /// Blocks of TOML.
    pub configurations: usize,
}

pub const DOCUMENTS: &[Document] = &[
    Document { path: "README.md", answers: 8, compared: 4, programs: 2, configurations: 1 },
    Document { path: "docs/develop/first-steps.md", answers: 4, compared: 4, programs: 3, configurations: 0 },
    Document { path: "docs/develop/publish.md", answers: 4, compared: 4, programs: 0, configurations: 0 },
    Document { path: "docs/develop/receive.md", answers: 8, compared: 5, programs: 0, configurations: 0 },
    Document { path: "docs/develop/errors.md", answers: 2, compared: 2, programs: 0, configurations: 0 },
    Document { path: "docs/embedded-endpoint.md", answers: 1, compared: 2, programs: 1, configurations: 0 },
    Document { path: "docs/operate/configure.md", answers: 0, compared: 0, programs: 1, configurations: 2 },
    Document { path: "docs/moving-a-client.md", answers: 0, compared: 0, programs: 0, configurations: 3 },
];

impl Document {
    pub fn text(&self) -> String {
        let text = std::fs::read_to_string(Path::new(ROOT).join(self.path));
        text.unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }
}

/// Whoever meets the project reads it to the end. What does not fit has a page of its own.
#[test]
fn the_readme_is_short() {
    let lines = DOCUMENTS[0].text().lines().count();
    assert!(lines <= 150, "README.md has {lines} lines");
}

/// The other way round: what looks like performed is.
#[test]
fn pages_with_commands_to_perform_are_listed() {
    let mut folders = vec![Path::new(ROOT).join("docs")];
    let mut pages: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of docs") {
            let path = entry.expect("an entry of docs").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    assert!(pages.len() > 20, "only {} pages were found", pages.len());
    for page in pages {
        let name = page.strip_prefix(ROOT).expect("a page of the repository");
        let listed = DOCUMENTS.iter().any(|document| Path::new(document.path) == name);
        let text = std::fs::read_to_string(&page).expect("a page");
        let performed = blocks(&text).iter().any(|block| block.kind() == "sh");
        assert!(listed || !performed, "{}: commands that nobody performs are ```shell, not ```sh", name.display());
    }
}
