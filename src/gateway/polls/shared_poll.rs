//! One poll, which goes on without its caller where others wait for the same.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::watch;

use super::kind::Wish;
use super::line::{Lane, Waiting};
use crate::tasks::{Stage, Tasks, Work};
use crate::upstream::{Polled, UpstreamError};

/// What a poll comes to.
type Answer = Result<Polled, UpstreamError>;

/// A poll under way. Dropped before its end it is broken off, unless others wait for the same: then it goes on for them, in a
/// task of its own on this thread, until it ends, nobody waits any more, or the process stops.
pub(in crate::gateway) struct SharedPoll {
    /// `None` after the end.
    under_way: Option<(Work<Answer>, Lane)>,
    /// Its caller's.
    number: u64,
    wish: Wish,
    stage: watch::Receiver<Stage>,
    tasks: Tasks,
}

impl SharedPoll {
    /// `poll` is one of the caller at `place`.
    pub(in crate::gateway) fn new(
        poll: Work<Answer>,
        lane: Lane,
        place: &Waiting,
        stage: watch::Receiver<Stage>,
        tasks: Tasks,
    ) -> Self {
        Self { under_way: Some((poll, lane)), number: place.number, wish: place.wish.clone(), stage, tasks }
    }
}

impl Future for SharedPoll {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let Some((poll, _)) = &mut self.under_way else { return Poll::Pending };
        let answer = ready!(poll.as_mut().poll(context));
        // With it the lane: the next in line may ask.
        self.under_way = None;
        Poll::Ready(answer)
    }
}

impl Drop for SharedPoll {
    fn drop(&mut self) {
        // A panic while it was polled leaves nothing that could go on.
        let Some((poll, lane)) = self.under_way.take().filter(|_| !std::thread::panicking()) else { return };
        let stops = *self.stage.borrow() == Stage::Stopping || self.stage.has_changed().is_err();
        if !stops && lane.others_wait(&self.wish, self.number) {
            self.tasks.go_on(go_on(poll, lane, self.wish.clone(), self.stage.clone()));
        }
    }
}

/// Ends a poll for those who still wait.
async fn go_on(poll: Work<Answer>, lane: Lane, wish: Wish, mut stage: watch::Receiver<Stage>) {
    tokio::select! {
        biased;
        answer = poll => match answer {
            Ok(polled) if !polled.deliveries.is_empty() => lane.hand_on(&wish, polled),
            // Counted where it happened; who waits asks anew.
            Ok(_) | Err(_) => {}
        },
        () = lane.deserted(&wish) => {}
        _ = stage.wait_for(|stage| *stage == Stage::Stopping) => {}
    }
}

impl std::fmt::Debug for SharedPoll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedPoll").field("ended", &self.under_way.is_none()).finish_non_exhaustive()
    }
}
