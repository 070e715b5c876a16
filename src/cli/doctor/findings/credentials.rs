//! What the probes' results say about the keys.

use crate::cli::doctor::http_protocol::HttpProtocol;
use crate::cli::doctor::probe_result::{Parameter, ProbeOutcome, ProbeResult, Reply};
use crate::cli::doctor::probes::Target;
use crate::cli::doctor::report::{Check, Finding, Verdict};
use crate::cli::doctor::{advice, clock_check};
use crate::protocol::ClockOffset;

/// The finding on the keys: of the result that says most about them.
pub(super) fn finding(results: &[ProbeResult], offset: Option<ClockOffset>, target: &Target) -> Finding {
    let Some(result) = results.iter().min_by_key(|it| rank(&it.outcome)) else {
        return new(Verdict::Skipped, "nothing was asked");
    };
    match &result.outcome {
        ProbeOutcome::Accepted(reply) => new(
            Verdict::Ok,
            format!(
                "the MQ accepted a signed request ({reply} to the acknowledgement of a handle that does not exist)"
            ),
        ),
        ProbeOutcome::Refused(reply) => refused(result, reply, offset, target),
        ProbeOutcome::Invalid(parameter, reply) => invalid(*parameter, reply, offset, target),
        ProbeOutcome::NotFound(parameter, reply) => {
            let advice = if is_placeholder(result, *parameter) { advice::NAME_BOTH } else { advice::name(target) };
            not_known(reply).advise(advice)
        }
        ProbeOutcome::Unavailable(reply) => {
            let detail = format!("not known: the MQ answered {reply}, so it could not serve the request");
            new(Verdict::Failed, detail).advise(advice::UNAVAILABLE)
        }
        ProbeOutcome::Unexpected(status) => {
            let detail = format!("the answer was {status}, which the MQ's protocol does not have here");
            new(Verdict::Failed, detail).advise(advice::ADDRESS)
        }
        ProbeOutcome::NoAnswer(reason) => {
            new(Verdict::Failed, format!("the MQ gave no usable answer: {reason}")).advise(advice::ADDRESS)
        }
    }
}

fn new(verdict: Verdict, detail: impl Into<String>) -> Finding {
    Finding::new(Check::Credentials, verdict, detail)
}

fn not_known(reply: &Reply) -> Finding {
    let detail = format!("not known: the MQ answered {reply}, and may not have looked at the signature");
    new(Verdict::Warning, detail)
}

/// The smaller, the more an outcome says about the keys: accepted, then about the keys themselves, then any.
fn rank(outcome: &ProbeOutcome) -> u8 {
    match outcome {
        ProbeOutcome::Accepted(_) => 0,
        ProbeOutcome::Invalid(
            Some(Parameter::AccessKey | Parameter::Signature | Parameter::Time | Parameter::Headers),
            _,
        ) => 1,
        ProbeOutcome::Refused(_) => 2,
        ProbeOutcome::Invalid(..) | ProbeOutcome::NotFound(..) => 3,
        ProbeOutcome::Unavailable(_) | ProbeOutcome::Unexpected(_) => 4,
        ProbeOutcome::NoAnswer(_) => 5,
    }
}

/// Whether what is not there was never configured.
fn is_placeholder(result: &ProbeResult, parameter: Option<Parameter>) -> bool {
    match parameter {
        Some(Parameter::Topic) => result.probe.topic.is_placeholder,
        Some(Parameter::Group) => result.probe.group.is_placeholder,
        Some(_) | None => result.probe.has_placeholder(),
    }
}

/// The MQ says that something about the request is wrong, or nothing more than that.
fn invalid(parameter: Option<Parameter>, reply: &Reply, offset: Option<ClockOffset>, target: &Target) -> Finding {
    match parameter {
        Some(Parameter::AccessKey | Parameter::Signature) if target.embedded => {
            let detail = format!("refused with {reply}: an embedded endpoint with other keys than these");
            new(Verdict::Failed, detail).advise(advice::OTHER_ENDPOINT)
        }
        Some(Parameter::AccessKey) => {
            let detail = format!("the MQ's {reply} is about the access key: it is not known there");
            new(Verdict::Failed, detail).advise(advice::ACCESS_KEY)
        }
        Some(Parameter::Signature) => {
            let detail =
                format!("the MQ's {reply} is about the signature: the secret key is not the one of this access key");
            new(Verdict::Failed, detail).advise(advice::SIGNATURE)
        }
        Some(Parameter::Time) => wrong_time(reply, offset, target.protocol),
        Some(Parameter::Headers) => {
            let detail = format!(
                "the MQ's {reply} is about a header that every request of ours has: it did not come as it was sent"
            );
            new(Verdict::Failed, detail).advise(advice::HEADERS)
        }
        Some(Parameter::Topic | Parameter::Group) | None => not_known(reply).advise(advice::keys(target)),
    }
}

/// The MQ says that the time is wrong.
fn wrong_time(reply: &Reply, offset: Option<ClockOffset>, protocol: HttpProtocol) -> Finding {
    let detail = format!("the MQ's {reply} is about the time of the request");
    match offset {
        Some(offset) if !clock_check::is_fatal(offset, protocol) => {
            let detail = format!("{detail}, yet the clocks agree: {}", clock_check::describe(offset));
            new(Verdict::Failed, detail).advise(advice::DELAY)
        }
        Some(_) | None => new(Verdict::Failed, detail).advise(advice::CLOCK),
    }
}

/// Every probe was refused.
fn refused(result: &ProbeResult, reply: &Reply, offset: Option<ClockOffset>, target: &Target) -> Finding {
    let (mut detail, advice) = if reply.code.is_some() {
        // Wrong keys and times have codes of their own.
        let detail = format!(
            "refused with {reply}: the access key may not do this, or topic, group or instance are not its account's"
        );
        (detail, advice::PERMISSION)
    } else {
        let clock = match offset {
            Some(offset) if clock_check::is_fatal(offset, target.protocol) => {
                let words = clock_check::describe(offset);
                let detail = format!("refused with {reply}; the clocks alone explain it: {words}");
                return new(Verdict::Failed, detail).advise(advice::CLOCK);
            }
            Some(offset) => format!("not the clock ({})", clock_check::describe(offset)),
            None => "or the clock, which could not be compared".to_owned(),
        };
        if target.takes_any_name {
            let detail = format!("refused with {reply}: an embedded endpoint with other keys than these");
            return new(Verdict::Failed, detail).advise(advice::OTHER_ENDPOINT);
        }
        let detail = format!(
            "refused with {reply}; the MQ does not say why: the access key, the secret key, or a topic or group that is \
             not this account's, {clock}"
        );
        (detail, advice::keys(target))
    };
    if !result.probe.has_placeholder() {
        return new(Verdict::Failed, detail).advise(advice);
    }
    detail.push_str(
        "; topic or group were placeholders, since the configuration names none, so good keys may be refused",
    );
    new(Verdict::Warning, detail).advise(advice::NAME_BOTH)
}
