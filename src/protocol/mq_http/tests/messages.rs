//! Documents that clients send, by hand.

use super::super::*;
use super::{document, published, schema};
use crate::model::UnixMillis;

#[test]
fn as_the_sdks_write_them() {
    // Section 6 of the notes: Python.
    let python = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Message xmlns=\"http://mq.aliyuncs.com/doc/v1/\"><MessageBody>\
                  Hello &lt;b&gt;&amp;&quot;'世界&lt;/b&gt; ]]&gt; \n tail</MessageBody><Properties>KEYS:K1|a:值|\
                  __SHARDINGKEY:s1|</Properties><MessageTag>TagA</MessageTag></Message>";
    let decoded = published(python).unwrap();
    assert_eq!(decoded.body, "Hello <b>&\"'世界</b> ]]> \n tail");
    assert_eq!(decoded.tag.unwrap().as_str(), "TagA");
    assert_eq!(decoded.keys[0].as_str(), "K1");
    assert_eq!(decoded.properties, [("a".to_owned(), "值".to_owned())]);
    assert_eq!(decoded.message_group.unwrap().as_str(), "s1");
    // C#: a byte order mark, and a namespace without the last slash. PHP: an empty tag.
    let mark = "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Message xmlns=\"http://mq.aliyuncs.com/doc/v1\">\n  \
                <MessageTag></MessageTag>\n  <MessageBody>b</MessageBody>\n</Message>\n";
    assert_eq!(published(mark).unwrap(), super::message("b"));
    // Go: no namespace. Others by hand: no declaration, a prefix, elements and comments that mean nothing.
    let odd = "<!-- c --><m:Message xmlns:m='u' a=\"1\"><Unknown><MessageBody>no</MessageBody></Unknown>\
               <m:MessageBody >y<!-- c -->es<?pi?></m:MessageBody ><MessageTag/><Properties/></m:Message><!-- c -->";
    assert_eq!(published(odd).unwrap(), super::message("yes"));
}

#[test]
fn bodies_come_out_byte_for_byte() {
    let check = |inside: &str, body: &str| {
        let decoded = published(document(&format!("<MessageBody>{inside}</MessageBody>"))).unwrap();
        assert_eq!(decoded.body, body, "{inside:?}");
    };
    check(" \r\n\t a \r ", " \r\n\t a \r ");
    check("<![CDATA[ \r\n<&>]] ]>]]>", " \r\n<&>]] ]>");
    check("a<![CDATA[b]]]]><![CDATA[>c]]>d&amp;e", "ab]]>cd&e");
    check("&#13;&#xA;&#x1F600;&#9;", "\r\n😀\t");
    check("&apos;&quot;&lt;&gt;", "'\"<>");
    check("\u{7F}\u{85}\u{2028}\u{FFFD}\u{FEFF}😀", "\u{7F}\u{85}\u{2028}\u{FFFD}\u{FEFF}😀");
}

#[test]
fn what_the_schema_forbids() {
    let check = |inside: &str, cause: &str| {
        assert_eq!(published(document(inside)), Err(schema(cause)), "{inside}");
    };
    let body = "<MessageBody>b</MessageBody>";
    check("", "MessageBody: it is required and must not be empty");
    check("<MessageBody/>", "MessageBody: it is required and must not be empty");
    check("<MessageBody>a<b/>c</MessageBody>", "MessageBody: it must be text");
    // What a body of `]]></MessageBody><MessageBody><![CDATA[evil` makes of the Node SDK's document.
    check(
        "<MessageBody><![CDATA[]]></MessageBody><MessageBody><![CDATA[evil]]></MessageBody>",
        "MessageBody: it must occur once",
    );
    check(&format!("{body}<MessageTag>a|b</MessageTag>"), "MessageTag: it must not contain '|': leave that out");
    let long = format!("{body}<MessageTag>{}</MessageTag>", "t".repeat(129));
    check(&long, "MessageTag: it has 129 characters, the limit is 128: shorten it");
    let root = published("<Messages></Messages>").unwrap_err();
    assert_eq!(root, schema("the root element, which must be Message"));
}

fn with_properties(properties: &str) -> Result<crate::model::Message, Refusal> {
    published(document(&format!("<MessageBody>b</MessageBody><Properties><![CDATA[{properties}]]></Properties>")))
}

#[test]
fn properties_with_a_meaning() {
    let decoded = with_properties("KEYS: k1  k2 |a:|__STARTDELIVERTIME:5|b c:d/e=f|__SHARDINGKEY:user 7|_y:z").unwrap();
    assert_eq!(decoded.keys.iter().map(|key| key.as_str()).collect::<Vec<_>>(), ["k1", "k2"]);
    assert_eq!(decoded.deliver_at, Some(UnixMillis(5)));
    assert_eq!(decoded.message_group.unwrap().as_str(), "user 7");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(decoded.properties, [pair("a", ""), pair("b c", "d/e=f"), pair("_y", "z")]);
    assert_eq!(with_properties("").unwrap(), super::message("b"));
    assert_eq!(with_properties("KEYS:|").unwrap(), super::message("b"));
    // The limit is one of bytes.
    let fits = format!("a:{}|", "x".repeat(MAX_PROPERTY_BYTES - 3));
    assert_eq!(with_properties(&fits).unwrap().properties[0].1.len(), MAX_PROPERTY_BYTES - 3);
    let over = format!("a:{}|", "x".repeat(MAX_PROPERTY_BYTES - 2));
    assert_eq!(with_properties(&over), Err(schema("Properties: must not be longer than 16384 bytes")));
}

