//! What the probes' results say about one topic.

use crate::cli::doctor::advice;
use crate::cli::doctor::http_protocol::HttpProtocol;
use crate::cli::doctor::probe_result::{Parameter, ProbeOutcome, ProbeResult, any_accepted};
use crate::cli::doctor::probes::Target;
use crate::cli::doctor::report::{Check, Finding, Verdict};

/// The finding on the topic `name`: of all its probes, and of the others where they say something about the keys.
pub(super) fn finding(name: &str, results: &[ProbeResult], target: &Target) -> Finding {
    let new = |verdict, detail: &str| Finding::new(Check::Topic, verdict, format!("`{name}` {detail}"));
    let own: Vec<&ProbeResult> = results.iter().filter(|it| it.probe.topic.text == name).collect();
    if own.iter().any(|it| it.is_accepted()) {
        return new(Verdict::Ok, "was accepted");
    }
    if let Some(detail) = own.iter().find_map(|it| blame(&it.outcome)) {
        return new(Verdict::Failed, &detail).advise(advice::name(target));
    }
    let any = |wanted: fn(&ProbeOutcome) -> bool| own.iter().any(|it| wanted(&it.outcome));
    if !any(|outcome| matches!(outcome, ProbeOutcome::Refused(_))) {
        let why = if any(|outcome| matches!(outcome, ProbeOutcome::NotFound(Some(Parameter::Group), _))) {
            "could not be checked: the MQ does not know the group of the probe"
        } else {
            "could not be checked, see the credentials"
        };
        return new(Verdict::Skipped, why);
    }
    if !any_accepted(results) {
        return new(Verdict::Skipped, "was refused together with the credentials; the MQ does not say which it is");
    }
    if own.iter().all(|it| it.probe.group.is_placeholder) {
        let detail = "was refused, and the keys are good; its groups are not named, so it may be the placeholder that \
                      stood in for one";
        return new(Verdict::Warning, detail).advise(advice::NAME_A_GROUP);
    }
    let why = match target.protocol {
        _ if target.embedded => "the endpoint does not have it",
        HttpProtocol::OnsHttp => "it, or its groups, do not exist or belong to another account",
        // What does not exist has codes of its own.
        HttpProtocol::MqHttp => "it, or its groups, belong to another account, or this one's user may not have them",
    };
    new(Verdict::Failed, &format!("was refused, and the keys are good: {why}")).advise(advice::refused_name(target))
}

/// What is wrong with the topic, where an outcome says it.
fn blame(outcome: &ProbeOutcome) -> Option<String> {
    match outcome {
        ProbeOutcome::NotFound(Some(Parameter::Topic), reply) => Some(format!("is not known to the MQ: {reply}")),
        ProbeOutcome::NotFound(None, reply) => Some(format!("or its group is not known to the MQ: {reply}")),
        ProbeOutcome::Invalid(Some(Parameter::Topic), reply) => Some(format!("was rejected as invalid: {reply}")),
        ProbeOutcome::Accepted(_)
        | ProbeOutcome::Refused(_)
        | ProbeOutcome::Invalid(..)
        | ProbeOutcome::NotFound(..)
        | ProbeOutcome::Unavailable(_)
        | ProbeOutcome::Unexpected(_)
        | ProbeOutcome::NoAnswer(_) => None,
    }
}
