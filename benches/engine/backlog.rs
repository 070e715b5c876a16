//! What publishing, receiving and acknowledging cost while ever more messages are stored.

use std::path::Path;
use std::time::Instant;

use mq_gateway::embedded::Engine;
use mq_gateway::model::{ConsumerGroup, Topic};

use crate::calls::{self, AT_ONCE, Until};
use crate::options::Options;
use crate::run::{Run, Started};
use crate::store::{block_on, fill, open, topic, with_commits};
use crate::table::{self, Beside};

const SMALLEST: usize = 1_000;
const CALLERS: usize = 64;
const BODY_BYTES: usize = 100;

/// What was measured with one backlog.
struct Measured {
    publish: Run,
    receive: Run,
    acknowledge: Run,
    sweep: Run,
    statistics: Run,
}

pub(crate) fn measure(directory: &Path, options: &Options) {
    let directory = directory.join("backlog");
    let topic = topic("benchmark");
    let mut engine = open(&directory);
    let mut stored = 0;
    let mut smallest = None;
    let mut backlog = SMALLEST;
    while backlog <= options.backlog.max(SMALLEST) {
        block_on(fill(&engine, &topic, backlog.saturating_sub(stored), BODY_BYTES));
        let group = ConsumerGroup::parse(&format!("CID_{backlog}")).expect("a group");
        let measured = block_on(at(&engine, &topic, &group, options.messages));
        stored = backlog.max(stored) + options.messages;
        print(backlog, &measured, smallest.as_ref());
        smallest.get_or_insert(measured);
        block_on(engine.close());
        let (started, begun) = (Started::now(), Instant::now());
        engine = open(&directory);
        block_on(async { engine.stats().await.expect("stats") });
        table::time(&format!("open, {backlog} stored"), &started.end(1, vec![begun.elapsed()]));
        backlog *= 10;
    }
    block_on(engine.close());
}

async fn at(engine: &Engine, topic: &Topic, group: &ConsumerGroup, messages: usize) -> Measured {
    let publish = calls::publish(engine, topic, BODY_BYTES, CALLERS, Until::Messages(messages));
    let publish = with_commits(engine, publish).await;
    let mut handles = Vec::new();
    let receive = async {
        let (run, received) = calls::receive_only(engine, topic, group, CALLERS, messages).await;
        handles = received;
        run
    };
    let receive = with_commits(engine, receive).await;
    let acknowledge = calls::acknowledge_only(engine, topic, group, CALLERS, &handles);
    let acknowledge = with_commits(engine, acknowledge).await;
    let started = Started::now();
    engine.sweep().await.expect("swept");
    let sweep = started.end(1, vec![started.elapsed()]);
    let started = Started::now();
    engine.stats().await.expect("stats");
    let statistics = started.end(1, vec![started.elapsed()]);
    Measured { publish, receive, acknowledge, sweep, statistics }
}

fn print(backlog: usize, measured: &Measured, smallest: Option<&Measured>) {
    let row = |name: String, run: &Run, of: fn(&Measured) -> &Run| {
        table::row(&name, run, &Beside { smallest: smallest.map(of), ..Beside::default() });
    };
    row(format!("publish, {backlog} stored, {BODY_BYTES} B"), &measured.publish, |it| &it.publish);
    row(format!("receive {AT_ONCE}, {backlog} stored"), &measured.receive, |it| &it.receive);
    row(format!("acknowledge {AT_ONCE}, {backlog} stored"), &measured.acknowledge, |it| &it.acknowledge);
    table::time(&format!("sweep, {backlog} stored"), &measured.sweep);
    table::time(&format!("statistics, {backlog} stored"), &measured.statistics);
}
