//! The bytes that requests hold at once: bodies on their way in, answers of an MQ, answers on their way out. They are
//! charged as they are read or built, and given back when they were written, so that what callers send and an MQ
//! answers is bounded by one number, whatever the number of requests (contract section 4).
//!
//! A quarter of the budget is kept for small charges: large bodies and answers never take what an ordinary publish
//! needs. Who can wait (a receive) waits in line; who cannot (an upload) is refused.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Charges up to so many bytes may use all of the budget; larger ones leave a quarter.
pub const SMALL_BYTES: usize = 64 << 10;

/// What is made of a body of so many bytes on its way through is not charged.
const TINY_BYTES: usize = 4 << 10;

/// A budget of bytes. Clones share it.
#[derive(Clone)]
pub struct MemoryBudget(Arc<Inner>);

struct Inner {
    limit: usize,
    /// Under a lock, so that nobody sees a charge that is on its way from one class to the other, or a try that fails.
    held: Mutex<Held>,
    /// What is small never stands behind what is large.
    small_line: Line,
    large_line: Line,
    released: Notify,
}

/// What is held, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// By charges of at most [`SMALL_BYTES`].
    small: usize,
    /// By larger ones.
    large: usize,
}

/// Those who wait for room.
#[derive(Default)]
struct Line {
    /// Only the first in line waits for room: the others wait for their turn, in the order in which they came.
    turn: tokio::sync::Mutex<()>,
    /// How many wait in line: a release without any wakes nobody.
    waiting: AtomicUsize,
}

/// The budget has no room for a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the memory budget of {limit} bytes is used up")]
pub struct MemoryFull {
    /// The whole budget, in bytes.
    pub limit: usize,
}

/// What is held at the moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// The whole budget.
    pub limit: usize,
    /// Held by small charges.
    pub small: usize,
    /// Held by large charges.
    pub large: usize,
}

/// Bytes that are held until this is dropped.
#[must_use = "the bytes are given back when this is dropped"]
pub struct Charge {
    budget: MemoryBudget,
    bytes: usize,
}

impl Held {
    /// Where a charge of so many bytes counts.
    fn class(&mut self, bytes: usize) -> &mut usize {
        if bytes <= SMALL_BYTES { &mut self.small } else { &mut self.large }
    }

    /// One charge is another one from now on.
    fn resize(&mut self, from: usize, to: usize) {
        let class = self.class(from);
        *class = class.saturating_sub(from);
        let class = self.class(to);
        *class = class.saturating_add(to);
    }

    fn sum(self) -> usize {
        self.small.saturating_add(self.large)
    }
}

impl Line {
    fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }
}

impl MemoryBudget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit,
            held: Mutex::default(),
            small_line: Line::default(),
            large_line: Line::default(),
            released: Notify::new(),
        }))
    }

    /// A charge of nothing yet, to be grown.
    pub fn charge(&self) -> Charge {
        Charge { budget: self.clone(), bytes: 0 }
    }

    /// Charges for what is made of a body of `body` bytes on its way through, `bytes` of it. What is made of a small body counts
    /// as small, however long it becomes: a small publish is never refused for large ones. What is made of a tiny one is not
    /// charged, nor even counted: any request has as much.
    ///
    /// # Errors
    /// [`MemoryFull`]: nothing is held.
    pub fn charge_for_copies(&self, body: usize, bytes: impl FnOnce() -> usize) -> Result<Vec<Charge>, MemoryFull> {
        let mut charges = Vec::new();
        let mut left = if body <= TINY_BYTES { 0 } else { bytes() };
        while left > 0 {
            let part = if body <= SMALL_BYTES { left.min(SMALL_BYTES) } else { left };
            let mut charge = self.charge();
            charge.grow(part)?;
            charges.push(charge);
            left -= part;
        }
        Ok(charges)
    }

    /// The largest single charge that can ever be had, in bytes.
    #[must_use]
    pub fn largest_charge(&self) -> usize {
        (self.0.limit / 4 * 3).max(self.0.limit.min(SMALL_BYTES))
    }

    /// The room for large charges at the moment, in bytes.
    #[must_use]
    pub fn free(&self) -> usize {
        let MemoryUse { limit, small, large } = self.usage();
        self.largest_charge().saturating_sub(large).min(limit.saturating_sub(small.saturating_add(large)))
    }

    /// What is held.
    #[must_use]
    pub fn usage(&self) -> MemoryUse {
        let Held { small, large } = *self.held();
        MemoryUse { limit: self.0.limit, small, large }
    }

    /// Waits in line for `bytes`, at most until `deadline`; more than can ever be had counts as all that can.
    ///
    /// # Errors
    /// [`MemoryFull`] when the deadline passes first.
    pub async fn wait_for(&self, bytes: usize, deadline: Instant) -> Result<Charge, MemoryFull> {
        let mut charge = self.charge();
        charge.wait_to_grow(bytes, deadline).await?;
        Ok(charge)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to a charge of `held` bytes, which may make it a large one.
    fn add(&self, held: usize, more: usize) -> Result<(), MemoryFull> {
        let limit = self.0.limit;
        let full = MemoryFull { limit };
        let total = held.checked_add(more).ok_or(full)?;
        let mut now = self.held();
        let mut then = *now;
        // What was small until now becomes large as a whole.
        then.resize(held, total);
        let leaves_the_quarter = total <= SMALL_BYTES || then.large <= self.largest_charge();
        if !leaves_the_quarter || then.sum() > limit {
            return Err(full);
        }
        *now = then;
        Ok(())
    }

    /// There may be room for who is in line.
    fn wake(&self) {
        if !self.0.small_line.is_empty() || !self.0.large_line.is_empty() {
            self.0.released.notify_waiters();
        }
    }
}

