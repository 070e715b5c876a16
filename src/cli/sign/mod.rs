//! `mq-gateway sign --explain`: how the gateway would sign a request, for comparing with a vendor's sample.

mod explanation;

use clap::CommandFactory as _;

use super::arguments::{Arguments, Format, Operation, SignArguments};
use super::{Failure, print, profile_access, run};
use crate::clock::Clock;
use crate::config::{Config, ProfileConfig, Protocol, TopicConfig, TopicPattern};
use crate::model::{ConsumerGroup, Key, NameError, Tag, Topic, UpstreamHandle};
use crate::protocol::ons_http::{Acknowledge, Consume, MAX_CONSUME, Publish, Request};
use explanation::{Context, Explanation};

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
    if profile.protocol != Protocol::OnsHttp {
        let protocol = profile.protocol.as_str();
        return Err(Failure::bad(format!(
            "profile `{}`: signatures of {protocol} are not explained yet",
            profile.name
        )));
    }
    let credentials = profile_access::credentials(&config, profile)
        .map_err(|error| Failure::bad(format!("profile `{}`: {}", profile.name, error.reason)))?;
    let addresses = profile_access::addresses(&config, profile).map_err(Failure::bad)?;
    let address = addresses.first().ok_or_else(|| Failure::bad("the profile has no endpoint"))?;
    let host = address.origin().map_err(Failure::bad)?.host;
    let time = arguments.time.unwrap_or_else(|| Clock::system().now().0).to_string();
    let request = request(arguments, &topic, profile, settings, time)?;
    let context = Context {
        profile: &profile.name,
        url: &profile_access::url(address),
        host: host.to_str().unwrap_or_default(),
        content_type: &profile.content_type,
        show_signature: arguments.show_signature,
    };
    let explanation = Explanation::new(request, &credentials, &context);
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

/// The request as the gateway would make it.
fn request<'a>(
    arguments: &'a SignArguments,
    topic: &'a Topic,
    profile: &'a ProfileConfig,
    settings: Option<&'a TopicConfig>,
    time: String,
) -> Result<Request<'a>, Failure> {
    refuse_useless(arguments)?;
    let topic = topic.as_str().into();
    if arguments.operation == Operation::Publish {
        let producer_group = arguments.group.as_deref().unwrap_or(&profile.producer_group);
        ConsumerGroup::parse_configured(producer_group).map_err(|error| wrong("--group", error))?;
        if let Some(tag) = &arguments.tag {
            Tag::parse(tag).map_err(|error| wrong("--tag", error))?;
        }
        for key in arguments.key.iter().flat_map(|keys| keys.split(' ')) {
            Key::parse(key).map_err(|error| wrong("--key", error))?;
        }
        let default_tag = || settings?.default_tag.as_ref().map(Tag::as_str);
        let default_key = || settings?.default_key.as_ref().map(Key::as_str);
        return Ok(Request::Publish(Publish {
            topic,
            producer_group: producer_group.into(),
            time: time.into(),
            tag: arguments.tag.as_deref().or_else(default_tag).map(Into::into),
            key: arguments.key.as_deref().or_else(default_key).map(Into::into),
            start_deliver_time: None,
            sharding_key: None,
            body: body(arguments)?.into(),
        }));
    }
    let group = arguments.group.as_deref().ok_or_else(|| Failure::usage("--group is missing: the consumer group"))?;
    ConsumerGroup::parse_configured(group).map_err(|error| wrong("--group", error))?;
    let (consumer_group, time) = (group.into(), time.into());
    if arguments.operation == Operation::Consume {
        return Ok(Request::Consume(Consume { topic, consumer_group, time, num: Some(MAX_CONSUME), timeout: None }));
    }
    let handle =
        arguments.handle.as_deref().ok_or_else(|| Failure::usage("--handle is missing: the MQ's msgHandle"))?;
    UpstreamHandle::parse(handle).map_err(|error| wrong("--handle", error))?;
    Ok(Request::Acknowledge(Acknowledge { topic, consumer_group, time, handle: handle.into() }))
}

/// A flag that the operation does not have would be ignored in silence, and somebody would wonder.
fn refuse_useless(arguments: &SignArguments) -> Result<(), Failure> {
    let publishes = arguments.operation == Operation::Publish;
    let given = [
        ("--body", arguments.body.is_some(), publishes),
        ("--body-file", arguments.body_file.is_some(), publishes),
        ("--tag", arguments.tag.is_some(), publishes),
        ("--key", arguments.key.is_some(), publishes),
        ("--handle", arguments.handle.is_some(), arguments.operation == Operation::Ack),
    ];
    match given.iter().find(|(_, given, wanted)| *given && !wanted) {
        Some((flag, ..)) => Err(Failure::usage(format!("{flag} does not belong to this operation"))),
        None => Ok(()),
    }
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
