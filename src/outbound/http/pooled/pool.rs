//! Connections that wait for the next call.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use crate::outbound::http::EndpointAddress;

/// An address that left DNS is used so long at most.
const LIFETIME: Duration = Duration::from_secs(600);

/// The idle connections to each endpoint. There are never more than there were calls at once, which are limited.
pub(super) struct Pool {
    /// How long one is kept unused.
    keep_alive: Duration,
    /// A profile names a few endpoints: a look through them costs less than a hash.
    idle: RefCell<Vec<(EndpointAddress, VecDeque<Idle>)>>,
}

struct Idle {
    /// In a box: it moves with every call.
    connection: Box<Connection>,
    since: Instant,
}

impl Pool {
    pub(super) fn new(keep_alive: Duration) -> Self {
        Self { keep_alive, idle: RefCell::default() }
    }

    /// The connection that was used last, if it still can be: those before it grow old and are closed.
    pub(super) fn take(&self, endpoint: &EndpointAddress, now: Instant) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        let (_, connections) = idle.iter_mut().find(|(known, _)| known == endpoint)?;
        // Nobody is to be woken: whoever takes the connection asks it anew.
        let mut context = Context::from_waker(Waker::noop());
        while let Some(mut idle) = connections.pop_back() {
            if !self.is_too_old(&idle, now) && idle.connection.is_alive(&mut context) {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Keeps a connection for the next call.
    pub(super) fn put(&self, endpoint: &EndpointAddress, connection: Box<Connection>, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        let kept = Idle { connection, since: now };
        match idle.iter_mut().find(|(known, _)| known == endpoint) {
            Some((_, connections)) => connections.push_back(kept),
            None => idle.push((endpoint.clone(), VecDeque::from([kept]))),
        }
        // To every endpoint: nobody may call one any more.
        for (_, connections) in idle.iter_mut() {
            while connections.front().is_some_and(|oldest| self.is_too_old(oldest, now)) {
                connections.pop_front();
            }
        }
    }

    fn is_too_old(&self, idle: &Idle, now: Instant) -> bool {
        now.saturating_duration_since(idle.since) >= self.keep_alive
            || now.saturating_duration_since(idle.connection.opened()) >= LIFETIME
    }
}
