//! The embedded engine's publish, beside the disk's own limit.
//!
//! `cargo bench --bench engine` publishes 1 KB messages durably from 64 callers at once through `Engine::publish`, then
//! appends the same bytes to a plain file with one `fdatasync` for each batch: batches of one, and batches of as many as
//! shared a commit in the engine. The ratio to the latter says what the store costs beside the disk.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints its result, and a failed step ends it"
)]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use mq_gateway::clock::Clock;
use mq_gateway::embedded::{Engine, EngineOptions, StoreLocation};
use mq_gateway::model::{Message, Topic};
use mq_gateway::random::Random;

const PUBLISHERS: usize = 64;
const BODY_BYTES: usize = 1_024;
const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_secs(2);

fn main() {
    // Beside the build products, which are on a real disk where /tmp may be none.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let engine = engine(directory.path());
    let batch = engine.batch.round().max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let raw_many = raw(directory.path(), batch as usize);
    let raw_one = raw(directory.path(), 1);

    println!("{BODY_BYTES} bytes, durable, {:.1} s each", MEASURED.as_secs_f64());
    println!("{:<44}{:>12}{:>12}{:>12}{:>10}", "", "messages/s", "p50 ms", "p99 ms", "batch");
    engine.print(&format!("Engine::publish, {PUBLISHERS} callers"));
    raw_many.print("raw append + fdatasync, the same batch");
    raw_one.print("raw append + fdatasync, one by one");
    println!("engine / raw, the same batch: {:.2}", engine.rate() / raw_many.rate());
    println!("engine / raw, one by one:     {:.2}", engine.rate() / raw_one.rate());
}

/// What one run measured: of the engine each message's latency, of the raw loop each batch's.
struct Run {
    messages: usize,
    elapsed: Duration,
    latencies: Vec<Duration>,
    batch: f64,
}

impl Run {
    fn rate(&self) -> f64 {
        as_f64(self.messages) / self.elapsed.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
    }

    fn print(&self, name: &str) {
        let (rate, p50, p99) = (self.rate(), self.percentile(50), self.percentile(99));
        println!("{name:<44}{rate:>12.0}{p50:>12.3}{p99:>12.3}{:>10.1}", self.batch);
    }
}

fn engine(directory: &Path) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let location = StoreLocation::Disk(directory.join("embedded.db"));
        let engine = Engine::open(location, EngineOptions::default(), Clock::system(), Random::system()).expect("open");
        publish(&engine, WARM_UP).await;
        let before = engine.stats().await.expect("stats").totals.commits;
        let started = Instant::now();
        let latencies = publish(&engine, MEASURED).await;
        let elapsed = started.elapsed();
        let after = engine.stats().await.expect("stats").totals.commits;
        engine.close().await;
        let jobs = u32::try_from(after.jobs - before.jobs).map_or(f64::MAX, f64::from);
        let groups = u32::try_from(after.groups - before.groups).map_or(f64::MAX, f64::from);
        Run { messages: latencies.len(), elapsed, latencies, batch: jobs / groups }
    })
}

/// Publishes from all callers for a time; each message's latency.
async fn publish(engine: &Engine, time: Duration) -> Vec<Duration> {
    let topic = Topic::parse("benchmark").expect("a topic");
    let body = Bytes::from(vec![b'x'; BODY_BYTES]);
    let end = Instant::now() + time;
    let callers = (0..PUBLISHERS).map(|_| async {
        let mut latencies = Vec::new();
        loop {
            let started = Instant::now();
            if started >= end {
                return latencies;
            }
            engine.publish(Message::new(topic.clone(), body.clone())).await.expect("published");
            latencies.push(started.elapsed());
        }
    });
    join_all(callers).await.concat()
}

/// Appends batches to a file and syncs each.
fn raw(directory: &Path, batch: usize) -> Run {
    let path = directory.join(format!("raw-{batch}"));
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    let bytes = vec![b'x'; BODY_BYTES * batch];
    let mut latencies = Vec::new();
    let started = Instant::now();
    while started.elapsed() < MEASURED {
        let begun = Instant::now();
        file.write_all(&bytes).expect("written");
        file.sync_data().expect("synced");
        latencies.push(begun.elapsed());
    }
    Run { messages: latencies.len() * batch, elapsed: started.elapsed(), latencies, batch: as_f64(batch) }
}

fn as_f64(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
