//! The embedded endpoint in the MQ HTTP protocol, as foreign clients meet it (protocol notes MQ HTTP 2 to 5). Every
//! request is written and signed by the tests themselves.

use std::time::{Duration, Instant};

use crate::support::Connection;
use crate::support::embedded::EmbeddedMq;
use crate::support::encoding::{base64, md5_hex};
use crate::support::mq::{MqClient, MqRequest, all, assert_refused, assert_vendors, bodies, message, only, received};
use crate::support::ons::{self, Credentials, OnsRequest, messages};
use crate::support::time::{now_millis, until};

type Mq = EmbeddedMq<MqClient>;

#[test]
fn a_message_is_published_received_and_acknowledged() {
    let mq = Mq::start();
    let body = "Hello <b>&\"'世界</b> ]]> \n tail\r\n😀\t ";
    let before = now_millis();
    let id = mq.stored(&mq.publish("T", body, "TagA", "KEYS:K1 K2|a:值|__SHARDINGKEY:s1|"));
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)), "{id}");
    let taken = mq.taken("T", 3, "&waitseconds=3");
    assert_eq!(taken.len(), 1);
    let message = &taken[0];
    assert_eq!((message.message_id.as_str(), message.body.as_str()), (id.as_str(), body));
    assert_eq!(message.body_md5, md5_hex(body.as_bytes()).to_uppercase());
    assert_eq!(message.tag.as_deref(), Some("TagA"));
    let properties = message.properties.clone().expect("properties");
    for pair in ["KEYS:K1 K2", "a:值", "__SHARDINGKEY:s1"] {
        assert!(properties.split('|').any(|found| found == pair), "{pair} in {properties}");
    }
    assert_eq!(message.consumed_times, 1);
    let now = now_millis();
    assert!((before..=now).contains(&message.publish_time), "{message:?}");
    assert!((before..=now).contains(&message.first_consume_time), "{message:?}");
    assert!(message.next_consume_time > now + 290_000, "{message:?}");
    let acknowledged = mq.send(&mq.acknowledge("T", &[&message.handle]));
    assert_eq!((acknowledged.status, acknowledged.body.len()), (204, 0));
    assert_vendors(&acknowledged);
    assert_refused(&mq.send(&mq.consume("T", 1, "")), 404, "MessageNotExist");
}

#[test]
fn the_answer_to_a_publish_has_id_and_digest() {
    let mq = Mq::start();
    let response = mq.send(&mq.publish("T", "hello", "", ""));
    assert_eq!(response.status, 201);
    assert_eq!(only(&response.text(), "MessageBodyMD5"), "5D41402ABC4B2A76B9719D911017C592");
    assert!(all(&response.text(), "ReceiptHandle").is_empty());
}

#[test]
fn every_spelling_of_a_document_is_read() {
    let mq = Mq::start();
    let bom = [b"\xef\xbb\xbf".as_slice(), message("bom", "", "").as_bytes()].concat();
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("C# with its byte order mark", bom, "bom"),
        (
            "Node's CDATA",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Message xmlns=\"http://mq.aliyuncs.com/doc/v1/\"><MessageBody><![CDATA[<b>&\"世界]]></MessageBody><MessageTag><![CDATA[TagA]]></MessageTag></Message>".into(),
            "<b>&\"世界",
        ),
        ("no namespace, as Go", "<Message><MessageBody>go</MessageBody></Message>".into(), "go"),
        (
            "another namespace, single quotes, PHP's empty tag",
            "<?xml version='1.0'?>\n<Message xmlns='http://mq.aliyuncs.com/doc/v1'>\n <MessageTag></MessageTag>\n <MessageBody> php </MessageBody></Message>\n".into(),
            " php ",
        ),
        ("a prefix", "<m:Message xmlns:m='x'><m:MessageBody>prefix</m:MessageBody></m:Message>".into(), "prefix"),
        (
            "split sections and references",
            "<Message><MessageBody>a<![CDATA[]]]]><![CDATA[>]]>&#x41;&#20013;<!-- c --></MessageBody></Message>".into(),
            "a]]>A中",
        ),
        (
            "unknown elements",
            "<Message><New><Deep>x</Deep></New><MessageBody>known</MessageBody></Message>".into(),
            "known",
        ),
    ];
    for (name, document, expected) in cases {
        mq.stored(&MqRequest::post(&mq.credentials, "T", &document));
        let taken = mq.taken("T", 1, "");
        assert_eq!(taken[0].body, expected, "{name}");
        mq.send(&mq.acknowledge("T", &[&taken[0].handle]));
    }
}

