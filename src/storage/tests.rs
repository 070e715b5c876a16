//! The store as its callers see it.

use rusqlite::{Connection, OptionalExtension, StatementStatus};

use super::{Access, OpenError, Schema, Storage, StorageError, StoreLocation};
use crate::clock::Clock;

const SCHEMA: Schema = Schema::plain(&["CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT"]);
const NEXT: Schema =
    Schema::plain(&["CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT", "ALTER TABLE numbers ADD COLUMN word TEXT"]);

fn open(location: &StoreLocation, schema: Schema) -> Result<Storage, OpenError> {
    Storage::open("test", location, schema, Clock::system())
}

fn insert(n: i64) -> impl FnMut(&Connection) -> rusqlite::Result<()> + Send + 'static {
    move |connection| connection.execute("INSERT INTO numbers (n) VALUES (?1)", [n]).map(drop)
}

fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM numbers", [], |row| row.get(0))
}

/// Keeps the thread busy between two transactions until the value is dropped, so that what is queued meanwhile shares
/// the next one.
fn hold(storage: &Storage) -> std::sync::mpsc::Sender<()> {
    let (held, wait) = std::sync::mpsc::channel();
    let (holding, begun) = std::sync::mpsc::channel();
    let hold = move |_| {
        holding.send(()).unwrap();
        wait.recv().ok();
    };
    storage.submit(Access::Writes, |_| Ok(()), hold).unwrap();
    begun.recv().unwrap();
    held
}

fn on_disk() -> (tempfile::TempDir, StoreLocation) {
    let directory = tempfile::tempdir().unwrap();
    let location = StoreLocation::Disk(directory.path().join("test.db"));
    (directory, location)
}

#[tokio::test]
async fn a_failed_job_is_undone_alone() {
    let storage = open(&StoreLocation::Memory, SCHEMA).unwrap();
    let half = |connection: &Connection| {
        connection.execute("INSERT INTO numbers (n) VALUES (7)", [])?;
        connection.execute("INSERT INTO numbers (n) VALUES (1)", []).map(drop)
    };
    // All three wait in one group, since none is awaited before the others are queued.
    let (first, second, third) = tokio::join!(
        storage.run(Access::Writes, insert(1)),
        storage.run(Access::Writes, half),
        storage.run(Access::Writes, insert(2))
    );
    first.unwrap();
    assert!(matches!(second, Err(StorageError::Sqlite(_))), "{second:?}");
    third.unwrap();
    assert_eq!(storage.run(Access::Writes, count).await.unwrap(), 2);
}

#[tokio::test]
async fn a_panicking_job_is_undone_alone() {
    let storage = open(&StoreLocation::Memory, SCHEMA).unwrap();
    let bad = |connection: &Connection| -> rusqlite::Result<()> {
        connection.execute("INSERT INTO numbers (n) VALUES (7)", [])?;
        panic!("on purpose");
    };
    let (good, bad) = tokio::join!(storage.run(Access::Writes, insert(1)), storage.run(Access::Writes, bad));
    good.unwrap();
    assert!(matches!(bad, Err(StorageError::Panicked)), "{bad:?}");
    assert_eq!(storage.run(Access::Writes, count).await.unwrap(), 1);
}

#[tokio::test]
async fn a_lost_transaction_fails_the_whole_group_and_the_next_one_works() {
    // A slow machine may end a transaction for its age before the second job: then once more.
    for _ in 0..100 {
        let storage = open(&StoreLocation::Memory, SCHEMA).unwrap();
        let held = hold(&storage);
        let groups = storage.commit_stats().groups;
        let rolling_back = storage.run(Access::Writes, |connection| connection.execute_batch("ROLLBACK"));
        let (first, second, ()) =
            tokio::join!(storage.run(Access::Writes, insert(1)), rolling_back, async { drop(held) });
        if storage.commit_stats().groups != groups + 1 {
            continue;
        }
        assert!(matches!(first, Err(StorageError::Sqlite(_))), "{first:?}");
        second.unwrap_err();
        storage.run(Access::Writes, insert(3)).await.unwrap();
        assert_eq!(storage.run(Access::Writes, count).await.unwrap(), 1);
        return;
    }
    panic!("two jobs never shared a transaction");
}

