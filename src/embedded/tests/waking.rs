//! Long polls with different wishes on one group, under any sequence of operations: none of them waits while something
//! is there that it wants, and none looks without end.

use std::pin::Pin;

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

const FILTERS: [&str; 3] = ["", "a", "b"];

#[derive(Debug, Clone)]
enum Step {
    Publish { tag: usize, message_group: usize, delay: u64 },
    Poll { filter: usize, ordered: bool, max_messages: u32 },
    HangUp { which: usize },
    Acknowledge { which: usize },
    GiveBack { which: usize },
    Advance { seconds: u64 },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..3_usize, prop_oneof![4 => Just(0), 1 => 1..20_u64])
            .prop_map(|(tag, message_group, delay)| Step::Publish { tag, message_group, delay }),
        4 => (0..FILTERS.len(), any::<bool>(), 1..3_u32)
            .prop_map(|(filter, ordered, max_messages)| Step::Poll { filter, ordered, max_messages }),
        1 => (0..8_usize).prop_map(|which| Step::HangUp { which }),
        4 => (0..8_usize).prop_map(|which| Step::Acknowledge { which }),
        2 => (0..8_usize).prop_map(|which| Step::GiveBack { which }),
        2 => (1..12_u64).prop_map(|seconds| Step::Advance { seconds }),
        1 => Just(Step::Sweep),
    ]
}

type Receiving<'a> = Pin<Box<dyn Future<Output = Vec<Delivery>> + 'a>>;

struct Run<'a> {
    fixture: &'a Fixture,
    waiting: Vec<(ConsumeRequest, Receiving<'a>)>,
    got: Vec<Delivery>,
}

impl Run<'_> {
    async fn step(&mut self, step: &Step) {
        let fixture = self.fixture;
        match *step {
            Step::Publish { tag, message_group, delay } => {
                let message = Message {
                    tag: Tag::parse(["a", "b", ""][tag]).ok(),
                    message_group: MessageGroup::parse(["g", "h", ""][message_group]).ok(),
                    deliver_at: Some(fixture.clock.now() + seconds(delay)),
                    ..message("orders", "x")
                };
                fixture.engine.publish(message).await.unwrap();
            }
            Step::Poll { filter, ordered, max_messages } => {
                let request = ConsumeRequest { ordered, max_messages, ..filtered(FILTERS[filter], 100_000) };
                let receive = fixture.engine.receive(request.clone()).map(Result::unwrap);
                self.waiting.push((request, Box::pin(receive)));
            }
            Step::HangUp { which } if which < self.waiting.len() => drop(self.waiting.swap_remove(which)),
            Step::Acknowledge { which } if which < self.got.len() => {
                let handle = self.got.swap_remove(which).handle;
                fixture.acknowledge("orders", "billing", handle.as_str()).await;
            }
            Step::GiveBack { which } if which < self.got.len() => {
                fixture.engine.give_back(vec![self.got.swap_remove(which).handle]);
            }
            Step::Advance { seconds: number } => fixture.clock.advance(seconds(number)),
            Step::Sweep => drop(fixture.engine.sweep().await.unwrap()),
            Step::HangUp { .. } | Step::Acknowledge { .. } | Step::GiveBack { .. } => {}
        }
    }

    /// Lets the polls go on, and those that have an answer end.
    fn poll(&mut self) {
        let got = &mut self.got;
        self.waiting.retain_mut(|(_, receive)| match receive.now_or_never() {
            Some(deliveries) => {
                assert!(!deliveries.is_empty(), "its time is not over");
                got.extend(deliveries);
                false
            }
            None => true,
        });
    }

    /// Until no poll looks any more.
    async fn settle(&mut self) {
        let (mut jobs, mut quiet) = (0, 0);
        for _ in 0..1_000 {
            self.poll();
            let now = self.fixture.engine.stats().await.unwrap().totals.commits.jobs;
            // The statistics are one job.
            quiet = if now == jobs + 1 { quiet + 1 } else { 0 };
            jobs = now;
            if quiet == 3 {
                return;
            }
        }
        panic!("they look without end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nobody_sleeps_through(
        steps in prop::collection::vec((step(), prop::bool::weighted(0.7)), 1..60),
        checked_from in 0..8_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let options =
                EngineOptions { visibility_timeout: seconds(10), max_redeliveries: 2, ..EngineOptions::default() };
            let fixture = start(options);
            let mut run = Run { fixture: &fixture, waiting: Vec::new(), got: Vec::new() };
            for (step, settled) in &steps {
                run.step(step).await;
                if *settled {
                    run.settle().await;
                } else {
                    run.poll();
                }
            }
            run.settle().await;
            let mut requests: Vec<_> = run.waiting.iter().map(|(request, _)| request.clone()).collect();
            if !requests.is_empty() {
                let middle = checked_from % requests.len();
                requests.rotate_left(middle);
            }
            for request in requests {
                let missed = fixture.receive(ConsumeRequest { wait: Duration::ZERO, ..request.clone() }).await;
                assert!(missed.is_empty(), "{request:?} did not get {missed:?}");
            }
        });
    }
}
