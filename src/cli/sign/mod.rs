//! `mq-gateway sign --explain`: how the gateway would sign a request, for comparing with a vendor's sample.

mod explanation;
mod request;

use clap::CommandFactory as _;

use super::arguments::{Arguments, SignArguments};
use super::configuration::{self, load};
use super::failure::Failure;
use super::format::Format;
use super::output::{print, print_json};
use super::profile_access;
use crate::clock::Clock;
#[cfg(feature = "rocketmq")]
use crate::config::RocketMqConfig;
use crate::config::{BinaryBodies, Config, MqHttpConfig, OnsHttpConfig, ProfileConfig, ProtocolConfig, TopicConfig};
use crate::model::{ConsumerGroup, Topic, UnixMillis};
#[cfg(feature = "rocketmq")]
use crate::protocol::rocketmq;
use crate::protocol::{mq_http, ons_http};
use crate::signature::Pair;
use explanation::{Context, Explanation};
use request::Request;

/// Prints the explanation.
pub(super) fn sign(arguments: &SignArguments) -> Result<u8, Failure> {
    if !arguments.explain {
        let mut command = Arguments::command();
        // Puts the program's name into the usage of its subcommands.
        command.build();
        let usage = command.find_subcommand_mut("sign").map(|sign| sign.render_usage().to_string()).unwrap_or_default();
        return Err(Failure::usage(format!(
            "`sign` shows how a request is signed, and signs nothing to be sent: add --explain (and --show-signature, to \
             see the signature itself)\n\n{usage}"
        )));
    }
    let common = &arguments.common;
    let config = load(&configuration::source(&common.source), &common.overrides())?;
    let topic = Topic::parse_longest(&arguments.topic).map_err(|error| Failure::usage(format!("--topic {error}")))?;
    let settings = config.topic(&topic);
    let profile = profile(&config, settings, common.profile.as_deref())?;
    let credentials = profile_access::credentials(&config, profile)
        .map_err(|error| Failure::bad(format!("profile `{}`: {error}", profile.name)))?;
    let endpoints = profile_access::endpoints(&config, profile).map_err(Failure::bad)?;
    let endpoint = endpoints.first().ok_or_else(|| Failure::bad("the profile has no endpoint"))?;
    let host = endpoint.origin().map_err(Failure::bad)?.host_header;
    let context = Context {
        profile: &profile.name,
        protocol: profile.protocol.kind(),
        url: &profile_access::url(endpoint),
        host: &host,
        pair: &Pair::new(&credentials),
        show_signature: arguments.show_signature,
    };
    let request = Request::parse(arguments, &topic, profile, settings)?;
    let time = arguments.time.map_or_else(|| Clock::system().now(), UnixMillis);
    let explanation = match &profile.protocol {
        ProtocolConfig::OnsHttp(own) => explain_ons_http(&request, &topic, own, time, &context),
        ProtocolConfig::MqHttp(own) => explain_mq_http(&request, &topic, own, time, &context),
        #[cfg(feature = "rocketmq")]
        ProtocolConfig::RocketMq(own) => explain_rocketmq(&request, own, time, &context),
        #[cfg(not(feature = "rocketmq"))]
        ProtocolConfig::RocketMq(_) => return Err(Failure::bad("this build is without rocketmq")),
    };
    match common.format {
        Format::Text => print(&explanation.to_text())?,
        Format::Json => print_json(&explanation.to_json().to_string())?,
    }
    Ok(0)
}

/// The one of this name, else the topic's, else the only one.
fn profile<'a>(
    config: &'a Config,
    settings: Option<&TopicConfig>,
    name: Option<&str>,
) -> Result<&'a ProfileConfig, Failure> {
    match (name, settings) {
        (Some(name), _) => profile_access::named(config, name),
        (None, Some(topic)) => profile_access::named(config, &topic.profile),
        (None, None) if config.profiles.len() == 1 => {
            config.profiles.values().next().ok_or_else(|| Failure::usage("the configuration has no profile"))
        }
        (None, None) => Err(Failure::usage("--topic is none of the configuration: say which profile with --profile")),
    }
}

fn explain_ons_http(
    request: &Request,
    topic: &Topic,
    profile: &OnsHttpConfig,
    time: UnixMillis,
    context: &Context<'_>,
) -> Explanation {
    use ons_http::{Acknowledge, Consume, MAX_CONSUME, Publish};
    let topic = topic.as_str();
    let request = match request {
        Request::Publish { message, producer_group } => {
            let producer_group = producer_group.as_ref().map_or(profile.producer_group.as_str(), ConsumerGroup::as_str);
            ons_http::Request::Publish(Publish::new(message, producer_group, &profile.content_type, time))
        }
        Request::Consume { group, .. } => {
            ons_http::Request::Consume(Consume { num: Some(MAX_CONSUME), ..Consume::new(topic, group.as_str(), time) })
        }
        Request::Acknowledge { group, handle } => {
            ons_http::Request::Acknowledge(Acknowledge::new(topic, group.as_str(), handle.as_str(), time))
        }
    };
    let string_to_sign = request.string_to_sign();
    context.explain(&string_to_sign, |by| request.encode(by))
}

fn explain_mq_http(
    request: &Request,
    topic: &Topic,
    profile: &MqHttpConfig,
    time: UnixMillis,
    context: &Context<'_>,
) -> Explanation {
    use mq_http::{Acknowledge, Consume, MAX_CONSUME, Publish};
    let (topic, instance) = (topic.as_str(), profile.instance_id.as_deref());
    let encoded = match request {
        Request::Publish { message, .. } => {
            let marks_bodies = profile.binary_bodies == BinaryBodies::Base64;
            Publish { topic, instance, message, marks_bodies }.encode()
        }
        Request::Consume { group, tags, ordered } => {
            let (group, tags, ordered) = (group.as_str(), tags.as_ref(), *ordered);
            Consume { topic, group, instance, num: MAX_CONSUME, wait_seconds: 0, tags, ordered }.encode()
        }
        Request::Acknowledge { group, handle } => {
            let handles = std::slice::from_ref(handle);
            Acknowledge { topic, group: group.as_str(), instance, handles }.encode()
        }
    };
    let dated = encoded.at(time);
    let string_to_sign = dated.string_to_sign();
    context.explain(&string_to_sign, |by| dated.encode(by))
}

#[cfg(feature = "rocketmq")]
fn explain_rocketmq(
    request: &Request,
    profile: &RocketMqConfig,
    time: UnixMillis,
    context: &Context<'_>,
) -> Explanation {
    use rocketmq::Method;
    let (method, body) = match request {
        Request::Publish { message, .. } => (Method::SendMessage, Some(&*message.body)),
        Request::Consume { .. } => (Method::ReceiveMessage, None),
        Request::Acknowledge { .. } => (Method::AckMessage, None),
    };
    context.explain_call(method, body, profile.namespace.as_deref().unwrap_or_default(), time)
}

#[cfg(test)]
mod tests;
