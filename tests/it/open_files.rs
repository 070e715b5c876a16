//! More connections than the process may have open files: it goes on serving, keeps files for its upstreams and its
//! probes, and recovers. What it cannot accept at once waits in the listener's queue.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::time::{CONDITION_LIMIT, until, within};
use crate::support::{Connection, Endpoint, Launch, Settings};

const LIMIT: usize = 256;
const ATTACKERS: usize = 500;

#[test]
fn running_out_of_files_is_survived() {
    let endpoint = Endpoint::start();
    let mut app = Launch::towards(&endpoint, Settings::new()).open_files(LIMIT).start();
    assert!(app.output().contains("as the limit of open files allows"), "{}", app.output());
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

/// The lines of a start that a newcomer sees.
fn lines_of_start(launch: Launch) -> Vec<serde_json::Value> {
    let app = launch.start();
    until("all lines", || app.output().contains("the MQ can be reached").then_some(()));
    app.output().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn a_start_warns_of_few_files_only_who_asked_for_more() {
    let few = "as many connections at once as the limit of open files allows: raise that (ulimit -n) for more";
    for launch in [Launch::embedded().open_files(1024), Launch::embedded()] {
        let lines = lines_of_start(launch);
        assert!(lines.iter().all(|line| line["level"] == "INFO"), "{lines:#?}");
        assert!(lines.iter().filter(|line| line["message"] == few).count() <= 1, "{lines:#?}");
    }
    let lines = lines_of_start(Launch::embedded().open_files(1024));
    let line = lines.iter().find(|line| line["message"] == few).unwrap_or_else(|| panic!("{lines:#?}"));
    assert_eq!(line["open_files"], 1024);
    assert!((1..1024).contains(&line["connections"].as_u64().unwrap()), "{line}");

    let configured = Launch::embedded().environment("MQ_GATEWAY__SERVER__LIMITS__CONNECTIONS", "5000");
    let lines = lines_of_start(configured.open_files(1024));
    let warnings: Vec<_> = lines.iter().filter(|line| line["level"] != "INFO").collect();
    let [warning] = warnings.as_slice() else { panic!("{lines:#?}") };
    assert_eq!((&warning["key"], &warning["configured"]), (&"server.limits.connections".into(), &5000.into()));
    // A positive control: as many as there are.
    let configured = Launch::embedded().environment("MQ_GATEWAY__SERVER__LIMITS__CONNECTIONS", "100");
    let lines = lines_of_start(configured.open_files(1024));
    assert!(lines.iter().all(|line| line["level"] == "INFO" && line["message"] != few), "{lines:#?}");
}
