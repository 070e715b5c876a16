//! Addresses of this machine's own network.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

/// One that no other test has. A port there stays free while whoever listened is away; of 127.0.0.1, which everybody takes ports of,
/// somebody else gets it.
pub fn own_address() -> Ipv4Addr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let number = TAKEN.fetch_add(1, Ordering::SeqCst);
    // Of this process the second octet goes from 1 to 200, and the rest does not matter to who comes after 200 others.
    Ipv4Addr::new(127, u8::try_from(1 + number % 200).expect("fits"), high, low.clamp(1, 254))
}
