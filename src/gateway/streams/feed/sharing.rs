//! How much room a feed's streams have, and who gets what a poll has brought.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::rc::Rc;

use super::Feed;
use crate::gateway::Received;
use crate::gateway::streams::message::{Arrived, StreamedMessage, Ticket};
use crate::gateway::streams::places::DeliveryKey;
use crate::gateway::streams::seat::Seat;
use crate::model::UpstreamHandle;

impl Feed {
    /// How many messages one poll may bring, up to `enough`. Who has no room leaves the line: it comes back when it has.
    pub(super) fn room(&self, enough: usize) -> usize {
        let mut line = self.line.borrow_mut();
        let (mut room, mut index) = (0_usize, 0);
        while room < enough {
            let Some(seat) = line.get(index) else { break };
            let free = seat.room();
            if free > 0 {
                room = if self.source.ordered { room.max(free) } else { room + free };
                index += 1;
            } else if let Some(seat) = line.remove(index) {
                seat.is_in_line.set(false);
            }
        }
        room
    }

    /// Hands on what a poll has brought.
    pub(super) fn brought(&self, received: Received) {
        let Received { messages, mut memory, .. } = received;
        let arrived = messages.into_iter().map(|(delivery, handle)| {
            let memory = memory.split_off(delivery.body.len().saturating_mul(2));
            let until = self.streams.until((self.source.hidden_for)(&delivery));
            Arrived { delivery, handle, memory, until }
        });
        self.give(arrived.collect());
    }

    /// Gives messages to streams; those that nobody takes go back to the MQ, where it takes them.
    pub(super) fn give(&self, mut messages: VecDeque<Arrived>) {
        if self.source.ordered {
            // In order only at one reader, even where one message is more than it has places.
            let count = messages.len();
            if count > 0
                && let Some(seat) = self.next_taker(count)
            {
                messages.drain(..).for_each(|message| self.hand(&seat, message));
            }
        } else {
            while let Some(message) = messages.pop_front() {
                let Some(seat) = self.next_taker(1) else {
                    messages.push_front(message);
                    break;
                };
                self.hand(&seat, message);
            }
        }
        messages.into_iter().for_each(|message| self.untaken.add(message.delivery.handle));
        self.untaken.let_go();
    }

    fn hand(&self, seat: &Seat, Arrived { delivery, handle, memory, until }: Arrived) {
        let key = self.key(&delivery.handle);
        self.streams.holders.take(&seat.places, key, until);
        let ticket = Ticket::new(&self.streams, &self.untaken, key, &delivery.handle);
        seat.give(StreamedMessage { delivery, handle, memory, ticket, until });
    }

    fn key(&self, handle: &UpstreamHandle) -> DeliveryKey {
        self.streams.holders.key(self.source.topic.as_str(), self.source.group.as_str(), handle.as_str())
    }

    /// The next stream with room for `count`: the first in line, else the one that has most; else, where the MQ takes nothing
    /// back, one whose reader has become slow since the poll began.
    fn next_taker(&self, count: usize) -> Option<Rc<Seat>> {
        let mut line = self.line.borrow_mut();
        for _ in 0..line.len() {
            let Some(seat) = line.pop_front() else { break };
            let room = seat.room();
            if room > 0 {
                line.push_back(Rc::clone(&seat));
            } else {
                seat.is_in_line.set(false);
            }
            if room >= count {
                return Some(seat);
            }
        }
        drop(line);
        let slow = || if self.untaken.go_back() { None } else { self.with_most(Seat::space) };
        self.with_most(Seat::room).or_else(slow)
    }

    fn with_most(&self, room: impl Fn(&Seat) -> usize) -> Option<Rc<Seat>> {
        let seats = self.seats.borrow();
        let rooms = seats.values().map(|seat| (room(seat), seat)).filter(|(room, _)| *room > 0);
        rooms.max_by_key(|(room, seat)| (*room, Reverse(seat.places.stream))).map(|(_, seat)| Rc::clone(seat))
    }
}
