//! What is wrong with a request is said before the stream begins.

use serde_json::json;

use super::TARGET;
use crate::support::{Endpoint, Settings, TestApp};

#[test]
fn wrong_parameters_are_named_with_their_limits() {
    let app = TestApp::embedded();
    for (query, parameter, words) in [
        ("max_in_flight=0", "max_in_flight", "from 1 to 1000"),
        ("max_in_flight=1001", "max_in_flight", "from 1 to 1000"),
        ("max_in_flight=x", "max_in_flight", "from 1 to 1000"),
        ("max_in_flight=", "max_in_flight", "from 1 to 1000"),
        ("max_in_flight=1&max_in_flight=1", "max_in_flight", "twice"),
        ("visibility_timeout_seconds=0", "visibility_timeout_seconds", "from 1 to 43200"),
        ("visibility_timeout_seconds=-1", "visibility_timeout_seconds", "from 1 to 43200"),
        ("tags=a%7Cb", "tags", "|"),
        ("tags=", "tags", "empty"),
        ("tags=%FF", "tags", "control"),
        ("format=xml", "format", "`receive-item` or `cloudevents`"),
        ("format=receive-item&format=receive-item", "format", "twice"),
        ("max_in_flights=1", "max_in_flights", "max_in_flight"),
        ("wait_seconds=1", "wait_seconds", "unknown"),
    ] {
        let answer = app.request("GET", &format!("{TARGET}?{query}")).header("Accept: text/event-stream").send();
        assert_eq!(answer.status, 422, "{query}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["code"], "validation-failed", "{query}");
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{problem}");
        assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(words), "{query}: {problem}");
    }
    let many = "tags=a".to_owned() + &(0..40).map(|number| format!("&tags=t{number}")).collect::<String>();
    assert_eq!(app.get(&format!("{TARGET}?{many}")).status, 422);
}

#[test]
fn what_is_not_there_or_not_possible_is_a_problem() {
    let endpoint = Endpoint::start();
    let topics = "[[topics]]\nname = \"T\"\nprofile = \"main\"\ngroups = [\"CID_a\"]";
    let app = TestApp::with(&endpoint, Settings::new().topics(topics));
    for (target, status, code) in [
        ("/v1/topics/X/groups/CID_a/messages:stream", 404, "unknown-topic"),
        ("/v1/topics/T/groups/CID_b/messages:stream", 404, "unknown-group"),
        ("/v1/topics/T/groups/CID_a/messages:stream?tags=A", 422, "capability-not-supported"),
        ("/v1/topics/T/groups/CID_a/messages:stream?visibility_timeout_seconds=60", 422, "capability-not-supported"),
    ] {
        let answer = app.request("GET", target).header("Accept: text/event-stream").send();
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{target}");
    }
    for accept in ["application/json", "application/cloudevents-batch+json"] {
        let refused = app.request("GET", TARGET).header(format!("Accept: {accept}")).send();
        assert_eq!((refused.status, &refused.json()["code"]), (406, &json!("not-acceptable")), "{accept}");
    }
    let refused = app.request("POST", TARGET).body("").send();
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET")));
    let foreign = app.request("GET", TARGET).header("Origin: https://elsewhere.example").send();
    assert_eq!(foreign.status, 403);
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn an_encoded_colon_is_a_colon() {
    let app = TestApp::embedded();
    let target = TARGET.replace(':', "%3A");
    drop(crate::support::EventStream::open(app.data(), &target));
}
