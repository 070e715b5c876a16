//! Endpoints that do the same work, and their addresses: resolved by us, so that a call can go to one after the other,
//! and again whenever a connect failed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::breaker::Breaker;
use super::look_up::Resolver;
use super::{BreakerSettings, EndpointAddress, InvalidHost, Origin};
use crate::random::Random;
use crate::telemetry::CircuitMetrics;

/// A set of endpoints, shared by every thread.
#[derive(Debug)]
pub struct Endpoints {
    endpoints: Vec<Endpoint>,
    resolved: ArcSwap<Resolved>,
    /// Index of the candidate that last worked.
    preferred: AtomicUsize,
    /// Whether the first look-up has ended.
    ready: watch::Sender<bool>,
    /// A connect failed: look again now.
    stale: Notify,
}

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {
    /// What calls to it name.
    pub origin: Origin,
    /// Whether it is called.
    pub breaker: Breaker,
    resolver: Resolver,
}

/// One address to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    endpoint: usize,
    /// Where to connect to.
    pub address: SocketAddr,
}

/// There is no address to try, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAddress(String);

/// What the last look-up of all endpoints gave.
#[derive(Debug, Default)]
struct Resolved {
    list: Vec<Candidate>,
    failure: Option<String>,
}

impl Candidate {
    /// Which of the configured endpoints it belongs to.
    #[must_use]
    pub fn endpoint_index(self) -> usize {
        self.endpoint
    }
}

impl Endpoints {
    /// Takes the configured endpoints over. IP addresses are candidates at once; names once they are looked up.
    /// `random` is the jitter of their circuits, and `circuit` gives what shows an endpoint's circuit, by host and port.
    ///
    /// # Errors
    /// [`InvalidHost`]; the configuration refuses those earlier.
    pub fn new(
        configured: &[EndpointAddress],
        breaker: &BreakerSettings,
        random: &Random,
        circuit: impl Fn(&str) -> CircuitMetrics,
    ) -> Result<Self, InvalidHost> {
        let endpoint = |address: &EndpointAddress| {
            let breaker = Breaker::new(breaker, random.clone(), circuit(&address.authority()));
            Ok(Endpoint { origin: address.origin()?, breaker, resolver: Resolver::default() })
        };
        let literal = |(endpoint, address): (usize, &EndpointAddress)| {
            let address = SocketAddr::new(address.host.parse::<IpAddr>().ok()?, address.port);
            Some(Candidate { endpoint, address })
        };
        let endpoints = configured.iter().map(endpoint).collect::<Result<Vec<_>, InvalidHost>>()?;
        let list: Vec<_> = configured.iter().enumerate().filter_map(literal).collect();
        let ready = !list.is_empty();
        Ok(Self {
            endpoints,
            resolved: ArcSwap::from_pointee(Resolved { list, failure: None }),
            preferred: AtomicUsize::new(0),
            ready: watch::Sender::new(ready),
            stale: Notify::new(),
        })
    }

    /// Looks every name up. A name that fails now keeps no old address: they may belong to somebody else by now; but
    /// where every look-up fails the old candidates stay, since DNS itself may be away.
    pub async fn resolve(&self) {
        let mut found = Vec::with_capacity(self.endpoints.len());
        let mut failure = None;
        for endpoint in &self.endpoints {
            match endpoint.addresses().await {
                Ok(addresses) => found.push(addresses),
                Err(reason) => {
                    failure = Some(format!("could not resolve {}: {reason}", endpoint.origin.address.host));
                    found.push(Vec::new());
                }
            }
        }
        let list = interleave(&found);
        let old = self.resolved.load();
        if list.is_empty() && !old.list.is_empty() {
            return;
        }
        if list != old.list || failure != old.failure {
            if list != old.list {
                self.preferred.store(0, Ordering::Relaxed);
            }
            self.resolved.store(Arc::new(Resolved { list, failure }));
        }
        self.ready.send_replace(true);
    }

