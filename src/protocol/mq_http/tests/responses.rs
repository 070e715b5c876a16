//! The answers to publish and consume, literally and by hand.

use super::super::*;
use crate::model::{Delivery, Durability, MessageGroup, MessageId, UnixMillis, UpstreamHandle};

const HEAD: &str = r#"<?xml version="1.0" encoding="utf-8"?>"#;

#[test]
fn a_publishs_answer() {
    let id = MessageId::parse("0A97CB496DE1137A9034915421F297A7").unwrap();
    let expected = "<Message xmlns=\"http://mq.aliyuncs.com/doc/v1\"><MessageId>0A97CB496DE1137A9034915421F297A7\
                    </MessageId><MessageBodyMD5>5D41402ABC4B2A76B9719D911017C592</MessageBodyMD5></Message>";
    let written = encode_published(&id, &body_md5(b"hello"));
    assert_eq!(written, format!("{HEAD}{expected}"));
    let read = decode_published(written.as_bytes()).unwrap();
    assert_eq!((read.message_id, read.durability), (id, Durability::Full));
    assert_eq!(read.body_md5.as_deref(), Some("5D41402ABC4B2A76B9719D911017C592"));
    for other in ["<MessageBodyMD5/>", "<MessageBodyMD5>5D41</MessageBodyMD5>", ""] {
        let half = format!("<Message><MessageId>A</MessageId><ReceiptHandle>h</ReceiptHandle>{other}</Message>");
        assert_eq!(decode_published(half.as_bytes()).unwrap().body_md5, None);
    }
    let id = ResponseError::Field("MessageId");
    assert_eq!(decode_published(b"<Message></Message>"), Err(id));
    assert_eq!(decode_published(b"<Message><MessageId/></Message>"), Err(id));
    for bad in [&b""[..], b"{}", b"<Error/>", b"<Message><MessageId>A</MessageId>", b"<html>ok</html>"] {
        assert_eq!(decode_published(bad), Err(ResponseError::Unreadable));
    }
}

fn delivery() -> Delivery {
    Delivery {
        message_id: MessageId::parse("ID1").unwrap(),
        handle: UpstreamHandle::parse("ID1-MTI5NTQ=").unwrap(),
        body: "a<b>\r\n".into(),
        tag: Some("TagA".to_owned()),
        keys: vec!["k1".to_owned(), "k2".to_owned()],
        properties: vec![("a".to_owned(), "值".to_owned())],
        system_properties: vec![("__BORNHOST".to_owned(), "10.0.0.1:7".to_owned())],
        message_group: Some(MessageGroup::parse("g").unwrap()),
        deliver_at: Some(UnixMillis(500)),
        delivery_attempt: 2,
        published_at: UnixMillis(1_000),
        first_delivered_at: Some(UnixMillis(1_500)),
        visible_again_at: UnixMillis(2_000),
    }
}

#[test]
fn a_consumes_answer_literally() {
    let plain = Delivery {
        body: "x".into(),
        tag: None,
        keys: Vec::new(),
        properties: Vec::new(),
        system_properties: Vec::new(),
        message_group: None,
        deliver_at: None,
        delivery_attempt: 1,
        first_delivered_at: None,
        ..delivery()
    };
    // The digests are of the texts "a<b>\r\n" and "x", by md5sum.
    let expected = "<Messages xmlns=\"http://mq.aliyuncs.com/doc/v1\"><Message><MessageId>ID1</MessageId>\
                    <MessageBodyMD5>F0F34A0096CD2842B079916710F544B3</MessageBodyMD5><ReceiptHandle>ID1-MTI5NTQ=\
                    </ReceiptHandle><PublishTime>1000</PublishTime><FirstConsumeTime>1500</FirstConsumeTime>\
                    <NextConsumeTime>2000</NextConsumeTime><ConsumedTimes>2</ConsumedTimes><MessageTag>TagA</MessageTag>\
                    <Properties>KEYS:k1 k2|a:值|__SHARDINGKEY:g|__STARTDELIVERTIME:500|\
                    __BORNHOST:10.0.0.1:7|</Properties><MessageBody>a&lt;b&gt;&#13;\n</MessageBody>\
                    </Message><Message><MessageId>ID1</MessageId><MessageBodyMD5>9DD4E461268C8034F5C8564E155C67A6\
                    </MessageBodyMD5><ReceiptHandle>ID1-MTI5NTQ=</ReceiptHandle><PublishTime>1000</PublishTime>\
                    <FirstConsumeTime>1000</FirstConsumeTime><NextConsumeTime>2000</NextConsumeTime><ConsumedTimes>1\
                    </ConsumedTimes><MessageBody>x</MessageBody></Message></Messages>";
    assert_eq!(encode_consumed(&[delivery(), plain]), format!("{HEAD}{expected}"));
}

fn consumed(inside: &str) -> Result<Consumed, ResponseError> {
    decode_consumed(format!("<Messages>{inside}</Messages>").as_bytes())
}

const SPARSE: &str = "<Message><MessageId>i</MessageId><ReceiptHandle>h</ReceiptHandle><MessageBody>b</MessageBody>\
                      <PublishTime>1</PublishTime><NextConsumeTime> 2 </NextConsumeTime></Message>";

