//! Any sequence of operations, against a model of a page: two topics, two groups, one clock.
//!
//! The model knows nothing of the store. After each receive the engine must have given exactly what the model gives:
//! the same messages in the same order with the same attempts. At the end everything is received and acknowledged, and
//! each group must have seen each message, as a message or as a dead letter.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::embedded::Acknowledgement;

const TOPICS: [&str; 2] = ["orders", "returns"];
const GROUPS: [&str; 2] = ["billing", "shipping"];
const VISIBILITY: u64 = 10;
const MAX_REDELIVERIES: u32 = 2;

#[derive(Debug, Clone)]
enum Step {
    Publish { topic: usize, delay: u64 },
    Receive { topic: usize, group: usize, max_messages: u32 },
    Acknowledge { topic: usize, group: usize, which: usize },
    GiveBack { topic: usize, group: usize, which: usize },
    Advance { seconds: u64 },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let (topic, group) = (0..TOPICS.len(), 0..GROUPS.len());
    prop_oneof![
        4 => (topic.clone(), prop_oneof![3 => Just(0), 1 => 1..20_u64])
            .prop_map(|(topic, delay)| Step::Publish { topic, delay }),
        4 => (topic.clone(), group.clone(), 1..5_u32)
            .prop_map(|(topic, group, max_messages)| Step::Receive { topic, group, max_messages }),
        2 => (topic.clone(), group.clone(), 0..8_usize)
            .prop_map(|(topic, group, which)| Step::Acknowledge { topic, group, which }),
        1 => (topic, group, 0..8_usize)
            .prop_map(|(topic, group, which)| Step::GiveBack { topic, group, which }),
        2 => (1..12_u64).prop_map(|seconds| Step::Advance { seconds }),
        1 => Just(Step::Sweep),
    ]
}

/// What a group holds of a topic.
#[derive(Debug, Clone)]
struct Out {
    attempt: u32,
    visible_at: UnixMillis,
    /// `None` when it was given back.
    handle: Option<String>,
}

#[derive(Debug, Default)]
struct Progress {
    next: usize,
    out: BTreeMap<usize, Out>,
    acknowledged: BTreeSet<String>,
    dead: BTreeSet<String>,
    /// Handles of all deliveries ever, to be tried again when they are stale.
    handles: Vec<(usize, String)>,
}

#[derive(Debug, Default)]
struct Log {
    visible: Vec<String>,
    delayed: Vec<(UnixMillis, String)>,
}

struct Model {
    logs: [Log; 2],
    progress: [[Progress; 2]; 2],
    now: UnixMillis,
}

impl Model {
    fn take_in_due(&mut self, topic: usize) {
        let log = &mut self.logs[topic];
        // Stable: equal times stay in publish order.
        log.delayed.sort_by_key(|(time, _)| *time);
        let due = log.delayed.iter().take_while(|(time, _)| *time <= self.now).count();
        log.visible.extend(log.delayed.drain(..due).map(|(_, id)| id));
    }

    /// Moves what is exhausted among the first `limit` deliveries that are due.
    fn bury(&mut self, topic: usize, group: usize, limit: usize) {
        let now = self.now;
        let progress = &mut self.progress[topic][group];
        let due = progress.out.iter().filter(|(_, out)| out.visible_at <= now).take(limit);
        let exhausted = due.filter(|(_, out)| out.handle.is_some() && out.attempt > MAX_REDELIVERIES);
        for position in exhausted.map(|(position, _)| *position).collect::<Vec<_>>() {
            progress.out.remove(&position);
            progress.dead.insert(self.logs[topic].visible[position].clone());
        }
    }

    /// What a receive must give: positions and attempts, those that come back first.
    fn expected(&mut self, topic: usize, group: usize, max: usize) -> Vec<(usize, u32)> {
        let progress = &self.progress[topic][group];
        let due = progress.out.iter().filter(|(_, out)| out.visible_at <= self.now).take(max);
        let exhausted = |out: &Out| out.handle.is_some() && out.attempt > MAX_REDELIVERIES;
        let again = due.filter(|(_, out)| !exhausted(out)).map(|(position, out)| (*position, out.attempt + 1));
        let again: Vec<_> = again.collect();
        self.bury(topic, group, max);
        let progress = &mut self.progress[topic][group];
        let end = self.logs[topic].visible.len().min(progress.next + max - again.len());
        let new = (progress.next..end).map(|position| (position, 1));
        let all: Vec<_> = again.into_iter().chain(new).collect();
        progress.next = end;
        all
    }
}

struct Run {
    fixture: Fixture,
    model: Model,
    published: usize,
}