#[tokio::test]
async fn many_callers_share_commits() {
    let storage = open(&StoreLocation::Memory, SCHEMA).unwrap();
    let held = hold(&storage);
    let inserts = futures_util::future::join_all((0..500).map(|n| storage.run(Access::Writes, insert(n))));
    let (results, ()) = tokio::join!(inserts, async { drop(held) });
    assert!(results.iter().all(Result::is_ok));
    let stats = storage.commit_stats();
    assert_eq!(stats.jobs, 501);
    // Few and not one: a slow machine may end a transaction for its age.
    assert!(stats.groups < 50, "{stats:?}");
}

#[tokio::test]
async fn a_full_disk_fails_the_job_and_the_store_goes_on() {
    let storage = open(&StoreLocation::Memory, NEXT).unwrap();
    let limit = |connection: &Connection| connection.pragma_update(None, "max_page_count", 20);
    let big = |connection: &Connection| {
        connection.execute("INSERT INTO numbers (n, word) VALUES (7, ?1)", ["x".repeat(200_000)]).map(drop)
    };
    storage.run(Access::Writes, limit).await.unwrap();
    let (first, second, third) = tokio::join!(
        storage.run(Access::Writes, insert(1)),
        storage.run(Access::Writes, big),
        storage.run(Access::Writes, insert(2))
    );
    assert!(matches!(second, Err(StorageError::Full)), "{second:?}");
    let kept = storage.run(Access::Writes, count).await.unwrap();
    let answered = [first, third].iter().filter(|result| result.is_ok()).count();
    assert_eq!(kept, i64::try_from(answered).unwrap(), "what was answered with success is there, and nothing else");
    storage.run(Access::Writes, insert(3)).await.unwrap();
    assert_eq!(storage.run(Access::Writes, count).await.unwrap(), kept + 1);
}

#[tokio::test]
async fn a_full_queue_is_an_error_of_its_own_and_a_closed_store_too() {
    let storage = open(&StoreLocation::Memory, SCHEMA).unwrap();
    let held = hold(&storage);
    let refused = (0..10_000).find_map(|n| storage.submit(Access::Writes, insert(n), |_| ()).err());
    assert!(matches!(refused, Some(StorageError::Overloaded)), "{refused:?}");
    drop(held);
    storage.close().await;
    storage.close().await;
    assert!(matches!(storage.run(Access::Writes, count).await, Err(StorageError::Closed)));
}

#[tokio::test]
async fn a_job_is_done_although_its_caller_is_gone() {
    let storage = open(&StoreLocation::Memory, SCHEMA).unwrap();
    let held = hold(&storage);
    let mut job = Box::pin(storage.run(Access::Writes, insert(1)));
    assert!(futures_util::future::FutureExt::now_or_never(&mut job).is_none());
    drop(job);
    drop(held);
    assert_eq!(storage.run(Access::Writes, count).await.unwrap(), 1);
}

#[tokio::test]
async fn closing_finishes_queued_jobs_and_the_file_keeps_them() {
    let (_directory, location) = on_disk();
    let storage = open(&location, SCHEMA).unwrap();
    for n in 0..100 {
        storage.submit(Access::Writes, insert(n), |_| ()).unwrap();
    }
    storage.close().await;
    let StoreLocation::Disk(path) = &location else { panic!("on disk") };
    assert!(!path.with_extension("db-wal").exists(), "the log was moved into the file");
    let storage = open(&location, SCHEMA).unwrap();
    assert_eq!(storage.run(Access::Writes, count).await.unwrap(), 100);
}

#[tokio::test]
async fn dropping_the_last_owner_frees_the_file() {
    let (_directory, location) = on_disk();
    for n in 0..3 {
        let storage = open(&location, SCHEMA).unwrap();
        storage.submit(Access::Writes, insert(n), |_| ()).unwrap();
    }
    let storage = open(&location, SCHEMA).unwrap();
    assert_eq!(storage.run(Access::Writes, count).await.unwrap(), 3);
}

