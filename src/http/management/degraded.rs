//! Why a profile's MQ is not what it should be, for people.

use std::time::Duration;

use tokio::time::Instant;

use crate::push::{LastError, PauseReason, SubscriptionStatus};
use crate::telemetry::Metrics;
use crate::upstream::{Accepted, Refused, UpstreamHealth};

/// The most refusals that are told one by one.
const MOST: usize = 5;

/// Nothing where all is well.
pub(super) fn upstream_reasons(upstream: &UpstreamHealth, metrics: &Metrics) -> Vec<String> {
    let mut reasons = Vec::new();
    if !upstream.is_up() {
        reasons.push("the MQ could not be reached".to_owned());
    }
    let circuits = metrics.upstream.open_circuits(upstream.name());
    if !circuits.is_empty() {
        reasons.push(format!("circuit open: {}", circuits.join(", ")));
    }
    let (refused, number) = upstream.refused(MOST, Instant::now());
    reasons.extend(refused.iter().map(describe));
    if let Some(more @ 1..) = number.checked_sub(MOST) {
        reasons.push(format!("and {more} more"));
    }
    reasons
}

/// Nothing where all is well, or where somebody wanted it to be paused.
pub(super) fn subscription_reasons(subscription: &SubscriptionStatus) -> Vec<String> {
    let mut reasons = Vec::new();
    if subscription.stopped_since.is_some() {
        reasons.push("it does nothing more until the next start, as something in it broke: see the log".to_owned());
    }
    match subscription.paused {
        Some((PauseReason::Gone, _)) => {
            reasons.push("paused, as its target answered 410: resume it when the target is there again".to_owned());
        }
        Some((PauseReason::Configured | PauseReason::Operator, _)) | None => {}
    }
    if subscription.failing_since.is_some()
        && let Some(LastError { result, status, .. }) = subscription.last_error
    {
        let status = status.map_or_else(String::new, |status| format!(" (status {status})"));
        reasons.push(format!("its target fails: {result}{status}"));
    }
    if let Some(reason) = subscription.receive_error {
        reasons.push(format!("it cannot receive: {reason}"));
    }
    reasons
}

fn describe(refused: &Refused) -> String {
    let Refused { what, is_denied, topic, group, since } = refused;
    let whose = match (topic.as_str(), group.as_str()) {
        ("*", _) => "names that are not configured".to_owned(),
        (topic, "") => format!("topic {topic}"),
        (topic, group) => format!("group {group} of topic {topic}"),
    };
    let what = match what {
        Accepted::Keys => format!("keys refused for {whose}"),
        Accepted::Topics | Accepted::Groups if *is_denied => {
            format!("{whose} denied to these keys, which are good for others")
        }
        Accepted::Topics | Accepted::Groups => format!("{whose} unknown to the MQ"),
    };
    format!("{what} (for {})", seconds(*since))
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}
