//! A message on its way into a stream.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::places::DeliveryKey;
use super::process::Streams;
use super::untaken::Untaken;
use crate::gateway::ReceiptHandle;
use crate::memory::Charge;
use crate::model::{Delivery, UpstreamHandle};

/// A message that a poll has brought, for whichever stream takes it.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) delivery: Delivery,
    pub(super) handle: ReceiptHandle,
    pub(super) memory: Charge,
    /// When others may get it, by the clock's monotonic reading.
    pub(super) until: Duration,
}

/// A message that a stream has, and its reader not yet.
#[derive(Debug)]
pub struct StreamedMessage {
    /// The message.
    pub delivery: Delivery,
    /// What acknowledges it.
    pub handle: ReceiptHandle,
    /// What it takes until it is written.
    pub memory: Charge,
    /// To be told what became of it.
    pub ticket: Ticket,
    /// When others may get it, by the clock's monotonic reading.
    pub(super) until: Duration,
}

impl StreamedMessage {
    /// Takes it from the stream, for another one.
    pub(super) fn take_back(self) -> Arrived {
        let Self { delivery, handle, memory, ticket, until } = self;
        ticket.take_back();
        Arrived { delivery, handle, memory, until }
    }
}

/// What becomes of a message in a stream. Dropped, it was not written: it is given back where the MQ takes that, and its place is
/// free.
#[derive(Debug)]
pub struct Ticket(Option<Unwritten>);

#[derive(Debug)]
struct Unwritten {
    streams: Arc<Streams>,
    untaken: Rc<Untaken>,
    key: DeliveryKey,
    handle: UpstreamHandle,
}

impl Ticket {
    pub(super) fn new(
        streams: &Arc<Streams>,
        untaken: &Rc<Untaken>,
        key: DeliveryKey,
        handle: &UpstreamHandle,
    ) -> Self {
        Self(Some(Unwritten { streams: Arc::clone(streams), untaken: Rc::clone(untaken), key, handle: handle.clone() }))
    }

    /// The reader's connection has all of it: it is the reader's until it is settled, or others may get it.
    pub fn written(mut self) {
        self.0 = None;
    }

    /// Another stream gets the message.
    fn take_back(mut self) {
        if let Some(Unwritten { streams, key, .. }) = self.0.take() {
            streams.holders.free(key);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(Unwritten { streams, untaken, key, handle }) = self.0.take() {
            streams.holders.free(key);
            untaken.add(handle);
        }
    }
}
