//! `POST /v1/topics/{topic}/messages`, towards the checking endpoint.

use serde_json::{Value, json};

use crate::support::problem::{assert_names, places};
use crate::support::time::{format_rfc3339_millis, now_millis};
use crate::support::{Endpoint, Meaning, Settings, TestApp, assert_problem};

const TARGET: &str = "/v1/topics/orders/messages";

#[test]
fn a_publish_is_answered_with_the_message_id() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let response = app.post_json(TARGET, r#"{"body":"hello"}"#);
    let mut answer = response.expect_json(201);
    let id = answer["message_id"].take();
    assert_eq!(id, "0A97CB496DE1137A9034915400000001");
    assert_eq!(answer, json!({"message_id": null, "topic": "orders", "outcome": "published", "attempts": 1}));
    assert_eq!(endpoint.only_request().body, b"hello");
    assert_eq!(endpoint.only_request().parameter("topic"), Some("orders"));
    assert_eq!(endpoint.only_request().header("producerid"), Some("PID_ours"));
}

/// Publishes envelopes with one application and compares the bodies that arrive.
fn check_bodies(rows: &[(&str, &[u8])]) {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("binary_bodies = true"));
    for (envelope, expected) in rows {
        let response = app.post_json(TARGET, envelope);
        assert_eq!(response.status, 201, "{envelope}: {response:?}");
        let arrived = endpoint.last_request().body;
        assert_eq!(arrived, *expected, "{envelope} became {:?}", String::from_utf8_lossy(&arrived));
    }
    assert_eq!(endpoint.request_count(), rows.len());
}

