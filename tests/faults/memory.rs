//! A secret that was rotated away is no longer in the process's memory, nor is what is kept of it to sign with.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use super::key_state::states;
use super::mounted_secret::MountedSecret;
use super::random::seed;
use super::support::ons::Credentials;
use super::support::time::{until, within};
use super::support::{Endpoint, Launch, Settings};

/// How much is read at once, and how much of it again with what follows.
const PIECE: usize = 1 << 20;
const OVERLAP: usize = 256;

/// Whether each of `wanted` is in any memory of the process that it may write.
fn holds(process: u32, wanted: &[&[u8]]) -> Vec<bool> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("the process's map");
    let mut memory = File::open(format!("/proc/{process}/mem")).expect("the process's memory");
    let mut found = vec![false; wanted.len()];
    let (mut bytes, zeroes) = (vec![0; PIECE], vec![0; PIECE]);
    for line in maps.lines().filter(|line| line.split_whitespace().nth(1).is_some_and(|it| it.starts_with("rw"))) {
        let (from, to) = line.split_whitespace().next().and_then(|it| it.split_once('-')).expect("a range");
        let number = |text: &str| usize::from_str_radix(text, 16).expect("an address");
        let (mut from, to) = (number(from), number(to));
        while from < to {
            let piece = &mut bytes[..PIECE.min(to - from)];
            // A part may vanish while it is read: then nothing is in it. Most of the rest was never used.
            let is_there = memory.seek(SeekFrom::Start(from as u64)).is_ok() && memory.read_exact(piece).is_ok();
            if is_there && *piece != zeroes[..piece.len()] {
                for (found, wanted) in found.iter_mut().zip(wanted) {
                    *found |= memchr::memmem::find(piece, wanted).is_some();
                }
            }
            from += if piece.len() == PIECE { PIECE - OVERLAP } else { piece.len() };
        }
    }
    found
}

#[test]
fn an_old_secret_leaves_memory() {
    let endpoint = Endpoint::start();
    let old = endpoint.credentials().clone();
    let launch = Launch::configured(&Settings::new().text(&endpoint.url()));
    let mut mounted = MountedSecret::mount(&launch.path("secrets"), &old);
    let app = launch.start();
    app.publish("orders", "with the old pair");
    // The control: the search finds a key that is in use. Of the secret itself nothing is kept, which is right.
    let has_states = |credentials: &Credentials| {
        let [inner, outer] = states(&credentials.secret_key);
        holds(app.process_id(), &[&inner, &outer, credentials.secret_key.as_bytes()])
    };
    assert_eq!(has_states(&old), [true, true, false], "the search finds what is there");

    let new = Credentials::of(&format!("memory-{}", seed()));
    endpoint.accept_also(&new);
    mounted.swap(&new);
    until("a request signed with the new pair", || {
        app.publish("orders", "with whichever pair");
        (endpoint.last_request().header("accesskey") == Some(new.access_key.as_str())).then_some(())
    });
    assert_eq!(has_states(&new)[..2], [true, true], "the new one is found as the old one was");
    let is_gone = || has_states(&old) == [false, false, false];
    assert!(within(Duration::from_secs(5), || is_gone().then_some(())).is_some(), "the old secret is in memory still");
}