#[test]
fn every_spelling_of_a_head_is_read() {
    let mq = Mq::start();
    // The digest of the SDKs, and the RFC's.
    mq.stored(&mq.publish("T", "1", "", "").with_md5());
    let mut rfc = mq.publish("T", "2", "", "");
    rfc.content_md5 = Some(base64(<md5::Md5 as md5::Digest>::digest(&rfc.body)));
    mq.stored(&rfc);
    // No content type, nothing signed for it.
    let mut bare = mq.publish("T", "3", "", "");
    bare.content_type = None;
    mq.stored(&bare);
    // A slash at the end of the endpoint: Node and Go send two and sign one; others sign what they send.
    let mut slashes = mq.publish("T", "4", "", "");
    slashes.target = "//topics/T/messages".into();
    mq.stored(&slashes);
    mq.stored(&mq.publish("T", "5", "", "").target("//topics/T/messages?ns=MQ_INST_1"));
    // An absolute target, an instance, a token that is not signed.
    let mut absolute = mq.publish("T", "6", "", "");
    absolute.target = "http://somewhere.example.com/topics/T/messages".into();
    mq.stored(&absolute);
    mq.stored(&mq.publish("T", "7", "", "").header("security-token: whatever"));
    assert_eq!(mq.taken("T", 16, "&ns=MQ_INST_1").len(), 7);
    // Blanks as `+` and as `%20`; each is signed as it is sent.
    for more in ["&tag=Tag+A%7C%7CTagB", "&tag=Tag%20A%7C%7CTagB", "&tag=Tag%20A||TagB"] {
        mq.stored(&mq.publish("tags", more, "Tag A", ""));
        let taken = mq.taken("tags", 16, more);
        assert_eq!(bodies(&taken), [more]);
    }
    // The order of the parameters is free.
    let any_order = "/topics/T/messages?waitseconds=0&trans=order&numOfMessages=1&unknown=x&consumer=GID_b&ns=I";
    let response = mq.send(&mq.consume("T", 1, "").target(any_order));
    assert_eq!(received(&response).len(), 1);
}

#[test]
fn expect_is_answered() {
    let mq = Mq::start();
    let request = mq.publish("T", "expected", "", "").header("Expect: 100-continue");
    let bytes = request.bytes();
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let mut connection = Connection::open(mq.address);
    connection.send(&bytes[..head]);
    let interim = connection.receive_interim("POST");
    assert_eq!(interim.status, 100, "{interim:?}");
    connection.send(&bytes[head..]);
    assert_eq!(connection.receive("POST").status, 201);
}

#[test]
fn an_empty_poll_waits_and_is_woken() {
    let mq = Mq::start();
    let started = Instant::now();
    assert_refused(&mq.send(&mq.consume("T", 1, "&waitseconds=1")), 404, "MessageNotExist");
    assert!(started.elapsed() >= Duration::from_millis(950), "{:?}", started.elapsed());
    let (consume, address) = (mq.consume("T", 1, "&waitseconds=30"), mq.address);
    let poll = std::thread::spawn(move || (consume.send(address), Instant::now()));
    mq.stored(&mq.publish("T", "wake", "", ""));
    let published = Instant::now();
    let (response, at) = poll.join().expect("the poll");
    assert_eq!(received(&response)[0].body, "wake");
    assert!(at.saturating_duration_since(published) < Duration::from_secs(5));
}

