//! Calls of the engine by many callers at once, until the time is over or the work is done.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mq_gateway::embedded::{ConsumeRequest, Engine};
use mq_gateway::model::{ConsumerGroup, Message, Topic};

use crate::run::{Run, Started};
use crate::store::body;

/// Messages of one receive and of one acknowledgement: as many as a request of MQ HTTP may name.
pub(crate) const AT_ONCE: u32 = 16;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Time(Duration),
    Messages(usize),
}

/// Publishes by so many callers.
pub(crate) async fn publish(engine: &Engine, topic: &Topic, body_bytes: usize, callers: usize, until: Until) -> Run {
    let body = body(body_bytes);
    let left = Cell::new(match until {
        Until::Time(_) => usize::MAX,
        Until::Messages(messages) => messages,
    });
    let started = Started::now();
    let goes_on = || match until {
        Until::Time(time) => started.elapsed() < time,
        Until::Messages(_) => left.get() > 0,
    };
    let callers = (0..callers).map(|_| async {
        let mut latencies = Vec::new();
        while goes_on() {
            left.set(left.get() - 1);
            let begun = Instant::now();
            engine.publish(Message::new(topic.clone(), body.clone())).await.expect("published");
            latencies.push(begun.elapsed());
        }
        latencies
    });
    let latencies = join_all(callers).await.concat();
    started.end(latencies.len(), latencies)
}

/// Each group takes and acknowledges what it finds, one call after the other.
pub(crate) async fn receive_and_acknowledge(
    engine: &Engine,
    topic: &Topic,
    groups: &[ConsumerGroup],
    time: Duration,
) -> Run {
    let started = Started::now();
    let messages = Cell::new(0);
    let consumers = groups.iter().map(|group| async {
        let mut latencies = Vec::new();
        while started.elapsed() < time {
            let begun = Instant::now();
            let handles = receive(engine, topic, group).await;
            assert!(!handles.is_empty(), "the store holds too little for this disk");
            acknowledge(engine, topic, group, &handles).await;
            latencies.push(begun.elapsed());
            messages.set(messages.get() + handles.len());
        }
        latencies
    });
    let latencies = join_all(consumers).await.concat();
    started.end(messages.get(), latencies)
}

/// So many callers of one group take so many messages in all; the handles of each call.
pub(crate) async fn receive_only(
    engine: &Engine,
    topic: &Topic,
    group: &ConsumerGroup,
    callers: usize,
    messages: usize,
) -> (Run, Vec<Vec<String>>) {
    let started = Started::now();
    let left = Cell::new(messages);
    let consumers = (0..callers).map(|_| async {
        let (mut latencies, mut all) = (Vec::new(), Vec::new());
        while left.get() > 0 {
            left.set(left.get().saturating_sub(usize::try_from(AT_ONCE).expect("a small number")));
            let begun = Instant::now();
            let handles = receive(engine, topic, group).await;
            latencies.push(begun.elapsed());
            all.push(handles);
        }
        (latencies, all)
    });
    let (latencies, handles): (Vec<_>, Vec<_>) = join_all(consumers).await.into_iter().unzip();
    let handles = handles.concat();
    let received = handles.iter().map(Vec::len).sum();
    (started.end(received, latencies.concat()), handles)
}

/// So many callers acknowledge what [`receive_only`] took.
pub(crate) async fn acknowledge_only(
    engine: &Engine,
    topic: &Topic,
    group: &ConsumerGroup,
    callers: usize,
    handles: &[Vec<String>],
) -> Run {
    let started = Started::now();
    let messages = handles.iter().map(Vec::len).sum();
    let each = handles.chunks(handles.len().div_ceil(callers));
    let consumers = each.map(|calls| async move {
        let mut latencies = Vec::new();
        for handles in calls {
            let begun = Instant::now();
            acknowledge(engine, topic, group, handles).await;
            latencies.push(begun.elapsed());
        }
        latencies
    });
    let latencies = join_all(consumers).await.concat();
    started.end(messages, latencies)
}

async fn receive(engine: &Engine, topic: &Topic, group: &ConsumerGroup) -> Vec<String> {
    let request = ConsumeRequest {
        topic: topic.clone(),
        group: group.clone(),
        tags: None,
        ordered: false,
        max_messages: AT_ONCE,
        max_bytes: usize::MAX,
        wait: Duration::ZERO,
        visibility_timeout: None,
    };
    let deliveries = engine.receive(request).await.expect("received");
    deliveries.into_iter().map(|delivery| delivery.handle.as_str().to_owned()).collect()
}

async fn acknowledge(engine: &Engine, topic: &Topic, group: &ConsumerGroup, handles: &[String]) {
    let answers = engine.acknowledge_many(topic, group, handles).await.expect("acknowledged");
    assert_eq!(answers.len(), handles.len());
}