impl Charge {
    /// How many bytes are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds `more` bytes too.
    ///
    /// # Errors
    /// [`MemoryFull`]: what is held stays as it is.
    pub fn grow(&mut self, more: usize) -> Result<(), MemoryFull> {
        self.budget.add(self.bytes, more)?;
        self.bytes += more;
        Ok(())
    }

    /// As [`Charge::grow`], waiting in line for room at most until `deadline`.
    ///
    /// # Errors
    /// [`MemoryFull`] when the deadline passes first.
    pub async fn wait_to_grow(&mut self, more: usize, deadline: Instant) -> Result<(), MemoryFull> {
        let more = more.min(self.budget.largest_charge().saturating_sub(self.bytes));
        if more == 0 {
            return Ok(());
        }
        let budget = self.budget.clone();
        let inner = &*budget.0;
        let is_small = self.bytes.saturating_add(more) <= SMALL_BYTES;
        let line = if is_small { &inner.small_line } else { &inner.large_line };
        // Nobody overtakes those in line.
        if line.is_empty() && self.grow(more).is_ok() {
            return Ok(());
        }
        let _waiting = Waiting::new(&line.waiting);
        let wait = async {
            let _turn = line.turn.lock().await;
            loop {
                let mut released = pin!(inner.released.notified());
                // Registered before the look: no release can slip between.
                released.as_mut().enable();
                if self.grow(more).is_ok() {
                    return;
                }
                released.await;
            }
        };
        timeout_at(deadline, wait).await.map_err(|_| MemoryFull { limit: inner.limit })
    }

    /// Holds what another charge of the same budget held, too. It always can, since nothing is added to the sum.
    pub fn absorb(&mut self, mut other: Self) {
        let sum = self.bytes.saturating_add(other.bytes);
        let mut held = self.budget.held();
        held.resize(other.bytes, 0);
        held.resize(self.bytes, sum);
        drop(held);
        self.bytes = sum;
        other.bytes = 0;
    }

