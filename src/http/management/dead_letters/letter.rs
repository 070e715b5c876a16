//! What a message in a topic of dead letters is: ours, the MQ's own, or something else.

use super::options::Options;
use crate::embedded::DEAD_LETTER_PREFIX;
use crate::model::{Delivery, Topic, UnixMillis};
use crate::protocol::dead_letter::{DeadLetter, unwrap};

/// The properties in which an MQ says where its dead letter was: RocketMQ's names, which the embedded endpoint writes, too.
const ORIGIN_TOPIC: &str = "DLQ_ORIGIN_TOPIC";
const ORIGIN_MESSAGE_ID: &str = "DLQ_ORIGIN_MESSAGE_ID";
/// What else RocketMQ writes beside a message's own properties when it moves one.
const MOVED: &[&str] =
    &[ORIGIN_TOPIC, ORIGIN_MESSAGE_ID, "RETRY_TOPIC", "REAL_TOPIC", "ORIGIN_MESSAGE_ID", "RECONSUME_TIME"];
/// The property of a message that was sent again: for which group.
pub(super) const REDRIVEN_FOR: &str = "redriven_for";

/// A dead letter.
#[derive(Debug)]
pub(super) struct Letter {
    /// As it lies in its topic.
    pub(super) id: String,
    /// The message as it was before, its own properties only.
    pub(super) original: Delivery,
    pub(super) kind: Kind,
}

/// Whose it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// A subscription of ours gave it up.
    Subscription(Box<DeadLetter>),
    /// The MQ moved it after too many deliveries to a group.
    Group {
        group: String,
        /// Where the MQ says so.
        topic: Option<Topic>,
        message_id: Option<String>,
    },
    /// Somebody published it there.
    Other,
}

impl Letter {
    /// A message of the topic `topic`; `group` is the group that it has dead letters of, where that is known.
    pub(super) fn of(delivery: Delivery, topic: &Topic, group: Option<&str>) -> Self {
        let id = delivery.message_id.as_str().to_owned();
        if let Some((letter, original)) = unwrap(&delivery) {
            return Self { id, original, kind: Kind::Subscription(Box::new(letter)) };
        }
        let Some(named) = topic.as_str().strip_prefix(DEAD_LETTER_PREFIX) else {
            return Self { id, original: delivery, kind: Kind::Other };
        };
        let told = |wanted: &str| {
            let mut all = delivery.properties.iter().chain(&delivery.system_properties);
            all.find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        let kind = Kind::Group {
            group: group.unwrap_or(named).to_owned(),
            topic: told(ORIGIN_TOPIC).or_else(|| told("RETRY_TOPIC")).and_then(|it| Topic::parse_longest(&it).ok()),
            message_id: told(ORIGIN_MESSAGE_ID).or_else(|| told("ORIGIN_MESSAGE_ID")),
        };
        let mut original = delivery;
        original.properties.retain(|(name, _)| !MOVED.contains(&name.as_str()));
        Self { id, original, kind }
    }

    /// When it became one: the last attempt where that is told, else when the message was published.
    fn time(&self) -> UnixMillis {
        match &self.kind {
            Kind::Subscription(letter) => letter.last_attempt_at,
            Kind::Group { .. } | Kind::Other => self.original.published_at,
        }
    }

    /// Whether it is one of those that are asked for.
    pub(super) fn is_wanted(&self, options: &Options) -> bool {
        let letter = if let Kind::Subscription(letter) = &self.kind { Some(letter) } else { None };
        let is = |wanted: &Option<String>, value: Option<&str>| wanted.as_deref().is_none_or(|it| value == Some(it));
        let (since, until) = options.times;
        options.message_ids.as_ref().is_none_or(|ids| ids.contains(&self.id))
            && is(&options.subscription, letter.map(|it| it.subscription.as_str()))
            && is(&options.reason, letter.map(|it| it.reason.as_str()))
            && is(&options.tag, self.original.tag.as_deref())
            && options.key.as_ref().is_none_or(|key| self.original.keys.contains(key))
            && since.is_none_or(|since| self.time() >= since)
            && until.is_none_or(|until| self.time() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    fn delivery(properties: &[(&str, &str)]) -> Delivery {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Delivery { properties, tag: Some("t".to_owned()), keys: vec!["k".to_owned()], ..Delivery::for_tests("id") }
    }

    fn topic(name: &str) -> Topic {
        Topic::parse(name).unwrap()
    }

    #[test]
    fn the_mqs_own_dead_letters_lose_what_the_mq_added() {
        let moved = delivery(&[("colour", "red"), (ORIGIN_TOPIC, "orders"), (ORIGIN_MESSAGE_ID, "7F")]);
        let letter = Letter::of(moved, &topic("%DLQ%CID_a"), None);
        assert_eq!(letter.original.properties, [("colour".to_owned(), "red".to_owned())]);
        let Kind::Group { group, topic: origin, message_id } = letter.kind else { panic!("{letter:?}") };
        assert_eq!((group.as_str(), origin, message_id.as_deref()), ("CID_a", Some(topic("orders")), Some("7F")));
        // Nothing told, and a group whose topic has another name than its own.
        let letter = Letter::of(delivery(&[]), &topic("%DLQ%CID_a"), Some("CID_long"));
        assert!(matches!(&letter.kind, Kind::Group { group, topic: None, message_id: None } if group == "CID_long"));
        assert!(matches!(Letter::of(delivery(&[]), &topic("orders-dead"), None).kind, Kind::Other));
    }

    #[test]
    fn a_filter_is_all_of_its_parts() {
        let published = UnixMillis(1_700_000_000_000);
        let of = || Letter::of(Delivery { published_at: published, ..delivery(&[]) }, &topic("%DLQ%CID_a"), None);
        let text = |text: &str| Some(text.to_owned());
        let at = |time: i64| Some(UnixMillis(published.0.saturating_add_signed(time)));
        for (expected, options) in [
            (true, Options::default()),
            (true, Options { tag: text("t"), key: text("k"), ..Options::default() }),
            (false, Options { tag: text("t"), key: text("x"), ..Options::default() }),
            (false, Options { tag: text("x"), ..Options::default() }),
            (false, Options { subscription: text("s"), ..Options::default() }),
            (false, Options { reason: text("r"), ..Options::default() }),
            (true, Options { message_ids: Some(vec!["id".to_owned()]), ..Options::default() }),
            (false, Options { message_ids: Some(vec!["ID".to_owned()]), ..Options::default() }),
            (true, Options { times: (at(0), at(1)), ..Options::default() }),
            (false, Options { times: (at(1), None), ..Options::default() }),
            (false, Options { times: (None, at(0)), ..Options::default() }),
        ] {
            assert_eq!(of().is_wanted(&options), expected, "{options:?}");
        }
        assert_eq!(MessageId::parse(&of().id).unwrap().as_str(), "id");
    }
}