#[test]
fn some_handles_fail_and_the_others_are_done() {
    let mq = Mq::start();
    for body in ["1", "2", "3"] {
        mq.stored(&mq.publish("T", body, "", ""));
    }
    let taken = mq.taken("T", 16, "");
    let response = mq.send(&mq.acknowledge("T", &[&taken[0].handle, "bogus-<handle>", &taken[1].handle]));
    assert_eq!(response.status, 404, "{response:?}");
    assert_vendors(&response);
    let text = response.text();
    assert!(text.contains("<Errors "), "{text}");
    assert_eq!(only(&text, "ErrorCode"), "ReceiptHandleError");
    assert_eq!(only(&text, "ErrorMessage"), "The receipt handle you provide is not valid.");
    assert_eq!(only(&text, "ReceiptHandle"), "bogus-<handle>");
    // Python repeats an acknowledgement whose connection broke: that is no failure.
    assert_eq!(mq.send(&mq.acknowledge("T", &[&taken[0].handle, &taken[1].handle])).status, 204);
    // A handle of another group is none here.
    let foreign = MqRequest::acknowledge(&mq.credentials, "T", "GID_b", &[&taken[2].handle]);
    assert_eq!(mq.send(&foreign).status, 404);
    assert_eq!(mq.send(&mq.acknowledge("T", &[&taken[2].handle])).status, 204);
}

#[test]
fn what_is_not_acknowledged_comes_back() {
    let mq = Mq::with("visibility_timeout = \"300ms\"\n");
    let id = mq.stored(&mq.publish("T", "again", "", ""));
    let first = mq.taken("T", 1, "");
    let second = until("the redelivery", || mq.taken("T", 1, "").into_iter().next());
    assert_eq!((second.message_id.as_str(), second.consumed_times), (id.as_str(), 2));
    assert_eq!(second.first_consume_time, first[0].first_consume_time);
    assert_ne!(second.handle, first[0].handle);
    // The old handle is none any more.
    assert_eq!(mq.send(&mq.acknowledge("T", &[&first[0].handle])).status, 404);
}

#[test]
fn tags_select_and_nothing_is_lost() {
    let mq = Mq::start();
    for (body, tag) in [("a1", "TagA"), ("b1", "TagB"), ("c1", "TagC"), ("none", ""), ("a2", "TagA")] {
        mq.stored(&mq.publish("T", body, tag, ""));
    }
    assert_eq!(bodies(&mq.taken("T", 16, "&tag=TagA%7C%7CTagC")), ["a1", "c1", "a2"]);
    assert_eq!(bodies(&mq.taken("T", 16, "&tag=TagB")), ["b1"]);
    assert_eq!(bodies(&mq.taken("T", 16, "&tag=*")), ["none"]);
}

#[test]
fn order_holds_until_everything_is_acknowledged() {
    let mq = Mq::start();
    for (body, shard) in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a"), ("b2", "b")] {
        mq.stored(&mq.publish("T", body, "", &format!("__SHARDINGKEY:{shard}|")));
    }
    let first = mq.taken("T", 3, "&trans=order");
    assert_eq!(bodies(&first), ["a1", "b1", "a2"]);
    // Both shards are out.
    assert!(mq.taken("T", 16, "&trans=order").is_empty());
    assert_eq!(mq.send(&mq.acknowledge("T", &[&first[1].handle])).status, 204);
    let of_b = mq.taken("T", 16, "&trans=order");
    assert_eq!(bodies(&of_b), ["b2"]);
    assert_eq!(mq.send(&mq.acknowledge("T", &[&first[0].handle])).status, 204);
    assert!(mq.taken("T", 16, "&trans=order").is_empty(), "a2 is out still");
    assert_eq!(mq.send(&mq.acknowledge("T", &[&first[2].handle])).status, 204);
    assert_eq!(mq.taken("T", 16, "&trans=order")[0].body, "a3");
}