#[test]
fn a_delivery_is_not_lost_for_what_is_odd_about_it() {
    let read = consumed(SPARSE).unwrap();
    assert_eq!((read.unreadable, read.digest_mismatches), (0, 0));
    let sparse = &read.deliveries[0];
    assert_eq!((sparse.delivery_attempt, sparse.tag.as_deref(), sparse.first_delivered_at), (1, None, None));
    assert_eq!((sparse.published_at, sparse.visible_again_at), (UnixMillis(1), UnixMillis(2)));

    let odd = SPARSE.replace(
        "<PublishTime>",
        "<MessageTag></MessageTag><FirstConsumeTime>0</FirstConsumeTime><ConsumedTimes>0</ConsumedTimes>\
         <MessageBodyMD5>00</MessageBodyMD5><New><x/></New><Properties>KEYS: a  b|__BORNHOST:1:2|c:d:e|f|:g|h:it's|\
         __SHARDINGKEY:键|__TransCheckT:1|__STARTDELIVERTIME:soon|__|__x:||i:|</Properties><MessageBody>no</MessageBody><PublishTime>",
    );
    let read = consumed(&odd).unwrap();
    assert_eq!((read.unreadable, read.digest_mismatches), (0, 1));
    let odd = &read.deliveries[0];
    assert_eq!((odd.body.as_ref(), odd.delivery_attempt, odd.first_delivered_at), (&b"b"[..], 1, None));
    assert_eq!((&odd.message_group, odd.tag.as_deref()), (&None, None));
    assert_eq!(odd.keys, ["a", "b"]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(odd.properties, [pair("h", "it's"), pair("i", "")]);
    // What is the MQ's own stays as it came, and reaches the next reader so.
    let own = [
        pair("__BORNHOST", "1:2"),
        pair("__TransCheckT", "1"),
        pair("__x", ""),
        pair("__SHARDINGKEY", "键"),
        pair("__STARTDELIVERTIME", "soon"),
    ];
    assert_eq!((&odd.system_properties[..], odd.deliver_at), (&own[..], None));
    let again = decode_consumed(encode_consumed(&read.deliveries).as_bytes()).unwrap();
    assert_eq!(again.deliveries[0].system_properties, own);
    assert_eq!(again.deliveries[0].deliver_at, None);
}

#[test]
fn digests_are_compared_without_case() {
    let with = |digest: &str| {
        SPARSE.replace("<PublishTime>", &format!("<MessageBodyMD5>{digest}</MessageBodyMD5><PublishTime>"))
    };
    // MD5 of "b", by md5sum.
    for (digest, mismatches) in
        [("92EB5FFEE6AE2FEC3AD71C777531578F", 0), ("92eb5ffee6ae2fec3ad71c777531578f", 0), ("", 0), ("92EB", 1)]
    {
        assert_eq!(consumed(&with(digest)).unwrap().digest_mismatches, mismatches, "{digest}");
    }
}

#[test]
fn an_unreadable_message_costs_only_itself() {
    let no_handle = SPARSE.replace("<ReceiptHandle>h</ReceiptHandle>", "");
    let not_text = SPARSE.replace("<MessageBody>b", "<MessageBody>b<c/>");
    let no_time = SPARSE.replace("<PublishTime>1", "<PublishTime>soon");
    let read = consumed(&format!("{no_handle}{SPARSE}<Message/>\n{not_text}<Unknown/>{no_time}")).unwrap();
    assert_eq!((read.deliveries.len(), read.unreadable), (1, 4));
    assert_eq!(consumed(&no_handle), Err(ResponseError::Field("ReceiptHandle")));
    assert_eq!(consumed(&not_text), Err(ResponseError::Field("MessageBody")));
    assert_eq!(consumed(&no_time), Err(ResponseError::Field("PublishTime")));
    assert_eq!(consumed("").unwrap().deliveries, []);
    assert_eq!(decode_consumed(SPARSE.as_bytes()), Err(ResponseError::Unreadable));
    assert_eq!(consumed(&format!("{SPARSE}<Message>")), Err(ResponseError::Unreadable));
}

#[test]
fn bodies_in_base64() {
    let with = |body: &str, encoding: &str| {
        let marked = format!("<Properties>a:b|mq-gateway-body:{encoding}|</Properties><MessageBody>{body}<");
        consumed(&SPARSE.replace("<MessageBody>b<", &marked)).unwrap().deliveries.remove(0)
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let decoded = with("AP8K", "base64");
    assert_eq!((decoded.body.as_ref(), decoded.properties), (&b"\x00\xFF\n"[..], vec![pair("a", "b")]));
    for (body, encoding) in [("AP8", "base64"), ("AP8K", "hex")] {
        let left = with(body, encoding);
        assert_eq!(left.body, body);
        assert_eq!(left.properties, [pair("a", "b"), pair("mq-gateway-body", encoding)]);
    }
    let binary = encode_consumed(&[Delivery { body: (&b"\x00\xFF\n"[..]).into(), ..delivery() }]);
    assert!(binary.contains("|mq-gateway-body:base64|</Properties><MessageBody>AP8K</MessageBody>"), "{binary}");
    assert!(binary.contains("<MessageBodyMD5>ABC4C083C70A6514D279DFACF9C3595B</MessageBodyMD5>"), "{binary}");
}

#[test]
fn what_xml_cannot_carry_costs_no_delivery() {
    let odd = Delivery {
        system_properties: [("__a|b", "c"), ("__a:b", "c"), ("", "c"), ("__a", "b|c"), ("__a", "\u{1}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        tag: Some("\u{1}".to_owned()),
        keys: vec!["a|b".to_owned(), "k".to_owned()],
        properties: vec![("x:y".to_owned(), "v".to_owned()), ("z".to_owned(), "\u{FFFE}".to_owned())],
        message_group: Some(MessageGroup::parse("a:b").unwrap()),
        ..delivery()
    };
    let read = decode_consumed(encode_consumed(&[odd]).as_bytes()).unwrap();
    let expected = Delivery {
        tag: None,
        keys: vec!["k".to_owned()],
        properties: Vec::new(),
        system_properties: Vec::new(),
        message_group: None,
        ..delivery()
    };
    assert_eq!(read, Consumed { deliveries: vec![expected], unreadable: 0, digest_mismatches: 0 });
}
