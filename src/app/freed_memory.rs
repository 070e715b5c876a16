//! Gives freed memory back to the machine.
//!
//! The allocator (mimalloc) keeps freed pages for a second, in case they are needed again, and then looks for them only when it
//! next gives pages out or takes them back. After a peak small requests alone never make it do so: half of the peak would stay
//! with the process for good, where a container pays for it.

use std::hint::black_box;
use std::time::Duration;

use crate::tasks::StopSignal;

/// Longer than the allocator keeps pages.
const PAUSE: Duration = Duration::from_millis(1_500);
/// More than the allocator keeps for a thread. No page of it is touched, so it costs a few microseconds.
const BYTES: usize = 8 << 20;

/// Makes the allocator look, again and again.
pub(super) async fn give_back(mut stop: StopSignal) {
    loop {
        tokio::select! {
            () = stop.given() => return,
            () = tokio::time::sleep(PAUSE) => drop(black_box(Vec::<u8>::with_capacity(BYTES))),
        }
    }
}
