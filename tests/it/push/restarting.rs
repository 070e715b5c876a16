//! Stops and kills: nothing is lost, and the place in a schedule holds.

use std::time::{Duration, Instant};

use super::receiver::{Answer, Receiver};
use super::{backlog, billing, file, wait_for_deliveries};
use crate::support::{Launch, TestApp, time};

/// On disk, in a directory that another start finds again.
fn launch(target: &Receiver, lines: &str) -> Launch {
    Launch::embedded_with(&file("storage = \"disk\"\nvisibility_timeout = \"3s\"", &billing(&target.url(), lines)))
}

fn again(app: &TestApp, target: &Receiver, lines: &str) -> TestApp {
    let directory = std::sync::Arc::clone(app.directory());
    let text = file("storage = \"disk\"\nvisibility_timeout = \"3s\"", &billing(&target.url(), lines));
    Launch::embedded()
        .in_directory_of(&directory)
        .file("gateway.toml", &text)
        .arguments(&["--config", "{directory}/gateway.toml"])
        .start()
}

#[test]
fn a_kill_in_the_middle_of_a_schedule_loses_nothing_and_keeps_its_place() {
    let target = Receiver::start(|_, _| Answer::Status(500));
    // The second pause is the MQ's: it holds while nobody runs.
    let lines = "timeout = \"1s\"\nretry_schedule = [\"100ms\", \"6s\", \"1h\"]";
    let mut app = launch(&target, lines).start();
    let id = app.publish("orders", "1");
    let second = target.wait_for(2)[1].at;
    wait_for_deliveries(&app, "put_off", 1.0);
    app.kill();
    let app = again(&app, &target, lines);
    let third = target.wait_for(3).pop().unwrap();
    assert_eq!(third.header("webhook-id"), format!("billing-{id}"));
    assert_eq!(third.header("mq-delivery-attempt"), "3", "it goes on where it was");
    let pause = third.at - second;
    assert!(pause >= Duration::from_millis(5500), "not before its time: {pause:?}");
    wait_for_deliveries(&app, "put_off", 1.0);
    assert!((backlog(&app) - 1.0).abs() < 0.1);
}

#[test]
fn a_kill_between_the_answer_and_the_acknowledgement_makes_a_duplicate_with_the_same_id() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let target = Receiver::start(move |_, number| {
        if number == 0 {
            // The gateway is killed while the target has the message.
            let _ = gate.lock().unwrap().recv();
        }
        Answer::Status(200)
    });
    let mut app = launch(&target, "timeout = \"2s\"").start();
    app.publish("orders", "1");
    target.wait_for(1);
    app.kill();
    let _ = go.send(());
    let app = again(&app, &target, "timeout = \"2s\"");
    wait_for_deliveries(&app, "acknowledged", 1.0);
    let requests = target.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    assert!(backlog(&app) < 0.5);
}

#[test]
fn a_stop_finishes_what_is_under_way_and_gives_back_the_rest() {
    let target = Receiver::start(|_, _| Answer::Late(Duration::from_millis(700), Box::new(Answer::Status(200))));
    let mut app = launch(&target, "concurrency = 1\ntimeout = \"2s\"").start();
    for number in 0..5 {
        app.publish("orders", &number.to_string());
    }
    target.wait_for(1);
    let asked = Instant::now();
    app.terminate();
    assert!(app.wait_for_exit(Duration::from_secs(10)).success());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let sent = target.count();
    assert!((1..=2).contains(&sent), "{sent}: nothing new is begun");
    target.answer(|_, _| Answer::Status(200));
    let app = again(&app, &target, "concurrency = 1\ntimeout = \"2s\"");
    // What was not attempted comes at once, and as a first delivery.
    let requests = target.wait_for(5);
    time::until("an empty backlog", || (backlog(&app) < 0.5).then_some(()));
    assert_eq!(target.count(), 5, "each once");
    assert!(requests.iter().all(|it| it.header("mq-delivery-attempt") == "1"), "{requests:?}");
}
