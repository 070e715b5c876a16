//! What one caller or topic meets at the MQ decides nothing for the others.

use std::time::{Duration, Instant};

use crate::support::callers::{Callers, Outcomes, at_once, outcome};
use crate::support::client::Request;
use crate::support::endpoint::{Gate, Recorded, Script, Step, never, raw, reset, respond};
use crate::support::time::until;
use crate::support::{Connection, Endpoint, Meaning, Settings, TestApp, assert_problem};

/// A request to publish to `topic`.
fn publish(app: &TestApp, topic: &str) -> Request {
    app.request("POST", &format!("/v1/topics/{topic}/messages")).json(r#"{"body":"x"}"#)
}

fn publishing(app: &TestApp, topic: &'static str) -> impl Fn(usize, usize) -> Request + Clone + Send + 'static {
    let address = app.data();
    move |_, _| Request::new(address, "POST", &format!("/v1/topics/{topic}/messages")).json(r#"{"body":"x"}"#)
}

/// Requests for `topic` are answered by this script, others well.
fn only(topic: &'static str, script: Script) -> impl Fn(&Recorded) -> Option<Script> + Send + 'static {
    move |request| (request.parameter("topic") == Some(topic)).then(|| script.clone())
}

fn circuit(app: &TestApp) -> f64 {
    app.metrics().get("mq_gateway_circuit_breaker_state", &[]).expect("the state of the circuit")
}

/// Every request was published, and there were at least so many.
#[track_caller]
fn assert_all_published(outcomes: &Outcomes, least: usize) {
    assert_eq!(outcomes.keys().collect::<Vec<_>>(), ["201"], "{outcomes:?}");
    assert!(outcomes["201"] >= least, "{outcomes:?}");
}

/// Publishes to `good` while eight callers publish to `bad` for so long; how often each outcome came.
fn beside(app: &TestApp, length: Duration) -> (Outcomes, Outcomes) {
    let bad = Callers::start(8, publishing(app, "bad"));
    let good = Callers::start(4, publishing(app, "good"));
    std::thread::sleep(length);
    (bad.stop(), good.stop())
}

#[test]
fn answers_of_500_to_one_topic_cost_the_others_nothing() {
    let endpoint = Endpoint::start();
    endpoint.stop_recording();
    let app = TestApp::towards(&endpoint);
    endpoint.rule(only("bad", respond(500, &[], "")));
    let (bad, good) = beside(&app, Duration::from_secs(4));
    assert_eq!(bad.keys().collect::<Vec<_>>(), ["upstream-error"], "{bad:?}");
    assert_all_published(&good, 50);
    assert!(bad["upstream-error"] >= 50, "{bad:?}");
}

#[test]
fn connections_reset_for_one_topic_cost_the_others_nothing() {
    let endpoint = Endpoint::start();
    endpoint.stop_recording();
    let app = TestApp::towards(&endpoint);
    endpoint.rule(only("bad", reset()));
    let (bad, good) = beside(&app, Duration::from_secs(4));
    assert_all_published(&good, 50);
    assert!(bad["upstream-bad-response"] >= 10, "{bad:?}");
}

#[test]
fn a_topic_that_is_never_answered_costs_the_others_nothing() {
    let endpoint = Endpoint::start();
    endpoint.stop_recording();
    let app = TestApp::towards(&endpoint);
    endpoint.rule(only("bad", never()));
    let (bad, good) = beside(&app, Duration::from_secs(11));
    assert_eq!(bad.keys().collect::<Vec<_>>(), ["upstream-timeout"], "others were answered all the time: {bad:?}");
    assert_all_published(&good, 200);
    assert!(bad["upstream-timeout"] >= 16, "{bad:?}");
}

/// Alone, it opens the circuit; the others' first requests close it, and none of them is refused meanwhile.
#[test]
fn the_first_requests_of_another_topic_are_let_through() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().topics(
        "[[topics]]\nname = \"bad\"\nprofile = \"main\"\nmax_in_flight = 8\n\
         [[topics]]\nname = \"*\"\nprofile = \"main\"\n",
    );
    let app = TestApp::with(&endpoint, settings);
    for script in [reset(), never()] {
        endpoint.rule(only("bad", script));
        let bad = Callers::start(8, publishing(&app, "bad"));
        for topic in ["good", "better"] {
            let refused = || app.metrics().get("mq_gateway_requests_shed_total", &[("reason", "circuit-open")]);
            let before = refused();
            until("an open circuit that refuses the topic", || (refused() > before).then_some(()));
            for response in at_once(8, &publish(&app, topic)) {
                assert_eq!(outcome(&response), "201");
            }
        }
        let bad = bad.stop();
        assert!(bad["circuit-open"] > 0, "{bad:?}");
    }
}

/// The MQ takes longer than some callers wait.
#[test]
fn deadlines_of_some_callers_cost_the_others_nothing() {
    let endpoint = Endpoint::start();
    let settings = Settings::new().topics(
        "[[topics]]\nname = \"hasty\"\nprofile = \"main\"\ndeadline = \"500ms\"\n\
         [[topics]]\nname = \"*\"\nprofile = \"main\"\n",
    );
    let app = TestApp::with(&endpoint, settings);
    endpoint.rule(|_| Some(vec![Step::Pause(Duration::from_millis(1400)), Step::Answer]));
    let hasty = publish(&app, "hasty");
    let waits_a_second = publish(&app, "patient").header("Prefer: wait=1");
    for request in [&hasty, &waits_a_second, &hasty, &waits_a_second] {
        for response in at_once(5, request) {
            assert_problem(&response, 504, "upstream-timeout", Meaning::Unknown);
        }
        for topic in ["patient", "other"] {
            assert_eq!(outcome(&publish(&app, topic).send()), "201");
        }
    }
    assert!(circuit(&app) < 1.0);
}

/// With a short `answer_timeout`, silence within a caller's deadline says something about the endpoint.
#[test]
fn how_long_an_endpoint_may_be_silent_is_configured() {
    let deadline = "[[topics]]\nname = \"*\"\nprofile = \"main\"\ndeadline = \"1s\"\n";
    for (lines, opens) in [("", false), ("answer_timeout = \"500ms\"", true), ("answer_timeout = \"2s\"", false)] {
        let endpoint = Endpoint::start();
        let app = TestApp::with(&endpoint, Settings::new().profile(lines).topics(deadline));
        endpoint.rule(|_| Some(never()));
        for response in at_once(5, &publish(&app, "orders")) {
            assert_problem(&response, 504, "upstream-timeout", Meaning::Unknown);
        }
        assert_eq!(circuit(&app) > 0.0, opens, "{lines}");
        let expected = if opens { "circuit-open" } else { "upstream-timeout" };
        assert_eq!(outcome(&publish(&app, "orders").send()), expected, "{lines}");
    }
}

#[test]
fn unreadable_answers_to_receives_do_not_keep_publishes_out() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let damaged = ["nonsense", "[{}]", "[", "null", "{}", "[7]"];
    for body in damaged {
        endpoint.script(respond(200, &[], body));
        let response = app.post_json("/v1/topics/damaged/groups/CID_a/messages:receive", "{}");
        assert_problem(&response, 502, "upstream-bad-response", Meaning::TryAgain);
    }
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "nonsense\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"]
    {
        for _ in 0..6 {
            endpoint.script(raw(head));
            let response = app.post_json("/v1/topics/damaged/groups/CID_a/messages:receive", "{}");
            assert_problem(&response, 502, "upstream-bad-response", Meaning::TryAgain);
        }
    }
    for topic in ["damaged", "orders"] {
        app.publish(topic, "x");
    }
}

/// Five connections end at once, as when the MQ is restarted.
#[test]
fn a_short_break_costs_about_a_second() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let broken = |topic| {
        let gate = Gate::default();
        let held = vec![Step::Await(gate.clone()), Step::Reset];
        let before = endpoint.request_count();
        endpoint.rule(only(topic, held));
        let request = publish(&app, topic);
        let callers: Vec<_> = (0..5).map(|_| request.start()).collect();
        endpoint.wait_for_any(before + 5);
        gate.open();
        for mut caller in callers {
            assert_problem(&caller.receive("POST"), 502, "upstream-bad-response", Meaning::Unknown);
        }
        endpoint.rule(|_| None);
    };
    broken("orders");
    let opened = Instant::now();
    assert!(circuit(&app) > 0.0);
    let refused = assert_problem(&publish(&app, "orders").send(), 503, "circuit-open", Meaning::NotPublishedTryAgain);
    assert_eq!(refused["retry_after_seconds"], 1, "{refused}");
    until("the topic that met the break", || (publish(&app, "orders").send().status == 201).then_some(()));
    let took = opened.elapsed();
    assert!((Duration::from_millis(600)..Duration::from_millis(2500)).contains(&took), "{took:?}");
    // Another topic need not wait, and ends the wait of the first.
    broken("orders");
    assert_eq!(outcome(&publish(&app, "invoices").send()), "201");
    assert_eq!(outcome(&publish(&app, "orders").send()), "201");
}

