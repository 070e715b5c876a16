//! An MQ that is really away is left alone, and asked again soon after it is back.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::callers::{Callers, outcome};
use crate::support::client::Request;
use crate::support::time::until;
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Settings, TestApp};

/// How long the load lasts that an MQ which is away is spared.
const LOAD: Duration = Duration::from_secs(5);
/// Most tries of that time, which come after about 1 and 3 s.
const MOST_TRIES: usize = 4;
/// Most looks of the background at that time: one a second.
const MOST_LOOKS: usize = 6;

fn publish(app: &TestApp, topic: &str) -> String {
    let request = app.request("POST", &format!("/v1/topics/{topic}/messages"));
    outcome(&request.json(r#"{"body":"x"}"#).send())
}

fn publishing(app: &TestApp) -> impl Fn(usize, usize) -> Request + Clone + Send + 'static {
    let address = app.data();
    move |_, _| Request::new(address, "POST", "/v1/topics/orders/messages").json(r#"{"body":"x"}"#)
}

fn wait_for_open_circuit(app: &TestApp) {
    until("an open circuit", || (app.metrics().get("mq_gateway_circuit_breaker_state", &[]) > Some(0.0)).then_some(()));
}

/// Exchanges that ended so; each is one address tried.
fn exchanges(app: &TestApp, result: &str) -> usize {
    let count = app.metrics().get("mq_gateway_upstream_requests_total", &[("result", result)]);
    // What could not be reached was not sent.
    let count = count.or(app.metrics().get("mq_gateway_upstream_not_sent_total", &[("reason", result)])).unwrap_or(0.0);
    format!("{count}").parse().expect("a whole number")
}

fn towards(url: &str) -> Settings {
    Settings::new().profile(&format!("endpoints = [\"{url}\"]\nconnect_timeout = \"200ms\""))
}

/// Eight callers for a while, in which `connects` counts at most so many.
#[track_caller]
fn assert_spared(app: &TestApp, most: usize, connects: impl Fn() -> usize) {
    let before = connects();
    let callers = Callers::start(8, publishing(app));
    std::thread::sleep(LOAD);
    let made = connects() - before;
    let outcomes = callers.stop();
    assert!(made <= most, "{made} connects in {LOAD:?}, {outcomes:?}");
    assert!(outcomes["circuit-open"] >= 100, "{outcomes:?}");
}

#[test]
fn five_refused_connects_are_enough() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, towards(&dead_url()));
    // Three attempts, and two.
    assert_eq!([(); 2].map(|()| publish(&app, "orders")), ["upstream-unreachable"; 2]);
    assert_eq!(publish(&app, "orders"), "circuit-open");
    assert_eq!(exchanges(&app, "unreachable"), 5);
    assert_spared(&app, MOST_TRIES, || exchanges(&app, "unreachable"));
}

/// Each topic finds out for itself once, and not again.
#[test]
fn every_topic_tries_once() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, towards(&dead_url()).profile("breaker_failures = 1"));
    for topic in (0..20).map(|index| format!("topic-{index}")) {
        assert_eq!(publish(&app, &topic), "upstream-unreachable");
        for _ in 0..4 {
            publish(&app, &topic);
        }
    }
    // And some of any topic, after pauses.
    let tried = exchanges(&app, "unreachable");
    assert!((20..26).contains(&tried), "{tried} of 100");
}

/// An address that takes no connection and refuses none: its queue is full.
#[test]
fn an_address_that_does_not_answer_is_spared() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(socket) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(socket);
        assert!(queue.len() < 10_000, "the queue never fills");
    }
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, towards(&format!("http://{address}")));
    assert_eq!([(); 2].map(|()| publish(&app, "orders")), ["upstream-unreachable"; 2]);
    wait_for_open_circuit(&app);
    assert_spared(&app, MOST_TRIES, || exchanges(&app, "unreachable"));
}

/// Accepts connections, says something that is no TLS, and counts.
fn broken_tls() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    (url, accepted)
}

/// All connects are counted here, those of the background too.
#[test]
fn an_endpoint_with_broken_tls_is_spared() {
    let (url, accepted) = broken_tls();
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, towards(&url));
    assert_eq!([(); 2].map(|()| publish(&app, "orders")), ["upstream-unreachable"; 2]);
    wait_for_open_circuit(&app);
    assert_spared(&app, MOST_TRIES + MOST_LOOKS, || accepted.load(Ordering::SeqCst));
}

/// It takes requests and says nothing to anybody.
#[test]
fn an_mq_that_answers_nobody_is_spared() {
    let endpoint = Endpoint::start();
    endpoint.stop_recording();
    let app = TestApp::with(&endpoint, Settings::new().profile("breaker_open = \"4s\""));
    app.publish("orders", "before");
    endpoint.freeze();
    let callers = Callers::start(8, publishing(&app));
    wait_for_open_circuit(&app);
    callers.stop();
    assert_spared(&app, MOST_TRIES, || endpoint.connections());
    endpoint.thaw();
    let back = Instant::now();
    until("a publish", || (publish(&app, "orders") == "201").then_some(()));
    assert!(back.elapsed() < Duration::from_secs(6), "{:?}", back.elapsed());
    // What waited in the endpoint meanwhile is read late, on a slow machine later than its signature lives.
    let others = endpoint.take_failures().into_iter().filter(|failure| !failure.starts_with("time "));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Away for so long under load; how long after its return the first publish succeeds.
fn back_after(away: Duration, address: Ipv4Addr, settings: Settings) -> Duration {
    let endpoint = Endpoint::start_at(address);
    endpoint.stop_recording();
    let app = TestApp::with(&endpoint, settings);
    app.publish("orders", "before");
    endpoint.go_away();
    let callers = Callers::start(8, publishing(&app));
    wait_for_open_circuit(&app);
    std::thread::sleep(away);
    endpoint.come_back();
    let (back, before) = (Instant::now(), endpoint.request_count());
    until("a request", || (endpoint.request_count() > before).then_some(()));
    let took = back.elapsed();
    until("a closed circuit", || (publish(&app, "orders") == "201").then_some(()));
    callers.stop();
    took
}

#[test]
fn after_a_short_absence_traffic_resumes_within_about_a_second() {
    let took = back_after(Duration::from_millis(300), Ipv4Addr::new(127, 77, 1, 1), Settings::new());
    assert!(took < Duration::from_millis(1500), "{took:?}");
}

#[test]
fn after_a_long_absence_traffic_resumes_after_the_longest_pause() {
    let settings = Settings::new().profile("breaker_open = \"2s\"");
    let took = back_after(Duration::from_secs(6), Ipv4Addr::new(127, 77, 1, 2), settings);
    assert!(took < Duration::from_millis(2500), "{took:?}");
}

/// The pause of the circuit is eight seconds then; the background has seen that the MQ is back.
#[test]
fn after_a_long_absence_traffic_resumes_once_it_is_seen_to_be_back() {
    let settings = Settings::new().profile("breaker_open = \"1h\"");
    let took = back_after(Duration::from_secs(8), Ipv4Addr::new(127, 77, 1, 3), settings);
    assert!(took < Duration::from_millis(3500), "{took:?}");
}
