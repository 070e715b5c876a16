//! Any sequence of operations, against a model of a page: two topics, two groups, one clock.
//!
//! The model knows nothing of the store. After each receive the engine must have given exactly what the model gives:
//! the same messages in the same order with the same attempts. At the end everything is received and acknowledged, and
//! each group must have seen each message, as a message or as a dead letter.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::embedded::Acknowledgement;

/// A message has one of these tags and one of these message groups, the last of each standing for none.
const TAGS: [&str; 3] = ["a", "b", ""];
const MESSAGE_GROUPS: [&str; 3] = ["g", "h", ""];
const FILTERS: [&str; 4] = ["", "a", "b", "a||b"];
const TOPICS: [&str; 2] = ["orders", "returns"];
const GROUPS: [&str; 2] = ["billing", "shipping"];
const VISIBILITY: u64 = 10;
const MAX_REDELIVERIES: u32 = 2;

#[derive(Debug, Clone)]
enum Step {
    Publish { topic: usize, delay: u64, kind: Kind },
    Receive { topic: usize, group: usize, wish: Wish },
    Acknowledge { topic: usize, group: usize, which: usize },
    GiveBack { topic: usize, group: usize, which: usize },
    Advance { seconds: u64 },
    Sweep,
}

/// Indexes of a message's tag and message group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    tag: usize,
    message_group: usize,
}

/// How a receive asks.
#[derive(Debug, Clone, Copy)]
struct Wish {
    max_messages: u32,
    filter: usize,
    ordered: bool,
}

impl Wish {
    fn wants(self, kind: Kind) -> bool {
        let filter = FILTERS[self.filter];
        filter.is_empty() || filter.split("||").any(|tag| tag == TAGS[kind.tag])
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    (0..TAGS.len(), 0..MESSAGE_GROUPS.len()).prop_map(|(tag, message_group)| Kind { tag, message_group })
}

fn wish() -> impl Strategy<Value = Wish> {
    (1..5_u32, 0..FILTERS.len(), any::<bool>()).prop_map(|(max_messages, filter, ordered)| Wish {
        max_messages,
        filter,
        ordered,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let (topic, group) = (0..TOPICS.len(), 0..GROUPS.len());
    prop_oneof![
        4 => (topic.clone(), prop_oneof![3 => Just(0), 1 => 1..20_u64], kind())
            .prop_map(|(topic, delay, kind)| Step::Publish { topic, delay, kind }),
        4 => (topic.clone(), group.clone(), wish())
            .prop_map(|(topic, group, wish)| Step::Receive { topic, group, wish }),
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
    filtered_out: BTreeSet<usize>,
    out: BTreeMap<usize, Out>,
    acknowledged: BTreeSet<String>,
    dead: BTreeSet<String>,
    /// Handles of all deliveries ever, to be tried again when they are stale.
    handles: Vec<(usize, String)>,
}

#[derive(Debug, Default)]
struct Log {
    visible: Vec<(String, Kind)>,
    delayed: Vec<(UnixMillis, String, Kind)>,
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
        log.delayed.sort_by_key(|(time, ..)| *time);
        let due = log.delayed.iter().take_while(|(time, ..)| *time <= self.now).count();
        log.visible.extend(log.delayed.drain(..due).map(|(_, id, kind)| (id, kind)));
    }

    /// Moves what is exhausted and due.
    fn bury(&mut self, topic: usize, group: usize) {
        let progress = &self.progress[topic][group];
        let exhausted = progress.out.iter().filter(|(_, out)| out.visible_at <= self.now && out.is_exhausted());
        for position in exhausted.map(|(position, _)| *position).collect::<Vec<_>>() {
            self.bury_one(topic, group, position);
        }
    }

    fn bury_one(&mut self, topic: usize, group: usize, position: usize) {
        let progress = &mut self.progress[topic][group];
        progress.out.remove(&position);
        progress.dead.insert(self.logs[topic].visible[position].0.clone());
    }

    /// What a receive must give: positions and attempts, those that come back first.
    fn expected(&mut self, topic: usize, group: usize, wish: Wish) -> Vec<(usize, u32)> {
        loop {
            let (given, cut_short) = self.look(topic, group, wish);
            if !given.is_empty() || !cut_short {
                return given;
            }
        }
    }

    /// One look: what it gives, and whether it had to stop.
    fn look(&mut self, topic: usize, group: usize, wish: Wish) -> (Vec<(usize, u32)>, bool) {
        let max = usize::try_from(wish.max_messages).unwrap();
        let (mut given, mut handled, mut locked, mut out_before) = (Vec::new(), 0, BTreeSet::new(), BTreeSet::new());
        for (position, out) in self.progress[topic][group].out.clone() {
            let kind = self.logs[topic].visible[position].1;
            if !wish.wants(kind) {
                continue;
            }
            let due = out.visible_at <= self.now;
            if !(due && out.is_exhausted()) && wish.ordered {
                locked.insert(kind.message_group);
            }
            if !due {
                out_before.insert(kind.message_group);
            } else if out.is_exhausted() || !wish.ordered || !out_before.contains(&kind.message_group) {
                if handled == max {
                    if wish.ordered {
                        return (given, true);
                    }
                    break;
                }
                handled += 1;
                if out.is_exhausted() {
                    self.bury_one(topic, group, position);
                } else {
                    given.push((position, out.attempt + 1));
                }
            }
        }
        let (visible, progress) = (&self.logs[topic].visible, &mut self.progress[topic][group]);
        let takes = |position: usize| {
            let kind = visible[position].1;
            wish.wants(kind) && !locked.contains(&kind.message_group)
        };
        let filtered_out = progress.filtered_out.iter().copied().filter(|position| takes(*position));
        given.extend(filtered_out.take(max - given.len()).map(|position| (position, 1)));
        given.iter().for_each(|(position, _)| {
            progress.filtered_out.remove(position);
        });
        while given.len() < max && progress.next < visible.len() {
            if takes(progress.next) {
                given.push((progress.next, 1));
            } else {
                progress.filtered_out.insert(progress.next);
            }
            progress.next += 1;
        }
        (given, handled == max)
    }
}

impl Out {
    fn is_exhausted(&self) -> bool {
        self.handle.is_some() && self.attempt > MAX_REDELIVERIES
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
            Step::Publish { topic, delay, kind } => self.publish(topic, delay, kind).await,
            Step::Receive { topic, group, wish } => {
                self.receive(topic, group, wish).await;
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
                        self.model.bury(topic, group);
                    }
                }
            }
        }
    }

