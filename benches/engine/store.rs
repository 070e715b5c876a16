//! An engine on the disk, and filling it.

use std::path::Path;

use bytes::Bytes;
use futures_util::future::join_all;
use mq_gateway::clock::Clock;
use mq_gateway::embedded::{Engine, EngineOptions, StoreLocation, WhenFull};
use mq_gateway::model::{Message, Topic};
use mq_gateway::random::Random;

use crate::run::Run;

/// Callers that fill a store.
const FILLERS: usize = 1_024;

/// The engine of a directory, which drops nothing.
pub(crate) fn open(directory: &Path) -> Engine {
    std::fs::create_dir_all(directory).expect("a directory");
    let location = StoreLocation::Disk(directory.join("embedded.db"));
    let options =
        EngineOptions { retention_bytes: u64::MAX, when_full: WhenFull::DropOldest, ..EngineOptions::default() };
    Engine::open(location, options, Clock::system(), Random::system()).expect("open")
}

/// Runs what waits on this thread, beside the store's own.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// A run, and how well its calls shared commits.
pub(crate) async fn with_commits<F: Future<Output = Run>>(engine: &Engine, run: F) -> Run {
    let before = engine.stats().await.expect("stats").totals.commits;
    let run = run.await;
    let after = engine.stats().await.expect("stats").totals.commits;
    Run { jobs: after.jobs - before.jobs, commits: after.groups - before.groups, ..run }
}

/// Publishes so many messages, whose bodies have so many bytes, as fast as it goes.
pub(crate) async fn fill(engine: &Engine, topic: &Topic, messages: usize, body_bytes: usize) {
    let body = body(body_bytes);
    let left = std::cell::Cell::new(messages);
    let fillers = (0..FILLERS).map(|_| async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            engine.publish(Message::new(topic.clone(), body.clone())).await.expect("published");
        }
    });
    join_all(fillers).await;
}

pub(crate) fn topic(name: &str) -> Topic {
    Topic::parse(name).expect("a topic")
}

pub(crate) fn body(bytes: usize) -> Bytes {
    Bytes::from(vec![b'x'; bytes])
}
