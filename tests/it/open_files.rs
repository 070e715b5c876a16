//! More connections than the process may have open files: it goes on serving, keeps files for its upstreams and its
//! probes, and recovers. What it cannot accept at once waits in the listener's queue.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::time::{CONDITION_LIMIT, within};
use crate::support::{Connection, Endpoint, Launch, Settings};

const LIMIT: usize = 256;
const ATTACKERS: usize = 500;

#[test]
fn running_out_of_files_is_survived() {
    let endpoint = Endpoint::start();
    let mut app = Launch::towards(&endpoint, Settings::new()).open_files(LIMIT).start();
    assert!(app.output().contains("the process may not open enough files"), "{}", app.output());
    app.publish("orders", "before");
    let files = app.open_file_count();
    let request = app.request("GET", "/v1/topics").bytes();
    let mut early = Connection::open(app.data());
    assert_eq!(early.exchange(&request, "GET").status, 200);

    let mut attackers: Vec<TcpStream> = Vec::new();
    let mut caller = || {
        // A client that asks all the time is never the one that waits longest; an idle connection may be closed.
        let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| early.exchange(&request, "GET").status));
        answer.unwrap_or_else(|_| {
            early = Connection::open(app.data());
            early.exchange(&request, "GET").status
        })
    };
    while attackers.len() < ATTACKERS {
        attackers.push(TcpStream::connect_timeout(&app.data(), Duration::from_secs(5)).expect("a place in the queue"));
        if attackers.len().is_multiple_of(10) {
            assert_eq!(caller(), 200, "after {} attackers", attackers.len());
        }
    }
    assert_eq!(app.management_get("/livez").status, 200, "a restart would not help");
    let (lines, since) = (app.output().lines().count(), Instant::now());
    for number in 0..20 {
        assert_eq!(caller(), 200, "active clients are served");
        app.publish("orders", &format!("during {number}"));
        assert!(app.open_file_count() < LIMIT - 2, "files are left for upstreams and probes");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (logged, seconds) = (app.output().lines().count() - lines, since.elapsed().as_secs_f64());
    assert!((logged as f64) < 20.0 * seconds, "{logged} log lines in {seconds} s");
    assert!(app.is_running());

    drop(attackers);
    let back = within(CONDITION_LIMIT, || (app.open_file_count() <= files + 4).then_some(()));
    assert!(back.is_some(), "{} open files, {files} before", app.open_file_count());
    for number in 0..200 {
        app.publish("orders", &format!("after {number}"));
    }
    for _ in 0..50 {
        assert_eq!(app.request("GET", "/v1/topics").send().status, 200);
        assert_eq!(app.management_get("/readyz").status, 200);
    }
    assert_eq!(endpoint.stored("orders").len(), 221);
    let complaints = app.output().matches("Error accepting connection").count();
    assert!(complaints <= 1, "{complaints} in a few seconds");
    assert!(app.is_running());
}

/// The queue holds `backlog(4096)`, as far as the kernel's `somaxconn` allows.
#[test]
fn a_burst_of_connections_waits_in_the_listeners_queue() {
    let mut app = Launch::embedded().open_files(LIMIT).start();
    let connect = |_| TcpStream::connect_timeout(&app.data(), Duration::from_millis(500)).ok();
    let taken: Vec<TcpStream> = (0..1000).map_while(connect).collect();
    assert_eq!(taken.len(), 1000, "connections that were taken");
    assert!(app.is_running());
}
