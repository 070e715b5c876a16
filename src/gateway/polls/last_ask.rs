//! The question without a wait that stands before "none", for all whose time is over: one at a time, and one answer for all who
//! had come before it was asked.

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::kind::Sort;
use crate::gateway::GatewayError;
use crate::upstream::Polled;

/// What came of the last one of a line.
#[derive(Debug, Default)]
pub(super) struct LastAsk(Mutex<Option<Asked>>);

#[derive(Debug)]
struct Asked {
    sort: Sort,
    began: Instant,
    /// Nothing was there, or it failed.
    answer: Result<(), GatewayError>,
}

impl LastAsk {
    /// What `ask` brings, or `None` where it, or what another has asked meanwhile, brought nothing. Whoever has no turn by
    /// `patience` asks beside the others.
    ///
    /// # Errors
    /// As `ask`.
    pub(super) async fn ask(
        &self,
        sort: &Sort,
        patience: Instant,
        ask: impl AsyncFnOnce() -> Result<Polled, GatewayError>,
    ) -> Result<Option<Polled>, GatewayError> {
        let since = Instant::now();
        // Its turns come in order.
        let Ok(mut last) = timeout_at(patience, self.0.lock()).await else {
            return ask().await.map(Some);
        };
        if let Some(asked) = last.as_ref().filter(|asked| asked.began >= since && asked.sort == *sort) {
            return asked.answer.clone().map(|()| None);
        }
        let began = Instant::now();
        let polled = ask().await;
        *last = match &polled {
            // Where there was something there may be more.
            Ok(polled) if !polled.deliveries.is_empty() => None,
            Ok(_) => Some(Asked { sort: sort.clone(), began, answer: Ok(()) }),
            Err(error) => Some(Asked { sort: sort.clone(), began, answer: Err(error.clone()) }),
        };
        polled.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;
    use crate::memory::MemoryBudget;

    const USUAL: Sort = Sort { kind: None, ordered: false };

    fn nothing() -> Polled {
        Polled { deliveries: vec![], memory: MemoryBudget::new(0).charge() }
    }

    /// So many whose time is over at once; how often the MQ is asked, and whether each has the answer.
    async fn asked(count: usize, answer: Result<(), GatewayError>) -> usize {
        let (last_ask, asked) = (LastAsk::default(), Cell::new(0));
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
        let (last_ask, asked) = (LastAsk::default(), Cell::new(0));
        let ask = async |sort: &Sort| {
            let count = async || {
                asked.set(asked.get() + 1);
                Ok(nothing())
            };
            last_ask.ask(sort, Instant::now() + Duration::from_secs(1), count).await.map(drop)
        };
        for number in 1..=3 {
            sleep(Duration::from_millis(1)).await;
            assert_eq!((ask(&USUAL).await, asked.get()), (Ok(()), number));
        }
        // At the same moment, and something else.
        assert_eq!((ask(&Sort { ordered: true, ..USUAL }).await, asked.get()), (Ok(()), 4));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_no_turn_in_time_asks_beside_the_others() {
        let last_ask = LastAsk::default();
        let _held = last_ask.0.lock().await;
        let patience = Instant::now() + Duration::from_secs(1);
        assert!(last_ask.ask(&USUAL, patience, async || Ok(nothing())).await.unwrap().is_some());
        assert_eq!(Instant::now(), patience);
    }
}
