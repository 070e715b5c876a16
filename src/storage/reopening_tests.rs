//! What is found after a stop, a kill or a power cut: all of it, and never taken for damage.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{Access, Schema, Storage, StoreLocation};
use crate::clock::Clock;
use crate::random::Random;

const SCHEMA: Schema = Schema::plain(&[
    "CREATE TABLE numbers (n INTEGER PRIMARY KEY, word BLOB) STRICT; CREATE INDEX words ON numbers (word, n)",
]);

fn open(directory: &Path) -> Storage {
    let location = StoreLocation::Disk(directory.join("test.db"));
    Storage::open("test", &location, SCHEMA, Clock::system()).unwrap()
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().ends_with("-reserve") {
            fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
        }
    }
    to
}

/// The files as a kill leaves them at this moment: copied on the storage thread, which does nothing else meanwhile.
async fn killed(storage: &Storage, directory: &Path) -> tempfile::TempDir {
    let directory = directory.to_owned();
    storage.run(Access::Reads, move |_| Ok(copy(&directory))).await.unwrap()
}

fn bytes(directory: &Path, name: &str) -> u64 {
    fs::metadata(directory.join(name)).map_or(0, |metadata| metadata.len())
}

struct Dice(Random);

impl Dice {
    fn below(&self, number: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        u64::from_le_bytes(bytes) % number
    }
}

/// Changes the store and the model alike.
async fn change(storage: &Storage, model: &mut BTreeMap<i64, Vec<u8>>, dice: &Dice) {
    let number = i64::try_from(dice.below(40)).unwrap();
    match dice.below(10) {
        0..6 => {
            let byte = u8::try_from(dice.below(256)).unwrap();
            let word = vec![byte; usize::try_from(dice.below(20) * dice.below(3_000)).unwrap()];
            model.insert(number, word.clone());
            let insert = move |connection: &Connection| {
                connection.execute("REPLACE INTO numbers (n, word) VALUES (?1, ?2)", (number, &word)).map(drop)
            };
            storage.run(Access::Grows, insert).await.unwrap();
        }
        6..8 => {
            model.retain(|n, _| (*n - number).abs() > 5);
            let delete = move |connection: &Connection| {
                connection.execute("DELETE FROM numbers WHERE abs(n - ?1) <= 5", [number]).map(drop)
            };
            storage.run(Access::Writes, delete).await.unwrap();
        }
        8 => {
            let shrink = |connection: &Connection| {
                let mut statement = connection.prepare("PRAGMA incremental_vacuum(50)")?;
                let mut rows = statement.query([])?;
                while rows.next()?.is_some() {}
                Ok(())
            };
            storage.run(Access::Writes, shrink).await.unwrap();
        }
        _ => {
            // Big enough to leave the cache, and undone.
            let undone = |connection: &Connection| {
                connection.execute("INSERT INTO numbers (word) VALUES (zeroblob(12000000))", [])?;
                Err::<(), _>(rusqlite::Error::QueryReturnedNoRows)
            };
            storage.run(Access::Grows, undone).await.unwrap_err();
        }
    }
}

async fn check(storage: &Storage, model: &BTreeMap<i64, Vec<u8>>) {
    assert!(!storage.was_damaged() && storage.faults().is_empty(), "{:?}", storage.faults());
    let all = |connection: &Connection| {
        let mut all = connection.prepare("SELECT n, word FROM numbers")?;
        all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<BTreeMap<_, _>>>()
    };
    assert!(storage.run(Access::Reads, all).await.unwrap() == *model, "the content differs");
}

#[tokio::test]
async fn whatever_was_done_and_however_it_ended() {
    for seed in 0..6 {
        let dice = Dice(Random::seeded(seed));
        let (mut directory, mut model) = (tempfile::tempdir().unwrap(), BTreeMap::new());
        for round in 0..12 {
            let storage = open(directory.path());
            check(&storage, &model).await;
            for _ in 0..dice.below(20) {
                change(&storage, &mut model, &dice).await;
            }
            match dice.below(3) {
                0 => storage.close().await,
                1 => drop(storage),
                _ => directory = killed(&storage, directory.path()).await,
            }
            assert!(directory.path().join("test.db").exists(), "{seed} {round}");
        }
        check(&open(directory.path()), &model).await;
    }
}

#[tokio::test]
async fn the_log_stays_small_and_is_emptied_when_nothing_happens() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    for n in 0..900_i64 {
        let insert = move |connection: &Connection| {
            connection.execute("INSERT INTO numbers (n, word) VALUES (?1, zeroblob(50000))", [n]).map(drop)
        };
        storage.run(Access::Grows, insert).await.unwrap();
        let log = bytes(directory.path(), "test.db-wal");
        assert!(log < 17 << 20, "{log} bytes after {n}");
    }
    let since = Instant::now();
    while bytes(directory.path(), "test.db-wal") > 0 {
        assert!(since.elapsed() < Duration::from_secs(20), "it was not emptied");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // All is in the store then: the log may go.
    let copied = killed(&storage, directory.path()).await;
    fs::remove_file(copied.path().join("test.db-wal")).unwrap();
    let count = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM numbers", [], |row| row.get(0))
    };
    assert_eq!(open(copied.path()).run(Access::Reads, count).await.unwrap(), 900);
}

#[tokio::test]
async fn a_store_whose_check_file_is_gone_or_broken_is_believed_and_checked_again_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let mut model = BTreeMap::new();
    let dice = Dice(Random::seeded(1));
    for _ in 0..20 {
        change(&storage, &mut model, &dice).await;
    }
    storage.close().await;
    let check_file = directory.path().join("test.db-check");
    for broken in [None, Some(vec![]), Some(vec![7; 5_000])] {
        match broken {
            None => fs::remove_file(&check_file).unwrap(),
            Some(bytes) => fs::write(&check_file, bytes).unwrap(),
        }
        let storage = open(directory.path());
        assert!(storage.was_damaged(), "rows that carry checksums are to be looked at");
        drop(storage);
        check(&open(directory.path()), &model).await;
    }
}