/// Names that `*` allows and the MQ does not know, whatever it does with them.
#[test]
fn unknown_names_of_a_wildcard_cost_the_others_nothing() {
    let endpoint = Endpoint::start();
    endpoint.stop_recording();
    let settings = Settings::new().topics(
        "[[topics]]\nname = \"orders\"\nprofile = \"main\"\n[[topics]]\nname = \"*\"\nprofile = \"main\"\n\
         deadline = \"1s\"\n",
    );
    let app = TestApp::with(&endpoint, settings);
    let address = app.data();
    for (script, expected) in [
        (respond(404, &[], ""), "upstream-misconfigured"),
        (respond(500, &[], ""), "upstream-error"),
        (reset(), "upstream-bad-response"),
        (never(), "upstream-timeout"),
    ] {
        endpoint.rule(move |request| {
            let unknown = request.parameter("topic").is_some_and(|topic| topic.starts_with("unknown"));
            unknown.then(|| script.clone())
        });
        let unknown = Callers::start(10, move |caller, _| {
            let target = format!("/v1/topics/unknown-{caller}/messages");
            Request::new(address, "POST", &target).json(r#"{"body":"x"}"#)
        });
        let named = Callers::start(2, publishing(&app, "orders"));
        let of_the_wildcard = Callers::start(2, publishing(&app, "invoices"));
        std::thread::sleep(Duration::from_secs(2));
        let unknown = unknown.stop();
        assert_all_published(&named.stop(), 20);
        assert_all_published(&of_the_wildcard.stop(), 20);
        assert!(unknown[expected] >= 10, "{unknown:?}");
    }
}

/// While one endpoint is left alone, the next one is asked, and nobody is refused.
#[test]
fn the_next_endpoint_is_asked_while_one_is_left_alone() {
    let (first, second) = (Endpoint::start(), Endpoint::start());
    second.accept_also(first.credentials());
    let endpoints = format!("endpoints = [\"{}\", \"{}\"]", first.url(), second.url());
    let app = TestApp::with(&first, Settings::new().profile(&endpoints));
    first.rule(|_| Some(reset()));
    for _ in 0..5 {
        assert_eq!(outcome(&publish(&app, "orders").send()), "upstream-bad-response");
    }
    let before = first.request_count();
    for response in at_once(8, &publish(&app, "orders")) {
        assert_eq!(outcome(&response), "201");
    }
    assert_eq!((first.request_count(), second.request_count()), (before, 8));
}

/// A receive that waits long must not be what everybody waits for.
#[test]
fn a_waiting_receive_finds_out_soon_whether_the_mq_is_back() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let receive = app.request("POST", "/v1/topics/orders/groups/CID_a/messages:receive").json(r#"{"wait_seconds":30}"#);
    for _ in 0..5 {
        endpoint.script(reset());
        assert_eq!(outcome(&receive.send()), "upstream-bad-response");
    }
    assert_eq!(outcome(&receive.send()), "circuit-open");
    let before = endpoint.request_count();
    std::thread::sleep(Duration::from_millis(1100));
    let _waiting = receive.start();
    endpoint.wait_for_any(before + 1);
    until("a closed circuit", || (circuit(&app) < 1.0).then_some(()));
    assert_eq!(endpoint.requests()[before].parameter("timeout"), Some("1000"));
    let again = endpoint.wait_for_requests(before + 2).remove(before + 1);
    let timeout: u64 = again.parameter("timeout").expect("a wait").parse().expect("a number");
    assert!((20_000..29_500).contains(&timeout), "then it waits for what is left: {timeout}");
}

#[test]
fn a_circuit_that_opens_and_closes_is_logged_once() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for _ in 0..5 {
        endpoint.script(reset());
        publish(&app, "orders").send();
    }
    app.publish("invoices", "x");
    let events = |message: &str| -> Vec<serde_json::Value> {
        let output = app.output();
        let lines = output.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a log line"));
        lines.filter(|line| line["message"] == message).collect()
    };
    let closed =
        until("the line of the closed circuit", || events("an endpoint that was left alone answers again").pop());
    let opened = events("an endpoint failed and is left alone");
    assert_eq!(opened.len(), 1, "{opened:?}");
    for event in [&opened[0], &closed] {
        assert_eq!((&event["profile"], &event["endpoint"]), (&"main".into(), &endpoint.address().to_string().into()));
    }
    assert_eq!((&opened[0]["level"], &opened[0]["failures"]), (&"WARN".into(), &5.into()), "{opened:?}");
    assert_eq!(opened[0]["cause"], "the connection broke off before the answer", "{opened:?}");
}

#[test]
fn a_caller_of_http_1_0_makes_no_answer_the_last_for_others() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().server("workers = 1"));
    let host = app.data();
    let get =
        |version: &str, line: &str| format!("GET /v1/topics HTTP/{version}\r\nHost: {host}\r\n{line}\r\n").into_bytes();
    let mut other = Connection::open(host);
    // The library keeps the parts of an answer for those that follow: as many as any of them could meet.
    for _ in 0..20 {
        let mut old = Connection::open(host);
        assert_eq!(old.exchange(&get("1.0", ""), "GET").status, 200);
        assert!(old.closed_within(Duration::from_secs(10)), "HTTP/1.0 ends with its answer");
        assert_eq!(other.exchange(&get("1.1", ""), "GET").status, 200);
    }
    // Kept alive by its own wish, and ended by it.
    let mut old = Connection::open(host);
    for _ in 0..3 {
        assert_eq!(old.exchange(&get("1.0", "Connection: keep-alive\r\n"), "GET").status, 200);
    }
    assert_eq!(old.exchange(&get("1.0", "Connection: close\r\n"), "GET").status, 200);
    assert!(old.closed_within(Duration::from_secs(10)));
}
