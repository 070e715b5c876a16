//! Files of messages: every good line is published once, every other is named, and nothing is sent twice that may be there.

use std::collections::BTreeSet;

use serde_json::{Value, json as value};

use super::fake_gateway::{Asked, FakeGateway, Reply, json};
use super::person::{Running, run, url};
use crate::support::endpoint::Gate;
use crate::support::endpoint::script::{applied_then, closed, respond};
use crate::support::{Endpoint, TestApp, time};

/// The bodies of all messages of the topic.
#[track_caller]
fn bodies(app: &TestApp, topic: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let messages = app.receive(topic, "CID_oracle", "{}");
        if messages.is_empty() {
            bodies.sort();
            return bodies;
        }
        bodies.extend(messages.iter().map(|message| message["body"].as_str().unwrap().to_owned()));
    }
}

/// What each line's answer on stdout says.
#[track_caller]
fn outcomes(stdout: &str) -> Vec<(u64, String)> {
    let lines = stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let mut outcomes: Vec<(u64, String)> =
        lines.map(|line| (line["line"].as_u64().unwrap(), line["outcome"].as_str().unwrap().to_owned())).collect();
    outcomes.sort();
    outcomes
}

/// The bodies of the messages of a batch that a fake gateway is asked for.
fn asked_bodies(asked: &Asked) -> Vec<String> {
    let json = asked.json();
    json["messages"].as_array().unwrap().iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect()
}

/// The answer in which all of the batch is published.
fn all_published(asked: &Asked) -> Reply {
    let count = asked_bodies(asked).len();
    let results: Vec<Value> = (0..count).map(published).collect();
    json(200, value!({ "results": results }).to_string())
}

fn published(index: usize) -> Value {
    value!({ "index": index, "status": 201, "message_id": "M", "topic": "t", "outcome": "published", "attempts": 1 })
}

fn failed(index: usize, code: &str, retryable: bool, outcome: &str) -> Value {
    let problem = value!({ "status": 503, "code": code, "detail": "d", "retryable": retryable, "outcome": outcome });
    value!({ "index": index, "status": 503, "problem": problem })
}

#[test]
fn every_good_line_is_published_once_and_every_other_is_named() {
    let app = TestApp::embedded();
    let mut text = String::new();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for number in 1..=450_u64 {
        match number % 50 {
            7 => text.push_str("no JSON\n"),
            8 => text.push_str("{\"body\":\"x\",\"tag\":\"a|b\"}\n"),
            9 => text.push_str("{\"bdy\":\"x\"}\n"),
            10 => {
                text.push('\n');
                continue;
            }
            _ => {
                text.push_str(&format!("{{\"body\":\"message {number}\",\"keys\":[\"k{number}\"]}}\r\n"));
                good.push((number, "published".to_owned()));
                continue;
            }
        }
        bad.push((number, "not_published".to_owned()));
    }
    let finished = run(&url(&app), &["publish", "t", "--ndjson", "-", "--json"], text.as_bytes());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let mut expected = [good.clone(), bad.clone()].concat();
    expected.sort();
    assert_eq!(outcomes(&finished.stdout), expected);
    for (number, _) in &bad {
        let named = finished.stderr.lines().filter(|line| line.contains(&format!(" line {number}: "))).count();
        assert_eq!(named, 1, "line {number} in {finished:?}");
    }
    assert!(finished.stderr.contains("423 published, 18 not published in ") == (good.len() == 423), "{finished:?}");
    assert!(
        finished.stderr.contains(&format!("{} published, {} not published", good.len(), bad.len())),
        "{finished:?}"
    );
    let mut stored: Vec<String> = good.iter().map(|(number, _)| format!("message {number}")).collect();
    stored.sort();
    assert_eq!(bodies(&app, "t"), stored);
}

#[test]
fn what_comes_by_and_by_is_published_by_and_by() {
    let app = TestApp::embedded();
    let mut running = Running::start(&url(&app), &["publish", "t", "--ndjson", "-", "--json"]);
    for number in 1..=3 {
        running.write(format!("{{\"body\":\"{number}\"}}\n").as_bytes());
        assert_eq!(outcomes(&running.line()), [(number, "published".to_owned())], "before the next line is there");
    }
    let finished = running.feed(b"{\"body\":\"4\"}").end();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(bodies(&app, "t"), ["1", "2", "3", "4"]);
}

