//! Steps through dead letters at a gateway whose MQ answers for one broker at a time.

use super::fake_gateway::{FakeGateway, json};
use super::person::Running;
use crate::support::{Launch, time};

const DESCRIPTION: &str = r#"{"topic":"d","group":"g","messages":null,"looks_without_taking":false}"#;
const EMPTY: &str = r#"{"group":"g","received":0,"results":[]}"#;
const ONE: &str =
    r#"{"group":"g","received":1,"results":[{"message_id":"M1","result":"redriven","acknowledged":true}]}"#;

#[test]
fn an_empty_step_is_not_the_end() {
    let gateway = FakeGateway::start(|number, _| match number {
        0 => json(200, DESCRIPTION),
        2 => json(200, ONE),
        _ => json(200, EMPTY),
    });
    let finished = Launch::bare().arguments(&["dead-letters", "redrive", "d", "--all", "--url", &gateway.url]).run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.starts_with("redriven 1,"), "{finished:?}");
    assert!(finished.stderr.contains("none is visible now"), "{finished:?}");
    assert_eq!(gateway.asked().len(), 1 + 2 + 3, "several empty steps, one after the other, are the end");
}

#[test]
fn what_a_step_had_no_time_for_is_released_and_fewer_are_asked_for() {
    let not_begun = |id: &str| {
        format!(r#"{{"message_id":"{id}","result":"not_begun","acknowledged":false,"receipt_handle":"H-{id}"}}"#)
    };
    let first = format!(
        r#"{{"group":"g","received":3,"results":[{{"message_id":"M1","result":"redriven","acknowledged":true}},{},{}]}}"#,
        not_begun("M2"),
        not_begun("M3")
    );
    let gateway = FakeGateway::start(move |number, asked| match number {
        0 => json(200, DESCRIPTION),
        1 => json(200, first.clone()),
        2 => json(200, r#"{"released":2,"hidden":0}"#),
        3 | 4 => json(200, ONE.replace("M1", if number == 3 { "M2" } else { "M3" })),
        _ => json(200, if asked.head.contains(":release") { r#"{"released":0,"hidden":0}"# } else { EMPTY }),
    });
    let finished = Launch::bare().arguments(&["dead-letters", "redrive", "d", "--all", "--url", &gateway.url]).run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.starts_with("redriven 3, 0 failed"), "{finished:?}");
    let asked = gateway.asked();
    assert_eq!(asked[2].json(), serde_json::json!({ "receipt_handles": ["H-M2", "H-M3"] }));
    assert_eq!(
        (asked[1].json()["max_messages"].as_u64(), asked[3].json()["max_messages"].as_u64()),
        (Some(32), Some(1))
    );
}

#[test]
fn before_anything_is_taken_an_interruption_ends_it_at_once() {
    let gateway = FakeGateway::start(|_, _| {
        // Longer than a person waits.
        std::thread::sleep(time::CONDITION_LIMIT * 2);
        None
    });
    let arguments = ["dead-letters", "redrive", "d", "--all", "--url", &gateway.url];
    let running = Running::start(&gateway.url, &arguments);
    time::until("its first question", || (gateway.asked().len() == 1).then_some(()));
    running.interrupt();
    let finished = running.end();
    assert_eq!(finished.code, None, "the signal ended it: {finished:?}");
}

#[test]
fn what_was_taken_to_be_looked_at_is_released_when_it_is_interrupted() {
    let gateway = FakeGateway::start(|number, asked| match number {
        0 => json(
            200,
            r#"{"group":"g","messages":[{"message_id":"M1","receipt_handle":"H1","topic":"d"}],"others":[{"message_id":"M2","receipt_handle":"H2"}]}"#,
        ),
        _ if asked.head.contains(":release") => json(200, r#"{"released":2,"hidden":0}"#),
        _ => json(200, r#"{"group":"g","messages":[],"others":[]}"#),
    });
    let arguments = ["dead-letters", "list", "d", "--take", "--format", "json", "--url", &gateway.url];
    let mut running = Running::start(&gateway.url, &arguments);
    assert!(running.line().contains("M1"));
    // In the pause between two looks.
    time::until("a step without any", || (gateway.asked().len() == 2).then_some(()));
    running.interrupt();
    let finished = running.end();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("interrupted"), "{finished:?}");
    let asked = gateway.asked();
    assert_eq!(asked.len(), 3, "no further look: {asked:?}");
    assert_eq!(asked[2].json(), serde_json::json!({ "receipt_handles": ["H2", "H1"] }));
}
