//! The engine as its callers see it, on a clock that stands still until a test moves it.

mod acknowledging;
mod cancelling;
mod changing_visibility;
mod clocks;
mod damage;
mod dead_letters;
mod delivering;
mod filtering;
mod long_polling;
mod migrating;
mod model;
mod ordering;
mod peeking;
mod plans;
mod purging;
mod redelivering;
mod reopening;
mod retaining;
mod statistics;
mod waking;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use super::{ConsumeRequest, Engine, EngineOptions, StoreLocation};
use crate::clock::Clock;
use crate::model::{ConsumerGroup, Delivery, Message, MessageGroup, MessageId, Tag, TagFilter, Topic, UnixMillis};
use crate::random::Random;
use crate::storage::Access;

/// The time at which every test begins.
const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// An engine in memory and its clock.
struct Fixture {
    engine: Engine,
    clock: Clock,
}

fn start(options: EngineOptions) -> Fixture {
    let clock = Clock::manual(START);
    let engine = open(StoreLocation::Memory, options, &clock);
    Fixture { engine, clock }
}

fn open(location: StoreLocation, options: EngineOptions, clock: &Clock) -> Engine {
    Engine::open(location, options, clock.clone(), Random::seeded(7)).unwrap()
}

fn topic(name: &str) -> Topic {
    Topic::parse(name).unwrap()
}

fn group(name: &str) -> ConsumerGroup {
    ConsumerGroup::parse(name).unwrap()
}

fn message(topic_name: &str, body: &str) -> Message {
    Message::new(topic(topic_name), Bytes::copy_from_slice(body.as_bytes()))
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// A test that waits for what never comes ends with a message and not with the suite's time.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it did not come in 20 s")
}

impl Fixture {
    async fn publish(&self, topic: &str, body: &str) -> MessageId {
        soon(self.engine.publish(message(topic, body))).await.unwrap()
    }

    async fn publish_at(&self, topic: &str, body: &str, deliver_at: UnixMillis) -> MessageId {
        let message = Message { deliver_at: Some(deliver_at), ..message(topic, body) };
        soon(self.engine.publish(message)).await.unwrap()
    }

    /// Publishes "orders" whose bodies begin with their tag or message group: `a1` has `a`, a number alone has none.
    async fn publish_tagged(&self, bodies: &[&str]) {
        for body in bodies {
            let tag = Tag::parse(letter(body)).ok();
            soon(self.engine.publish(Message { tag, ..message("orders", body) })).await.unwrap();
        }
    }

    async fn publish_grouped(&self, bodies: &[&str]) {
        for body in bodies {
            let message_group = MessageGroup::parse(letter(body)).ok();
            soon(self.engine.publish(Message { message_group, ..message("orders", body) })).await.unwrap();
        }
    }

    /// The answer to a request.
    async fn receive(&self, request: ConsumeRequest) -> Vec<Delivery> {
        soon(self.engine.receive(request)).await.unwrap()
    }

    /// Acknowledges for "billing".
    async fn acknowledge_all(&self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let done = self.acknowledge("orders", "billing", delivery.handle.as_str()).await;
            assert_eq!(done, super::Acknowledgement::Done);
        }
    }

    /// Takes what is there now, at most 32.
    async fn take(&self, topic: &str, group: &str) -> Vec<Delivery> {
        self.take_up_to(topic, group, 32).await
    }

    async fn take_up_to(&self, topic: &str, group: &str, max_messages: u32) -> Vec<Delivery> {
        soon(self.engine.receive(request(topic, group, max_messages, 0))).await.unwrap()
    }

    /// The bodies of what is there now.
    async fn bodies(&self, topic: &str, group: &str) -> Vec<String> {
        bodies(&self.take(topic, group).await)
    }

    async fn acknowledge(&self, topic_name: &str, group_name: &str, handle: &str) -> super::Acknowledgement {
        soon(self.engine.acknowledge(&topic(topic_name), &group(group_name), handle)).await.unwrap()
    }

    /// Keeps the storage thread busy until the value is dropped.
    fn hold(&self) -> std::sync::mpsc::Sender<()> {
        let (held, wait) = std::sync::mpsc::channel();
        self.engine.shared().storage.submit(Access::Reads, move |_| Ok(wait.recv().ok()), |_| ()).unwrap();
        held
    }

    /// Lets `waiting` run until what it can do now is done, and expects it to go on waiting.
    async fn settle<T: std::fmt::Debug>(&self, waiting: &mut (impl Future<Output = T> + Unpin)) {
        for _ in 0..3 {
            // Behind everything that `waiting` has queued, since the storage thread works in order.
            let settled = async {
                self.engine.stats().await.unwrap();
                tokio::task::yield_now().await;
            };
            tokio::select! {
                biased;
                early = &mut *waiting => panic!("it did not wait: {early:?}"),
                () = settled => {}
            }
        }
    }
}

fn request(topic_name: &str, group_name: &str, max_messages: u32, wait_seconds: u64) -> ConsumeRequest {
    ConsumeRequest {
        topic: topic(topic_name),
        group: group(group_name),
        tags: None,
        ordered: false,
        max_messages,
        max_bytes: usize::MAX,
        wait: seconds(wait_seconds),
        visibility_timeout: None,
    }
}

/// Any number of "orders" for "billing", of the tags that the expression names.
fn filtered(tags: &str, wait_seconds: u64) -> ConsumeRequest {
    ConsumeRequest { tags: TagFilter::parse(tags).unwrap(), ..request("orders", "billing", 32, wait_seconds) }
}

/// Up to so many "orders" for "billing", in order.
fn in_order(max_messages: u32, wait_seconds: u64) -> ConsumeRequest {
    ConsumeRequest { ordered: true, ..request("orders", "billing", max_messages, wait_seconds) }
}

fn letter(body: &str) -> &str {
    body.trim_end_matches(|character: char| character.is_ascii_digit())
}

fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| String::from_utf8(delivery.body.to_vec()).unwrap()).collect()
}

#[test]
fn the_engine_and_its_futures_may_go_to_other_threads() {
    fn check<T: Send>(_: &T) {}
    fn check_shared<T: Send + Sync + Clone + std::fmt::Debug>(_: &T) {}
    let engine = start(EngineOptions::default()).engine;
    check_shared(&engine);
    check(&engine.publish(message("orders", "1")));
    check(&engine.receive(request("orders", "billing", 1, 0)));
    check(&engine.sweep());
}
