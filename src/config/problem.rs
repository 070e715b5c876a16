//! What is wrong with a configuration, and where. Never what was written there: that may be a secret.

use std::fmt;
use std::path::PathBuf;

use serde_json::json;

/// A place in a text: line and column count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// A place in a file.
    File(PathBuf, Position),
    /// A file as a whole: unreadable, or something that is in no line is missing.
    WholeFile(PathBuf),
    /// An environment variable, by its name.
    Environment(String),
    /// A flag of the command line, with its dashes.
    Flag(&'static str),
    /// The configuration that is built in.
    BuiltIn,
}

impl Location {
    /// Line and column, where there are any.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::File(_, position) => Some(*position),
            Self::WholeFile(_) | Self::Environment(_) | Self::Flag(_) | Self::BuiltIn => None,
        }
    }

    /// The file, or `environment variable NAME`, or `flag --x`.
    #[must_use]
    pub fn source(&self) -> String {
        match self {
            Self::File(path, _) | Self::WholeFile(path) => path.display().to_string(),
            Self::Environment(name) => format!("environment variable {name}"),
            Self::Flag(flag) => format!("flag {flag}"),
            Self::BuiltIn => "built-in configuration".to_owned(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source())?;
        match self.position() {
            Some(Position { line, column }) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub location: Location,
    /// The key as a path (`profiles.main.endpoints[1]`); none where the text is not even TOML.
    pub key: Option<String>,
    /// What was expected. Never holds what was written.
    pub detail: String,
    /// How to fix it.
    pub hint: Option<String>,
}

impl Problem {
    /// The problem as `check --format json` lists it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let position = self.location.position();
        json!({
            "file": self.location.source(),
            "line": position.map(|position| position.line),
            "column": position.map(|position| position.column),
            "key": self.key,
            "detail": self.detail,
            "hint": self.hint,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.location)?;
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.detail)?;
        match &self.hint {
            Some(hint) => write!(f, "\n    hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Every problem that was found, in the order of the file. `Display` prints one or two lines for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    problems: Vec<Problem>,
    unreadable: bool,
}

impl ConfigErrors {
    /// A configuration that was read and is wrong.
    pub(super) fn wrong(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { problems, unreadable: false }
    }

    /// A file that could not be read at all.
    pub(super) fn unreadable(path: PathBuf, error: &std::io::Error) -> Self {
        let problem = Problem {
            location: Location::WholeFile(path),
            key: None,
            detail: format!("could not be read: {}", reason(error)),
            hint: None,
        };
        Self { problems: vec![problem], unreadable: true }
    }

    /// The problems, at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The file could not be read, so nothing was checked: exit code 2 instead of 1.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.unreadable
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// An I/O error in the words of the operating system, without its number.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or_default();
    words.to_lowercase()
}
