//! `mq-gateway sign --explain`: how the gateway would sign a request, for comparing with a vendor's sample.

mod explanation;
mod mq_http;
mod ons_http;

use clap::CommandFactory as _;

use super::arguments::{Arguments, Format, Operation, SignArguments};
use super::{Failure, print, profile_access, run};
use crate::clock::Clock;
use crate::config::{Config, ProfileConfig, Protocol, TopicConfig, TopicPattern};
use crate::model::{ConsumerGroup, Key, NameError, Tag, Topic, UnixMillis, UpstreamHandle};
use explanation::Context;

/// No profile takes a longer message.
const MAX_BODY_BYTES: u64 = 64 << 20;

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
    let config = run::load(&common.source.source(), &common.overrides())?;
    let topic = Topic::parse_configured(&arguments.topic).map_err(|error| wrong("--topic", error))?;
    let settings = settings(&config, &topic);
    let profile = profile(&config, settings, common.profile.as_deref())?;
    let credentials = profile_access::credentials(&config, profile)
        .map_err(|error| Failure::bad(format!("profile `{}`: {}", profile.name, error.reason)))?;
    let addresses = profile_access::addresses(&config, profile).map_err(Failure::bad)?;
    let address = addresses.first().ok_or_else(|| Failure::bad("the profile has no endpoint"))?;
    let host = address.origin().map_err(Failure::bad)?.host_header;
    let time = arguments.time.unwrap_or_else(|| Clock::system().now().0);
    let context = Context {
        profile: &profile.name,
        url: &profile_access::url(address),
        host: &host,
        show_signature: arguments.show_signature,
    };
    refuse_useless(arguments, profile.protocol)?;
    let explanation = match profile.protocol {
        Protocol::OnsHttp => {
            let request = ons_http::request(arguments, &topic, profile, settings, time)?;
            ons_http::explain(request, &credentials, &profile.content_type, &context)
        }
        Protocol::MqHttp => {
            let request = mq_http::request(arguments, &topic, profile, settings)?;
            mq_http::explain(&request, &credentials, UnixMillis(time), &context)
        }
    };
    match common.format {
        Format::Text => print(&explanation.to_text())?,
        Format::Json => print(&explanation.to_json().to_string())?,
    }
    Ok(0)
}

/// The topic's own table, else the one for any topic.
fn settings<'a>(config: &'a Config, topic: &Topic) -> Option<&'a TopicConfig> {
    let find = |wanted: &TopicPattern| config.topics.iter().find(|it| it.name == *wanted);
    find(&TopicPattern::Named(topic.clone())).or_else(|| find(&TopicPattern::Any))
}

/// The one asked for, else the topic's, else the only one.
fn profile<'a>(
    config: &'a Config,
    settings: Option<&TopicConfig>,
    asked: Option<&str>,
) -> Result<&'a ProfileConfig, Failure> {
    match (asked, settings) {
        (Some(name), _) => profile_access::named(config, name),
        (None, Some(topic)) => profile_access::named(config, &topic.profile),
        (None, None) if config.profiles.len() == 1 => {
            config.profiles.values().next().ok_or_else(|| Failure::usage("the configuration has no profile"))
        }
        (None, None) => Err(Failure::usage("--topic is none of the configuration: say which profile with --profile")),
    }
}

/// A flag that the operation does not have would be ignored in silence, and somebody would wonder.
fn refuse_useless(arguments: &SignArguments, protocol: Protocol) -> Result<(), Failure> {
    let publishes = arguments.operation == Operation::Publish;
    // ONS HTTP gives every message, whatever its tag.
    let filters = arguments.operation == Operation::Consume && protocol == Protocol::MqHttp;
    let given = [
        ("--body", arguments.body.is_some(), publishes),
        ("--body-file", arguments.body_file.is_some(), publishes),
        ("--tag", arguments.tag.is_some(), publishes || filters),
        ("--key", arguments.key.is_some(), publishes),
        ("--handle", arguments.handle.is_some(), arguments.operation == Operation::Ack),
    ];
    match given.iter().find(|(_, given, wanted)| *given && !wanted) {
        Some((flag, ..)) => Err(Failure::usage(format!("{flag} does not belong to this operation"))),
        None => Ok(()),
    }
}

fn default_tag(settings: Option<&TopicConfig>) -> Option<&Tag> {
    settings?.default_tag.as_ref()
}

fn default_key(settings: Option<&TopicConfig>) -> Option<&Key> {
    settings?.default_key.as_ref()
}

/// The tag of a message.
fn tag(arguments: &SignArguments) -> Result<Option<Tag>, Failure> {
    arguments.tag.as_deref().map(Tag::parse).transpose().map_err(|error| wrong("--tag", error))
}

fn keys(arguments: &SignArguments) -> Result<Vec<Key>, Failure> {
    let keys = arguments.key.iter().flat_map(|keys| keys.split(' '));
    keys.map(Key::parse).collect::<Result<_, _>>().map_err(|error| wrong("--key", error))
}

/// The consumer group.
fn consumer_group(arguments: &SignArguments) -> Result<&str, Failure> {
    let group = arguments.group.as_deref().ok_or_else(|| Failure::usage("--group is missing: the consumer group"))?;
    ConsumerGroup::parse_configured(group).map_err(|error| wrong("--group", error))?;
    Ok(group)
}

fn handle(arguments: &SignArguments) -> Result<&str, Failure> {
    let handle = arguments.handle.as_deref();
    let handle = handle.ok_or_else(|| Failure::usage("--handle is missing: the MQ's msgHandle or ReceiptHandle"))?;
    UpstreamHandle::parse(handle).map_err(|error| wrong("--handle", error))?;
    Ok(handle)
}

fn body(arguments: &SignArguments) -> Result<Vec<u8>, Failure> {
    let Some(path) = &arguments.body_file else {
        return Ok(arguments.body.clone().unwrap_or_default().into_bytes());
    };
    let failed = |reason: String| Failure::usage(format!("--body-file {}: {reason}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > MAX_BODY_BYTES {
        return Err(failed("is larger than any message".to_owned()));
    }
    std::fs::read(path).map_err(|error| failed(error.to_string()))
}

fn wrong(flag: &str, error: NameError) -> Failure {
    Failure::usage(format!("{flag} {error}"))
}
