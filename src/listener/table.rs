//! One thread's connections: closes those that are overdue, and some where there are too many.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::blocked::Timeouts;
use super::connection::Connection;
use super::eviction::first_to_evict;
use super::thread_state::ThreadState;
use super::tick::Tick;
use super::untaken::Leavers;
use crate::config::ServerConfig;
use crate::telemetry::{CloseReason, ConnectionMetrics};

/// How often all connections are looked at in the shortest limit; one is closed at most two looks late.
const LOOKS: u32 = 8;
/// Of what nobody reads, so many times a body's limit is thrown away: whoever sends too large a body by mistake can read the
/// answer, where a reset would take it away.
const UNREAD_BODIES: usize = 4;
/// What a head may have besides its URI and its headers, so that one that is a little too long is answered in our words.
const HEAD_SLACK: usize = 16 << 10;
const SHORTEST_INTERVAL: Duration = Duration::from_millis(5);
const LONGEST_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct ConnectionTable {
    thread: Rc<ThreadState>,
    open: RefCell<Vec<Rc<Connection>>>,
    /// Not in `open` any more.
    pub(super) leavers: Leavers,
    metrics: ConnectionMetrics,
    timeouts: Timeouts,
    interval: Duration,
    /// Above this number, those that wait longest are closed.
    crowded: usize,
    /// How long a connection that owes something has to have waited before it is closed for others.
    grace: Tick,
    /// There was none to close at this time.
    none_to_evict_at: Cell<Option<Tick>>,
}

impl ConnectionTable {
    pub(super) fn new(server: &ServerConfig, cap: usize, metrics: ConnectionMetrics) -> Self {
        let limits = &server.limits;
        let shortest = limits.head_timeout.min(server.keep_alive).min(limits.write_timeout);
        let interval = (shortest / LOOKS).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        // The time stands still between looks: an interval more, so that none is closed early.
        let at_least = |limit: Duration| ticks(limit + interval);
        let rate = u128::try_from(limits.min_body_rate).unwrap_or(u128::MAX);
        let taken = rate.saturating_mul(limits.write_timeout.as_millis());
        let timeouts = Timeouts {
            head: at_least(limits.head_timeout),
            idle: at_least(server.keep_alive),
            write: at_least(limits.write_timeout),
            taken: usize::try_from(taken / 1000).unwrap_or(usize::MAX).max(1),
        };
        Self {
            thread: Rc::new(ThreadState::new(
                limits.body_bytes.saturating_mul(UNREAD_BODIES),
                limits.uri_bytes + limits.header_bytes + HEAD_SLACK,
            )),
            open: RefCell::default(),
            leavers: Leavers::default(),
            metrics,
            timeouts,
            interval,
            crowded: cap.saturating_sub((cap / 10).max(1)).max(1),
            grace: ticks(limits.head_timeout / LOOKS),
            none_to_evict_at: Cell::new(None),
        }
    }

    /// Looks at all connections for ever. Time passes in looks: what the thread could not do in between, no connection is
    /// blamed for.
    pub(super) async fn close_overdue_ones(self: Rc<Self>) {
        let mut last = Instant::now();
        loop {
            tokio::time::sleep(self.interval).await;
            let now = Instant::now();
            let passed = now.duration_since(last).min(self.interval * 4);
            last = now;
            self.thread.now.set(self.thread.now.get().wrapping_add(ticks(passed)));
            for connection in self.open.borrow().iter() {
                connection.look_at_half_close();
                if connection.closing().is_none()
                    && let Some(reason) = connection.overdue(&self.timeouts)
                {
                    connection.close(reason);
                }
            }
            self.leavers.look(self.thread.now.get());
            self.evict();
        }
    }

    pub(super) fn add(&self) -> Rc<Connection> {
        let connection = Rc::new(Connection::new(&self.thread));
        let mut open = self.open.borrow_mut();
        connection.slot.set(open.len());
        open.push(Rc::clone(&connection));
        self.metrics.open.inc();
        connection
    }

    pub(super) fn remove(&self, connection: &Connection) {
        let mut open = self.open.borrow_mut();
        let slot = connection.slot.get();
        if slot < open.len() {
            open.swap_remove(slot);
        }
        if let Some(moved) = open.get(slot) {
            moved.slot.set(slot);
        }
        connection.removed();
        self.metrics.open.dec();
        self.metrics.closed(connection.close_reason());
    }

    /// Where it is crowded, closes so many at once that the next ones find room without a search.
    pub(super) fn evict(&self) {
        let open = self.open.borrow();
        let staying = open.len().saturating_sub(self.thread.closing.get());
        let now = self.thread.now.get();
        if staying <= self.crowded || self.none_to_evict_at.get() == Some(now) {
            return;
        }
        let evicted = first_to_evict(&open, staying - self.crowded + self.crowded / 20, self.grace);
        self.none_to_evict_at.set(evicted.is_empty().then_some(now));
        for connection in evicted {
            connection.close(CloseReason::Cap);
        }
    }
}

fn ticks(duration: Duration) -> Tick {
    Tick::try_from(duration.as_millis()).unwrap_or(Tick::MAX)
}
