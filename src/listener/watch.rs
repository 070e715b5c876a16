//! One thread's connections, and the task that looks after them.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::TcpStream;

use super::address::Addresses;
use super::connection::{Connection, Patience, Pulse, Tick};
use super::room::first_to_go;
use super::{ConnectionLimits, GuardedStream, peer};
use crate::tasks::Service;
use crate::telemetry::{CloseReason, ConnectionMetrics};

/// How often the shortest limit is looked at; a connection is cut at most two looks late.
const LOOKS: u32 = 8;
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// One thread's connections.
#[derive(Debug)]
pub struct Watch {
    pulse: Rc<Pulse>,
    open: RefCell<Vec<Rc<Connection>>>,
    /// Those of them that were told to end.
    ending: Cell<usize>,
    addresses: Addresses,
    metrics: ConnectionMetrics,
    patience: Patience,
    /// Milliseconds for the kernel's own part of an answer.
    unacknowledged: u32,
    pause: Duration,
    /// From this number on, those that wait longest give way.
    crowded: usize,
    /// How long nobody gives way who owes something.
    young: Tick,
    /// Nobody gave way at this time.
    in_vain: Cell<Option<Tick>>,
}

/// Looks after the connections until it is dropped.
pub struct Guard {
    watch: Rc<Watch>,
    _task: Service,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.watch.fmt(f)
    }
}

impl Guard {
    /// Starts looking after this thread's connections.
    #[must_use]
    pub fn start(limits: &ConnectionLimits, addresses: Addresses, metrics: ConnectionMetrics) -> Self {
        let watch = Rc::new(Watch::new(limits, addresses, metrics));
        let task = Service::start_local("connections", |stop| stop.interrupts(look_after(Rc::clone(&watch))));
        Self { watch, _task: task }
    }

    /// Takes a new connection in.
    ///
    /// # Errors
    /// When its address has as many as it may.
    pub fn admit(&self, stream: TcpStream) -> io::Result<(GuardedStream, Option<SocketAddr>)> {
        let watch = &self.watch;
        let peer = peer(&stream);
        let Some(seat) = watch.addresses.seat(peer.map(|peer| peer.ip())) else {
            watch.metrics.closed(CloseReason::AddressCap);
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        // An answer that fits into the kernel's buffer seems taken to us: there the kernel watches.
        if let Err(error) = set_tcp_user_timeout(&stream, watch.unacknowledged) {
            tracing::debug!(%error, "the kernel does not watch over answers: `keep_alive` ends those connections");
        }
        let connection = watch.enters();
        watch.make_room();
        Ok((GuardedStream::new(stream, connection, Rc::clone(watch), seat), peer))
    }
}

/// Time passes in looks: what the thread could not do in between, no connection is blamed for.
async fn look_after(watch: Rc<Watch>) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(watch.pause).await;
        let now = Instant::now();
        let passed = now.duration_since(last).min(watch.pause * 4);
        last = now;
        watch.pulse.now.set(watch.pulse.now.get().wrapping_add(ticks(passed)));
        watch.look();
    }
}

impl Watch {
    fn new(limits: &ConnectionLimits, addresses: Addresses, metrics: ConnectionMetrics) -> Self {
        let shortest = limits.head_timeout.min(limits.keep_alive).min(limits.write_timeout);
        let pause = (shortest / LOOKS).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        // The time stands still between looks: a pause more, so that nobody is cut early.
        let at_least = |limit: Duration| ticks(limit + pause);
        let taken =
            u128::try_from(limits.min_rate).unwrap_or(u128::MAX).saturating_mul(limits.write_timeout.as_millis());
        let patience = Patience {
            head: at_least(limits.head_timeout),
            idle: at_least(limits.keep_alive),
            write: at_least(limits.write_timeout),
            taken: usize::try_from(taken / 1000).unwrap_or(usize::MAX).max(1),
        };
        Self {
            pulse: Rc::default(),
            open: RefCell::default(),
            ending: Cell::new(0),
            addresses,
            metrics,
            patience,
            unacknowledged: ticks(limits.write_timeout),
            pause,
            crowded: limits.cap.saturating_sub((limits.cap / 10).max(1)).max(1),
            young: ticks(limits.head_timeout / LOOKS),
            in_vain: Cell::new(None),
        }
    }

    fn enters(&self) -> Rc<Connection> {
        let connection = Rc::new(Connection::new(&self.pulse));
        let mut open = self.open.borrow_mut();
        connection.slot.set(open.len());
        open.push(Rc::clone(&connection));
        self.metrics.open.inc();
        connection
    }

    pub(super) fn leaves(&self, connection: &Connection) {
        let mut open = self.open.borrow_mut();
        let slot = connection.slot.get();
        if slot < open.len() {
            open.swap_remove(slot);
        }
        if let Some(moved) = open.get(slot) {
            moved.slot.set(slot);
        }
        if connection.cut().is_some() {
            self.ending.set(self.ending.get().saturating_sub(1));
        }
        self.metrics.open.dec();
        self.metrics.closed(connection.close_reason());
    }

    fn end(&self, connection: &Connection, reason: CloseReason) {
        self.ending.set(self.ending.get() + 1);
        connection.end_for(reason);
    }

    /// Takes back [`end`](Self::end).
    pub(super) fn goes_on(&self, connection: &Connection) {
        self.ending.set(self.ending.get().saturating_sub(1));
        connection.go_on();
    }

    /// Ends those that are overdue.
    fn look(&self) {
        for connection in self.open.borrow().iter() {
            if connection.cut().is_none()
                && let Some(reason) = connection.overdue(&self.patience)
            {
                self.end(connection, reason);
            }
        }
        self.make_room();
    }

    /// Where it is crowded, ends so many at once that the next ones find room without a search.
    fn make_room(&self) {
        let open = self.open.borrow();
        let staying = open.len().saturating_sub(self.ending.get());
        let now = self.pulse.now.get();
        if staying <= self.crowded || self.in_vain.get() == Some(now) {
            return;
        }
        let leaving = first_to_go(&open, staying - self.crowded + self.crowded / 20, self.young);
        self.in_vain.set(leaving.is_empty().then_some(now));
        for connection in leaving {
            self.end(connection, CloseReason::Cap);
        }
    }
}

fn ticks(duration: Duration) -> Tick {
    Tick::try_from(duration.as_millis()).unwrap_or(Tick::MAX)
}
