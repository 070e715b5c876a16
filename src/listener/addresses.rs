//! How many connections each address has, over all threads.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by address. Clones share the counts; a limit of 0 counts nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct AddressLimit {
    limit: usize,
    /// Locked for a few lines when a connection comes or goes.
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl AddressLimit {
    /// At most `limit` connections from one address.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Arc::default() }
    }

    /// Counts one connection; `None` when its address has as many as it may.
    pub(super) fn permit(&self, address: Option<IpAddr>) -> Option<AddressPermit> {
        let Some(address) = address.filter(|_| self.limit > 0) else { return Some(AddressPermit(None)) };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(AddressPermit(Some((self.clone(), address))))
    }
}

/// One connection of an address, until it is dropped.
#[derive(Debug)]
pub(super) struct AddressPermit(Option<(AddressLimit, IpAddr)>);

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let Some((limit, address)) = &self.0 else { return };
        let mut open = limit.open.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn an_address_has_so_many_connections() {
        let limit = AddressLimit::new(2);
        let (one, other) = (Some(IpAddr::from([127, 0, 0, 1])), Some(IpAddr::from([127, 0, 0, 2])));
        let first = limit.permit(one).unwrap();
        let _second = limit.permit(one).unwrap();
        assert!(limit.permit(one).is_none());
        assert!(limit.permit(other).is_some());
        drop(first);
        assert!(limit.permit(one).is_some());
        assert!(AddressLimit::new(0).permit(one).is_some());
    }
}
