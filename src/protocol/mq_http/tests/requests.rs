//! What the upstream sends, literally.

use super::super::*;
use super::{message, published, topic};
use crate::http_message::Method;
use crate::model::{Key, Message, MessageGroup, Tag, TagFilter, UnixMillis, UpstreamHandle};

const HEAD: &str = r#"<?xml version="1.0" encoding="utf-8"?>"#;

fn encode(message: &Message, marks_bodies: bool) -> Encoded {
    Publish { topic: "T", instance: None, message, marks_bodies }.encode()
}

/// The document.
fn body(encoded: &Encoded) -> &str {
    std::str::from_utf8(encoded.body.as_deref().unwrap()).unwrap()
}

#[test]
fn a_publish_with_everything() {
    let message = Message {
        body_md5: None,
        topic: topic(),
        body: "<a>&amp; ]]> \r\n\"'世界".into(),
        tag: Some(Tag::parse("a&b").unwrap()),
        keys: vec![Key::parse("k1").unwrap(), Key::parse("k2").unwrap()],
        properties: vec![("a".to_owned(), "值".to_owned()), ("e".to_owned(), String::new())],
        message_group: Some(MessageGroup::parse("g 1").unwrap()),
        deliver_at: Some(UnixMillis(1_571_388_173_000)),
        deliver_at_is_delay: false,
    };
    let encoded = Publish { topic: "%DLQ%T", instance: Some("I"), message: &message, marks_bodies: true }.encode();
    assert_eq!(encoded.method, Method::Post);
    assert_eq!(encoded.target, "/topics/%25DLQ%25T/messages?ns=I");
    let expected = "<Message xmlns=\"http://mq.aliyuncs.com/doc/v1\"><MessageBody>&lt;a&gt;&amp;amp; ]]&gt; &#13;\n\"'世界\
                    </MessageBody><MessageTag>a&amp;b</MessageTag><Properties>KEYS:k1 k2|a:值|e:|__SHARDINGKEY:g 1|\
                    __STARTDELIVERTIME:1571388173000|</Properties></Message>";
    assert_eq!(body(&encoded), format!("{HEAD}{expected}"));
}

#[test]
fn empty_optional_elements_are_left_out() {
    let encoded = encode(&message("b"), false);
    assert_eq!(encoded.target, "/topics/T/messages");
    let expected = r#"<Message xmlns="http://mq.aliyuncs.com/doc/v1"><MessageBody>b</MessageBody></Message>"#;
    assert_eq!(body(&encoded), format!("{HEAD}{expected}"));
}

#[test]
fn a_publish_is_written_without_growing() {
    let encoded = encode(&message("&<>\r".repeat(1000)), false);
    let spare = encoded.body.unwrap().try_into_mut().unwrap();
    assert!(spare.capacity() < spare.len() + 320, "{} of {}", spare.len(), spare.capacity());
}

#[test]
fn binary_bodies() {
    for body in [&b"\x00\xFF\n"[..], b"\x01", b"\xEF\xBF\xBF"] {
        assert!(!is_xml_text(body));
        // Refused by the MQ rather than changed.
        assert_eq!(published(encode(&message(body), false).body.unwrap()), Err(Refusal::MalformedXml));
        assert_eq!(published(encode(&message(body), true).body.unwrap()).unwrap(), message(body));
    }
    let encoded = encode(&message(&b"\x00\xFF\n"[..]), true);
    let expected = "<MessageBody>AP8K</MessageBody><Properties>mq-gateway-body:base64|</Properties></Message>";
    assert!(body(&encoded).ends_with(expected), "{}", body(&encoded));
    for body in ["", "\t\r\n", "\u{7F}\u{FFFD}😀", "\u{1FFFF}"] {
        assert!(is_xml_text(body.as_bytes()), "{body:?}");
    }
    // MD5 of "AP8K" and of "hello", by md5sum.
    assert_eq!(body_md5(b"\x00\xFF\n"), "ABC4C083C70A6514D279DFACF9C3595B");
    assert_eq!(body_md5(b"hello"), "5D41402ABC4B2A76B9719D911017C592");
}

#[test]
fn what_properties_cannot_carry_is_left_out() {
    let mut message = message("b");
    message.keys = vec![Key::parse("a:b").unwrap(), Key::parse("k").unwrap(), Key::parse("c|d").unwrap()];
    message.message_group = Some(MessageGroup::parse("a|__STARTDELIVERTIME:1").unwrap());
    let names = ["x|y", "", "KEYS", "__SHARDINGKEY", "__TransCheckT", BODY_ENCODING_PROPERTY, "fine"];
    message.properties = names.iter().map(|name| ((*name).to_owned(), "v".to_owned())).collect();
    message.properties.push(("value".to_owned(), "a&b".to_owned()));
    let encoded = encode(&message, true);
    assert!(body(&encoded).ends_with("<Properties>KEYS:k|fine:v|</Properties></Message>"), "{}", body(&encoded));
}

#[test]
fn consumes_and_acknowledgements() {
    let tags = TagFilter::new(["TagA", "Tag B"].map(|tag| Tag::parse(tag).unwrap())).unwrap();
    let full = Consume {
        topic: "T",
        group: "G",
        instance: Some("I"),
        num: 3,
        wait_seconds: 3,
        tags: Some(&tags),
        ordered: true,
    };
    let encoded = full.encode();
    assert_eq!((encoded.method, &encoded.body, &encoded.content_md5), (Method::Get, &None, &None));
    let expected = "/topics/T/messages?consumer=G&ns=I&tag=TagA%7C%7CTag%20B&numOfMessages=3&waitseconds=3&trans=order";
    assert_eq!(encoded.target, expected);
    let short = Consume { instance: None, num: 16, wait_seconds: 0, tags: None, ordered: false, ..full };
    assert_eq!(short.encode().target, "/topics/T/messages?consumer=G&numOfMessages=16");

    let handles = ["h2/+==", "a&b"].map(|handle| UpstreamHandle::parse(handle).unwrap());
    let acknowledge = Acknowledge { topic: "T", group: "G", instance: Some("I"), handles: &handles };
    let encoded = acknowledge.encode();
    assert_eq!((encoded.method, encoded.target.as_str()), (Method::Delete, "/topics/T/messages?consumer=G&ns=I"));
    let expected = "<ReceiptHandles xmlns=\"http://mq.aliyuncs.com/doc/v1\"><ReceiptHandle>h2/+==</ReceiptHandle>\
                    <ReceiptHandle>a&amp;b</ReceiptHandle></ReceiptHandles>";
    assert_eq!(body(&encoded), format!("{HEAD}{expected}"));
    let target = Acknowledge { instance: None, ..acknowledge }.encode().target;
    assert_eq!(target, "/topics/T/messages?consumer=G");
}
