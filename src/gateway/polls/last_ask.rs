//! The question, nearly without a wait, that stands before "none", for all whose time is over: one at a time, and one answer for
//! all who had come before it was asked.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::kind::Wish;
use crate::gateway::GatewayError;
use crate::upstream::{Polled, UpstreamError, UpstreamErrorKind};

/// Questions at once in a line of many kinds, where nobody can have another's answer.
const QUESTIONS: usize = 8;

/// The last questions of one line.
#[derive(Debug)]
pub(super) struct LastAsk {
    /// A std lock: held for a few lines, never over an await.
    state: Mutex<State>,
    answered: Notify,
    of_many_kinds: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    asking: bool,
    /// When the newest question began, and its answer: nothing was there, or it failed.
    last: Option<(Instant, Answer)>,
}

type Answer = Result<(), GatewayError>;

/// The right to ask, until this is dropped.
struct Asking<'a>(&'a LastAsk);

impl LastAsk {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), answered: Notify::new(), of_many_kinds: Semaphore::new(QUESTIONS) }
    }

    /// What `ask` brings, or `None` where it, or what another has asked meanwhile, brought nothing.
    ///
    /// # Errors
    /// As `ask`, or that there was no turn by `patience`.
    pub(super) async fn ask(
        &self,
        wish: &Wish,
        patience: Instant,
        ask: impl AsyncFnOnce() -> Result<Polled, GatewayError>,
    ) -> Result<Option<Polled>, GatewayError> {
        if wish.kind.is_some() {
            let Ok(_turn) = timeout_at(patience, self.of_many_kinds.acquire()).await else {
                let detail =
                    "receives of this group wait for too many different tags and visibility timeouts: use fewer";
                return Err(UpstreamError::new(UpstreamErrorKind::Overloaded, detail).into());
            };
            return ask().await.map(Some);
        }
        match timeout_at(patience, self.turn(Instant::now())).await {
            Ok(Ok(asking)) => {
                let began = Instant::now();
                let polled = ask().await;
                asking.answered(began, &polled);
                polled.map(Some)
            }
            Ok(Err(answer)) => answer.map(|()| None),
            Err(_) => {
                let detail = "the MQ did not answer in time others who asked the same";
                Err(UpstreamError::new(UpstreamErrorKind::Timeout, detail).into())
            }
        }
    }

    /// The right to ask, or the answer to what another has asked since.
    async fn turn(&self, since: Instant) -> Result<Asking<'_>, Answer> {
        loop {
            let mut answered = pin!(self.answered.notified());
            // Registered before the look: no answer can slip between.
            answered.as_mut().enable();
            {
                let mut state = self.lock();
                if let Some((_, answer)) = state.last.as_ref().filter(|(began, _)| *began >= since) {
                    return Err(answer.clone());
                }
                if !state.asking {
                    state.asking = true;
                    return Ok(Asking(self));
                }
            }
            answered.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking<'_> {
    fn answered(self, began: Instant, polled: &Result<Polled, GatewayError>) {
        let answer = match polled {
            // Where there was something there may be more: the next one asks.
            Ok(polled) if !polled.deliveries.is_empty() => return,
            Ok(_) => Ok(()),
            Err(error) => Err(error.clone()),
        };
        self.0.lock().last = Some((began, answer));
        self.0.answered.notify_waiters();
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.lock().asking = false;
        self.0.answered.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;
    use crate::memory::MemoryBudget;

    const USUAL: Wish = Wish { kind: None, ordered: false };

    fn nothing() -> Polled {
        Polled { deliveries: vec![], memory: MemoryBudget::new(0).charge() }
    }

    /// So many whose time is over at once; how often the MQ is asked, and whether each has the answer.
    async fn asked(count: usize, answer: Result<(), GatewayError>) -> usize {
        let (last_ask, asked) = (LastAsk::new(), Cell::new(0));
        let one = async |_| {
            let ask = async || {
                asked.set(asked.get() + 1);
                sleep(Duration::from_millis(10)).await;
                answer.clone().map(|()| nothing())
            };
            let patience = Instant::now() + Duration::from_secs(1);
            last_ask.ask(&USUAL, patience, ask).await.map(drop)
        };
        assert!(join_all((0..count).map(one)).await.iter().all(|it| *it == answer));
        asked.get()
    }

    #[tokio::test(start_paused = true)]
    async fn many_whose_time_is_over_ask_once_together() {
        assert_eq!(asked(1, Ok(())).await, 1);
        // The first asks when the others are not there yet.
        assert!((1..=2).contains(&asked(1000, Ok(())).await));
        assert!((1..=2).contains(&asked(1000, Err(GatewayError::Internal("x"))).await));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_for_those_who_came_before_the_question() {
        let (last_ask, asked) = (LastAsk::new(), Cell::new(0));
        let ask = async || {
            let count = async || {
                asked.set(asked.get() + 1);
                Ok(nothing())
            };
            last_ask.ask(&USUAL, Instant::now() + Duration::from_secs(1), count).await.map(drop)
        };
        for number in 1..=3 {
            sleep(Duration::from_millis(1)).await;
            assert_eq!((ask().await, asked.get()), (Ok(()), number));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_no_turn_in_time_says_so() {
        let last_ask = LastAsk::new();
        let _asking = last_ask.turn(Instant::now()).await.unwrap();
        let patience = Instant::now() + Duration::from_secs(1);
        let error = last_ask.ask(&USUAL, patience, async || Ok(nothing())).await.unwrap_err();
        assert_eq!(error.upstream().map(|error| error.kind), Some(UpstreamErrorKind::Timeout));
        assert_eq!(Instant::now(), patience);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_while_it_asks_leaves_the_question_to_the_next() {
        let last_ask = LastAsk::new();
        let soon = Instant::now() + Duration::from_secs(1);
        let mut leaving = Box::pin(last_ask.ask(&USUAL, soon, async || std::future::pending().await));
        assert!((&mut leaving).now_or_never().is_none());
        let mut next = Box::pin(last_ask.ask(&USUAL, soon, async || Ok(nothing())));
        assert!((&mut next).now_or_never().is_none());
        drop(leaving);
        assert!(next.await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn those_of_many_kinds_ask_beside_each_other() {
        let (last_ask, began) = (LastAsk::new(), Instant::now());
        let kind = Some(std::sync::Arc::new(super::super::kind::Kind::hidden_for(Duration::from_secs(1))));
        let wish = Wish { kind, ordered: false };
        let one = |_| {
            let ask = async || {
                sleep(Duration::from_millis(100)).await;
                Ok(nothing())
            };
            last_ask.ask(&wish, began + Duration::from_secs(1), ask)
        };
        let answers = join_all((0..90).map(one)).await;
        let asked = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!((9 * QUESTIONS..90).contains(&asked), "then it is too late: {asked}");
    }
}