    /// The addresses to try for one request, best first; waits for the first look-up until `deadline`.
    ///
    /// # Errors
    /// [`NoAddress`] with the cause.
    pub async fn candidates(&self, deadline: Instant) -> Result<Candidates, NoAddress> {
        if !*self.ready.borrow() {
            let mut ready = self.ready.subscribe();
            // A timeout shows as an empty list below.
            drop(timeout_at(deadline, ready.wait_for(|ready| *ready)).await);
        }
        let resolved = self.resolved.load_full();
        if resolved.list.is_empty() {
            let reason = resolved.failure.clone().unwrap_or_else(|| "its name is not resolved yet".to_owned());
            return Err(NoAddress(reason));
        }
        Ok(Candidates { first: self.preferred.load(Ordering::Relaxed), next: 0, resolved })
    }

    /// The endpoint that a candidate belongs to.
    #[must_use]
    pub fn endpoint(&self, candidate: Candidate) -> Option<&Endpoint> {
        self.endpoints.get(candidate.endpoint)
    }

    /// One of the configured endpoints.
    #[cfg(feature = "rocketmq")]
    #[must_use]
    pub fn endpoint_at(&self, endpoint_index: usize) -> Option<&Endpoint> {
        self.endpoints.get(endpoint_index)
    }

    /// The addresses of one of the configured endpoints, as the last look-up gave them.
    #[must_use]
    pub fn addresses_of(&self, endpoint_index: usize) -> Vec<SocketAddr> {
        let list = &self.resolved.load().list;
        list.iter().filter(|it| it.endpoint == endpoint_index).map(|it| it.address).collect()
    }

    /// This candidate works: begin with it next time.
    pub fn prefer(&self, candidate: Candidate) {
        if let Some(index) = self.resolved.load().list.iter().position(|it| *it == candidate) {
            self.preferred.store(index, Ordering::Relaxed);
        }
    }

    /// Every candidate in configured order.
    #[must_use]
    pub fn all(&self) -> Vec<Candidate> {
        self.resolved.load().list.clone()
    }

    /// Notes that the addresses may be out of date, since one could not be reached.
    pub fn mark_stale(&self) {
        self.stale.notify_one();
    }

    /// Waits until the addresses may be out of date; returns at once where that was noted since the last wait.
    pub async fn until_stale(&self) {
        self.stale.notified().await;
    }
}

impl Endpoint {
    /// Its addresses now. One look-up at a time.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let EndpointAddress { host, port, .. } = &self.origin.address;
        self.resolver.addresses(host, *port).await
    }
}

/// The candidates of one request, best first.
#[derive(Debug)]
pub struct Candidates {
    resolved: Arc<Resolved>,
    first: usize,
    next: usize,
}

impl Iterator for Candidates {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        let length = self.resolved.list.len();
        if self.next >= length {
            return None;
        }
        let index = (self.first + self.next) % length;
        self.next += 1;
        self.resolved.list.get(index).copied()
    }
}