#[test]
fn a_delivery_time_delays() {
    let mq = Mq::start();
    let due = now_millis() + 1500;
    mq.stored(&mq.publish("T", "later", "", &format!("__STARTDELIVERTIME:{due}|")));
    mq.stored(&mq.publish("T", "past", "", "__STARTDELIVERTIME:1571388173000|"));
    assert_eq!(bodies(&mq.taken("T", 16, "")), ["past"]);
    let taken = mq.taken("T", 16, "&waitseconds=10");
    assert_eq!(taken[0].body, "later");
    assert!(now_millis() >= due);
    let far = now_millis() + 41 * 24 * 3600 * 1000;
    mq.refused(&mq.publish("T", "far", "", &format!("__STARTDELIVERTIME:{far}|")), 400, "InvalidArgument");
}

#[test]
fn one_store_for_both_protocols() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", "by mq", "TagA", "KEYS:k1|p:v|"));
    let ons = OnsRequest::publish(&mq.credentials, "T", "PID_a", "by ons").query("tag", "TagB").query("key", "k2");
    assert_eq!(ons.send(mq.address).status, 201);
    let by_ons = messages(&OnsRequest::consume(&mq.credentials, "T", "GID_a").send(mq.address));
    let seen: Vec<_> = by_ons.iter().map(|it| (it["body"].as_str(), it["tag"].as_str(), it["key"].as_str())).collect();
    assert_eq!(seen, [(Some("by mq"), Some("TagA"), Some("k1")), (Some("by ons"), Some("TagB"), Some("k2"))]);
    let by_mq = received(&MqRequest::consume(&mq.credentials, "T", "GID_b", 16, "").send(mq.address));
    assert_eq!(bodies(&by_mq), ["by mq", "by ons"]);
    assert_eq!(by_mq[1].properties.as_deref(), Some("KEYS:k2|"));
    // Handles are good in both.
    let handle = ons::handle(&by_ons[0]);
    assert_eq!(mq.send(&mq.acknowledge("T", &[handle])).status, 204);
    let delete = OnsRequest::delete(&mq.credentials, "T", "GID_b", &by_mq[1].handle);
    assert_eq!(delete.send(mq.address).status, 204);
    // Bytes that XML cannot carry go as base64, and are marked so.
    let binary = OnsRequest::publish(&mq.credentials, "binary", "PID_a", b"\x00\xff\x80");
    assert_eq!(binary.send(mq.address).status, 201);
    let taken = mq.taken("binary", 1, "");
    assert_eq!((taken[0].body.as_str(), taken[0].properties.as_deref()), ("AP+A", Some("mq-gateway-body:base64|")));
    assert_eq!(taken[0].body_md5, md5_hex(b"AP+A").to_uppercase());
}

#[test]
fn identity_is_checked() {
    let mq = Mq::start();
    let publish = || mq.publish("T", "x", "", "");
    let other = |name: &str| Credentials { access_key: name.into(), ..mq.credentials.clone() };
    let mut wrong_secret = publish();
    wrong_secret.credentials.secret_key.push('x');
    mq.refused(&wrong_secret, 403, "SignatureDoesNotMatch");
    mq.refused(&MqRequest::publish(&other("nobody"), "T", "x", "", ""), 403, "InvalidAccessKeyId");
    mq.refused(&publish().without("Authorization"), 400, "MissingAuthorizationHeader");
    mq.refused(&publish().without("Date"), 400, "MissingDateHeader");
    mq.refused(&publish().at(now_millis() - 16 * 60 * 1000), 408, "TimeExpired");
    mq.refused(&publish().at(now_millis() + 16 * 60 * 1000), 408, "TimeExpired");
    mq.stored(&publish().at(now_millis() - 14 * 60 * 1000));
    let mut no_date = publish();
    no_date.date = "yesterday".into();
    mq.refused(&no_date, 400, "InvalidDateHeader");
    for (line, code) in [
        ("Authorization: Basic eDp5", "InvalidAuthorizationHeader"),
        ("Authorization: MQ", "InvalidAuthorizationHeader"),
        ("Authorization: MQ :abc", "InvalidAuthorizationHeader"),
    ] {
        mq.refused(&publish().without("Authorization").header(line), 400, code);
    }
    // The digest is signed, and the body must be its.
    let mut swapped = publish().with_md5();
    swapped.body = message("y", "", "").into_bytes();
    mq.refused(&swapped, 400, "InvalidDigest");
    // What is signed is what is sent.
    let mut moved = publish();
    moved.target = "/topics/other/messages".into();
    mq.refused(&moved, 403, "SignatureDoesNotMatch");
    let mut poll = mq.consume("T", 1, "");
    poll.signature = Some("x".repeat(28));
    mq.refused(&poll, 403, "SignatureDoesNotMatch");
    assert_eq!(mq.taken("T", 16, "").len(), 1, "only the one that was taken");
}

