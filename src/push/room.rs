//! How many more messages a subscription may have in hand, by what they take of the memory.

use super::worker::Worker;

/// How many large messages beyond the room for them may wait for their next attempt while others are sent.
const LARGE_WAITING: usize = 4;
/// What a message is taken to be at least, in bytes.
const LEAST_OF_ONE: usize = 1024;

/// Bytes that messages may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) most: usize,
    pub(super) held: usize,
    /// What one takes.
    pub(super) one: usize,
}

impl Room {
    /// How many more messages there is room for; `none_is_sent` where all that are held wait for their next attempt.
    pub(super) fn messages(self, none_is_sent: bool) -> usize {
        match self.most.saturating_sub(self.held) / self.one.max(1) {
            // One at least, whatever its size: what waits must not keep the rest from being sent, unless it is many that are large.
            0 if none_is_sent => {
                usize::from(self.held < self.most.saturating_add(LARGE_WAITING.saturating_mul(self.one)))
            }
            number => number,
        }
    }
}

impl Worker {
    /// What a message of the topic takes: as much as the largest of the last minutes, or as one can take at most.
    pub(super) fn bytes_of_one(&self) -> usize {
        let largest = self.gateway.largest_message(&self.route.topic);
        let largest = largest.unwrap_or(self.capabilities.limits.max_message_bytes);
        largest.saturating_mul(2).max(LEAST_OF_ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_does_not_keep_others_from_being_sent() {
        let room = |held, one| Room { most: 1000, held, one };
        assert_eq!(room(0, 100).messages(true), 10);
        assert_eq!(room(950, 100).messages(false), 0);
        // One in any case, be it larger than all the room there is.
        assert_eq!(room(0, 5000).messages(true), 1);
        assert_eq!(room(5000, 5000).messages(true), 1);
        assert_eq!(room(5000, 5000).messages(false), 0);
        // But not without end.
        assert_eq!(room(21_000, 5000).messages(true), 0);
    }
}