/// First address of each endpoint, then the second of each …: three tries reach three endpoints before they reach one
/// endpoint's second address.
fn interleave(found: &[Vec<SocketAddr>]) -> Vec<Candidate> {
    let longest = found.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .flat_map(|rank| {
            found
                .iter()
                .enumerate()
                .filter_map(move |(endpoint, addresses)| Some(Candidate { endpoint, address: *addresses.get(rank)? }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Verdict;
    use super::*;
    use crate::telemetry::Metrics;

    fn new(configured: &[EndpointAddress]) -> Endpoints {
        let metrics = Metrics::new().unwrap();
        let state = |it: &str| metrics.upstream.circuit("p", it);
        Endpoints::new(configured, &breaker(), &Random::seeded(1), state).unwrap()
    }

    fn breaker() -> BreakerSettings {
        BreakerSettings { failures: 1, longest_pause: Duration::from_secs(30), keys: Arc::default() }
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn endpoints_take_turns() {
        let found = [vec![address("127.0.0.1:1"), address("127.0.0.2:1")], vec![], vec![address("127.0.0.3:1")]];
        let order: Vec<_> = interleave(&found).iter().map(|it| it.address).collect();
        assert_eq!(order, [address("127.0.0.1:1"), address("127.0.0.3:1"), address("127.0.0.2:1")]);
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_says_so() {
        let endpoint = EndpointAddress { tls: false, host: "no-such-host.invalid".into(), port: 80 };
        let endpoints = new(&[endpoint]);
        endpoints.resolve().await;
        let reason = endpoints.candidates(Instant::now()).await.err().unwrap().to_string();
        assert!(reason.starts_with("could not resolve no-such-host.invalid: "), "{reason}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_look_up_is_waited_for_until_the_deadline() {
        let endpoints = new(&[EndpointAddress { tls: false, host: "localhost".into(), port: 80 }]);
        let started = Instant::now();
        let wait = Duration::from_secs(5);
        let reason = endpoints.candidates(started + wait).await.err().unwrap().to_string();
        assert_eq!((reason.as_str(), started.elapsed()), ("its name is not resolved yet", wait));
        let waiting = endpoints.candidates(Instant::now() + wait);
        let (candidates, ()) = tokio::join!(waiting, async {
            endpoints.resolved.store(Arc::new(Resolved {
                list: vec![Candidate { endpoint: 0, address: address("127.0.0.1:80") }],
                failure: None,
            }));
            endpoints.ready.send_replace(true);
        });
        assert_eq!(candidates.unwrap().next().unwrap().address, address("127.0.0.1:80"));
    }

    #[tokio::test(start_paused = true)]
    async fn stale_addresses_are_noticed_also_when_nobody_waited() {
        let endpoints = new(&[EndpointAddress { tls: false, host: "127.0.0.1".into(), port: 80 }]);
        endpoints.mark_stale();
        endpoints.mark_stale();
        let limit = Duration::from_secs(60);
        assert!(tokio::time::timeout(limit, endpoints.until_stale()).await.is_ok());
        assert!(tokio::time::timeout(limit, endpoints.until_stale()).await.is_err(), "once is enough");
    }

    #[test]
    fn every_endpoint_has_a_circuit_of_its_own() {
        let hosts = ["127.0.0.1", "::1"];
        let configured = hosts.map(|host| EndpointAddress { tls: false, host: host.into(), port: 8080 });
        let (labels, metrics) = (std::cell::RefCell::new(Vec::new()), Metrics::new().unwrap());
        let endpoints = Endpoints::new(&configured, &breaker(), &Random::seeded(1), |label| {
            labels.borrow_mut().push(label.to_owned());
            metrics.upstream.circuit("p", label)
        });
        let (endpoints, now) = (endpoints.unwrap(), Instant::now());
        assert_eq!(labels.into_inner(), ["127.0.0.1:8080", "[::1]:8080"]);
        let circuits: Vec<_> = endpoints.all().iter().map(|it| &endpoints.endpoint(*it).unwrap().breaker).collect();
        assert!(circuits[0].admit("a", now).unwrap().settle(Verdict::Unanswered, now).is_some());
        assert!(circuits[0].admit("a", now).is_err());
        assert!(circuits[1].admit("a", now).is_ok());
    }

    #[tokio::test]
    async fn the_one_that_worked_comes_first() {
        let configured: Vec<_> =
            (1..=5).map(|last| EndpointAddress { tls: false, host: format!("127.0.0.{last}"), port: 80 }).collect();
        let endpoints = new(&configured);
        let third = endpoints.all()[2];
        endpoints.prefer(third);
        let order: Vec<_> =
            endpoints.candidates(Instant::now()).await.unwrap().map(|it| it.address.ip().to_string()).collect();
        assert_eq!(order, ["127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.1", "127.0.0.2"]);
    }
}
