//! Many who wait share few polls upstream, whichever of the gateway's threads they are on.

use std::time::Duration;

use serde_json::json;

use crate::support::endpoint::{Gate, Recorded, Step, held, never, respond};
use crate::support::messages::{bodies, one_number_each};
use crate::support::time::{until, within};
use crate::support::{Connection, Endpoint, Settings, TestApp};

const TARGET: &str = "/v1/topics/orders/groups/CID_a/messages:receive";
/// Polls of one kind of receive.
const LANES: usize = 8;

/// Four threads, whatever the machine has.
fn app(endpoint: &Endpoint) -> TestApp {
    TestApp::with(endpoint, Settings::new().server("workers = 4"))
}

fn mq_app(endpoint: &Endpoint) -> TestApp {
    TestApp::with(endpoint, Settings::new().server("workers = 4").profile("protocol = \"mq-http\""))
}

fn waiters(app: &TestApp) -> usize {
    whole(app.metrics().get("mq_gateway_receive_waiters", &[]))
}

fn whole(metric: Option<f64>) -> usize {
    format!("{}", metric.unwrap_or_default()).parse().expect("a whole number")
}

/// One more who waits, for up to `max_messages`.
fn wait_for(app: &TestApp, max_messages: usize) -> Connection {
    let before = waiters(app);
    let options = json!({"max_messages": max_messages, "wait_seconds": 30}).to_string();
    let connection = app.request("POST", TARGET).json(options).start();
    until("it waits", || (waiters(app) == before + 1).then_some(()));
    connection
}

fn is_poll(request: &Recorded) -> bool {
    request.method == "GET"
}

/// It waits for more than a moment.
fn is_long(request: &Recorded) -> bool {
    request.parameter("timeout").is_some_and(|timeout| timeout.parse::<u64>().unwrap() > 100)
}

/// The polls so far, in the order in which they came.
fn polls(endpoint: &Endpoint) -> Vec<Recorded> {
    endpoint.requests().into_iter().filter(is_poll).collect()
}

