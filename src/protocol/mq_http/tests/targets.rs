use super::super::*;
use crate::http_message::Method;

const FULL: &str = "consumer=G&numOfMessages=1";

#[test]
fn paths() {
    for (path, topic) in [
        ("/topics/t/messages", "t"),
        ("//topics/t/messages", "t"),
        ("////topics/t/messages/", "t"),
        ("/topics/%25DLQ%25G/messages", "%DLQ%G"),
        ("/topics/a+b/messages", "a+b"),
        ("/topics/%E8%AE%A2%E5%8D%95/messages", "订单"),
        ("/topics/a%2Fb/messages", "a/b"),
    ] {
        let decoded = decode_target(Method::Post, path, "ns=I&unknown=1").unwrap();
        assert_eq!((decoded.topic.as_ref(), decoded.operation), (topic, Operation::Publish), "{path}");
    }
    for path in [
        "",
        "/",
        "*",
        "topics/t/messages",
        "/topics//messages",
        "/topics/messages",
        "/topics/t",
        "/topics/t/messages//",
        "/topics/t/u/messages",
        "/topics/t/messages/x",
        "/Topics/t/messages",
        "/topics/%FF/messages",
        "/prefix/topics/t/messages",
    ] {
        assert_eq!(decode_target(Method::Get, path, FULL), Err(Refusal::InvalidRequestUrl), "{path}");
    }
}

fn consume(query: &str) -> Result<ConsumeQuery, Refusal> {
    let Operation::Consume(consume) = decode_target(Method::Get, "/topics/t/messages", query)?.operation else {
        panic!("not a consume")
    };
    Ok(consume)
}

#[test]
fn queries_of_a_consume() {
    let query = "waitseconds=&tag=Tag+A%7C%7CTag%20B&numOfMessages=16&numOfMessages=99&consumer=G+1&trans=&x=%FF";
    let decoded = consume(query).unwrap();
    assert_eq!((decoded.group.as_str(), decoded.num, decoded.wait_seconds), ("G 1", 16, 0));
    assert_eq!(decoded.tags.unwrap().expression(), "Tag A||Tag B");
    assert_eq!(consume(&format!("{FULL}&tag=*")).unwrap().tags, None);
    assert!(consume(&format!("{FULL}&trans=order")).unwrap().ordered);
}

#[test]
fn waits_of_less_than_nothing_are_none() {
    for (wait, seconds) in
        [("", 0), ("0", 0), ("-0", 0), ("-1", 0), ("-30", 0), ("-99999999999999999999", 0), ("007", 7), ("30", 30)]
    {
        // PHP's order.
        let query = format!("numOfMessages=16&consumer=G&waitseconds={wait}");
        assert_eq!(consume(&query).unwrap().wait_seconds, seconds, "{wait:?}");
    }
}

#[test]
fn queries_that_are_refused() {
    let item = Refusal::InvalidQueryString;
    let argument = |text: &'static str| Refusal::InvalidArgument(text.into());
    let numbers = || argument("The value of numOfMessages should between 1 and 16.");
    let seconds = || argument("The value of waitseconds should between 0 and 30 seconds.");
    for (query, refusal) in [
        ("", item("consumer")),
        ("consumer=&numOfMessages=1", item("consumer")),
        ("consumer=%FF&numOfMessages=1", item("consumer")),
        ("consumer=G", item("numOfMessages")),
        ("consumer=G&numOfMessages=many", item("numOfMessages")),
        ("consumer=G&numOfMessages=", item("numOfMessages")),
        ("consumer=G&numOfMessages=1.0", item("numOfMessages")),
        ("consumer=G&numOfMessages=-", item("numOfMessages")),
        ("consumer=G&numOfMessages=-1", numbers()),
        ("consumer=G&numOfMessages=0", numbers()),
        ("consumer=G&numOfMessages=17", numbers()),
        ("consumer=G&numOfMessages=4294967297", numbers()),
        ("consumer=G&numOfMessages=99999999999999999999", numbers()),
        ("consumer=G&numOfMessages=-99999999999999999999", numbers()),
        ("consumer=G&numOfMessages=1&waitseconds=x", item("waitseconds")),
        ("consumer=G&numOfMessages=1&waitseconds=-x", item("waitseconds")),
        ("consumer=G&numOfMessages=1&waitseconds=--1", item("waitseconds")),
        ("consumer=G&numOfMessages=1&waitseconds=1.5", item("waitseconds")),
        // A `+` is a blank in a query, and no sign otherwise.
        ("consumer=G&numOfMessages=1&waitseconds=+5", item("waitseconds")),
        ("consumer=G&numOfMessages=1&waitseconds=%2B5", item("waitseconds")),
        ("consumer=G&numOfMessages=1&waitseconds=31", seconds()),
        ("consumer=G&numOfMessages=1&waitseconds=99999999999999999999", seconds()),
        ("consumer=G&numOfMessages=1&tag=%FF", item("tag")),
        (
            "consumer=G&numOfMessages=1&tag=a%7Cb",
            argument("A tag in the value of tag must not contain '|': leave that out."),
        ),
    ] {
        assert_eq!(consume(query), Err(refusal), "{query}");
    }
    let transaction = |method, query| decode_target(method, "/topics/t/messages", query).unwrap_err().to_string();
    for (method, query) in [
        (Method::Get, "consumer=G&numOfMessages=1&trans=pop"),
        (Method::Delete, "consumer=G&trans=commit"),
        // Go, without an instance.
        (Method::Delete, "consumer=&trans=rollback"),
    ] {
        assert!(transaction(method, query).starts_with("Half messages are not supported"), "{query}");
    }
    for (method, query) in
        [(Method::Get, "consumer=G&trans=x"), (Method::Delete, "consumer=G&trans=order"), (Method::Post, "trans=order")]
    {
        assert!(transaction(method, query).starts_with("The value of trans should be"), "{query}");
    }
}