impl Run {
    fn new() -> Self {
        let options = EngineOptions {
            visibility_timeout: seconds(VISIBILITY),
            max_redeliveries: MAX_REDELIVERIES,
            ..EngineOptions::default()
        };
        let model = Model { logs: Default::default(), progress: Default::default(), now: START };
        Self { fixture: start(options), model, published: 0 }
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Publish { topic, delay } => self.publish(topic, delay).await,
            Step::Receive { topic, group, max_messages } => {
                self.receive(topic, group, max_messages).await;
            }
            Step::Acknowledge { topic, group, which } => self.acknowledge(topic, group, which).await,
            Step::GiveBack { topic, group, which } => self.give_back(topic, group, which),
            Step::Advance { seconds: number } => {
                self.fixture.clock.advance(seconds(number));
                self.model.now = self.fixture.clock.now();
            }
            Step::Sweep => {
                self.fixture.engine.sweep().await.unwrap();
                for topic in 0..TOPICS.len() {
                    self.model.take_in_due(topic);
                    for group in 0..GROUPS.len() {
                        self.model.bury(topic, group, usize::MAX);
                    }
                }
            }
        }
    }

    async fn publish(&mut self, topic: usize, delay: u64) {
        let time = self.model.now + seconds(delay);
        let body = self.published.to_string();
        self.published += 1;
        let id = self.fixture.publish_at(TOPICS[topic], &body, time).await.as_str().to_owned();
        let log = &mut self.model.logs[topic];
        if delay == 0 {
            log.visible.push(id);
        } else {
            log.delayed.push((time, id));
        }
    }

    async fn receive(&mut self, topic: usize, group: usize, max_messages: u32) -> usize {
        let deliveries = self.fixture.take_up_to(TOPICS[topic], GROUPS[group], max_messages).await;
        self.model.take_in_due(topic);
        let expected = self.model.expected(topic, group, usize::try_from(max_messages).unwrap());
        let log = &self.model.logs[topic].visible;
        let got: Vec<_> = deliveries.iter().map(|got| (got.message_id.as_str(), got.delivery_attempt)).collect();
        let wanted: Vec<_> = expected.iter().map(|(position, attempt)| (log[*position].as_str(), *attempt)).collect();
        assert_eq!(got, wanted, "{} {}", TOPICS[topic], GROUPS[group]);
        let progress = &mut self.model.progress[topic][group];
        for (delivery, (position, attempt)) in deliveries.iter().zip(expected) {
            assert!(!progress.acknowledged.contains(delivery.message_id.as_str()), "acknowledged and delivered again");
            let handle = delivery.handle.as_str().to_owned();
            progress.handles.push((position, handle.clone()));
            let visible_at = self.model.now + seconds(VISIBILITY);
            progress.out.insert(position, Out { attempt, visible_at, handle: Some(handle) });
        }
        deliveries.len()
    }

    /// Any handle that the group ever got, the newest first.
    fn handle(&self, topic: usize, group: usize, which: usize) -> Option<(usize, String, bool)> {
        let progress = &self.model.progress[topic][group];
        let (position, handle) = progress.handles.iter().rev().nth(which)?.clone();
        let current = progress.out.get(&position).is_some_and(|out| out.handle.as_ref() == Some(&handle));
        Some((position, handle, current))
    }

    async fn acknowledge(&mut self, topic: usize, group: usize, which: usize) {
        let Some((position, handle, current)) = self.handle(topic, group, which) else { return };
        let acknowledgement = self.fixture.acknowledge(TOPICS[topic], GROUPS[group], &handle).await;
        assert_eq!(acknowledgement, if current { Acknowledgement::Done } else { Acknowledgement::Stale });
        if current {
            let progress = &mut self.model.progress[topic][group];
            progress.out.remove(&position);
            progress.acknowledged.insert(self.model.logs[topic].visible[position].clone());
        }
    }

    fn give_back(&mut self, topic: usize, group: usize, which: usize) {
        let Some((position, handle, current)) = self.handle(topic, group, which) else { return };
        self.fixture.engine.give_back(vec![crate::model::UpstreamHandle::parse(&handle).unwrap()]);
        if current && let Some(out) = self.model.progress[topic][group].out.get_mut(&position) {
            *out = Out { attempt: out.attempt - 1, visible_at: self.model.now, handle: None };
        }
    }

    /// Receives and acknowledges until nothing is left; each group must have seen everything.
    async fn drain(mut self) {
        self.step(&Step::Advance { seconds: 100 }).await;
        for (topic, topic_name) in TOPICS.iter().enumerate() {
            for (group, group_name) in GROUPS.iter().enumerate() {
                // Twice in a row nothing: the first empty answer may have moved dead letters only.
                let mut empty = 0;
                while empty < 2 {
                    let number = self.receive(topic, group, 4).await;
                    empty = if number == 0 { empty + 1 } else { 0 };
                    for which in 0..number {
                        self.acknowledge(topic, group, which).await;
                    }
                }
                let progress = &self.model.progress[topic][group];
                let seen: BTreeSet<_> = progress.acknowledged.union(&progress.dead).cloned().collect();
                let all: BTreeSet<_> = self.model.logs[topic].visible.iter().cloned().collect();
                assert_eq!(seen, all, "{topic_name} {group_name}");
            }
        }
        self.count_dead_letters().await;
    }

    async fn count_dead_letters(&self) {
        for (index, group) in GROUPS.iter().enumerate() {
            let expected: BTreeSet<_> = self.model.progress.iter().flat_map(|topic| &topic[index].dead).collect();
            let letters = self.fixture.take_up_to(&format!("%DLQ%{group}"), "support", 256).await;
            let origins: BTreeSet<_> = letters.iter().map(|letter| &letter.properties[1].1).collect();
            assert_eq!(origins, expected, "dead letters of {group}");
            assert_eq!(letters.len(), expected.len(), "each once");
        }
        let stats = self.fixture.engine.stats().await.unwrap();
        let letters: usize = self.model.progress.iter().flatten().map(|progress| progress.dead.len()).sum();
        assert_eq!(stats.totals.dead_lettered, u64::try_from(letters).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_keeps_the_rules(steps in prop::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new();
            for step in &steps {
                run.step(step).await;
            }
            run.drain().await;
        });
    }
}