    /// Holds `bytes` at least, whether there is room or not: for what is there already and cannot be undone. Others wait the
    /// longer.
    pub fn cover(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.budget.held().resize(self.bytes, bytes);
            self.bytes = bytes;
        }
    }

    /// A charge that holds `bytes` of what this one does, or all of it. It always can, since nothing is added to the sum.
    pub fn split_off(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        let rest = self.bytes - bytes;
        let mut held = self.budget.held();
        held.resize(self.bytes, rest);
        held.resize(0, bytes);
        drop(held);
        self.bytes = rest;
        // Parts of a large charge may be small ones.
        self.budget.wake();
        Self { budget: self.budget.clone(), bytes }
    }

    /// Gives back what is held beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        if bytes < self.bytes {
            self.budget.held().resize(self.bytes, bytes);
            self.bytes = bytes;
            self.budget.wake();
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// Counts one in line.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::AcqRel);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.usage().fmt(f)
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charge").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn a_charge_takes_over_what_another_held() {
        let budget = MemoryBudget::new(4 * MIB);
        let charge = |bytes| {
            let mut charge = budget.charge();
            charge.grow(bytes).unwrap();
            charge
        };
        let usage = |small, large| assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small, large });
        let mut held = charge(10);
        held.absorb(charge(20));
        usage(30, 0);
        held.absorb(charge(SMALL_BYTES));
        usage(0, SMALL_BYTES + 30);
        held.absorb(charge(SMALL_BYTES + 1));
        held.absorb(charge(5));
        usage(0, 2 * SMALL_BYTES + 36);
        assert_eq!(held.bytes(), 2 * SMALL_BYTES + 36);
        drop(held);
        usage(0, 0);
    }

    #[test]
    fn what_is_there_already_counts_beyond_the_limit_too() {
        let budget = MemoryBudget::new(4 * MIB);
        let mut held = budget.charge();
        held.cover(10);
        held.cover(5 * MIB);
        held.cover(MIB);
        assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small: 0, large: 5 * MIB });
        assert_eq!((budget.free(), budget.charge().grow(1)), (0, Err(MemoryFull { limit: 4 * MIB })));
        drop(held);
        assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small: 0, large: 0 });
    }

    #[test]
    fn what_is_made_of_a_small_body_is_small() {
        let budget = MemoryBudget::new(4 * MIB);
        let large = budget.charge_for_copies(SMALL_BYTES + 1, || 3 * MIB).unwrap();
        assert_eq!(
            budget.charge_for_copies(SMALL_BYTES + 1, || 5 * SMALL_BYTES).err(),
            Some(MemoryFull { limit: 4 * MIB })
        );
        let small = budget.charge_for_copies(SMALL_BYTES, || 5 * SMALL_BYTES + 1).unwrap();
        assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small: 5 * SMALL_BYTES + 1, large: 3 * MIB });
        drop((large, small));
        assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small: 0, large: 0 });
        assert!(budget.charge_for_copies(TINY_BYTES, || 5 * TINY_BYTES).unwrap().is_empty());
    }

    #[test]
    fn a_charge_hands_over_a_part_of_what_it_holds() {
        let budget = MemoryBudget::new(4 * MIB);
        let usage = |small, large| assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small, large });
        let mut whole = budget.charge();
        whole.grow(SMALL_BYTES + 100).unwrap();
        let part = whole.split_off(200);
        usage(SMALL_BYTES + 100, 0);
        let all = whole.split_off(usize::MAX);
        assert_eq!((part.bytes(), whole.bytes(), all.bytes()), (200, 0, SMALL_BYTES - 100));
        drop((whole, all));
        usage(200, 0);
        drop(part);
        usage(0, 0);
    }

    #[test]
    fn large_charges_leave_a_quarter_to_small_ones() {
        let budget = MemoryBudget::new(4 * MIB);
        let mut large = budget.charge();
        large.grow(3 * MIB).unwrap();
        assert_eq!(budget.charge().grow(SMALL_BYTES + 1), Err(MemoryFull { limit: 4 * MIB }));
        let small: Vec<Charge> = std::iter::from_fn(|| {
            let mut small = budget.charge();
            small.grow(SMALL_BYTES).ok().map(|()| small)
        })
        .collect();
        assert_eq!(small.len(), MIB / SMALL_BYTES);
        drop((large, small));
        assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small: 0, large: 0 });
    }

    #[test]
    fn a_charge_that_grows_large_moves_as_a_whole() {
        let budget = MemoryBudget::new(4 * MIB);
        let mut charge = budget.charge();
        charge.grow(SMALL_BYTES).unwrap();
        charge.grow(1).unwrap();
        assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small: 0, large: SMALL_BYTES + 1 });
        charge.grow(4 * MIB).unwrap_err();
        assert_eq!(charge.bytes(), SMALL_BYTES + 1);
        charge.shrink_to(10);
        assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small: 10, large: 0 });
    }

    #[tokio::test]
    async fn those_who_wait_are_served_in_their_order() {
        let budget = MemoryBudget::new(4 * MIB);
        let held = budget.wait_for(3 * MIB, Instant::now()).await.unwrap();
        let soon = Instant::now() + Duration::from_secs(5);
        let mut first = pin!(budget.wait_for(2 * MIB, soon));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = pin!(budget.wait_for(2 * MIB, soon));
        assert!(second.as_mut().now_or_never().is_none());
        drop(held);
        // There would be room for the second alone, too.
        assert!(second.as_mut().now_or_never().is_none());
        let first = first.await.unwrap();
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(second.await.unwrap().bytes(), 2 * MIB);
    }

    #[tokio::test]
    async fn small_charges_do_not_stand_in_line_behind_large_ones() {
        let budget = MemoryBudget::new(4 * MIB);
        let held = budget.wait_for(3 * MIB, Instant::now()).await.unwrap();
        let mut large = pin!(budget.wait_for(MIB, Instant::now() + Duration::from_secs(60)));
        assert!(large.as_mut().now_or_never().is_none());
        let mut small = pin!(budget.wait_for(SMALL_BYTES, Instant::now() + Duration::from_secs(60)));
        assert!(small.as_mut().now_or_never().is_some_and(|charge| charge.is_ok()));
        drop(held);
        assert!(large.await.is_ok());
    }

    #[tokio::test]
    async fn a_small_charge_that_waits_is_served_before_a_large_one_has_room() {
        let budget = MemoryBudget::new(4 * MIB);
        let held = budget.wait_for(3 * MIB, Instant::now()).await.unwrap();
        let mut small = Vec::new();
        while let Ok(charge) = budget.wait_for(SMALL_BYTES, Instant::now()).await {
            small.push(charge);
        }
        assert_eq!(small.len(), MIB / SMALL_BYTES);
        let soon = Instant::now() + Duration::from_secs(60);
        let mut large = pin!(budget.wait_for(MIB, soon));
        assert!(large.as_mut().now_or_never().is_none());
        let mut first = pin!(budget.wait_for(SMALL_BYTES, soon));
        let mut second = pin!(budget.wait_for(SMALL_BYTES, soon));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        drop(small.pop());
        assert!(second.as_mut().now_or_never().is_none(), "who came first");
        assert!(first.as_mut().now_or_never().is_some_and(|charge| charge.is_ok()));
        assert!(large.as_mut().now_or_never().is_none());
        drop(held);
        assert!(large.await.is_ok());
    }

    #[test]
    fn a_large_try_that_fails_takes_nothing_from_small_ones() {
        let budget = MemoryBudget::new(4 * MIB);
        let mut held = budget.charge();
        held.grow(2 * MIB).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let granted = (0..200_000).filter(|_| budget.charge().grow(3 * MIB).is_ok()).count();
                is_over.store(true, Ordering::Relaxed);
                assert_eq!(granted, 0);
            });
            let mut refused = 0;
            while !is_over.load(Ordering::Relaxed) {
                refused += usize::from(budget.charge().grow(1).is_err());
            }
            assert_eq!(refused, 0);
        });
    }

    #[test]
    fn what_changes_hands_is_never_free() {
        let budget = MemoryBudget::new(4 * MIB);
        let mut held = budget.charge();
        held.grow(3 * MIB).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200_000 {
                    let part = held.split_off(MIB);
                    held.absorb(part);
                    held.cover(held.bytes() + 1);
                    held.shrink_to(3 * MIB);
                }
                is_over.store(true, Ordering::Relaxed);
            });
            let mut granted = 0;
            while !is_over.load(Ordering::Relaxed) {
                granted += usize::from(budget.charge().grow(MIB).is_ok());
            }
            assert_eq!(granted, 0);
        });
        assert_eq!(budget.usage(), MemoryUse { limit: 4 * MIB, small: 0, large: 3 * MIB });
    }

    #[tokio::test]
    async fn waiting_ends_with_its_deadline_and_frees_the_line() {
        let budget = MemoryBudget::new(4 * MIB);
        let held = budget.wait_for(usize::MAX, Instant::now()).await.unwrap();
        assert_eq!(held.bytes(), 3 * MIB);
        let late = budget.wait_for(MIB, Instant::now() + Duration::from_millis(20)).await;
        assert_eq!(late.err(), Some(MemoryFull { limit: 4 * MIB }));
        drop(held);
        assert!(budget.wait_for(MIB, Instant::now()).await.is_ok());
    }

    proptest! {
        /// Whatever is charged and given back: the sums are those of what is held, and both limits hold.
        #[test]
        fn the_books_balance(steps in prop::collection::vec((0_usize..6, 0_usize..300_000, any::<bool>()), 1..200)) {
            let budget = MemoryBudget::new(MIB);
            let mut charges: Vec<Charge> = (0..6).map(|_| budget.charge()).collect();
            for (which, bytes, grows) in steps {
                if grows {
                    // It may be refused.
                    let _full = charges[which].grow(bytes);
                } else {
                    charges[which].shrink_to(bytes);
                }
                let sum = |large: bool| -> usize {
                    charges.iter().map(Charge::bytes).filter(|bytes| (*bytes > SMALL_BYTES) == large).sum()
                };
                let MemoryUse { small, large, .. } = budget.usage();
                prop_assert_eq!((small, large), (sum(false), sum(true)));
                prop_assert!(small + large <= MIB && large <= MIB / 4 * 3);
            }
        }
    }
}
