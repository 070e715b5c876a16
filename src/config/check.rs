//! `mq-gateway check`: everything that can be known about a configuration without talking to an MQ.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use super::checks::check_files;
use super::loader::{self, Loaded, Source};
use super::problem::Problem;
use super::sources::Overrides;

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    problems: Vec<Problem>,
    unreadable: bool,
}

impl CheckReport {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// 0 good, 1 checked and bad, 2 the file could not be read.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.is_ok(), self.unreadable) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        }
    }

    /// `{"ok", "problems": [{"file", "line", "column", "key", "detail", "hint"}]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let problems: Vec<_> = self.problems.iter().map(Problem::to_json).collect();
        json!({ "ok": self.is_ok(), "problems": problems })
    }
}

impl fmt::Display for CheckReport {
    /// A line or two for each problem, without a newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        match self.problems.len() {
            0 => f.write_str("ok"),
            1 => f.write_str("1 problem"),
            count => write!(f, "{count} problems"),
        }
    }
}

/// Loads a configuration and reads every file that it names. Nothing is written, nothing is connected to.
#[must_use]
pub fn check(source: &Source, overrides: &Overrides, environment: &BTreeMap<String, String>) -> CheckReport {
    match loader::load(source, overrides, environment) {
        Ok(Loaded { config, mut findings }) => {
            check_files(&config, &mut findings);
            let mut problems = findings.problems;
            problems.sort();
            CheckReport { problems, unreadable: false }
        }
        Err(errors) => CheckReport { problems: errors.problems().to_vec(), unreadable: errors.is_unreadable() },
    }
}