#[test]
fn bad_documents_are_refused_and_nothing_is_stored() {
    let mq = Mq::start();
    let bomb = "<!DOCTYPE b [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><Message><MessageBody>&b;</MessageBody></Message>";
    let external =
        "<!DOCTYPE b [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Message><MessageBody>&x;</MessageBody></Message>";
    let deep = format!("{}x{}", "<Message>".repeat(5000), "</Message>".repeat(5000));
    let malformed: [&[u8]; 12] = [
        b"",
        b"{}",
        b"<Message>",
        b"<Message><MessageBody>x</MessageBody>",
        b"<Message><MessageBody>x</Message></MessageBody>",
        b"<Message><MessageBody>x</MessageBody></Message><Message/>",
        b"<Message><MessageBody>&unknown;</MessageBody></Message>",
        b"<Message><MessageBody>&#0;</MessageBody></Message>",
        b"<Message><MessageBody>\x01</MessageBody></Message>",
        b"<Message><MessageBody>\xff</MessageBody></Message>",
        bomb.as_bytes(),
        external.as_bytes(),
    ];
    for document in malformed.into_iter().chain([deep.as_bytes()]) {
        let text = mq.refused(&MqRequest::post(&mq.credentials, "T", document), 400, "MalformedXML");
        assert_eq!(text, "The XML you provided was not well-formed.");
    }
    let invalid = [
        ("<Other><MessageBody>x</MessageBody></Other>".to_owned(), "Message"),
        ("<Message></Message>".to_owned(), "MessageBody"),
        ("<Message><MessageBody></MessageBody></Message>".to_owned(), "MessageBody"),
        (message("x", "a|b", ""), "MessageTag"),
        (message("x", &"t".repeat(129), ""), "MessageTag"),
        (message("x", "", "no-colon|"), "Properties"),
        (message("x", "", ":no-name|"), "Properties"),
        (message("x", "", "a:b:c|"), "Properties"),
        (message("x", "", "a<b:c|"), "Properties"),
        (message("x", "", "a:b&c|"), "Properties"),
        (message("x", "", &format!("a:{}|", "x".repeat(17_000))), "Properties"),
        (message("x", "", "__STARTDELIVERTIME:soon|"), "__STARTDELIVERTIME"),
        (message("x", "", "__TransCheckT:10|"), "half messages"),
        (message(&"x".repeat((4 << 20) + 1), "", ""), "MessageBody"),
    ];
    for (document, names) in invalid {
        let text = mq.refused(&MqRequest::post(&mq.credentials, "T", &document), 400, "InvalidArgument");
        assert!(text.to_lowercase().contains(&names.to_lowercase()), "{names} in {text}");
    }
    assert!(mq.taken("T", 16, "").is_empty());
}

#[test]
fn a_body_of_four_mebibytes_is_delivered() {
    let mq = Mq::start();
    let body = "&".repeat(4 << 20);
    mq.stored(&mq.publish("T", &body, "", ""));
    assert_eq!(mq.taken("T", 1, "")[0].body, body);
}

