//! Which connections are closed when room is needed.

use std::rc::Rc;

use super::connection::{Connection, Phase};
use super::tick::Tick;

/// In which order connections are closed, each kind's longest waiting first. Requests that are being answered stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Owes a head.
    Head,
    /// Owes nothing.
    Idle,
    /// Owes a body, or does not take its answer.
    Slow,
}

/// The `count` connections to be closed first; fewer when there are no more. Those that owe something stay as long as
/// they have waited less than `grace`.
pub(super) fn first_to_evict(connections: &[Rc<Connection>], count: usize, grace: Tick) -> Vec<&Rc<Connection>> {
    let mut candidates: Vec<(Rank, Tick, &Rc<Connection>)> = connections
        .iter()
        .filter(|connection| connection.closing().is_none())
        .filter_map(|connection| {
            let rank = match connection.phase() {
                _ if connection.is_blocked() => Rank::Slow,
                Phase::Head | Phase::LeftOver => Rank::Head,
                Phase::Idle => Rank::Idle,
                Phase::Body => Rank::Slow,
                Phase::Answer => return None,
            };
            let waited = connection.waited();
            (rank == Rank::Idle || waited >= grace).then(|| (rank, Tick::MAX - waited, connection))
        })
        .collect();
    if count < candidates.len() {
        candidates.select_nth_unstable_by_key(count, |(rank, inverse, _)| (*rank, *inverse));
        candidates.truncate(count);
    }
    candidates.into_iter().map(|(_, _, connection)| connection).collect()
}

#[cfg(test)]
mod tests {
    use super::super::thread_state::ThreadState;
    use super::*;

    #[test]
    fn who_waited_longest_goes_first() {
        let thread = Rc::new(ThreadState::new(0, 128 << 10));
        let at = |tick: Tick| {
            thread.now.set(tick);
            Rc::new(Connection::new(&thread))
        };
        let answering = at(0);
        answering.begin(false, false);
        let idle_long = at(1);
        idle_long.read(b"GET / HTTP/1.1\r\n\r\n");
        idle_long.begin(false, false);
        idle_long.end();
        let head_long = at(2);
        let body = at(3);
        body.begin(true, false);
        let idle = at(4);
        idle.read(b"GET / HTTP/1.1\r\n\r\n");
        idle.begin(false, false);
        idle.end();
        let head = at(5);
        let young = at(19);
        thread.now.set(20);
        let all = [answering, idle_long, head_long, body, idle, head, young];
        let chosen = |count: usize| -> Vec<usize> {
            let chosen = first_to_evict(&all, count, 10);
            let mut places: Vec<usize> =
                chosen.iter().map(|one| all.iter().position(|other| Rc::ptr_eq(one, other)).unwrap()).collect();
            places.sort_unstable();
            places
        };
        assert_eq!(chosen(1), [2]);
        assert_eq!(chosen(2), [2, 5]);
        assert_eq!(chosen(3), [1, 2, 5]);
        assert_eq!(chosen(4), [1, 2, 4, 5]);
        assert_eq!(chosen(9), [1, 2, 3, 4, 5]);
    }
}
