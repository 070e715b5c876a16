use bytes::Bytes;
use proptest::prelude::*;

use super::super::*;
use super::{published, topic};
use crate::http_message::Method;
use crate::model::{Delivery, Key, Message, MessageGroup, MessageId, Tag, TagFilter, UnixMillis, UpstreamHandle};

/// Any bytes, any text, and texts of what is special in XML.
fn bodies() -> impl Strategy<Value = Bytes> {
    let special =
        ["<", ">", "&", "]]>", "<![CDATA[", "\r\n", "\r", "\n", "\t", " ", "&amp;", "😀", "\0", "\u{FFFE}", "a"];
    let special = prop::collection::vec(prop::sample::select(special.to_vec()), 1..12);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..60).prop_map(Bytes::from),
        prop::collection::vec(any::<char>(), 1..30).prop_map(|text| text.into_iter().collect::<String>().into()),
        special.prop_map(|parts| parts.concat().into()),
    ]
}

fn properties() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = "[^&\"'<>:|\\p{Cc}\u{FFFE}\u{FFFF}]{1,10}".prop_filter("reserved", |name| !is_reserved_property(name));
    prop::collection::vec((name, "[^&\"'<>:|\\p{Cc}\u{FFFE}\u{FFFF}]{0,10}"), 0..4)
}

fn system_properties() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("__[A-Z]{1,4}", "[^|\\p{Cc}\u{FFFE}\u{FFFF}]{0,10}"), 0..3)
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[^&\"'<>:|\\s\\p{Cc}\u{FFFE}\u{FFFF}]{1,10}", 0..3)
}

fn tags() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[^|\\p{Cc}\u{FFFE}\u{FFFF}]{1,20}")
}

fn groups() -> impl Strategy<Value = Option<MessageGroup>> {
    prop::option::of("[a-z0-9#%+/=]{1,9}").prop_map(|group| group.map(|group| MessageGroup::parse(&group).unwrap()))
}

fn messages() -> impl Strategy<Value = Message> {
    ((bodies(), tags(), keys()), (properties(), groups(), any::<Option<u64>>())).prop_map(
        |((body, tag, keys), (properties, message_group, time))| Message {
            body_md5: None,
            topic: topic(),
            body,
            tag: tag.map(|tag| Tag::parse(&tag).unwrap()),
            keys: keys.iter().map(|key| Key::parse(key).unwrap()).collect(),
            properties,
            message_group,
            deliver_at: time.map(UnixMillis),
            deliver_at_is_delay: false,
        },
    )
}

fn deliveries() -> impl Strategy<Value = Delivery> {
    (
        ("[A-F0-9]{32}", "[A-Za-z0-9=+/&<>-]{1,40}", bodies()),
        (tags(), keys(), properties(), groups()),
        (1..u32::MAX, any::<u64>(), 1..u64::MAX, any::<u64>(), any::<Option<u64>>(), system_properties()),
    )
        .prop_map(
            |(
                (id, handle, body),
                (tag, keys, properties, message_group),
                (attempt, published, first, again, time, system),
            )| {
                Delivery {
                    message_id: MessageId::parse(&id).unwrap(),
                    handle: UpstreamHandle::parse(&handle).unwrap(),
                    body,
                    tag,
                    keys,
                    properties,
                    system_properties: system,
                    message_group,
                    deliver_at: time.map(UnixMillis),
                    delivery_attempt: attempt,
                    published_at: UnixMillis(published),
                    first_delivered_at: Some(UnixMillis(first)),
                    visible_again_at: UnixMillis(again),
                }
            },
        )
}

