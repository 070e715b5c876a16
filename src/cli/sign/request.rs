//! The request that the flags and the topic's settings ask for, as the gateway would make it.

use std::io;
use std::path::Path;

use crate::cli::arguments::{Operation, SignArguments};
use crate::cli::failure::Failure;
use crate::config::{ProfileConfig, TopicConfig, read_regular_file};
#[cfg(feature = "rocketmq")]
use crate::model::UnixMillis;
use crate::model::{ConsumerGroup, Key, Message, NameError, Protocol, Tag, TagFilter, Topic, UpstreamHandle};
#[cfg(feature = "rocketmq")]
use crate::protocol::rocketmq;
use crate::protocol::{Objection, mq_http, ons_http};

/// No profile takes a longer message.
const MAX_BODY_BYTES: u64 = 64 << 20;

/// A request of any protocol.
#[derive(Debug)]
pub(super) enum Request {
    Publish {
        message: Message,
        /// In place of the profile's. Only ONS HTTP sends one.
        producer_group: Option<ConsumerGroup>,
    },
    Consume {
        group: ConsumerGroup,
        /// Only MQ HTTP has them.
        tags: Option<TagFilter>,
        /// Only MQ HTTP has it.
        ordered: bool,
    },
    Acknowledge {
        group: ConsumerGroup,
        handle: UpstreamHandle,
    },
}

impl Request {
    /// Reads the flags. What the profile's protocol does not carry is refused.
    pub(super) fn parse(
        arguments: &SignArguments,
        topic: &Topic,
        profile: &ProfileConfig,
        settings: Option<&TopicConfig>,
    ) -> Result<Self, Failure> {
        refuse_useless(arguments, profile.protocol.kind())?;
        Ok(match arguments.operation {
            Operation::Publish => {
                let producer_group = arguments.group.as_deref().map(ConsumerGroup::parse_configured).transpose();
                let producer_group = producer_group.map_err(|error| wrong("--group", error))?;
                Self::Publish { message: message(arguments, topic, profile, settings)?, producer_group }
            }
            Operation::Consume => {
                let group = consumer_group(arguments)?;
                let tags = arguments.tag.as_deref().map(TagFilter::parse).transpose();
                let ordered = settings.is_some_and(|topic| topic.is_ordered(&group));
                Self::Consume { group, tags: tags.map_err(|error| wrong("--tag", error))?.flatten(), ordered }
            }
            Operation::Ack => {
                let group = consumer_group(arguments)?;
                let missing = || Failure::usage("--handle is missing: the MQ's msgHandle or ReceiptHandle");
                let handle = UpstreamHandle::parse(arguments.handle.as_deref().ok_or_else(missing)?);
                Self::Acknowledge { group, handle: handle.map_err(|error| wrong("--handle", error))? }
            }
        })
    }
}

/// Refuses flags that the operation does not use: otherwise they would be ignored silently.
fn refuse_useless(arguments: &SignArguments, protocol: Protocol) -> Result<(), Failure> {
    let publishes = arguments.operation == Operation::Publish;
    if publishes && protocol != Protocol::OnsHttp && arguments.group.is_some() {
        return Err(Failure::usage(format!(
            "--group does not belong to a publish here: {protocol} sends no producer group"
        )));
    }
    // ONS HTTP gives every message, whatever its tag; on RocketMQ 5 the group's configuration says which.
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

/// The message, with the topic's defaults, if the gateway would send it.
fn message(
    arguments: &SignArguments,
    topic: &Topic,
    profile: &ProfileConfig,
    settings: Option<&TopicConfig>,
) -> Result<Message, Failure> {
    let body = match &arguments.body_file {
        Some(path) => read(path)?,
        None => arguments.body.clone().unwrap_or_default().into_bytes(),
    };
    let mut message = Message::new(topic.clone(), body.into());
    let tag = arguments.tag.as_deref().map(Tag::parse).transpose().map_err(|error| wrong("--tag", error))?;
    message.tag = tag.or_else(|| settings?.default_tag.clone());
    let keys = arguments.key.iter().flat_map(|keys| keys.split(' ')).map(Key::parse);
    message.keys = keys.collect::<Result<_, _>>().map_err(|error| wrong("--key", error))?;
    if message.keys.is_empty() {
        message.keys.extend(settings.and_then(|topic| topic.default_key.clone()));
    }
    let able = profile.capabilities();
    let objection = match able.protocol {
        Protocol::OnsHttp => ons_http::objection(&message, &able),
        Protocol::MqHttp => mq_http::objection(&message, &able),
        #[cfg(feature = "rocketmq")]
        Protocol::RocketMq => rocketmq::objection(&message, &able, UnixMillis(u64::MAX)),
        #[cfg(not(feature = "rocketmq"))]
        Protocol::RocketMq => None,
    };
    match objection {
        None => Ok(message),
        Some(objection) => Err(refused(objection)),
    }
}

/// The words for a message that the protocol does not carry.
fn refused(objection: Objection) -> Failure {
    let (field, detail) = match objection {
        Objection::TooLarge { limit, actual } => {
            ("body", format!("has {actual} bytes, the limit of the profile is {limit}"))
        }
        Objection::Unsupported { field, detail, .. } | Objection::Invalid { field, detail, .. } => (field, detail),
    };
    let flag = match field {
        "body" => "--body",
        "tag" => "--tag",
        // Of what shares a limit with the keys nothing else can be given here.
        _ => "--key",
    };
    Failure::usage(format!("{flag}: {detail}"))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |reason: String| Failure::usage(format!("--body-file {}: {reason}", path.display()));
    match read_regular_file(path, MAX_BODY_BYTES) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(failed("is larger than any message".to_owned()))
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

fn consumer_group(arguments: &SignArguments) -> Result<ConsumerGroup, Failure> {
    let group = arguments.group.as_deref().ok_or_else(|| Failure::usage("--group is missing: the consumer group"))?;
    ConsumerGroup::parse_longest(group).map_err(|error| wrong("--group", error))
}

fn wrong(flag: &str, error: NameError) -> Failure {
    Failure::usage(format!("{flag} {error}"))
}
