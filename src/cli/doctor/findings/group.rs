//! What the probes' results say about one group of a topic.

use crate::cli::doctor::advice;
use crate::cli::doctor::http_protocol::HttpProtocol;
use crate::cli::doctor::probe_result::{Parameter, ProbeOutcome, ProbeResult, any_accepted};
use crate::cli::doctor::probes::Target;
use crate::cli::doctor::report::{Check, Finding, Verdict};

/// The finding on the group of `result`, and of the other results where they say something about topic and keys.
pub(super) fn finding(result: &ProbeResult, results: &[ProbeResult], target: &Target) -> Finding {
    let (group, topic) = (&result.probe.group.text, &result.probe.topic);
    let new = |verdict, detail: &str| {
        let of = if topic.is_placeholder { "a placeholder topic".to_owned() } else { format!("`{}`", topic.text) };
        Finding::new(Check::Group, verdict, format!("`{group}` on {of} {detail}"))
    };
    match &result.outcome {
        ProbeOutcome::Accepted(_) => new(Verdict::Ok, "was accepted"),
        ProbeOutcome::Invalid(Some(Parameter::Group), reply) => {
            new(Verdict::Failed, &format!("was rejected as invalid: {reply}")).advise(advice::group_name(target))
        }
        ProbeOutcome::NotFound(Some(Parameter::Group), reply) => {
            new(Verdict::Failed, &format!("is not known to the MQ: {reply}")).advise(advice::group_name(target))
        }
        ProbeOutcome::Refused(_) if results.iter().any(|it| it.probe.topic.text == topic.text && it.is_accepted()) => {
            let why = match target.protocol {
                HttpProtocol::OnsHttp => "it does not exist or belongs to another account",
                HttpProtocol::MqHttp => "it belongs to another account, or this one's user may not have it",
            };
            new(Verdict::Failed, &format!("was refused, and the topic is good: {why}"))
                .advise(advice::refused_name(target))
        }
        ProbeOutcome::Refused(_) => {
            let with = if any_accepted(results) { "with its topic" } else { "together with the credentials" };
            new(Verdict::Skipped, &format!("was refused {with}; the MQ does not say which it is"))
        }
        ProbeOutcome::Invalid(..)
        | ProbeOutcome::NotFound(..)
        | ProbeOutcome::Unavailable(_)
        | ProbeOutcome::Unexpected(_)
        | ProbeOutcome::NoAnswer(_) => new(Verdict::Skipped, "could not be checked, see the credentials and the topic"),
    }
}