#[test]
fn properties_that_break_a_rule() {
    let characters = "names and values must not contain any of & \" ' < > : |";
    for (properties, rule) in [
        ("a", "every entry must be NAME:VALUE"),
        ("|a:b", "every entry must be NAME:VALUE"),
        ("a:b||c:d", "every entry must be NAME:VALUE"),
        (":v", "names must not be empty"),
        ("a:b:c", "an entry must not contain a second ':'"),
        ("a&:b", characters),
        ("a:\"", characters),
        ("it's:b", characters),
        ("a:<", characters),
        ("a:>", characters),
        ("KEYS:a&b", characters),
        ("a:b\nc", "names and values must not contain control characters"),
        ("a:\u{7F}", "names and values must not contain control characters"),
        ("KEYS:a|KEYS:b", "KEYS must not occur twice"),
        ("__SHARDINGKEY:a|__SHARDINGKEY:b", "__SHARDINGKEY must not occur twice"),
        ("__SHARDINGKEY:", "__SHARDINGKEY must not be empty: leave it out or name it"),
        ("__STARTDELIVERTIME:soon", "__STARTDELIVERTIME must be milliseconds since 1970"),
    ] {
        assert_eq!(with_properties(properties), Err(schema(&format!("Properties: {rule}"))), "{properties}");
    }
    // What would come to consumers as the MQ's word.
    for name in ["TAGS", "__BORNHOST", "__x", "__STARTDELIVERTIMES", "__"] {
        let text = with_properties(&format!("a:b|{name}:v")).unwrap_err().to_string();
        assert!(text.contains("Properties: TAGS and names that begin with __ are the MQ's own"), "{name}: {text}");
    }
    let key = with_properties(&format!("KEYS:{}", "k".repeat(129))).unwrap_err();
    assert_eq!(key, schema("Properties: KEYS has 129 characters, the limit is 128: shorten it"));
    let half = with_properties("__TransCheckT:10|").unwrap_err();
    assert!(half.to_string().starts_with("Half messages are not supported"));
}

#[test]
fn what_a_caller_may_have_as_a_property() {
    assert_eq!(property_flaw("值 / = +"), None);
    assert_eq!(property_flaw(""), None);
    for bad in ["&", "\"", "'", "<", ">", "a:b", "|"] {
        assert_eq!(property_flaw(bad), Some("must not contain any of & \" ' < > : |"), "{bad}");
    }
    for bad in ["\0", "a\tb", "\r", "\u{7F}", "\u{85}", "\u{FFFE}", "\u{FFFF}"] {
        assert_eq!(property_flaw(bad), Some("must not contain control characters"), "{bad:?}");
    }
    for name in ["KEYS", "TAGS", "__x", "__STARTDELIVERTIME", BODY_ENCODING_PROPERTY] {
        assert!(is_reserved_property(name), "{name}");
    }
    for name in ["keys", "_x", "a", ""] {
        assert!(!is_reserved_property(name), "{name}");
    }
}

#[test]
fn bodies_that_are_not_their_own_text() {
    let send = |body: &str, properties: &str| {
        published(document(&format!("<MessageBody>{body}</MessageBody><Properties>{properties}</Properties>")))
    };
    let decoded = send("AP8K", "a:b|mq-gateway-body:base64|").unwrap();
    assert_eq!(decoded.body, &b"\x00\xFF\n"[..]);
    assert_eq!(decoded.properties, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(send("AP8K", "a:b").unwrap().body, "AP8K");
    assert_eq!(send("-", "mq-gateway-body:empty|").unwrap().body, "");
    for (body, encoding) in [("AP8", "base64"), ("AP8K\n", "base64"), ("AP9=", "base64"), ("AP8K", "hex"), ("AP8K", "")]
    {
        let refusal = send(body, &format!("mq-gateway-body:{encoding}")).unwrap_err();
        assert_eq!(
            refusal,
            schema("MessageBody: it is not what the property mq-gateway-body (base64, empty) says"),
            "{body}"
        );
    }
}

#[test]
fn receipt_handles() {
    let read = |inside: &str| decode_receipt_handles(format!("<ReceiptHandles>{inside}</ReceiptHandles>").as_bytes());
    let handle = "<ReceiptHandle>h&amp;<![CDATA[ 1]]></ReceiptHandle>";
    assert_eq!(read(&format!("\n {handle}<Unknown>x</Unknown>{handle}\n")).unwrap(), ["h& 1", "h& 1"]);
    assert_eq!(read(&handle.repeat(16)).unwrap().len(), 16);
    let many = Refusal::InvalidArgument("The value of ReceiptHandle should between 1 and 16 handles.".into());
    assert_eq!(read(&handle.repeat(17)), Err(many));
    assert_eq!(read(""), Err(Refusal::MissingReceiptHandle));
    assert_eq!(read("<ReceiptHandle/>"), Err(Refusal::MissingReceiptHandle));
    assert_eq!(read("<ReceiptHandle>a<b/></ReceiptHandle>"), Err(schema("ReceiptHandle: it must be text")));
    assert_eq!(decode_receipt_handles(b""), Err(Refusal::MalformedXml));
    let root = decode_receipt_handles(b"<Message/>").unwrap_err();
    assert_eq!(root, schema("the root element, which must be ReceiptHandles"));
}