#[test]
fn the_polls_of_a_group_are_few_over_all_threads() {
    let endpoint = Endpoint::start();
    let app = app(&endpoint);
    let request = app.request("POST", TARGET).json(r#"{"max_messages":1,"wait_seconds":30}"#);
    let mut waiting: Vec<_> = (0..40).map(|_| request.start()).collect();
    until("all of them wait", || (waiters(&app) == 40).then_some(()));
    endpoint.wait_for_requests(LANES);
    for index in 0..40 {
        app.publish("orders", &index.to_string());
    }
    assert_eq!(one_number_each(&mut waiting), (0..40).collect::<Vec<_>>());
    // One of those is a publish.
    assert!((LANES..=LANES + 1).contains(&endpoint.most_in_flight()), "{} at once", endpoint.most_in_flight());
}

#[test]
fn whoever_waits_longest_polls_next_whatever_its_thread() {
    let endpoint = Endpoint::start();
    let app = app(&endpoint);
    let mut waiting: Vec<_> = (0..LANES).map(|_| wait_for(&app, 32)).collect();
    endpoint.wait_for_requests(LANES);
    waiting.extend((1..=12).map(|number| wait_for(&app, number)));
    for number in 0..12 {
        app.publish("orders", "x");
        until("the next poll", || (polls(&endpoint).len() == LANES + number + 1).then_some(()));
    }
    let asked = polls(&endpoint).into_iter().skip(LANES).map(|poll| poll.parameter("num").unwrap().to_owned());
    assert_eq!(asked.collect::<Vec<_>>(), (1..=12).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_publish_reaches_one_of_many_at_once() {
    let endpoint = Endpoint::start();
    let app = app(&endpoint);
    let waiting: Vec<_> = (0..20).map(|_| wait_for(&app, 1)).collect();
    for index in 0..20 {
        app.publish("orders", &index.to_string());
        let left = 20 - index - 1;
        assert!(within(Duration::from_secs(3), || (waiters(&app) == left).then_some(())).is_some(), "{index}");
    }
    drop(waiting);
}

/// The tags of a poll.
fn tags(request: &Recorded) -> Option<&str> {
    request.parameter("tag")
}

#[test]
fn those_who_wait_for_one_tag_do_not_keep_others_from_asking() {
    let endpoint = Endpoint::start_mq();
    endpoint.rule(|request| is_poll(request).then(never));
    let app = mq_app(&endpoint);
    let rare = app.request("POST", TARGET).json(r#"{"tags":["rare"],"wait_seconds":30}"#);
    let _rare: Vec<_> = (0..2 * LANES).map(|_| rare.start()).collect();
    endpoint.wait_for_requests(LANES);
    let _usual = app.request("POST", TARGET).json(r#"{"wait_seconds":30}"#).start();
    until("a poll without a tag", || polls(&endpoint).iter().any(|poll| tags(poll).is_none()).then_some(()));
    let _other = app.request("POST", TARGET).json(r#"{"tags":["other"],"wait_seconds":30}"#).start();
    until("a poll for the other tag", || polls(&endpoint).iter().any(|poll| tags(poll) == Some("other")).then_some(()));
    assert_eq!(polls(&endpoint).iter().filter(|poll| tags(poll) == Some("rare")).count(), LANES);
}

#[test]
fn whatever_callers_choose_a_groups_polls_are_bounded_and_the_usual_receive_is_served() {
    let endpoint = Endpoint::start_mq();
    endpoint.rule(|request| is_poll(request).then(never));
    let app = mq_app(&endpoint);
    let _waiting: Vec<_> = (0..200)
        .map(|index| {
            let options = json!({"tags": [format!("tag{index}")], "wait_seconds": 30});
            app.request("POST", TARGET).json(options.to_string()).start()
        })
        .collect();
    until("all of them wait", || (waiters(&app) == 200).then_some(()));
    let _usual = app.request("POST", TARGET).json(r#"{"wait_seconds":30}"#).start();
    until("a poll without a tag", || polls(&endpoint).iter().any(|poll| tags(poll).is_none()).then_some(()));
    // Seven kinds of their own, and eight lanes for the others.
    until("their polls", || (polls(&endpoint).len() == 7 + LANES + 1).then_some(()));
    assert!(within(Duration::from_millis(500), || (polls(&endpoint).len() > 7 + LANES + 1).then_some(())).is_none());
}

#[test]
fn who_gets_no_lane_asks_before_it_says_none() {
    let endpoint = Endpoint::start();
    let app = app(&endpoint);
    endpoint.rule(|request| is_long(request).then(never));
    let _waiting: Vec<_> = (0..LANES).map(|_| wait_for(&app, 32)).collect();
    endpoint.wait_for_requests(LANES);
    let mut late = app.request("POST", TARGET).json(r#"{"wait_seconds":1}"#).start();
    until("it waits", || (waiters(&app) == LANES + 1).then_some(()));
    endpoint.script(respond(200, &[], json!([]).to_string()));
    assert_eq!(late.receive("POST").expect_json(200), json!({"messages": []}));
    assert!(polls(&endpoint).last().is_some_and(|poll| !is_long(poll)), "an MQ may hold a poll without any timeout");
    let mut late = app.request("POST", TARGET).json(r#"{"wait_seconds":1}"#).start();
    app.publish("orders", "there");
    assert_eq!(late.receive("POST").expect_json(200)["messages"][0]["body"], "there");
}

#[test]
fn many_whose_time_is_over_ask_together_before_they_say_none() {
    let endpoint = Endpoint::start();
    let app = app(&endpoint);
    let slow = || vec![Step::Pause(Duration::from_millis(100)), Step::Answer];
    endpoint.rule(move |request| Some(if is_long(request) { never() } else { slow() }));
    let _waiting: Vec<_> = (0..LANES).map(|_| wait_for(&app, 32)).collect();
    endpoint.wait_for_requests(LANES);
    let request = app.request("POST", TARGET).json(r#"{"wait_seconds":2}"#);
    let mut late: Vec<_> = (0..200).map(|_| request.start()).collect();
    for late in &mut late {
        assert_eq!(late.receive("POST").expect_json(200), json!({"messages": []}));
    }
    let asked = polls(&endpoint).len() - LANES;
    assert!((1..=50).contains(&asked), "{asked}");
}

fn late_messages(app: &TestApp, fate: &str) -> usize {
    whole(app.metrics().get("mq_gateway_upstream_late_messages_total", &[("fate", fate)]))
}

/// No memory is held, and no poll is under way.
fn assert_nothing_left(app: &TestApp) {
    let gauge = |name: &str, labels: &[(&str, &str)]| app.metrics().get(name, labels).expect("a series");
    let held = |state| gauge("mq_gateway_memory_budget_bytes", &[("state", state)]);
    until("nothing is held", || (held("small") + held("large") == 0.0).then_some(()));
    until("no polls", || (gauge("mq_gateway_upstream_polls", &[]) == 0.0).then_some(()));
}

#[test]
fn what_comes_for_one_who_hung_up_goes_to_the_first_in_line() {
    let endpoint = Endpoint::start();
    let app = app(&endpoint);
    let gate = Gate::default();
    endpoint.script(held(&gate));
    (1..LANES).for_each(|_| endpoint.script(never()));
    let leaving = wait_for(&app, 32);
    endpoint.wait_for_requests(1);
    let others: Vec<_> = (1..LANES).map(|_| wait_for(&app, 32)).collect();
    endpoint.wait_for_requests(LANES);
    let mut in_line = [wait_for(&app, 2), wait_for(&app, 1)];
    drop(leaving);
    until("it has left", || (waiters(&app) == LANES + 1).then_some(()));
    for body in ["1", "2", "3", "4", "5"] {
        app.publish("orders", body);
    }
    gate.open();
    let [first, second] = in_line.each_mut().map(|one| one.receive("POST").expect_json(200));
    assert_eq!(bodies(first["messages"].as_array().unwrap()), ["1", "2"]);
    assert_eq!(bodies(second["messages"].as_array().unwrap()), ["3"]);
    // Then those who have polls of their own.
    until("one more is served", || (waiters(&app) == LANES - 2).then_some(()));
    until("they are counted", || (late_messages(&app, "handed_on") == 5).then_some(()));
    assert_eq!((late_messages(&app, "left"), late_messages(&app, "given_back")), (0, 0));
    drop((others, in_line));
    assert_nothing_left(&app);
}

#[test]
fn what_comes_for_one_who_hung_up_goes_to_one_with_a_poll_of_its_own() {
    let endpoint = Endpoint::start();
    let app = app(&endpoint);
    let gate = Gate::default();
    endpoint.script(held(&gate));
    endpoint.script(never());
    let leaving = wait_for(&app, 32);
    endpoint.wait_for_requests(1);
    let mut staying = wait_for(&app, 1);
    endpoint.wait_for_requests(2);
    drop(leaving);
    until("it has left", || (waiters(&app) == 1).then_some(()));
    app.publish("orders", "1");
    app.publish("orders", "2");
    gate.open();
    assert_eq!(bodies(staying.receive("POST").expect_json(200)["messages"].as_array().unwrap()), ["1"]);
    until("the other is counted", || (late_messages(&app, "left") == 1).then_some(()));
    assert_eq!(late_messages(&app, "handed_on"), 1);
    assert!(endpoint.gives_up_within(1, Duration::from_secs(5)), "nobody waits for its own poll any more");
    assert_nothing_left(&app);
}

#[test]
fn a_poll_ends_with_the_last_who_waits() {
    let endpoint = Endpoint::start();
    let app = app(&endpoint);
    let leaving = wait_for(&app, 32);
    endpoint.wait_for_requests(1);
    let last = wait_for(&app, 32);
    endpoint.wait_for_requests(2);
    drop(leaving);
    until("it has left", || (waiters(&app) == 1).then_some(()));
    assert!(!endpoint.gives_up_within(0, Duration::from_millis(300)), "the other waits for it, too");
    drop(last);
    for poll in 0..2 {
        assert!(endpoint.gives_up_within(poll, Duration::from_secs(5)), "poll {poll} goes on");
    }
    assert_nothing_left(&app);
}

#[test]
fn a_poll_without_its_caller_does_not_keep_the_process() {
    let endpoint = Endpoint::start();
    let mut app = app(&endpoint);
    let leaving = wait_for(&app, 32);
    endpoint.wait_for_requests(1);
    let mut staying = wait_for(&app, 32);
    endpoint.wait_for_requests(2);
    drop(leaving);
    until("it has left", || (waiters(&app) == 1).then_some(()));
    app.terminate();
    assert_eq!(staying.receive("POST").expect_json(200), json!({"messages": []}));
    assert!(app.wait_for_exit(Duration::from_secs(10)).success());
}
