//! CloudEvents from caller to caller: the modes of a publish, what is kept on each protocol, and deliveries as events. What official
//! libraries make of them is in `tests/consuming/cloud_events`.

use serde_json::{Value, json};

use crate::support::endpoint::closed;
use crate::support::problem::places;
use crate::support::time::until;
use crate::support::{Endpoint, Launch, Meaning, Response, Settings, TestApp, assert_problem, assert_problem_value};

const TARGET: &str = "/v1/topics/orders/messages";
const RECEIVE: &str = "/v1/topics/orders/groups/GID_a/messages:receive";
const BATCH: &str = "application/cloudevents-batch+json";
const STRUCTURED: &str = "Content-Type: application/cloudevents+json";
const BINARY: [&str; 4] =
    ["ce-specversion: 1.0", "ce-id: A-1", "ce-source: https://example.com/s", "ce-type: com.example.t"];
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn on(protocol: &str, topic: &str) -> TestApp {
    let line = format!("protocol = \"{protocol}\"");
    Launch::on_embedded("", &Settings::new().profile(&line).topic(topic)).start()
}

fn publish(app: &TestApp, target: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Response {
    headers.iter().fold(app.request("POST", target), |request, line| request.header(line)).body(body).send()
}

fn structured(app: &TestApp, event: &Value) -> Response {
    publish(app, TARGET, &[STRUCTURED], event.to_string())
}

/// An event with this and what every event has.
fn event(more: Value) -> Value {
    let mut event =
        json!({"specversion": "1.0", "id": "A-1", "source": "https://example.com/s", "type": "com.example.t"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

fn receive_events(app: &TestApp) -> Vec<Value> {
    let request = app.request("POST", RECEIVE).header(format!("Accept: {BATCH}"));
    let answer = request.json(r#"{"wait_seconds":5}"#).send();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(BATCH)), "{answer:?}");
    answer.json().as_array().unwrap().clone()
}

/// The only event, without what each delivery has of its own, which is looked at.
#[track_caller]
fn received(app: &TestApp) -> Value {
    let mut events = receive_events(app);
    assert_eq!(events.len(), 1, "{events:?}");
    let event = events[0].as_object_mut().unwrap();
    let handle = event.remove("mqreceipthandle").unwrap();
    assert!(event.remove("mqvisibleagainat").unwrap().as_str().unwrap().ends_with('Z'));
    assert_eq!(event.remove("mqtopic"), Some(json!("orders")));
    assert_eq!(event.remove("mqgroup"), Some(json!("GID_a")));
    assert_eq!(event.remove("deliveryattempt"), Some(json!(1)));
    let answer = app.ack("orders", "GID_a", &[handle.as_str().unwrap()]).expect_json(200);
    assert_eq!(answer["results"][0]["status"], 204, "the event's own handle acknowledges it");
    json!(event)
}

/// What the MQ makes of an event in any case.
fn with_fields(mut event: Value, id: &Value, tag: &str, keys: &str) -> Value {
    event["mqmessageid"] = id.clone();
    event["mqtag"] = json!(tag);
    event["mqkeys"] = json!(keys);
    event
}

#[test]
fn every_mode_comes_back_as_the_same_event_from_each_protocol() {
    for protocol in ["ons-http", "mq-http"] {
        let app = on(protocol, "");
        let sent =
            event(json!({"subject": "17", "time": "2026-01-02T03:04:05.678Z", "datacontenttype": "application/json",
            "traceparent": TRACEPARENT, "odd": "a: b|c 世", "data": {"n": 1.5, "s": "世"}}));
        let id = structured(&app, &sent).expect_json(201)["message_id"].clone();
        assert_eq!(received(&app), with_fields(sent.clone(), &id, "com.example.t", "A-1 17"), "{protocol}");

        let headers = [
            &BINARY[..],
            &["ce-subject: 17", "ce-time: 2026-01-02T03:04:05.678Z", "Content-Type: application/json"],
            &[
                "ce-odd: a%3A%20b|c%20%E4%B8%96",
                "ce-traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ],
        ]
        .concat();
        let id = publish(&app, TARGET, &headers, r#"{"n": 1.5, "s": "世"}"#).expect_json(201)["message_id"].clone();
        assert_eq!(received(&app), with_fields(sent.clone(), &id, "com.example.t", "A-1 17"), "{protocol}");

        let text = event(json!({"id": "2", "datacontenttype": "text/plain", "data": "hello\n"}));
        let bytes = event(json!({"id": "3", "datacontenttype": "application/octet-stream", "data_base64": "AP/+gEE="}));
        let bare = event(json!({"id": "4"}));
        let batch = json!([text, bytes, bare]);
        let answer = publish(&app, TARGET, &[&format!("Content-Type: {BATCH}")], batch.to_string()).expect_json(200);
        let mut expected = Vec::new();
        for (index, sent) in [text, bytes, bare].into_iter().enumerate() {
            let result = &answer["results"][index];
            let id = &result["message_id"];
            let stored = json!({"index": index, "status": 201, "message_id": id, "topic": "orders", "outcome": "published",
                "attempts": 1});
            assert_eq!(*result, stored);
            let keys = sent["id"].as_str().unwrap().to_owned();
            expected.push(with_fields(sent, id, "com.example.t", &keys));
        }
        // They were published side by side.
        let mut found = until("three events", || {
            let events = receive_events(&app);
            Some(events).filter(|events| events.len() == 3)
        });
        found.sort_by_key(|event| event["id"].to_string());
        for event in &mut found {
            for name in ["mqreceipthandle", "mqvisibleagainat", "mqtopic", "mqgroup", "deliveryattempt"] {
                event.as_object_mut().unwrap().remove(name).unwrap();
            }
        }
        assert_eq!(found, expected, "{protocol}");
    }
}

#[test]
fn an_event_is_properties_on_mq_http_and_a_whole_on_ons_http_or_by_choice() {
    let sent =
        event(json!({"subject": "no key", "partitionkey": "user 7", "datacontenttype": "text/plain", "data": "hello"}));
    let app = on("mq-http", "");
    structured(&app, &sent).expect_json(201);
    let message = &app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#)[0];
    let fields = (&message["body"], &message["tag"], &message["keys"], &message["message_group"]);
    assert_eq!(fields, (&json!("hello"), &json!("com.example.t"), &json!(["A-1"]), &json!("user 7")));
    let expected = json!({"ce_specversion": "1.0", "ce_id": "A-1", "ce_source": "https%3A//example.com/s", "ce_type": "com.example.t",
        "ce_subject": "no key", "ce_datacontenttype": "text/plain", "ce_partitionkey": "user 7"});
    assert_eq!(message["properties"], expected);

    let app = on("ons-http", "");
    structured(&app, &sent).expect_json(201);
    let message = &app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#)[0];
    assert_eq!(serde_json::from_str::<Value>(message["body"].as_str().unwrap()).unwrap(), sent);
    assert_eq!((&message["tag"], &message["keys"]), (&json!("com.example.t"), &json!(["A-1"])));

    let app = on("mq-http", "cloudevents = \"envelope\"");
    structured(&app, &sent).expect_json(201);
    let message = &app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#)[0];
    assert_eq!(serde_json::from_str::<Value>(message["body"].as_str().unwrap()).unwrap(), sent);
    let expected =
        json!({"content-type": "application/cloudevents+json", "ce_id": "A-1", "ce_source": "https%3A//example.com/s"});
    assert_eq!(message["properties"], expected);
}

#[test]
fn what_properties_or_bodies_cannot_hold_goes_as_a_whole() {
    let app = on("mq-http", "");
    // No empty body, no bytes, and no more than 16 KiB of properties.
    let long = "x".repeat(20_000);
    for sent in [
        event(json!({})),
        event(json!({"datacontenttype": "image/png", "data_base64": "/w=="})),
        event(json!({"long": long, "data": 1})),
    ] {
        let id = structured(&app, &sent).expect_json(201)["message_id"].clone();
        assert_eq!(received(&app), with_fields(sent, &id, "com.example.t", "A-1"));
    }
}

#[test]
fn other_messages_are_wrapped_as_the_configuration_says() {
    let topic = "cloudevents_source = \"urn:example:orders\"\ncloudevents_type = \"com.example.order\"";
    for (topic, source, kind) in
        [("", "/mq-gateway/main", "mq.message"), (topic, "urn:example:orders", "com.example.order")]
    {
        let app = on("mq-http", topic);
        let envelope =
            json!({"body": {"n": 1}, "tag": "t", "keys": ["k"], "properties": {"tenant": "acme", "orderId": "17"}});
        let id = app.post_json(TARGET, envelope.to_string()).expect_json(201)["message_id"].clone();
        let mut found = received(&app);
        assert!(found.as_object_mut().unwrap().remove("time").unwrap().as_str().unwrap().ends_with('Z'));
        let expected = json!({"specversion": "1.0", "id": id, "source": source, "type": kind, "datacontenttype": "application/json",
            "mqtag": "t", "mqkeys": "k", "tenant": "acme", "mqproperties": "{\"orderId\":\"17\"}", "data": {"n": 1}});
        assert_eq!(found, expected);
    }
}

#[test]
fn an_event_that_looks_like_one_is_none_on_a_topic_of_properties() {
    let app = on("mq-http", "");
    let sent = event(json!({"data": 1}));
    app.request("POST", TARGET).header("Content-Type: application/octet-stream").body(sent.to_string()).send();
    let found = received(&app);
    assert_eq!((&found["type"], &found["data"]), (&json!("mq.message"), &sent));
}

#[test]
fn a_received_event_can_be_published_as_it_is() {
    let app = on("mq-http", "");
    let sent = event(json!({"data": 1, "mqtag": "t", "mqkeys": "k1 k2"}));
    structured(&app, &sent).expect_json(201);
    let first = receive_events(&app).remove(0);
    assert_eq!((&first["mqtag"], &first["mqkeys"]), (&json!("t"), &json!("k1 k2 A-1")));
    let id = structured(&app, &first).expect_json(201)["message_id"].clone();
    assert_ne!(first["mqmessageid"], id);
    let mut expected = with_fields(event(json!({"data": 1})), &id, "t", "k1 k2 A-1");
    expected["datacontenttype"] = json!("application/json");
    assert_eq!(received(&app), expected);
}

#[test]
fn the_answer_is_chosen_by_accept() {
    let app = on("ons-http", "");
    let accepting = |accept: &str| app.request("POST", RECEIVE).header(format!("Accept: {accept}")).json("{}").send();
    for accept in [BATCH, "application/cloudevents-batch+json, */*;q=0.1", "Application/CloudEvents-Batch+JSON"] {
        let answer = accepting(accept);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(BATCH)), "{accept}");
        assert_eq!(answer.text(), "[]");
    }
    for accept in
        ["*/*", "application/json", "application/*", "application/json, application/cloudevents-batch+json;q=0.9"]
    {
        accepting(accept).expect_json(200);
    }
    let problem = assert_problem(&accepting("application/cloudevents+json"), 406, "not-acceptable", Meaning::Final);
    assert!(problem["detail"].as_str().unwrap().contains("or application/cloudevents-batch+json"), "{problem}");
    app.publish("orders", "x");
    let target = "/v1/topics/orders/groups/GID_a/messages?wait_seconds=5";
    let answer = app.request("GET", target).header(format!("Accept: {BATCH}")).send();
    assert_eq!((answer.header("cache-control"), &answer.json()[0]["data"]), (Some("no-store"), &json!("x")));
    // Where the profile can do less than is asked, the answer says so all the same.
    let app = on("mq-http", "");
    let answer = app.request("POST", RECEIVE).header(format!("Accept: {BATCH}")).json("{}").send();
    assert_eq!(answer.header("x-mq-gateway-applied"), Some("max_messages=16"));
}

#[test]
fn flaws_are_named_by_header_or_member() {
    let app = on("ons-http", "");
    let refused = |headers: &[&str], body: &str, expected: &[&str]| {
        let problem =
            assert_problem(&publish(&app, TARGET, headers, body), 422, "validation-failed", Meaning::NotPublished);
        assert_eq!(places(&problem), expected, "{headers:?} {body}: {problem}");
        problem
    };
    let binary = |more: &[&'static str]| [&BINARY[..], more].concat();
    for (more, expected) in [
        (&["ce-subject: a", "ce-subject: a"][..], "ce-subject"),
        (&["ce-subject: %FF"], "ce-subject"),
        (&["ce-subject:"], "ce-subject"),
        (&["ce-time: yesterday"], "ce-time"),
        (&["ce-datacontenttype: text/plain"], "ce-datacontenttype"),
        (&["ce-my-name: x"], "ce-my-name"),
        (&["ce-data: x"], "ce-data"),
        (&["ce-mqtag: a|b"], "ce-mqtag"),
        (&["ce-partitionkey: %E4%B8%96"], "ce-partitionkey"),
        (&["Content-Type: nonsense"], "content-type"),
    ] {
        refused(&binary(more), "x", &[expected]);
    }
    refused(&["ce-id: 1", "ce-type: t", "Content-Type: application/json"], "{}", &["ce-specversion", "ce-source"]);
    refused(&["ce-id: 1", "ce-source: /", "ce-type: t", "ce-specversion: 2.0"], "x", &["ce-specversion"]);
    for (member, value) in [
        ("time", json!("now")),
        ("mqTag", json!("x")),
        ("mqtag", json!("a|b")),
        ("number", json!(2_147_483_648_i64)),
        ("list", json!([1])),
        ("data_base64", json!("@@@")),
    ] {
        refused(&[STRUCTURED], &event(json!({member: value})).to_string(), &[&format!("/{member}")]);
    }
    refused(&[STRUCTURED], "{}", &["/specversion", "/id", "/source", "/type"]);
    refused(&[STRUCTURED], "[]", &[""]);
    for query in ["?tag=x", "?property.a=b", "?delay_seconds=soon"] {
        let response = publish(&app, &format!("{TARGET}{query}"), &[STRUCTURED], event(json!({})).to_string());
        let problem = assert_problem(&response, 422, "validation-failed", Meaning::NotPublished);
        assert_eq!(places(&problem), [query[1..].split('=').next().unwrap()]);
    }
    let broken = publish(&app, TARGET, &[STRUCTURED], "{\"id\":");
    assert_problem(&broken, 400, "malformed-json", Meaning::NotPublished);
    let deep =
        event(json!({})).to_string().replace("}", &format!(",\"data\":{}1{}}}", "[".repeat(200), "]".repeat(200)));
    assert_problem(&publish(&app, TARGET, &[STRUCTURED], deep), 400, "malformed-json", Meaning::NotPublished);
    let avro = publish(&app, TARGET, &["Content-Type: application/cloudevents+avro"], "x");
    let problem = assert_problem(&avro, 415, "unsupported-media-type", Meaning::NotPublished);
    assert!(problem["detail"].as_str().unwrap().contains("application/cloudevents+json"), "{problem}");
    // The control: nothing of that was published, and what is right is.
    publish(&app, TARGET, &BINARY, "right").expect_json(201);
    let bodies = app.receive("orders", "GID_a", r#"{"wait_seconds":5}"#);
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[test]
fn a_batch_is_refused_as_a_whole_for_its_shape_and_one_by_one_for_its_limits() {
    let settings = Settings::new().profile("protocol = \"mq-http\"\nmax_message_bytes = \"64KiB\"");
    let app = Launch::on_embedded("", &settings).start();
    let batch = |events: &Value| {
        publish(&app, TARGET, &["Content-Type: application/cloudevents-batch+json"], events.to_string())
    };
    let problem = assert_problem(
        &batch(
            &json!([event(json!({"data": 1})), {"specversion": "1.0", "id": "2", "source": "/s"}, event(json!({"mqtag": "|"}))]),
        ),
        422,
        "validation-failed",
        Meaning::NotPublished,
    );
    assert_eq!(places(&problem), ["/1/type", "/2/mqtag"]);
    for wrong in [json!([]), json!({}), json!(vec![event(json!({})); 101])] {
        let problem = assert_problem(&batch(&wrong), 422, "validation-failed", Meaning::NotPublished);
        assert_eq!(places(&problem), [""], "{problem}");
    }
    let large = event(json!({"id": "large", "data": "x".repeat(70_000)}));
    let named = event(json!({"id": "named", "data": 1, "mqkeys": "a:b"}));
    let answer = batch(&json!([event(json!({"data": 1})), large, named]));
    assert_eq!(answer.status, 207, "{answer:?}");
    let results = answer.json()["results"].clone();
    assert_eq!(results[0]["status"], 201);
    assert_problem_value(&results[1]["problem"], 413, "message-too-large", Meaning::NotPublished);
    assert_problem_value(&results[2]["problem"], 422, "validation-failed", Meaning::NotPublished);
    assert_eq!(places(&results[2]["problem"]), ["/2/mqkeys"]);
}

/// Senders of events take any 2xx for success of all.
#[test]
fn a_batch_of_which_nothing_was_stored_is_no_success() {
    let settings = Settings::new().profile("protocol = \"mq-http\"\nmax_message_bytes = \"64KiB\"");
    let app = Launch::on_embedded("", &settings).start();
    let batch = |events: &Value| publish(&app, TARGET, &[&format!("Content-Type: {BATCH}")], events.to_string());
    let large = event(json!({"id": "large", "data": "x".repeat(70_000)}));
    let named = event(json!({"id": "named", "data": 1, "mqkeys": "a:b"}));
    let problem = assert_problem(&batch(&json!([large, named])), 413, "message-too-large", Meaning::NotPublished);
    assert_eq!(problem["limit"], 65_536, "{problem}");
    let problem = assert_problem(&batch(&json!([named, large])), 422, "validation-failed", Meaning::NotPublished);
    assert_eq!(places(&problem), ["/0/mqkeys"]);
    let failed = |reason: &str| {
        let labels = [("topic", "orders"), ("operation", "publish"), ("reason", reason), ("side", "caller")];
        app.metrics().get("mq_gateway_operations_failed_total", &labels)
    };
    assert_eq!((failed("message-too-large"), failed("validation-failed")), (Some(2.0), Some(2.0)), "each once");
    // Where any may have been stored, that is said of all.
    let endpoint = Endpoint::start_mq();
    let app = TestApp::with(&endpoint, settings);
    endpoint.script(closed());
    let batch = |events: &Value| publish(&app, TARGET, &[&format!("Content-Type: {BATCH}")], events.to_string());
    let answer = batch(&json!([large, event(json!({"data": 1}))]));
    assert_eq!((answer.status, &answer.json()["outcome"]), (413, &json!("unknown")), "{answer:?}");
    assert_eq!(endpoint.request_count(), 1);
    let answer = batch(&json!([large, event(json!({"data": 1}))]));
    assert_eq!(answer.status, 207, "one was stored");
}

#[test]
fn the_message_that_is_kept_counts_against_the_limit() {
    let app = on("ons-http", "");
    let base64 =
        |length: usize| event(json!({"datacontenttype": "image/png", "data_base64": "AAAA".repeat(length / 4)}));
    let around = base64(0).to_string().len();
    structured(&app, &base64(65_536 - around - 4)).expect_json(201);
    let problem = assert_problem(&structured(&app, &base64(65_540)), 413, "message-too-large", Meaning::NotPublished);
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(65_536), &json!(around + 65_540)));
}

#[test]
fn an_event_is_delivered_at_the_time_of_the_query() {
    let app = on("ons-http", "");
    let later = format!("{TARGET}?delay_seconds=3600");
    publish(&app, &later, &[STRUCTURED], event(json!({"data": "later"})).to_string()).expect_json(201);
    let past = format!("{TARGET}?deliver_at=2020-01-01T00:00:00Z");
    publish(&app, &past, &[STRUCTURED], event(json!({"data": "now"})).to_string()).expect_json(201);
    assert_eq!(received(&app)["data"], "now");
}

#[cfg(feature = "rocketmq")]
mod on_rocketmq {
    use super::*;
    use crate::support::rocketmq::FakeProxy;

    #[test]
    fn an_event_is_properties_and_comes_back() {
        let proxy = FakeProxy::start();
        let app = Launch::configured(&proxy.configuration("")).start();
        let sent =
            event(json!({"subject": "17", "time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json",
            "percent": "100%", "data": {"n": 1}}));
        let id = structured(&app, &sent).expect_json(201)["message_id"].clone();
        let [message] = proxy.stored().try_into().expect("one message");
        assert_eq!(message.body, r#"{"n":1}"#);
        let system = message.system_properties.unwrap();
        assert_eq!(
            (system.tag.as_deref(), system.keys),
            (Some("com.example.t"), vec!["A-1".to_owned(), "17".to_owned()])
        );
        let properties: Vec<_> = message.user_properties.iter().map(|(name, value)| (&**name, &**value)).collect();
        let expected = [
            ("ce_datacontenttype", "application/json"),
            ("ce_id", "A-1"),
            ("ce_percent", "100%25"),
            ("ce_source", "https://example.com/s"),
            ("ce_specversion", "1.0"),
            ("ce_subject", "17"),
            ("ce_time", "2026-01-02T03:04:05Z"),
            ("ce_type", "com.example.t"),
        ];
        assert_eq!(properties, expected);
        assert_eq!(received(&app), with_fields(sent, &id, "com.example.t", "A-1 17"));
        // Bytes, and nothing at all, which this protocol carries as they are.
        let bytes = event(json!({"datacontenttype": "image/png", "data_base64": "/w=="}));
        let id = structured(&app, &bytes).expect_json(201)["message_id"].clone();
        assert_eq!(proxy.stored()[1].body.as_ref(), [0xff]);
        assert_eq!(received(&app), with_fields(bytes, &id, "com.example.t", "A-1"));
    }
}
