//! B7: more connections than the process may have open files. It lives, keeps files for its upstreams and its probes, serves
//! those it has, and recovers.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::oracle::Oracle;
use super::plan::Plan;
use super::process::open_files;
use super::support::time::{PATIENCE, within};
use super::support::{Connection, Launch, Settings};

const LIMIT: usize = 256;
const ATTACKERS: usize = 500;

#[test]
fn running_out_of_files_is_survived() {
    let oracle = Oracle::start(Plan::peace());
    let mut app = Launch::towards(&oracle.endpoint, Settings::new()).open_files(LIMIT).start();
    oracle.assert_live(&app);
    let files = open_files(&app);
    let request = app.request("GET", "/v1/topics").bytes();
    let mut early = Connection::open(app.data());
    assert_eq!(early.exchange(&request, "GET").status, 200);

    // A connect that finds the listener's queue full is one attacker less, no more.
    let attack = || TcpStream::connect_timeout(&app.data(), Duration::from_millis(100)).ok();
    let mut attackers: Vec<TcpStream> = Vec::new();
    let mut caller = || {
        // Who asks all the time is never the one that waits longest; an idle connection may give way, and is made anew.
        let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| early.exchange(&request, "GET").status));
        answer.unwrap_or_else(|_| {
            early = Connection::open(app.data());
            early.exchange(&request, "GET").status
        })
    };
    while attackers.len() < ATTACKERS
        && let Some(attacker) = attack()
    {
        attackers.push(attacker);
        if attackers.len().is_multiple_of(10) {
            assert_eq!(caller(), 200, "after {} attackers", attackers.len());
        }
    }
    assert!(attackers.len() > LIMIT, "I10: {} connections", attackers.len());
    assert_eq!(app.management_get("/livez").status, 200, "a restart would mend nothing");
    let (lines, since) = (app.output().lines().count(), Instant::now());
    for _ in 0..20 {
        assert_eq!(caller(), 200, "who asks is served");
        assert!(open_files(&app) < LIMIT - 2, "files are left for upstreams and probes");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (logged, seconds) = (app.output().lines().count() - lines, since.elapsed().as_secs_f64());
    assert!((logged as f64) < 20.0 * seconds, "{logged} log lines in {seconds} s");
    assert!(app.is_running());

    drop(attackers);
    let back = within(PATIENCE, || (open_files(&app) <= files + 4).then_some(()));
    assert!(back.is_some(), "{} open files, {files} before", open_files(&app));
    oracle.assert_live(&app);
    for _ in 0..50 {
        assert_eq!(app.request("GET", "/v1/topics").send().status, 200);
        assert_eq!(app.management_get("/readyz").status, 200);
    }
    oracle.assert_clean();
}
