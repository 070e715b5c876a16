//! Messages on stdout: as the API gives them, acknowledged once they are written and not before.

use serde_json::Value;

use super::fake_gateway::{FakeGateway, json};
use super::person::{Running, ask, run, url};
use crate::support::{Launch, TestApp, time};

/// What of a message is the same for every group.
fn without_delivery(message: &Value) -> Value {
    let mut message = message.clone();
    for field in ["receipt_handle", "visible_again_at"] {
        assert!(message.as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    message
}

fn ids(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| message["message_id"].as_str().unwrap().to_owned()).collect()
}

/// How many messages of the topic `t` are acknowledged.
fn acked(app: &TestApp) -> f64 {
    app.metrics().get("mq_gateway_messages_acked_total", &[("topic", "t")]).unwrap_or(0.0)
}

#[track_caller]
fn parse(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn a_pipe_gets_the_message_objects_of_the_api() {
    let app = TestApp::embedded();
    app.post_json("/v1/topics/t/messages", r#"{"body":"a\nb \u001b[0m","tag":"T","keys":["k"]}"#).expect_json(201);
    app.request("POST", "/v1/topics/t/messages")
        .header("Content-Type: application/octet-stream")
        .body(b"\xff\x00")
        .send()
        .expect_json(201);
    let finished = ask(&app, &["receive", "t", "CID_a"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let written: Vec<Value> = parse(&finished.stdout).iter().map(without_delivery).collect();
    let oracle: Vec<Value> = app.receive("t", "CID_oracle", "{}").iter().map(without_delivery).collect();
    assert_eq!(written, oracle);
    assert!(finished.stderr.contains("2 messages, not acknowledged"), "{finished:?}");
    let none = ask(&app, &["receive", "t", "CID_a", "--wait", "0"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""), "hidden, not acknowledged: {none:?}");
}

#[test]
fn max_and_ack_take_so_many_and_no_more() {
    let app = TestApp::embedded();
    for number in 0..40 {
        app.publish("t", &number.to_string());
    }
    let first = ask(&app, &["receive", "t", "CID_a", "--ack", "--max", "35"]);
    assert_eq!(parse(&first.stdout).len(), 35, "{first:?}");
    assert!(first.stderr.is_empty(), "{first:?}");
    assert_eq!(acked(&app), 35.0);
    let rest = app.receive("t", "CID_a", "{}");
    assert_eq!(rest.len(), 5, "the others are there at once");
}

#[test]
fn tags_are_chosen_where_the_protocol_can() {
    let app = Launch::embedded_with(
        "[profiles.main]\nprotocol = \"mq-http\"\nendpoints = [\"embedded\"]\ncredentials = \"embedded\"\n\
         [[topics]]\nname = \"t\"\nprofile = \"main\"\ngroups = [\"*\"]\n",
    )
    .start();
    for tag in ["paid", "sent", "lost"] {
        app.post_json("/v1/topics/t/messages", format!(r#"{{"body":"x","tag":"{tag}"}}"#)).expect_json(201);
    }
    let chosen = ask(&app, &["receive", "t", "CID_a", "--wait", "1", "--tags", "paid || lost"]);
    let mut tags: Vec<_> = parse(&chosen.stdout).iter().map(|message| message["tag"].clone()).collect();
    tags.sort_by_key(ToString::to_string);
    assert_eq!((chosen.code, tags), (Some(0), vec!["lost".into(), "paid".into()]), "{chosen:?}");
}

#[test]
fn text_is_a_line_per_message_that_does_nothing_to_a_terminal() {
    let app = TestApp::embedded();
    app.post_json("/v1/topics/t/messages", r#"{"body":"one\ntwo\u001b[2J\u009b1m\u202e","tag":"T"}"#).expect_json(201);
    let finished = ask(&app, &["receive", "t", "CID_a", "--format", "text", "--ack"]);
    assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
    let text = finished.stdout.trim_end_matches('\n');
    assert!(text.contains(" tag=T one\\ntwo\\u{1b}[2J\\u{9b}1m\\u{202e}"), "{text}");
    assert!(!text.chars().any(|character| character.is_control() || character == '\u{202e}'), "{text:?}");
}

#[test]
fn what_one_command_writes_the_other_reads() {
    let app = TestApp::embedded();
    let ordered = r#"{"body":{"n": 1.50, "s":"\u0041"},"keys":["a","b"],"message_group":"g"}"#;
    app.post_json("/v1/topics/from/messages", ordered).expect_json(201);
    app.request("POST", "/v1/topics/from/messages?tag=T")
        .header("Content-Type: application/octet-stream")
        .body(b"\xff\x00")
        .send()
        .expect_json(201);
    app.publish("from", "");
    let received = ask(&app, &["receive", "from", "CID_a", "--ack"]);
    let published = run(&url(&app), &["publish", "to", "--ndjson", "-"], received.stdout.as_bytes());
    assert_eq!(published.code, Some(0), "{published:?}");
    let content = |topic: &str| {
        let mut messages = app.receive(topic, "CID_oracle", "{}");
        for message in &mut messages {
            for field in ["message_id", "receipt_handle", "visible_again_at", "published_at"] {
                message.as_object_mut().unwrap().remove(field);
            }
        }
        messages.sort_by_key(ToString::to_string);
        messages
    };
    let (from, to) = (content("from"), content("to"));
    assert_eq!(from.len(), 3);
    assert_eq!(from, to);
}

#[test]
fn a_reader_that_leaves_costs_no_message_that_was_not_written() {
    let app = TestApp::embedded();
    // Together more than a pipe holds.
    let published: Vec<String> = (0..8).map(|number| app.publish("t", &format!("{number}").repeat(60_000))).collect();
    let mut running = Running::start(&url(&app), &["receive", "t", "CID_a", "--ack", "--follow"]);
    let first: Value = serde_json::from_str(&running.line()).unwrap();
    running.stop_reading();
    let finished = running.end();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let again = time::until("the others", || {
        let again = ids(&app.receive("t", "CID_a", "{}"));
        (!again.is_empty()).then_some(again)
    });
    assert!(!again.contains(&first["message_id"].as_str().unwrap().to_owned()), "what was written is acknowledged");
    assert!(again.contains(&published[7]), "what cannot have been written comes again, and at once");
    let acked = acked(&app);
    assert_eq!(acked + again.len() as f64, 8.0, "each is acknowledged or comes again");
}

#[test]
fn a_reader_that_has_enough_is_not_kept_waiting_for_one_more_message() {
    let app = TestApp::embedded();
    app.publish("t", "x");
    let mut running = Running::start(&url(&app), &["receive", "t", "CID_a", "--ack", "--follow"]);
    assert!(running.line().contains("\"x\""));
    running.stop_reading();
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn following_goes_on_until_it_is_interrupted() {
    let app = TestApp::embedded();
    let mut running = Running::start(&url(&app), &["receive", "t", "CID_a", "--ack", "--follow"]);
    for body in ["first", "second"] {
        app.publish("t", body);
        assert!(running.line().contains(body));
    }
    time::until("the acknowledgements", || (acked(&app) == 2.0).then_some(()));
    running.interrupt();
    let finished = running.end();
    assert_eq!((finished.code, finished.output().as_str()), (Some(0), ""));
}

#[test]
fn an_interruption_does_not_wait_for_a_reader_that_sleeps() {
    let app = TestApp::embedded();
    for number in 0..8 {
        app.publish("t", &format!("{number}").repeat(60_000));
    }
    let mut running = Running::start(&url(&app), &["receive", "t", "CID_a", "--ack"]);
    running.line();
    running.interrupt();
    // Nothing is read meanwhile: the pipe stays full.
    let mut again = 0;
    time::until("each message to be acknowledged or given back", || {
        again += app.receive("t", "CID_a", "{}").len();
        (acked(&app) > 0.0 && acked(&app) + again as f64 == 8.0).then_some(())
    });
}

#[test]
fn a_failing_gateway_is_waited_out_when_following_and_reported_otherwise() {
    let message = r#"{"message_id":"M1","receipt_handle":"H1","body":"x","encoding":"text","later":{"a":1}}"#;
    let overloaded = r#"{"status":503,"code":"overloaded","detail":"full","retryable":true,"retry_after_seconds":1}"#;
    let scripted = move || {
        FakeGateway::start(move |number, asked| match number {
            0 => json(200, r#"{"messages":[]}"#),
            1 => None,
            2 => json(503, overloaded),
            3 => json(200, format!("{{\"messages\":[\n{message}]}}")),
            4 => json(503, overloaded),
            5 if asked.head.starts_with("POST /v1/topics/t/groups/g/messages:ack ") => {
                json(200, r#"{"results":[{"receipt_handle":"H1","status":204}]}"#)
            }
            _ => json(404, r#"{"status":404,"code":"unknown-group","detail":"gone","retryable":false}"#),
        })
    };
    let gateway = scripted();
    let finished = run(&gateway.url, &["receive", "t", "g", "--follow", "--ack"], b"");
    assert_eq!(finished.code, Some(1), "what waiting does not mend ends it: {finished:?}");
    assert_eq!(finished.stdout, format!("{message}\n"));
    for part in ["Trying again", "answers again", "unknown-group"] {
        assert!(finished.stderr.contains(part), "{part} in {finished:?}");
    }
    let asked = gateway.asked();
    assert_eq!(asked[5].json(), serde_json::json!({ "receipt_handles": ["H1"] }), "an acknowledgement is tried again");
    let failing = FakeGateway::start(move |_, _| json(503, overloaded));
    let finished = run(&failing.url, &["receive", "t", "g"], b"");
    assert_eq!((finished.code, failing.asked().len()), (Some(1), 1), "{finished:?}");
}

#[test]
fn a_message_that_cannot_be_acknowledged_is_named() {
    let gateway = FakeGateway::start(|_, asked| {
        if asked.head.contains(":ack ") {
            return json(
                207,
                r#"{"results":[{"receipt_handle":"H1","status":410,"problem":{"status":410,"code":"receipt-handle-expired",
                "detail":"too late","retryable":false}},{"receipt_handle":"H2","status":204,"late":true}]}"#,
            );
        }
        json(
            200,
            r#"{"messages":[{"message_id":"M1","receipt_handle":"H1","body":"x","encoding":"text"},
            {"message_id":"M2","receipt_handle":"H2","body":"y","encoding":"text"}]}"#,
        )
    });
    let finished = run(&gateway.url, &["receive", "t", "g", "--ack", "--max", "2"], b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout.lines().count(), 2, "{finished:?}");
    assert!(
        finished.stderr.contains("M1: not acknowledged") && finished.stderr.contains("receipt-handle-expired"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("M2: acknowledged after its visibility timeout"), "{finished:?}");
}

#[test]
fn a_second_interruption_ends_it_at_once() {
    let gateway = FakeGateway::start(|_, asked| {
        if asked.head.contains(":ack ") {
            // Longer than a person waits.
            std::thread::sleep(time::CONDITION_LIMIT * 2);
            return None;
        }
        json(200, r#"{"messages":[{"message_id":"M1","receipt_handle":"H1","body":"x","encoding":"text"}]}"#)
    });
    let mut running = Running::start(&gateway.url, &["receive", "t", "g", "--ack", "--max", "1"]);
    assert!(running.line().contains("M1"));
    time::until("the acknowledgement", || (gateway.asked().len() == 2).then_some(()));
    let started = std::time::Instant::now();
    time::until("its end", || {
        if running.has_ended() {
            return Some(());
        }
        running.interrupt();
        None
    });
    let finished = running.end();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("broken off"), "{finished:?}");
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}