#[test]
fn an_unknown_outcome_is_told_and_never_sent_again() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    endpoint.rule(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        body.contains("lost").then(|| applied_then(closed()))
    });
    let text = "{\"body\":\"a\"}\n{\"body\":\"lost\"}\n{\"body\":\"b\"}\n";
    let finished = run(&url(&app), &["publish", "t", "--ndjson", "-", "--json"], text.as_bytes());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let expected = [(1, "published"), (2, "unknown"), (3, "published")];
    assert_eq!(outcomes(&finished.stdout), expected.map(|(line, outcome)| (line, outcome.to_owned())));
    assert!(finished.stderr.contains("line 2: ") && finished.stderr.contains("1 of unknown outcome"), "{finished:?}");
    assert_eq!(endpoint.stored("t").len(), 3, "each once");
    // An answer that is none leaves all of its batch unknown.
    let gateway = FakeGateway::start(|_, _| None);
    let finished = run(&gateway.url, &["publish", "t", "--ndjson", "-", "--json"], text.as_bytes());
    let unknown: Vec<_> = (1..=3).map(|line| (line, "unknown".to_owned())).collect();
    assert_eq!((finished.code, outcomes(&finished.stdout)), (Some(1), unknown), "{finished:?}");
    assert_eq!(gateway.asked().len(), 1);
}

#[test]
fn what_was_certainly_not_published_is_tried_again() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    for _ in 0..3 {
        endpoint.script(respond(503, &["Retry-After: 1"], "{}"));
    }
    let text: String = (0..20).map(|number| format!("{{\"body\":\"{number}\"}}\n")).collect();
    let finished = run(&url(&app), &["publish", "t", "--ndjson", "-"], text.as_bytes());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let stored: BTreeSet<Vec<u8>> = endpoint.stored("t").into_iter().collect();
    assert_eq!((endpoint.stored("t").len(), stored.len()), (20, 20), "each once");
    // Not for ever, and not at all where nobody wants that.
    let gateway = FakeGateway::start(|_, _| {
        json(200, value!({ "results": [failed(0, "overloaded", true, "not_published")] }).to_string())
    });
    let arguments = ["publish", "t", "--ndjson", "-", "--json", "--retry-for", "0"];
    let finished = run(&gateway.url, &arguments, b"{\"body\":\"1\"}\n");
    assert_eq!((finished.code, outcomes(&finished.stdout)), (Some(1), vec![(1, "not_published".to_owned())]));
    assert_eq!(gateway.asked().len(), 1);
}

#[test]
fn a_gateway_that_takes_nothing_ends_the_run() {
    let gateway = FakeGateway::start(|_, _| {
        json(
            404,
            r#"{"status":404,"code":"unknown-topic","detail":"the topic is not configured","outcome":"not_published"}"#,
        )
    });
    let text = "{\"body\":\"1\"}\n".repeat(2000);
    let finished = run(&gateway.url, &["publish", "t", "--ndjson", "-", "--concurrency", "1"], text.as_bytes());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(gateway.asked().len(), 1, "one batch shows it");
    assert!(finished.stderr.contains("lines 1 to 100: "), "{finished:?}");
    let last = finished.stderr.lines().last().unwrap();
    assert!(last.contains("stopped") && last.contains("not sent from line 101 on"), "{finished:?}");
}

#[test]
fn a_batch_that_is_too_large_is_halved() {
    let gateway = FakeGateway::start(|_, asked| {
        if asked_bodies(asked).len() > 3 {
            return json(
                413,
                r#"{"status":413,"code":"message-too-large","detail":"too large","outcome":"not_published"}"#,
            );
        }
        all_published(asked)
    });
    let text: String = (1..=10).map(|number| format!("{{\"body\":\"{number}\"}}\n")).collect();
    let finished = run(&gateway.url, &["publish", "t", "--ndjson", "-"], text.as_bytes());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let taken: Vec<String> =
        gateway.asked().iter().map(asked_bodies).filter(|bodies| bodies.len() <= 3).flatten().collect();
    assert_eq!(taken, (1..=10).map(|number| number.to_string()).collect::<Vec<_>>(), "in order, each once");
}