#[test]
fn a_string_is_sent_as_its_own_text() {
    check_bodies(&[
        (r#"{"body":"hello"}"#, b"hello"),
        (r#"{"body":"hello","encoding":"text"}"#, b"hello"),
        (r#"{"body":"中文"}"#, "中文".as_bytes()),
        (r#"{"body":"\u4e2d\u6587 \ud83d\ude00"}"#, "中文 😀".as_bytes()),
        (r#"{"body":"line\r\nline\n"}"#, b"line\r\nline\n"),
        (r#"{"body":"a\u0000b"}"#, b"a\0b"),
        (r#"{"body":""}"#, b""),
        (r#"{"body":"{\"not\": parsed"}"#, br#"{"not": parsed"#),
    ]);
}

#[test]
fn base64_is_decoded_and_json_is_quoted() {
    check_bodies(&[
        (r#"{"body":"aGVsbG8=","encoding":"base64"}"#, b"hello"),
        (r#"{"body":"","encoding":"base64"}"#, b""),
        (r#"{"encoding":"base64","body":"/wD+"}"#, b"\xff\x00\xfe"),
        (r#"{"body":"hi","encoding":"json"}"#, br#""hi""#),
    ]);
}

#[test]
fn any_other_json_is_sent_as_the_callers_own_text_without_blanks() {
    check_bodies(&[
        (r#"{"body":{"b":1,"a":2}}"#, br#"{"b":1,"a":2}"#),
        ("{ \"body\" : { \"b\" : 1 ,\n\t\"a\" : [ 1.0 , \"x  y\" , null ] } }", br#"{"b":1,"a":[1.0,"x  y",null]}"#),
        (
            r#"{"body":{"n":1e3,"m":-0.0,"big":123456789012345678901234567890}}"#,
            br#"{"n":1e3,"m":-0.0,"big":123456789012345678901234567890}"#,
        ),
        (r#"{"body":{"k":"\u4e2d\/ \" \\ x"}}"#, br#"{"k":"\u4e2d\/ \" \\ x"}"#),
        (r#"{"body":1.10}"#, b"1.10"),
        (r#"{"body": true }"#, b"true"),
        (r#"{"body":null}"#, b"null"),
        (r#"{"body":[ ]}"#, b"[]"),
        (r#"{"body":{"a":1},"encoding":"json"}"#, br#"{"a":1}"#),
    ]);
}

#[test]
fn a_json_body_of_a_suffix_type_is_an_envelope() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.acme.order+json"] {
        let request = app.request("POST", TARGET).header(format!("Content-Type: {kind}"));
        assert_eq!(request.body(r#"{"body":"inner"}"#).send().status, 201, "{kind}");
        assert_eq!(endpoint.last_request().body, b"inner", "{kind}");
    }
}

/// A refused envelope: its status, code, and the place that is named.
#[track_caller]
fn check_refused(rows: &[(&str, &str, &str)]) {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().profile("binary_bodies = false"));
    for (envelope, code, place) in rows {
        let response = app.post_json(TARGET, envelope);
        let problem = assert_problem(&response, 422, code, Meaning::NotPublished);
        assert!(places(&problem).contains(place), "{envelope}: {place} in {problem}");
    }
    assert_eq!(endpoint.request_count(), 0, "nothing was sent");
}

#[test]
fn a_wrong_envelope_is_refused_with_a_pointer() {
    let long = "x".repeat(129);
    let tag = format!(r#"{{"body":"x","tag":"{long}"}}"#);
    let key = format!(r#"{{"body":"x","keys":["ok","{long}"]}}"#);
    check_refused(&[
        (r#"{"body":"x","colour":"red"}"#, "validation-failed", "/colour"),
        (r#"{"body":"x","encoding":"gzip"}"#, "validation-failed", "/encoding"),
        (r#"{"body":"a=b","encoding":"base64"}"#, "validation-failed", "/body"),
        (r#"{"body":"aGVsbG8","encoding":"base64"}"#, "validation-failed", "/body"),
        (r#"{"body":"aGVs bG8=","encoding":"base64"}"#, "validation-failed", "/body"),
        (r#"{"body":"_-8=","encoding":"base64"}"#, "validation-failed", "/body"),
        (r#"{"body":{"a":1},"encoding":"base64"}"#, "validation-failed", "/body"),
        (r#"{"body":1,"encoding":"text"}"#, "validation-failed", "/body"),
        (r#"{"body":"x","tag":7}"#, "validation-failed", "/tag"),
        (r#"{"body":"x","tag":""}"#, "validation-failed", "/tag"),
        (r#"{"body":"x","tag":"a|b"}"#, "validation-failed", "/tag"),
        (r#"{"body":"x","tag":"a\nb"}"#, "validation-failed", "/tag"),
        (&tag, "validation-failed", "/tag"),
        (&key, "validation-failed", "/keys/1"),
        (r#"{"body":"x","keys":"a"}"#, "validation-failed", "/keys"),
        (r#"{"body":"x","keys":["a b"]}"#, "validation-failed", "/keys/0"),
        (r#"{"body":"x","message_group":"用户"}"#, "validation-failed", "/message_group"),
        (r#"{"body":"x","deliver_at":"tomorrow"}"#, "validation-failed", "/deliver_at"),
        (r#"{"body":"x","delay_seconds":-1}"#, "validation-failed", "/delay_seconds"),
        (r#"{"body":"x","delay_seconds":"5"}"#, "validation-failed", "/delay_seconds"),
        (r#"{"body":"x","delay_seconds":3542400}"#, "validation-failed", "/delay_seconds"),
        (r#"{"body":"x","properties":{"a":"b"}}"#, "capability-not-supported", "/properties"),
        (r#"{"body":"/wD+","encoding":"base64"}"#, "capability-not-supported", "/body"),
    ]);
}

#[test]
fn a_missing_body_is_named() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for envelope in ["{}", r#"{"tag":"a"}"#] {
        let problem = assert_problem(&app.post_json(TARGET, envelope), 422, "validation-failed", Meaning::NotPublished);
        assert_names(&problem, "body");
    }
    for envelope in ["[]", "\"text\"", "7", "null"] {
        assert_problem(&app.post_json(TARGET, envelope), 422, "validation-failed", Meaning::NotPublished);
    }
}

#[test]
fn tag_and_keys_are_sent_and_defaults_fill_in() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().topic("default_tag = \"http\"").topic("default_key = \"standard\"");
    let app = TestApp::with(&endpoint, settings);
    let check = |envelope: &str, tag: &str, key: &str| {
        assert_eq!(app.post_json(TARGET, envelope).status, 201, "{envelope}");
        let request = endpoint.last_request();
        assert_eq!((request.parameter("tag"), request.parameter("key")), (Some(tag), Some(key)), "{envelope}");
    };
    check(r#"{"body":"x"}"#, "http", "standard");
    check(r#"{"body":"x","tag":"标签 & more","keys":["k1"]}"#, "标签 & more", "k1");
    check(r#"{"body":"x","keys":["k1","k2","k3"]}"#, "http", "k1 k2 k3");
}

#[test]
fn without_defaults_an_unset_tag_and_key_are_not_sent() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    assert_eq!(app.post_json(TARGET, r#"{"body":"x"}"#).status, 201);
    assert_eq!(endpoint.only_request().parameter_names(), ["topic", "time"]);
    assert_eq!(endpoint.only_request().header("isorder"), None);
}

#[test]
fn a_message_group_is_the_sharding_key_of_an_ordered_message() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    assert_eq!(app.post_json(TARGET, r#"{"body":"x","message_group":"user 7"}"#).status, 201);
    let request = endpoint.only_request();
    assert_eq!((request.header("isOrder"), request.header("shardingKey")), (Some("true"), Some("user 7")));
}

#[test]
fn times_are_absolute_milliseconds() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let start = |envelope: &str| {
        assert_eq!(app.post_json(TARGET, envelope).status, 201, "{envelope}");
        endpoint.last_request().parameter("startdelivertime").map(|text| text.parse::<u64>().unwrap())
    };
    let hour = now_millis() + 3_600_000;
    assert_eq!(start(&json!({"body": "x", "deliver_at": format_rfc3339_millis(hour)}).to_string()), Some(hour));
    let with_offset = format_rfc3339_millis(hour + 8 * 3_600_000).replace('Z', "+08:00");
    assert_eq!(start(&json!({"body": "x", "deliver_at": with_offset}).to_string()), Some(hour));

    let before = now_millis();
    let delayed = start(r#"{"body":"x","delay_seconds":60}"#).unwrap();
    assert!((before + 60_000..=now_millis() + 60_000).contains(&delayed), "{delayed} at {before}");

    let past = start(r#"{"body":"x","deliver_at":"2017-08-28T08:05:19Z"}"#);
    assert!(past.is_none_or(|time| time <= now_millis()), "a past time is now: {past:?}");
    let nearly = 40 * 86_400 - 60;
    assert!(start(&format!(r#"{{"body":"x","delay_seconds":{nearly}}}"#)).is_some());
}

#[test]
fn times_that_contradict_are_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let late = format_rfc3339_millis(now_millis() + 41 * 86_400_000);
    for envelope in [
        r#"{"body":"x","deliver_at":"2040-01-01T00:00:00Z","delay_seconds":5}"#.to_owned(),
        json!({"body": "x", "deliver_at": late}).to_string(),
    ] {
        let problem =
            assert_problem(&app.post_json(TARGET, &envelope), 422, "validation-failed", Meaning::NotPublished);
        assert_names(&problem, "deliver_at");
    }
    let grouped = app.post_json(TARGET, r#"{"body":"x","message_group":"g","delay_seconds":5}"#);
    assert_eq!(grouped.status, 422, "{grouped:?}");
    let code = grouped.json()["code"].clone();
    assert!(code == "capability-not-supported" || code == "validation-failed", "{code}");
    assert_eq!(grouped.json()["outcome"], "not_published");
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn raw_bytes_are_the_message() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for kind in [
        None,
        Some("text/plain"),
        Some("application/octet-stream"),
        Some("text/html;charset=UTF-8"),
        Some("application/xml"),
    ] {
        let request = app.request("POST", TARGET);
        let request = kind.into_iter().fold(request, |request, kind| request.header(format!("Content-Type: {kind}")));
        let response = request.body("{\"body\": 中文\r\n").send();
        assert_eq!(response.status, 201, "{kind:?}: {response:?}");
        assert_eq!(endpoint.last_request().body, "{\"body\": 中文\r\n".as_bytes(), "{kind:?}");
    }
}

#[test]
fn raw_bytes_take_their_options_from_the_query() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let publish = |query: &str| {
        let response =
            app.request("POST", &format!("{TARGET}?{query}")).header("Content-Type: text/plain").body("x").send();
        assert_eq!(response.status, 201, "{query}: {response:?}");
        endpoint.last_request()
    };
    assert_eq!(publish("tag=a%20b").parameter("tag"), Some("a b"));
    assert_eq!(publish("tag=%E6%A0%87").parameter("tag"), Some("标"));
    assert_eq!(publish("key=k1&key=k2").parameter("key"), Some("k1 k2"));
    assert_eq!(publish("message_group=g").header("shardingkey"), Some("g"));
    assert!(publish("delay_seconds=60").parameter("startdelivertime").is_some());
    assert!(publish("deliver_at=2017-08-28T08:05:19Z").parameter("topic").is_some());
}

#[test]
fn wrong_options_in_the_query_are_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (query, code, parameter) in [
        ("colour=red", "validation-failed", "colour"),
        ("tag=a%7Cb", "validation-failed", "tag"),
        ("key=a%20b", "validation-failed", "key"),
        ("delay_seconds=soon", "validation-failed", "delay_seconds"),
        ("property.a=b", "capability-not-supported", "property.a"),
    ] {
        let response =
            app.request("POST", &format!("{TARGET}?{query}")).header("Content-Type: text/plain").body("x").send();
        let problem = assert_problem(&response, 422, code, Meaning::NotPublished);
        assert!(places(&problem).contains(&parameter), "{query}: {problem}");
    }
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn bytes_that_are_no_text_need_a_profile_that_carries_them() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let response = app.request("POST", TARGET).header("Content-Type: text/plain").body(b"\xff\xfe").send();
    assert_problem(&response, 422, "capability-not-supported", Meaning::NotPublished);
    assert_eq!(endpoint.request_count(), 0);
}

const TWO_TOPICS: &str = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_billing\"]\n\
    [[topics]]\nname = \"订单\"\nprofile = \"main\"\ngroups = [\"CID_账单\"]\n";

#[test]
fn only_configured_topics_are_known() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().topics(TWO_TOPICS));
    let unknown = app.post_json("/v1/topics/other/messages", r#"{"body":"x"}"#);
    assert_problem(&unknown, 404, "unknown-topic", Meaning::NotPublished);
    assert_eq!(app.post_json(TARGET, r#"{"body":"x"}"#).status, 201);
    assert_eq!(app.post_json("/v1/topics/%E8%AE%A2%E5%8D%95/messages", r#"{"body":"x"}"#).status, 201);
    assert_eq!(endpoint.last_request().parameter("topic"), Some("订单"));
}

#[test]
fn illegal_topics_are_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let long = "a".repeat(65);
    for name in ["a%20b", "a.b", "%E8%AE%A2", "a%00b", "a%0d%0ab", "a%26b", long.as_str(), "*"] {
        let response = app.post_json(&format!("/v1/topics/{name}/messages"), r#"{"body":"x"}"#);
        assert_problem(&response, 422, "validation-failed", Meaning::NotPublished);
    }
    let longest = "a".repeat(64);
    for (name, decoded) in [("%25DLQ%25CID_a-b%7Cc", "%DLQ%CID_a-b|c"), (longest.as_str(), longest.as_str())] {
        assert_eq!(app.post_json(&format!("/v1/topics/{name}/messages"), r#"{"body":"x"}"#).status, 201, "{name}");
        assert_eq!(endpoint.last_request().parameter("topic"), Some(decoded));
    }
}

#[test]
fn unknown_routes_methods_and_types_are_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for (method, target) in
        [("GET", "/nowhere"), ("POST", "/v1/topics/orders/message"), ("POST", "/v2/topics/orders/messages")]
    {
        assert_problem(&app.request(method, target).send(), 404, "not-found", Meaning::NotDone);
    }
    for method in ["PUT", "DELETE", "PATCH", "BREW"] {
        let response = app.request(method, TARGET).body("x").send();
        assert_problem(&response, 405, "method-not-allowed", Meaning::NotDone);
        assert!(response.header("allow").is_some_and(|allow| allow.contains("POST")), "{response:?}");
    }
    let response = app.request("POST", TARGET).header("Accept: image/png").json(r#"{"body":"x"}"#).send();
    assert_problem(&response, 406, "not-acceptable", Meaning::NotDone);
    for accept in
        ["*/*", "application/*", "application/json;q=0.5, text/html", "application/problem+json, application/json"]
    {
        let request = app.request("POST", TARGET).header(format!("Accept: {accept}"));
        assert_eq!(request.json(r#"{"body":"x"}"#).send().status, 201, "{accept}");
    }
}

#[test]
fn a_request_id_is_kept_when_it_is_one() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let id_of = |given: &str| {
        let request = app.request("POST", TARGET).header(format!("x-request-id: {given}"));
        let response = request.json("{}").send();
        let problem = assert_problem(&response, 422, "validation-failed", Meaning::NotPublished);
        assert_eq!(response.header("x-request-id"), problem["request_id"].as_str());
        problem["request_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(id_of("order-7/~x"), "order-7/~x");
    let longest = "i".repeat(128);
    assert_eq!(id_of(&longest), longest);
    for replaced in ["i".repeat(129), "a b".into(), "é".into(), String::new()] {
        let id = id_of(&replaced);
        assert_ne!(id, replaced);
        assert!((1..=128).contains(&id.len()), "{id:?}");
    }
    let published = app.request("POST", TARGET).header("x-request-id: seven").json(r#"{"body":"x"}"#).send();
    assert_eq!(published.header("x-request-id"), Some("seven"));
}

#[test]
fn a_degraded_durability_is_reported() {
    use crate::support::endpoint::respond;
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for status in ["FLUSH_DISK_TIMEOUT", "FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE"] {
        endpoint.script(respond(201, &[], json!({"msgId": "0A", "sendStatus": status}).to_string()));
        let answer = app.post_json(TARGET, r#"{"body":"x"}"#).expect_json(201);
        let expected: Value = json!({"message_id": "0A", "topic": "orders", "outcome": "published", "attempts": 1, "durability": "degraded"});
        assert_eq!(answer, expected, "{status}");
    }
}

#[test]
fn publishes_that_come_together_are_answered_one_after_the_other() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let head = "POST /v1/topics/orders/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n";
    let sizes = [5, 9_000, 5, 40_000, 60_000, 1];
    let mut requests = String::new();
    for size in sizes {
        let body = "x".repeat(size);
        requests.push_str(&format!("{head}Content-Length: {size}\r\n\r\n{body}"));
        requests.push_str(&format!("{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n"));
    }
    let before = endpoint.request_count();
    let mut connection = app.raw(requests.as_bytes());
    for _ in 0..2 * sizes.len() {
        assert_eq!(connection.receive("POST").status, 201);
    }
    assert_eq!(endpoint.request_count() - before, 2 * sizes.len());
}