proptest! {
    #[test]
    fn a_message_survives_the_wire(message in messages(), topic in "[^/\\p{Cc}]{1,20}", instance in prop::option::of(".{1,9}")) {
        let publish =
            Publish { topic: &topic, instance: instance.as_deref(), message: &message, marks_bodies: true };
        let encoded = publish.encode();
        prop_assert!(encoded.target.is_ascii());
        let (path, query) = encoded.target.split_once('?').unwrap_or((&encoded.target, ""));
        let target = decode_target(encoded.method, path, query).unwrap();
        prop_assert_eq!((target.topic.as_ref(), target.operation), (topic.as_str(), Operation::Publish));
        prop_assert_eq!(published(encoded.body.unwrap()).unwrap(), message);
    }

    #[test]
    fn a_consume_survives_the_wire(
        (topic, group) in ("[^/\\p{Cc}]{1,20}", ".{1,20}"),
        (num, wait_seconds, ordered) in (1..=MAX_CONSUME, 0..=MAX_WAIT_SECONDS, any::<bool>()),
        tags in prop::collection::vec("[^|\\p{Cc}\\s*][^|\\p{Cc}\\s]{0,9}", 0..4),
    ) {
        let tags = TagFilter::new(tags.iter().map(|tag| Tag::parse(tag).unwrap()));
        let consume = Consume {
            topic: &topic, group: &group, instance: Some("I"), num, wait_seconds, tags: tags.as_ref(), ordered,
        };
        let encoded = consume.encode();
        prop_assert!(encoded.target.is_ascii());
        let (path, query) = encoded.target.split_once('?').unwrap();
        let target = decode_target(encoded.method, path, query).unwrap();
        prop_assert_eq!(target.topic.as_ref(), topic.as_str());
        let expected = ConsumeQuery { group, num, wait_seconds, tags, ordered };
        prop_assert_eq!(target.operation, Operation::Consume(expected));
    }

    #[test]
    fn deliveries_survive_the_wire(batch in prop::collection::vec(deliveries(), 0..4)) {
        let consumed = decode_consumed(encode_consumed(&batch).as_bytes()).unwrap();
        prop_assert_eq!(consumed, Consumed { deliveries: batch, unreadable: 0, digest_mismatches: 0 });
    }

    #[test]
    fn handles_survive_the_wire(handles in prop::collection::vec("[^\\p{Cc}\u{FFFE}\u{FFFF}]{1,40}", 1..=MAX_ACK)) {
        let given: Vec<_> = handles.iter().map(|handle| UpstreamHandle::parse(handle).unwrap()).collect();
        let encoded = Acknowledge { topic: "T", group: "G", instance: None, handles: &given }.encode();
        prop_assert_eq!(decode_receipt_handles(&encoded.body.unwrap()).unwrap(), &handles[..]);
        let errors: Vec<_> = handles.into_iter().map(AckError::invalid_handle).collect();
        prop_assert_eq!(decode_ack_errors(encode_ack_errors(&errors).as_bytes()).unwrap(), errors);
    }

    #[test]
    fn a_date_survives_the_wire(seconds in 0..253_402_207_200_u64) {
        let time = UnixMillis(seconds * 1000);
        prop_assert_eq!(decode_date(&encode_date(time)), Ok(time));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(
        body in any::<Vec<u8>>(),
        markup in prop::collection::vec(prop::sample::select(vec![
            "<Message>", "</Message>", "<Messages>", "</Messages>", "<MessageBody>", "</MessageBody>", "<Error>",
            "<", ">", "/", "!", "?", "--", "<!--", "-->", "<![CDATA[", "]]>", "<?xml", "?>", "&", "#", "x", ";", "'",
            "\"", "=", " ", "a", "<!D", "[", "]",
        ]), 0..30),
        text in ".{0,40}",
    ) {
        for bytes in [body, markup.concat().into_bytes()] {
            drop((decode_published(&bytes), decode_consumed(&bytes), decode_error(&bytes)));
            drop((decode_ack_errors(&bytes), decode_receipt_handles(&bytes), published(bytes)));
        }
        drop((decode_authorization(&text), decode_date(&text), decode_target(Method::Get, &text, &text)));
    }
}
