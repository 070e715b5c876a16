//! What no store can beat: the same bytes in the same batches appended to a file, and put into plain SQLite.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::run::{Run, Started};

/// Appends batches to a file and syncs each.
pub(crate) fn raw(directory: &Path, body_bytes: usize, batch: usize, time: Duration) -> Run {
    let path = directory.join("raw");
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    let bytes = vec![b'x'; body_bytes * batch];
    batches(batch, time, || {
        file.write_all(&bytes).expect("written");
        file.sync_data().expect("synced");
    })
}

/// Inserts batches into a table of bodies: a write-ahead log, each commit synced, no index, nothing checked.
pub(crate) fn sqlite(directory: &Path, body_bytes: usize, batch: usize, time: Duration) -> Run {
    let connection = Connection::open(directory.join("plain.db")).expect("open");
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").expect("set");
    connection.pragma_update(None, "journal_mode", "WAL").expect("set");
    connection.pragma_update(None, "synchronous", "FULL").expect("set");
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS messages (sequence INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")
        .expect("a table");
    let body = vec![b'x'; body_bytes];
    let mut insert = connection.prepare("INSERT INTO messages (body) VALUES (?1)").expect("prepared");
    let mut begin = connection.prepare("BEGIN IMMEDIATE").expect("prepared");
    let mut commit = connection.prepare("COMMIT").expect("prepared");
    batches(batch, time, || {
        begin.execute([]).expect("begun");
        for _ in 0..batch {
            insert.execute([&body]).expect("inserted");
        }
        commit.execute([]).expect("committed");
    })
}

fn batches(batch: usize, time: Duration, mut one: impl FnMut()) -> Run {
    let started = Started::now();
    let mut latencies = Vec::new();
    while started.elapsed() < time {
        let begun = Instant::now();
        one();
        latencies.push(begun.elapsed());
    }
    let (commits, messages) = (latencies.len(), latencies.len() * batch);
    let as_u64 = |number| u64::try_from(number).unwrap_or(u64::MAX);
    Run { jobs: as_u64(messages), commits: as_u64(commits), ..started.end(messages, latencies) }
}
