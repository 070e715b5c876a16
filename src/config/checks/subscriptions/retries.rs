//! The schedule of a subscription beside what its MQ does.

use crate::config::findings::Findings;
use crate::config::sections::{ProfileConfig, SubscriptionConfig};
use crate::config::settings::Config;
use crate::config::values::{Flaw, duration_text};
use crate::model::{Feature, Protocol};

pub(super) fn check(
    config: &Config,
    subscription: &SubscriptionConfig,
    profile: &ProfileConfig,
    key: &impl Fn(&str) -> String,
    findings: &mut Findings,
) {
    if let Some(flaw) = flaw_of_visibility_timeout(subscription, profile) {
        return findings.add(&key("visibility_timeout"), flaw);
    }
    if subscription.max_deliveries.is_some() && profile.is_embedded() {
        let flaw = Flaw::new("has no effect with the embedded endpoint, whose limit is known");
        findings.add(&key("max_deliveries"), flaw.hint("set `max_redeliveries` below [embedded]"));
    }
    let Some(schedule) = config.retry_schedule(subscription) else { return };
    let means = schedule.means();
    let visibility_timeout = duration_text(means.visibility_timeout);
    if schedule.hidden_for_attempt() > means.visibility_timeout {
        let flaw = Flaw::new(format!(
            "is not below the visibility timeout, {visibility_timeout}: others would get a message that is being sent"
        ));
        return findings
            .add(&key("timeout"), flaw.hint("leave at least a tenth, or a second, of the visibility timeout free"));
    }
    let plan = schedule.plan();
    if let Some(limit) = means.deliveries.filter(|limit| plan.deliveries > *limit) {
        let protocol = profile.protocol.kind();
        let flaw = Flaw::new(format!(
            "takes up to {} deliveries with {protocol} and a visibility timeout of {visibility_timeout}, and the MQ gives a message up after {limit}",
            plan.deliveries
        ));
        let hint = if profile.is_embedded() {
            "shorten it, or raise `max_redeliveries` below [embedded]"
        } else {
            "shorten it; or, where the MQ is configured otherwise, say so with `max_deliveries`"
        };
        findings.add(&key("retry_schedule"), flaw.hint(hint));
    }
    if profile.is_embedded() && plan.total >= config.embedded.retention {
        let flaw = Flaw::new(format!(
            "may last {}, and the embedded endpoint keeps messages for {} only",
            duration_text(plan.total),
            duration_text(config.embedded.retention)
        ));
        findings.add(&key("retry_schedule"), flaw.hint("shorten it, or raise `retention` below [embedded]"));
    }
}

fn flaw_of_visibility_timeout(subscription: &SubscriptionConfig, profile: &ProfileConfig) -> Option<Flaw> {
    let wanted = subscription.visibility_timeout?;
    let capabilities = profile.capabilities();
    if capabilities.has(Feature::VisibilityTimeout) {
        let limits = capabilities.limits.visibility_timeouts?;
        if limits.nearest(wanted) == wanted {
            return None;
        }
        let (min, max) = (duration_text(limits.min), duration_text(limits.max));
        return Some(Flaw::new(format!(
            "expects a duration from {min} to {max} with this profile; this is outside that range"
        )));
    }
    if profile.is_embedded() {
        let flaw = Flaw::new("has no effect with mq-http and the embedded endpoint, which hides every delivery alike");
        return Some(flaw.hint("set `visibility_timeout` below [embedded]"));
    }
    match capabilities.protocol {
        Protocol::OnsHttp => {
            let flaw = Flaw::new("cannot be chosen with ons-http, whose profile says what the MQ does");
            Some(flaw.hint("set `visibility_timeout` of the profile"))
        }
        Protocol::MqHttp | Protocol::RocketMq => None,
    }
}
