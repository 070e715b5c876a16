//! What the probes' results say about keys, topics and groups, and what they leave open.
//!
//! ONS HTTP answers 403 without a reason to a wrong key, a wrong signature, a wrong time, and a topic or group of somebody
//! else. They are told apart as far as possible: the time by the `Date` of the answer, the keys by any other probe that
//! was accepted. MQ HTTP has a code for each, but no source tells in which order it checks: a topic that is not there
//! says nothing about the keys. What stays open is part of the finding.

mod credentials;
mod group;
mod topic;

use super::probe_result::ProbeResult;
use super::probes::{ProbePlan, Target};
use super::report::{Check, Finding, Verdict};
use crate::config::Protocol;
use crate::protocol::ClockOffset;

/// The findings on keys, topics and groups, in this order. `results` is not empty.
pub(super) fn of_results(results: &[ProbeResult], offset: Option<ClockOffset>, target: &Target) -> Vec<Finding> {
    let mut findings = vec![credentials::finding(results, offset, target)];
    let mut topics: Vec<&str> = Vec::new();
    for topic in results.iter().map(|it| &it.probe.topic).filter(|topic| !topic.is_placeholder) {
        if !topics.contains(&topic.text.as_str()) {
            topics.push(&topic.text);
        }
    }
    findings.extend(topics.iter().map(|name| topic::finding(name, results, target)));
    if topics.is_empty() {
        findings.push(Finding::new(Check::Topic, Verdict::Skipped, "no topic is named in the configuration, only `*`"));
    }
    let groups = results.iter().filter(|it| !it.probe.group.is_placeholder);
    let groups: Vec<Finding> = groups.map(|it| group::finding(it, results, target)).collect();
    if groups.is_empty() {
        findings.push(Finding::new(Check::Group, Verdict::Skipped, "no group is named in the configuration"));
    }
    findings.extend(groups);
    findings
}

/// What was not probed, and why.
pub(super) fn of_the_rest(plan: &ProbePlan, producer_group: &str) -> Vec<Finding> {
    let producer = match plan.target.protocol {
        Protocol::OnsHttp => {
            format!("`{producer_group}`, the producer group: only a publish shows it, and nothing is published")
        }
        Protocol::MqHttp if producer_group.is_empty() => "the producer group: mq-http sends none".to_owned(),
        Protocol::MqHttp => format!("`{producer_group}`, the producer group: mq-http sends none"),
    };
    let mut findings = vec![Finding::new(Check::Group, Verdict::Skipped, producer)];
    if plan.left_out > 0 {
        let detail = format!("{} more pairs of topic and group were not asked about", plan.left_out);
        findings.push(Finding::new(Check::Group, Verdict::Skipped, detail));
    }
    findings
}

#[cfg(test)]
mod tests;
