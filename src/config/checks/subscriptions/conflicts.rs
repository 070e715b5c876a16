//! Keys of one subscription that do not go together.

use std::net::IpAddr;

use crate::config::findings::Findings;
use crate::config::sections::{ProfileConfig, PushData, PushFormat, SubscriptionConfig};
use crate::config::values::Flaw;
use crate::model::Feature;

pub(super) fn check(subscription: &SubscriptionConfig, key: &impl Fn(&str) -> String, findings: &mut Findings) {
    if subscription.connect_timeout > subscription.timeout {
        let flaw = Flaw::new("is longer than `timeout`, which holds for the whole request");
        findings.add(&key("connect_timeout"), flaw.hint("lower it, or raise `timeout`"));
    }
    if subscription.ca_file.is_some() && !subscription.url.has_tls() {
        findings.add(&key("ca_file"), Flaw::new("has no effect, since the target is not https"));
    }
    check_address(subscription, key, findings);
    check_format(subscription, key, findings);
    check_headers(subscription, key, findings);
    check_secrets(subscription, key, findings);
}

/// A target that is written as an address, and could never be connected to.
fn check_address(subscription: &SubscriptionConfig, key: &impl Fn(&str) -> String, findings: &mut Findings) {
    let Ok(address) = subscription.url.host().parse::<IpAddr>() else { return };
    let (allow, deny) = (&subscription.allow_addresses, &subscription.deny_addresses);
    let flaw = if let Some(range) = deny.iter().find(|range| range.contains(address)) {
        Flaw::new(format!("has an address that `deny_addresses` has ({range})"))
    } else if !allow.is_empty() && !allow.iter().any(|range| range.contains(address)) {
        Flaw::new("has an address that `allow_addresses` does not have")
    } else {
        return;
    };
    findings.add(&key("url"), flaw.hint("no connection would be made: change the list, or the target"));
}

/// Keys that only some formats use.
fn check_format(subscription: &SubscriptionConfig, key: &impl Fn(&str) -> String, findings: &mut Findings) {
    let format = subscription.format;
    let unused: &[&str] = match format {
        PushFormat::CloudEvents | PushFormat::CloudEventsBinary => &[],
        PushFormat::Raw => &["source", "event_type"],
        PushFormat::ReceiveItem => &["source", "event_type", "data"],
    };
    for name in unused {
        if findings.is_set(&key(name)) {
            let flaw = Flaw::new(format!("has no effect with `format = \"{}\"`", format.as_str()));
            findings.add(&key(name), flaw.hint("remove it, or choose a format of events"));
        }
    }
}

fn check_headers(subscription: &SubscriptionConfig, key: &impl Fn(&str) -> String, findings: &mut Findings) {
    for (index, header) in subscription.headers.iter().enumerate() {
        if subscription.headers.iter().take(index).any(|earlier| earlier.name == header.name) {
            findings.add(&key(&format!("headers[{index}]")), Flaw::new("has a name that was there before"));
        }
    }
}

fn check_secrets(subscription: &SubscriptionConfig, key: &impl Fn(&str) -> String, findings: &mut Findings) {
    let secrets = &subscription.secrets;
    for (index, secret) in secrets.iter().enumerate() {
        if secrets.iter().take(index).any(|earlier| earlier.file == secret.file) {
            findings.add(&key(&format!("secrets[{index}]")), Flaw::new("names a file that was there before"));
        }
    }
    if !secrets.is_empty() && secrets.iter().all(|secret| secret.until.is_some()) {
        let flaw = Flaw::new("has a time for each secret after which it is not used, and nothing could be signed then");
        findings.add(&key("secrets"), flaw.hint("leave out `until` of the newest, which stands first"));
    }
    if secrets.is_empty() && findings.is_set(&key("secret_format")) {
        let flaw = Flaw::new("has no effect, since requests are not signed");
        findings.add(&key("secret_format"), flaw.hint("add `secrets`, or remove it"));
    }
}

pub(super) fn check_with_profile(
    subscription: &SubscriptionConfig,
    profile: &ProfileConfig,
    key: &impl Fn(&str) -> String,
    findings: &mut Findings,
) {
    let sends_the_body_itself = matches!(subscription.format, PushFormat::Raw | PushFormat::CloudEventsBinary);
    let any_body = matches!(subscription.data, PushData::Auto | PushData::Binary);
    if sends_the_body_itself
        && any_body
        && !subscription.secrets.is_empty()
        && profile.capabilities().has(Feature::BinaryBodies)
    {
        let flaw = Flaw::new(format!(
            "would sign bodies that are not UTF-8, which profile `{}` can deliver and most libraries cannot verify",
            profile.name
        ));
        findings.add(
            &key("format"),
            flaw.hint(
                "use `cloudevents` or `receive-item`, which are always text, or say `data = \"text\"` or `\"json\"`: other bodies are dead letters then",
            ),
        );
    }
}
