//! Idle connections cost little, stay open as long as they may, and keep no other client out.

use std::time::{Duration, Instant};

use crate::support::time::{AT_ONCE, until};
use crate::support::{Connection, Endpoint, Settings, TestApp};

const LIST: &[u8] = b"GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n\r\n";
const COUNT: usize = 1000;

fn idle(app: &TestApp, count: usize) -> Vec<Connection> {
    let open = |_| {
        let mut connection = Connection::open(app.data());
        assert_eq!(connection.exchange(LIST, "GET").status, 200);
        connection
    };
    (0..count).map(open).collect()
}

fn open_now(app: &TestApp) -> f64 {
    app.metrics().get("mq_gateway_connections", &[("listener", "data")]).unwrap()
}

#[test]
fn a_thousand_idle_connections_do_not_keep_others_out() {
    let endpoint = Endpoint::start();
    let limits = "[server.limits]\nhead_timeout = \"500ms\"\nwrite_timeout = \"1s\"\nbody_timeout = \"500ms\"";
    let app = TestApp::with(&endpoint, Settings::new().more(limits));
    let mut connections = idle(&app, COUNT);
    assert!(open_now(&app) >= 1000.0);
    let started = Instant::now();
    assert_eq!(app.get("/v1/topics").status, 200);
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
    // The other limits are long over.
    std::thread::sleep(Duration::from_millis(1500));
    for connection in &mut connections {
        assert_eq!(connection.exchange(LIST, "GET").status, 200);
    }
    drop(connections);
    until("nobody to be left", || (open_now(&app) < 2.0).then_some(()));
}

#[test]
fn idle_connections_end_after_keep_alive() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().server("keep_alive = \"1s\""));
    let mut connections = idle(&app, 20);
    let started = Instant::now();
    for connection in &mut connections {
        assert!(connection.closed_within(Duration::from_secs(10)));
    }
    let end = started.elapsed();
    assert!(end >= Duration::from_millis(500) && end <= AT_ONCE, "{end:?}");
    let labels = [("listener", "data"), ("reason", "keep_alive")];
    until("all to be counted", || {
        (app.metrics().get("mq_gateway_connections_closed_total", &labels) == Some(20.0)).then_some(())
    });
}

#[test]
fn near_the_cap_the_longest_idle_is_closed_first() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().server("workers = 1").more("[server.limits]\nconnections = 20"));
    let mut old = idle(&app, 10);
    std::thread::sleep(Duration::from_millis(600));
    let mut young = idle(&app, 8);
    drop(idle(&app, 5));
    let labels = [("listener", "data"), ("reason", "cap")];
    until("room to be made", || {
        (app.metrics().get("mq_gateway_connections_closed_total", &labels) >= Some(3.0)).then_some(())
    });
    let gone = old.iter_mut().filter_map(|connection| connection.closed_within(AT_ONCE / 100).then_some(())).count();
    assert!(gone >= 3, "{gone} of those that have been idle longest");
    for connection in &mut young {
        assert_eq!(connection.exchange(LIST, "GET").status, 200, "those used last stay");
    }
}
