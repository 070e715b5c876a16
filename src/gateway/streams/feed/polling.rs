//! A feed's polls: as many as its rhythm allows and its streams have room for.

use std::rc::Rc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Feed;
use super::rhythm::{Brought, Rhythm};
use crate::gateway::{GatewayError, Received};
use crate::tasks::{Stage, Work};

/// Most messages of one poll.
const MOST: usize = 32;

/// How many messages a poll asked for, when it began, and its answer.
type Answer = (usize, Instant, Result<Received, GatewayError>);

impl Feed {
    /// Polls as long as there are streams, and the process does not stop.
    pub(in crate::gateway::streams) async fn run(self: Rc<Self>, stage: watch::Receiver<Stage>) {
        let mut polls: FuturesUnordered<Work<Answer>> = FuturesUnordered::new();
        let mut rhythm = Rhythm::new(Instant::now());
        while !self.is_closed.get() && *stage.borrow() != Stage::Stopping {
            self.line_up_freed();
            while polls.len() < rhythm.at_once && rhythm.not_before <= Instant::now() {
                let room = self.room(rhythm.asked_for + MOST).saturating_sub(rhythm.asked_for).min(MOST);
                if room == 0 {
                    break;
                }
                rhythm.asked_for += room;
                polls.push(self.poll(room));
            }
            let is_pausing = rhythm.not_before > Instant::now();
            tokio::select! {
                biased;
                Some((asked, began, answer)) = polls.next(), if !polls.is_empty() => {
                    rhythm.answered(asked, began, answer.as_ref().ok().map(brought), Instant::now());
                    match answer {
                        Ok(received) => {
                            self.failing.take();
                            self.brought(received);
                        }
                        Err(error) => self.failed(&error),
                    }
                }
                () = self.freed.wake.notified() => {}
                () = sleep_until(rhythm.not_before), if is_pausing => {}
            }
        }
    }

    fn poll(&self, room: usize) -> Work<Answer> {
        let (began, poll) = (Instant::now(), (self.source.receive)(u32::try_from(room).unwrap_or(u32::MAX)));
        Box::pin(async move { (room, began, poll.await) })
    }

    /// Streams whose places were freed, on whatever thread, stand in line again.
    fn line_up_freed(&self) {
        for number in self.freed.take() {
            let seat = self.seats.borrow().get(&number).cloned();
            if let Some(seat) = seat {
                self.may_take_more(&seat);
            }
        }
    }
}

fn brought(received: &Received) -> Brought {
    Brought { messages: received.messages.len(), applied_max_messages: received.applied_max_messages }
}
