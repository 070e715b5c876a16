//! A secret that was rotated away is no longer in the process's memory.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use super::mounted_secret::MountedSecret;
use super::random::seed;
use super::support::ons::Credentials;
use super::support::time::{until, within};
use super::support::{Endpoint, Launch, Settings};

/// Whether `text` is in any memory of the process that it may write.
fn holds(process: u32, text: &str) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("the process's map");
    let mut memory = File::open(format!("/proc/{process}/mem")).expect("the process's memory");
    let writable =
        maps.lines().filter(|line| line.split_whitespace().nth(1).is_some_and(|flags| flags.starts_with("rw")));
    writable.filter_map(|line| line.split_whitespace().next()?.split_once('-')).any(|(from, to)| {
        let number = |text: &str| u64::from_str_radix(text, 16).expect("an address");
        let (from, to) = (number(from), number(to));
        let mut bytes = vec![0; usize::try_from(to - from).expect("a length")];
        // A part may vanish while it is read: then nothing is in it.
        memory.seek(SeekFrom::Start(from)).is_ok()
            && memory.read_exact(&mut bytes).is_ok()
            && memchr::memmem::find(&bytes, text.as_bytes()).is_some()
    })
}

#[test]
fn an_old_secret_leaves_memory() {
    let endpoint = Endpoint::start();
    let old = endpoint.credentials().clone();
    let launch = Launch::configured(&Settings::new().text(&endpoint.url()));
    let mut mounted = MountedSecret::mount(&launch.path("secrets"), &old);
    let app = launch.start();
    app.publish("orders", "with the old pair");
    assert!(holds(app.process_id(), "PID_ours"), "the search finds what is there");

    let new = Credentials::of(&format!("memory-{}", seed()));
    endpoint.accept_also(&new);
    mounted.swap(&new);
    until("a request signed with the new pair", || {
        app.publish("orders", "with whichever pair");
        (endpoint.last_request().header("accesskey") == Some(new.access_key.as_str())).then_some(())
    });
    let gone = within(Duration::from_secs(5), || (!holds(app.process_id(), &old.secret_key)).then_some(()));
    assert!(gone.is_some(), "the old secret is in memory still");
}
