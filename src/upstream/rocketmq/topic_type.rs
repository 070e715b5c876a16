//! Whether a topic takes a message, by its type: decided before the message is sent, so that the answer can say what is wrong.

use crate::model::{Message, Topic};
use crate::protocol::rocketmq::wire::MessageType;
use crate::protocol::rocketmq::{message_type, type_name};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// Refuses a message that a topic of these types does not take. A topic without any says nothing.
pub(super) fn check(message: &Message, accepted: &[MessageType]) -> Result<(), UpstreamError> {
    let wanted = message_type(message);
    if accepted.is_empty() || accepted.contains(&wanted) {
        return Ok(());
    }
    let advice = match accepted.first() {
        Some(MessageType::Fifo) => "give the message a message_group and no time",
        Some(MessageType::Delay) => "give the message a time and no message_group",
        Some(MessageType::Normal) => "leave message_group and time out",
        Some(MessageType::Transaction) => "the gateway sends no transactional messages: use another topic",
        Some(_) | None => "use another topic",
    };
    let types: Vec<&str> = accepted.iter().copied().map(type_name).collect();
    let detail = format!(
        "topic `{}` takes {} messages, and this one is {}: {advice}",
        message.topic.as_str(),
        types.join(" and "),
        type_name(wanted)
    );
    Err(UpstreamError::new(UpstreamErrorKind::WrongTopicType, detail))
}

/// What to do about a topic that is not there.
pub(super) fn unknown(topic: &Topic) -> UpstreamError {
    let detail = format!(
        "the MQ has no topic `{}`: an operator creates it with `mqadmin updateTopic -t {0} -a +message.type=NORMAL` (or FIFO, \
         or DELAY)",
        topic.as_str()
    );
    let vendor_code = Some("TOPIC_NOT_FOUND".to_owned());
    UpstreamError { vendor_code, ..UpstreamError::new(UpstreamErrorKind::Misconfigured, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageGroup, UnixMillis};

    #[test]
    fn a_message_goes_to_topics_of_its_type_only() {
        let plain = Message::new(Topic::parse("t").unwrap(), "x".into());
        let ordered = Message { message_group: MessageGroup::parse("g").ok(), ..plain.clone() };
        let timed = Message { deliver_at: Some(UnixMillis(1)), ..plain.clone() };
        let (normal, fifo, delay) = (MessageType::Normal, MessageType::Fifo, MessageType::Delay);
        for (message, accepted, expected) in [
            (&plain, &[normal][..], None),
            (&plain, &[], None),
            (&ordered, &[normal, fifo], None),
            (&timed, &[delay], None),
            (&plain, &[fifo], Some("takes FIFO messages, and this one is NORMAL: give the message a message_group")),
            (&ordered, &[normal], Some("takes NORMAL messages, and this one is FIFO: leave message_group")),
            (&timed, &[normal, fifo], Some("takes NORMAL and FIFO messages, and this one is DELAY")),
            (&plain, &[MessageType::Transaction], Some("no transactional messages")),
        ] {
            let found = check(message, accepted).err();
            assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
            if let (Some(error), Some(words)) = (found, expected) {
                assert_eq!(error.kind, UpstreamErrorKind::WrongTopicType);
                assert!(error.detail.contains(words), "{}", error.detail);
            }
        }
    }
}
