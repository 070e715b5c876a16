//! `mq-gateway doctor`: asks every profile's MQ whether it would serve us, and the running gateway whether its embedded
//! store is well, and says what to do when not.
//!
//! Each check builds on those before it: what cannot be checked is skipped with the reason. Nothing is published,
//! received, acknowledged or made, neither here nor there. Every step has a limit; a profile takes less than 20 s.

mod advice;
mod bundle;
mod clock_check;
mod findings;
mod http_protocol;
mod management_page;
mod network;
mod probe_result;
mod prober;
mod probes;
mod profile_check;
mod read_mq_http;
mod read_ons_http;
mod report;
#[cfg(feature = "rocketmq")]
mod rocketmq;
mod store_check;

use std::io::IsTerminal as _;

use super::arguments::DoctorArguments;
use super::configuration;
use super::environment::environment;
use super::failure::{BAD, Failure, USAGE};
use super::format::Format;
use super::output::{print, print_json};
use super::profile_access;
use crate::clock::Clock;
use crate::config::{self, CheckReport, Config, ProfileConfig, Source};
use crate::tasks;
use bundle::Bundle;
use report::{Check, Finding, Report, Verdict};

/// Prints what was found.
pub(super) fn doctor(arguments: &DoctorArguments) -> Result<u8, Failure> {
    let common = &arguments.common;
    let source = configuration::source(&common.source);
    let variables = environment();
    let checked = config::check(&source, &common.overrides(), &variables);
    let mut report = Report { findings: configuration(&source, &checked) };
    let loaded = config::load(&source, &common.overrides(), &variables);
    let code = match &loaded {
        Ok(config) => {
            let profiles: Vec<&ProfileConfig> = match &common.profile {
                Some(name) => vec![profile_access::named(config, name)?],
                None => config.profiles.values().collect(),
            };
            if config.embedded.enabled {
                report.findings.extend(tasks::block_on(store_check::check(config.management.listen)));
            }
            report.findings.extend(check_profiles(config, &profiles));
            if report.is_ok() { 0 } else { BAD }
        }
        Err(errors) => {
            report
                .findings
                .extend(profile_check::skipped_from(Check::CredentialsFiles, "the configuration cannot be used"));
            if errors.is_unreadable() { USAGE } else { BAD }
        }
    };
    if let Some(path) = &arguments.bundle {
        let bundle = Bundle { now: Clock::system().now(), config: loaded.as_ref(), report: &report };
        if path.as_os_str() == "-" {
            print(&tasks::block_on(bundle.text()))?;
            return Ok(code);
        }
        tasks::block_on(bundle.write(path))?;
    }
    let no_colour = variables.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    match common.format {
        Format::Text => print(&report.to_text(std::io::stdout().is_terminal() && !no_colour))?,
        Format::Json => print_json(&report.to_json().to_string())?,
    }
    Ok(code)
}

fn check_profiles(config: &Config, profiles: &[&ProfileConfig]) -> Vec<Finding> {
    if profiles.is_empty() {
        let reason = "the configuration has no profile";
        return profile_check::skipped_from(Check::CredentialsFiles, reason);
    }
    let clock = Clock::system();
    tasks::block_on(async move {
        let mut findings = Vec::new();
        for profile in profiles {
            let found = profile_check::check_profile(config, profile, &clock).await;
            findings.extend(found.into_iter().map(|it| Finding { profile: Some(profile.name.clone()), ..it }));
        }
        findings
    })
}

/// A finding for each problem but those of keys, which belong to their profiles; or one that there is none.
fn configuration(source: &Source, checked: &CheckReport) -> Vec<Finding> {
    let is_of_keys = |key: &Option<String>| key.as_ref().is_some_and(|key| key.starts_with("credentials."));
    let mut findings = Vec::new();
    for problem in checked.problems().iter().filter(|problem| checked.exit_code() == USAGE || !is_of_keys(&problem.key))
    {
        let key = problem.key.as_ref().map(|key| format!("`{key}`: ")).unwrap_or_default();
        let detail = format!("{}: {key}{}", problem.location, problem.detail);
        let advice = problem.hint.clone().unwrap_or_else(|| "correct it; `mq-gateway check` shows the same".to_owned());
        findings.push(Finding::new(Check::Configuration, Verdict::Failed, detail).advise(advice));
    }
    for warning in checked.warnings() {
        let finding = Finding::new(Check::Configuration, Verdict::Warning, warning.detail.clone());
        findings.push(finding.advise(warning.hint.clone().unwrap_or_default()));
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