    async fn publish(&mut self, topic: usize, delay: u64, kind: Kind) {
        let time = self.model.now + seconds(delay);
        let message = Message {
            tag: Tag::parse(TAGS[kind.tag]).ok(),
            message_group: MessageGroup::parse(MESSAGE_GROUPS[kind.message_group]).ok(),
            deliver_at: Some(time),
            ..message(TOPICS[topic], &self.published.to_string())
        };
        self.published += 1;
        let at_once = delay == 0 || message.message_group.is_some();
        let id = soon(self.fixture.engine.publish(message)).await.unwrap().as_str().to_owned();
        let log = &mut self.model.logs[topic];
        if at_once {
            log.visible.push((id, kind));
        } else {
            log.delayed.push((time, id, kind));
        }
    }

    async fn receive(&mut self, topic: usize, group: usize, wish: Wish) -> usize {
        let request = ConsumeRequest {
            tags: TagFilter::parse(FILTERS[wish.filter]).unwrap(),
            ordered: wish.ordered,
            ..request(TOPICS[topic], GROUPS[group], wish.max_messages, 0)
        };
        let deliveries = self.fixture.receive(request).await;
        self.model.take_in_due(topic);
        let expected = self.model.expected(topic, group, wish);
        let log = &self.model.logs[topic].visible;
        let got: Vec<_> = deliveries.iter().map(|got| (got.message_id.as_str(), got.delivery_attempt)).collect();
        let wanted: Vec<_> = expected.iter().map(|(position, attempt)| (log[*position].0.as_str(), *attempt)).collect();
        assert_eq!(got, wanted, "{} {} {wish:?}", TOPICS[topic], GROUPS[group]);
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
        let to_do = self.model.progress[topic][group].out.contains_key(&position);
        let expected = match (current, to_do) {
            (true, _) => Acknowledgement::Done,
            (false, true) => Acknowledgement::Stale,
            (false, false) => Acknowledgement::AlreadyDone,
        };
        assert_eq!(acknowledgement, expected);
        if current {
            let progress = &mut self.model.progress[topic][group];
            progress.out.remove(&position);
            progress.acknowledged.insert(self.model.logs[topic].visible[position].0.clone());
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
        self.count_undelivered().await;
        self.step(&Step::Advance { seconds: 100 }).await;
        for (topic, topic_name) in TOPICS.iter().enumerate() {
            for (group, group_name) in GROUPS.iter().enumerate() {
                // Twice in a row nothing: the first empty answer may have moved dead letters only.
                let ordered = group == 0;
                let mut empty = 0;
                while empty < 2 {
                    let number = self.receive(topic, group, Wish { max_messages: 4, filter: 0, ordered }).await;
                    empty = if number == 0 { empty + 1 } else { 0 };
                    for which in 0..number {
                        self.acknowledge(topic, group, which).await;
                    }
                }
                let progress = &self.model.progress[topic][group];
                let seen: BTreeSet<_> = progress.acknowledged.union(&progress.dead).cloned().collect();
                let all: BTreeSet<_> = self.model.logs[topic].visible.iter().map(|(id, _)| id.clone()).collect();
                assert_eq!(seen, all, "{topic_name} {group_name}");
            }
        }
        self.count_dead_letters().await;
    }

    /// The counts that the store keeps, against those of the model.
    async fn count_undelivered(&self) {
        for stats in self.fixture.engine.stats().await.unwrap().groups {
            let index = |names: &[&str], name: &str| names.iter().position(|known| *known == name).unwrap();
            let topic = index(&TOPICS, stats.topic.as_str());
            let progress = &self.model.progress[topic][index(&GROUPS, stats.group.as_str())];
            let due = progress.out.values().filter(|out| out.visible_at <= self.model.now).count();
            let new = self.model.logs[topic].visible.len() - progress.next;
            let expected = new + due + progress.filtered_out.len();
            assert_eq!(stats.ready + stats.filtered_out, u64::try_from(expected).unwrap());
            assert_eq!(stats.in_flight, u64::try_from(progress.out.len() - due).unwrap());
        }
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