#[test]
fn bad_requests_are_refused() {
    let mq = Mq::start();
    let targets = [
        ("/topics/T/messages?numOfMessages=1", 400, "InvalidQueryString"),
        ("/topics/T/messages?consumer=&numOfMessages=1", 400, "InvalidQueryString"),
        ("/topics/T/messages?consumer=G", 400, "InvalidQueryString"),
        ("/topics/T/messages?consumer=G&numOfMessages=many", 400, "InvalidQueryString"),
        ("/topics/T/messages?consumer=G&numOfMessages=0", 400, "InvalidArgument"),
        ("/topics/T/messages?consumer=G&numOfMessages=17", 400, "InvalidArgument"),
        ("/topics/T/messages?consumer=G&numOfMessages=1&waitseconds=31", 400, "InvalidArgument"),
        ("/topics/T/messages?consumer=G&numOfMessages=1&trans=pop", 400, "InvalidArgument"),
        ("/topics/T/messages?consumer=G&numOfMessages=1&tag=a%7C%7C", 400, "InvalidArgument"),
        ("/topics/%FF/messages?consumer=G&numOfMessages=1", 400, "InvalidRequestURL"),
    ];
    for (target, status, code) in targets {
        mq.refused(&mq.consume("T", 1, "").target(target), status, code);
    }
    mq.refused(&mq.acknowledge("T", &[]), 400, "MissingReceiptHandle");
    let many: Vec<String> = (0..17).map(|number| format!("h{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    mq.refused(&mq.acknowledge("T", &many), 400, "InvalidArgument");
    for trans in ["commit", "rollback"] {
        let target = format!("/topics/T/messages?consumer=&trans={trans}");
        mq.refused(&mq.acknowledge("T", &["h"]).target(&target), 400, "InvalidArgument");
    }
    let mut put = mq.publish("T", "x", "", "");
    put.method = "PUT";
    let response = mq.send(&put);
    assert_eq!((response.status, response.header("allow")), (405, Some("POST, GET, DELETE")));
    assert_eq!(only(&response.text(), "Code"), "InvalidRequestURL");
    // Nothing of a caller's text gets into the document unescaped.
    let evil = mq.publish("T", "x", "", "").without("Authorization").header("x-request-id: <a>&\"");
    assert!(mq.send(&evil).text().contains("<RequestId>&lt;a&gt;&amp;"), "{:?}", mq.send(&evil));
}

#[test]
fn unknown_topics_do_not_exist() {
    let mq = Mq::with("topics = [\"orders\"]\n");
    mq.stored(&mq.publish("orders", "x", "", ""));
    mq.refused(&mq.publish("others", "x", "", ""), 404, "TopicNotExist");
    mq.refused(&mq.consume("others", 1, ""), 404, "TopicNotExist");
}

#[test]
fn one_connection_carries_everything() {
    let mq = Mq::start();
    let mut connection = Connection::open(mq.address);
    for _ in 0..3 {
        let published = connection.exchange(&mq.publish("T", "x", "", "").bytes(), "POST");
        assert_eq!(published.status, 201);
        let taken = received(&connection.exchange(&mq.consume("T", 1, "").bytes(), "GET"));
        let done = connection.exchange(&mq.acknowledge("T", &[&taken[0].handle]).bytes(), "DELETE");
        assert_eq!(done.status, 204);
        assert!(received(&connection.exchange(&mq.consume("T", 1, "").bytes(), "GET")).is_empty());
    }
}

#[test]
fn a_hang_up_gives_messages_back() {
    let mq = Mq::start();
    let mut connection = Connection::open(mq.address);
    connection.send(&mq.consume("T", 1, "&waitseconds=30").bytes());
    drop(connection);
    mq.stored(&mq.publish("T", "x", "", ""));
    let taken = until("the message", || mq.taken("T", 1, "").into_iter().next());
    assert_eq!((taken.body.as_str(), taken.consumed_times), ("x", 1));
}
