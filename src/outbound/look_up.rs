//! One name's addresses, asked of the system's resolver on a thread of its own: it may take long and cannot be
//! interrupted, and the process must be able to end meanwhile.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// Longest time that somebody waits for one look-up.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks for the addresses of one host, again and again, and never twice at the same time: a resolver that does not answer keeps one
/// thread.
#[derive(Debug, Default)]
pub struct Resolver {
    is_asking: Arc<AtomicBool>,
}

impl Resolver {
    /// The addresses of `host`: itself where it is one, else what [`look_up`] finds.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        if self.is_asking.swap(true, Ordering::SeqCst) {
            return Err("DNS has not answered yet".to_owned());
        }
        let is_asking = Arc::clone(&self.is_asking);
        look_up(host, port, move || is_asking.store(false, Ordering::SeqCst)).await
    }
}

/// Distinct addresses of `host` in the resolver's order; `ended` is called when the resolver has answered, however late, or could
/// not be asked.
///
/// # Errors
/// Why there is none, for people.
pub async fn look_up(
    host: &str,
    port: u16,
    ended: impl Fn() + Clone + Send + 'static,
) -> Result<Vec<SocketAddr>, String> {
    let (answer, answered) = oneshot::channel();
    let (name, answered_at_last) = (host.to_owned(), ended.clone());
    let started = std::thread::Builder::new().name("dns".to_owned()).spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        answered_at_last();
        // Nobody waits any more when it took too long.
        drop(answer.send(found));
    });
    if let Err(error) = started {
        ended();
        return Err(error.to_string());
    }
    match timeout(LIMIT, answered).await {
        Ok(Ok(Ok(addresses))) => {
            let mut distinct = Vec::with_capacity(addresses.len());
            for address in addresses {
                if !distinct.contains(&address) {
                    distinct.push(address);
                }
            }
            if distinct.is_empty() { Err("no address".to_owned()) } else { Ok(distinct) }
        }
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(_)) => Err("the look-up ended without an answer".to_owned()),
        Err(_) => Err(format!("no answer from DNS within {} s", LIMIT.as_secs())),
    }
}