#[tokio::test]
async fn the_settings_are_those_that_were_chosen() {
    let (_directory, location) = on_disk();
    let storage = open(&location, SCHEMA).unwrap();
    let read = |connection: &Connection| {
        ["journal_mode", "synchronous", "locking_mode", "auto_vacuum", "temp_store", "trusted_schema", "user_version"]
            .iter()
            .map(|name| {
                connection.pragma_query_value(None, name, |row| {
                    row.get::<_, rusqlite::types::Value>(0).map(|value| format!("{name}={value:?}"))
                })
            })
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    assert_eq!(
        storage.run(Access::Writes, read).await.unwrap(),
        [
            "journal_mode=Text(\"wal\")",
            "synchronous=Integer(2)",
            "locking_mode=Text(\"exclusive\")",
            "auto_vacuum=Integer(2)",
            "temp_store=Integer(2)",
            "trusted_schema=Integer(0)",
            "user_version=Integer(1)",
        ]
    );
}

#[tokio::test]
async fn a_statement_is_prepared_once_whatever_is_bound() {
    const WORDS: &str = "CREATE TABLE words (topic INTEGER, place INTEGER);
        CREATE INDEX log ON words (topic, place) WHERE place NOT NULL";
    fn prepared_again(connection: &Connection) -> rusqlite::Result<i32> {
        let mut find =
            connection.prepare("SELECT topic FROM words WHERE topic = ?1 AND place >= ?2 ORDER BY place LIMIT ?3")?;
        for place in 0..10 {
            find.query_row([1, place, 1], |_| Ok(())).optional()?;
        }
        Ok(find.get_status(StatementStatus::RePrepare))
    }
    let usual = Connection::open_in_memory().unwrap();
    usual.execute_batch(WORDS).unwrap();
    assert!(prepared_again(&usual).unwrap() > 0, "SQLite has another way of its own: this test shows nothing");
    let storage = open(&StoreLocation::Memory, Schema::plain(&[WORDS])).unwrap();
    assert_eq!(storage.run(Access::Reads, prepared_again).await.unwrap(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, location) = on_disk();
    let storage = open(&location, SCHEMA).unwrap();
    storage.run(Access::Writes, insert(1)).await.unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn an_older_file_is_migrated_and_a_newer_one_refused() {
    let (_directory, location) = on_disk();
    let storage = open(&location, SCHEMA).unwrap();
    storage.run(Access::Writes, insert(1)).await.unwrap();
    drop(storage);
    let storage = open(&location, NEXT).unwrap();
    let words: i64 = storage
        .run(Access::Reads, |connection| {
            connection.query_row("SELECT count(*) FROM numbers WHERE word IS NULL", [], |row| row.get(0))
        })
        .await
        .unwrap();
    assert_eq!(words, 1);
    drop(storage);
    let error = open(&location, SCHEMA).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("test.db has format 2, this program knows formats up to 1"), "{error}");
}

#[tokio::test]
async fn a_failing_migration_leaves_the_file_as_it_was() {
    const BROKEN: Schema = Schema::plain(&[
        "CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT",
        "CREATE TABLE more (n); INSERT INTO nowhere",
    ]);
    let (_directory, location) = on_disk();
    drop(open(&location, SCHEMA).unwrap());
    assert!(matches!(open(&location, BROKEN), Err(OpenError::Sqlite { .. })));
    let storage = open(&location, NEXT).unwrap();
    let tables: i64 = storage
        .run(Access::Reads, |connection| {
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        })
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let (_directory, location) = on_disk();
    let StoreLocation::Disk(path) = &location else { panic!("on disk") };
    std::fs::write(path, vec![b'x'; 8192]).unwrap();
    let error = open(&location, SCHEMA).unwrap_err();
    assert!(error.to_string().contains("test.db"), "{error}");
    assert_eq!(std::fs::read(path).unwrap(), vec![b'x'; 8192]);
    std::fs::remove_file(path).unwrap();
    Connection::open(path).unwrap().execute_batch("CREATE TABLE theirs (n)").unwrap();
    assert!(matches!(open(&location, SCHEMA), Err(OpenError::Foreign { .. })));
}

#[test]
fn a_second_opener_is_told_that_the_file_is_in_use() {
    let (_directory, location) = on_disk();
    let _first = open(&location, SCHEMA).unwrap();
    let error = open(&location, SCHEMA).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}
