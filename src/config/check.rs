//! `mq-gateway check`: everything that can be known about a configuration without talking to an MQ.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use super::checks::check_files;
use super::exposure::exposed_files;
use super::findings::Findings;
use super::loader::{self, Loaded, Source};
use super::problem::{ConfigErrors, Location, Problem};
use super::push_schedule::SubscriptionPlan;
use super::quoted_keys::quoted_keys;
use super::settings::Config;
use super::sources::Overrides;

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    subscriptions: Vec<SubscriptionPlan>,
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

    /// What works and should be mended, in the order of the file.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// What the retry schedules of the subscriptions come to with their MQs; none where the settings do not fit together.
    #[must_use]
    pub fn subscriptions(&self) -> &[SubscriptionPlan] {
        &self.subscriptions
    }

    /// 0 good, warnings or not, 1 checked and bad, 2 the file could not be read.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.is_ok(), self.unreadable) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        }
    }

    /// `{"ok", "problems": [{"file", "line", "column", "key", "detail", "hint"}], "warnings": […], "subscriptions": [{"name", "attempts":
    /// [{"after_seconds", "delivery", "started_by"}], "deliveries", "dead_letter_after_seconds", …}]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let list = |problems: &[Problem]| problems.iter().map(Problem::to_json).collect::<Vec<_>>();
        let plans: Vec<_> = self.subscriptions.iter().map(SubscriptionPlan::to_json).collect();
        json!({ "ok": self.is_ok(), "problems": list(&self.problems), "warnings": list(&self.warnings), "subscriptions": plans })
    }
}

impl fmt::Display for CheckReport {
    /// A line or two for each problem, without a newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for plan in &self.subscriptions {
            f.write_str(&plan.to_text())?;
        }
        match self.problems.len() {
            0 => f.write_str("ok"),
            1 => f.write_str("1 problem"),
            count => write!(f, "{count} problems"),
        }?;
        match self.warnings.len() {
            0 => Ok(()),
            1 => f.write_str(", 1 warning"),
            count => write!(f, ", {count} warnings"),
        }
    }
}

/// Loads a configuration and reads every file that it names. Nothing is written, nothing is connected to.
#[must_use]
pub fn check(source: &Source, overrides: &Overrides, environment: &BTreeMap<String, String>) -> CheckReport {
    report(source, loader::load(source, overrides, environment))
}

/// What there is to say of a configuration that was loaded from `source`.
pub(super) fn report(source: &Source, loaded: Result<Loaded, ConfigErrors>) -> CheckReport {
    match loaded {
        Ok(Loaded { config, mut findings }) => {
            check_files(&config, &mut findings);
            let mut warnings = findings.with_the_same_places();
            warnings.problems.append(&mut findings.warnings);
            exposed_files(&config, source, &mut warnings);
            quoted_keys(&config, &mut warnings);
            let sorted = |mut problems: Vec<Problem>| {
                problems.sort();
                problems
            };
            CheckReport {
                problems: sorted(findings.problems),
                warnings: sorted(warnings.problems),
                subscriptions: SubscriptionPlan::all(&config),
                unreadable: false,
            }
        }
        Err(errors) => CheckReport {
            problems: errors.problems().to_vec(),
            warnings: Vec::new(),
            subscriptions: Vec::new(),
            unreadable: errors.is_unreadable(),
        },
    }
}

/// What `check` would warn of, for a configuration that was loaded from `source`; without the places in its file.
#[must_use]
pub fn warnings(config: &Config, source: &Source) -> Vec<Problem> {
    let mut warnings = Findings::new(match source {
        Source::BuiltIn => Location::BuiltIn,
        Source::File(path) | Source::UserProperties(path) => Location::WholeFile(path.clone()),
    });
    exposed_files(config, source, &mut warnings);
    quoted_keys(config, &mut warnings);
    warnings.problems
}