#[test]
fn a_group_is_not_overtaken_and_ends_where_it_broke() {
    // The first batch is held until what follows is with the command: what it sent beside that batch would come meanwhile.
    let gate = Gate::default();
    let opened = gate.clone();
    let gateway = FakeGateway::start(move |_, asked| {
        let bodies = asked_bodies(asked);
        if bodies.iter().any(|body| body == "g1-1") {
            assert!(time::within(time::CONDITION_LIMIT, || opened.is_open().then_some(())).is_some(), "never let go");
        }
        let results: Vec<Value> = bodies
            .iter()
            .enumerate()
            .map(|(index, body)| match body.as_str() {
                "g1-1" => failed(index, "upstream-rejected-message", false, "not_published"),
                "g1-2" => failed(index, "earlier-message-failed", true, "not_published"),
                _ => published(index),
            })
            .collect();
        json(207, value!({ "results": results }).to_string())
    });
    let mut running = Running::start(&gateway.url, &["publish", "t", "--ndjson", "-", "--json"]);
    let line = |body: &str, group: &str| format!("{{\"body\":\"{body}\",\"message_group\":\"{group}\"}}\n");
    running.write([line("g1-1", "g1"), line("g1-2", "g1"), line("g2-1", "g2")].concat().as_bytes());
    time::until("the first batch", || (gateway.asked().len() == 1).then_some(()));
    let running = running.feed([line("g1-3", "g1"), line("g2-2", "g2")].concat().as_bytes());
    std::thread::sleep(std::time::Duration::from_millis(300));
    gate.open();
    let finished = running.end();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let expected = ["not_published", "not_published", "published", "not_published", "published"];
    let expected: Vec<(u64, String)> = (1..).zip(expected.map(str::to_owned)).collect();
    assert_eq!(outcomes(&finished.stdout), expected, "{finished:?}");
    let asked: Vec<Vec<String>> = gateway.asked().iter().map(asked_bodies).collect();
    assert_eq!(
        asked,
        [vec!["g1-1", "g1-2", "g2-1"], vec!["g2-2"]],
        "nothing of a broken group, and g2 after its first batch"
    );
}

#[test]
fn an_interruption_ends_in_order() {
    let app = TestApp::embedded();
    let mut running = Running::start(&url(&app), &["publish", "t", "--ndjson", "-", "--json"]);
    running.write(b"{\"body\":\"1\"}\n");
    assert_eq!(outcomes(&running.line()), [(1, "published".to_owned())]);
    running.interrupt();
    let finished = running.end();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains("1 published") && finished.stderr.contains("stopped: asked to end"),
        "{finished:?}"
    );
}

#[test]
fn a_message_that_is_larger_than_a_line_may_be_costs_itself_alone() {
    let app = TestApp::embedded();
    let long = "x".repeat(17 << 20);
    let text = format!("{{\"body\":\"{long}\"}}\n{{\"body\":\"short\"}}\n");
    let finished = run(&url(&app), &["publish", "t", "--ndjson", "-"], text.as_bytes());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("line 1: ") && finished.stderr.contains("bytes"), "{finished:?}");
    assert_eq!(bodies(&app, "t"), ["short"]);
}

#[test]
fn what_may_be_published_is_not_sent_again_for_its_group_either() {
    // The first of the group is certainly not published, the second perhaps.
    let gateway = FakeGateway::start(|number, asked| match number {
        0 => {
            let results = [
                failed(0, "overloaded", true, "not_published"),
                failed(1, "upstream-timeout", true, "unknown"),
                published(2),
            ];
            json(200, value!({ "results": results }).to_string())
        }
        _ => all_published(asked),
    });
    let text = "{\"body\":\"a\",\"message_group\":\"g\"}\n{\"body\":\"b\",\"message_group\":\"g\"}\n{\"body\":\"c\"}\n";
    let finished = run(&gateway.url, &["publish", "t", "--ndjson", "-", "--json"], text.as_bytes());
    let expected = [(1, "not_published"), (2, "unknown"), (3, "published")];
    assert_eq!(outcomes(&finished.stdout), expected.map(|(line, outcome)| (line, outcome.to_owned())));
    assert_eq!(
        (finished.code, gateway.asked().len()),
        (Some(1), 1),
        "not behind one that perhaps is published: {finished:?}"
    );
}
