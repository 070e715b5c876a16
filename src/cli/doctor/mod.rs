//! `mq-gateway doctor`: asks every profile's MQ whether it would serve us, and says what to do when not.
//!
//! Each check builds on those before it: what cannot be checked is skipped with the reason. Nothing is published,
//! received, acknowledged or made, neither here nor there. Every step has a limit; a profile takes less than 20 s.

mod advice;
mod answers;
mod asking;
mod clocks;
mod examination;
mod judgement;
mod questions;
mod reach;
mod read_mq;
mod read_ons;
mod report;

use std::io::IsTerminal as _;

use super::arguments::{DoctorArguments, Format};
use super::{BAD, Failure, USAGE, environment, print, profile_access};
use crate::clock::Clock;
use crate::config::{self, CheckReport, Config, ProfileConfig, Source};
use crate::tasks;
use report::{Check, Finding, Report, Verdict};

/// Prints what was found.
pub(super) fn doctor(arguments: &DoctorArguments) -> Result<u8, Failure> {
    let common = &arguments.common;
    let source = common.source.source();
    let variables = environment::variables();
    let checked = config::check(&source, &common.overrides(), &variables);
    let mut report = Report { findings: configuration(&source, &checked) };
    let code = match config::load(&source, &common.overrides(), &variables) {
        Ok(config) => {
            let profiles: Vec<&ProfileConfig> = match &common.profile {
                Some(name) => vec![profile_access::named(&config, name)?],
                None => config.profiles.values().collect(),
            };
            report.findings.extend(examine(&config, &profiles));
            if report.is_ok() { 0 } else { BAD }
        }
        Err(errors) => {
            report.findings.extend(examination::skipped_from(Check::CredentialsFiles, "the configuration is no use"));
            if errors.is_unreadable() { USAGE } else { BAD }
        }
    };
    let no_colour = variables.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    match common.format {
        Format::Text => print(&report.to_text(std::io::stdout().is_terminal() && !no_colour))?,
        Format::Json => print(&report.to_json().to_string())?,
    }
    Ok(code)
}

fn examine(config: &Config, profiles: &[&ProfileConfig]) -> Vec<Finding> {
    if profiles.is_empty() {
        let reason = "the configuration has no profile";
        return examination::skipped_from(Check::CredentialsFiles, reason);
    }
    let clock = Clock::system();
    tasks::block_on(async move {
        let mut findings = Vec::new();
        for profile in profiles {
            let found = examination::examine(config, profile, &clock).await;
            findings.extend(found.into_iter().map(|it| Finding { profile: Some(profile.name.clone()), ..it }));
        }
        findings
    })
}

/// A finding for each problem but those of keys, which their profiles tell; or one that there is none.
fn configuration(source: &Source, checked: &CheckReport) -> Vec<Finding> {
    let is_of_keys = |key: &Option<String>| key.as_ref().is_some_and(|key| key.starts_with("credentials."));
    let mut findings = Vec::new();
    for problem in checked.problems().iter().filter(|problem| checked.exit_code() == USAGE || !is_of_keys(&problem.key))
    {
        let key = problem.key.as_ref().map(|key| format!("`{key}`: ")).unwrap_or_default();
        let detail = format!("{}: {key}{}", problem.location, problem.detail);
        let advice = problem.hint.clone().unwrap_or_else(|| "mend it; `mq-gateway check` shows the same".to_owned());
        findings.push(Finding::new(Check::Configuration, Verdict::Failed, detail).advise(advice));
    }
    if findings.is_empty() {
        let detail = match source {
            Source::BuiltIn => "built in: any topic, on the embedded endpoint".to_owned(),
            Source::File(path) | Source::UserProperties(path) => path.display().to_string(),
        };
        findings.push(Finding::new(Check::Configuration, Verdict::Ok, detail));
    }
    findings
}
