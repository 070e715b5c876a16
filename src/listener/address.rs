//! How many connections each address has, over all threads.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by address. Clones share the counts; a limit of 0 counts nothing.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    limit: usize,
    /// Locked for a few lines when a connection comes or goes.
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Addresses {
    /// At most `limit` connections from one address.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, open: Arc::default() }
    }

    /// A seat for one connection; `None` when its address has as many as it may.
    pub(super) fn seat(&self, address: Option<IpAddr>) -> Option<Seat> {
        let Some(address) = address.filter(|_| self.limit > 0) else { return Some(Seat(None)) };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Seat(Some((self.clone(), address))))
    }
}

/// One connection of an address, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat(Option<(Addresses, IpAddr)>);

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((addresses, address)) = &self.0 else { return };
        let mut open = addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_seats() {
        let addresses = Addresses::new(2);
        let (one, other) = (Some(IpAddr::from([127, 0, 0, 1])), Some(IpAddr::from([127, 0, 0, 2])));
        let first = addresses.seat(one).unwrap();
        let _second = addresses.seat(one).unwrap();
        assert!(addresses.seat(one).is_none());
        assert!(addresses.seat(other).is_some());
        drop(first);
        assert!(addresses.seat(one).is_some());
        assert!(Addresses::new(0).seat(one).is_some());
    }
}
