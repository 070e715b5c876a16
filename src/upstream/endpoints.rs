//! A profile's endpoints and their addresses: resolved by us, tried in order, at most three per request.
//!
//! The vendor's sample resolves one host name by hand and asks the first address; this does the same for every address
//! of every endpoint, and again whenever a connect failed.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix_web::http::uri::{InvalidUri, Scheme};
use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::breaker::Breaker;
use super::look_up::look_up;
use super::{BreakerSettings, UpstreamError, UpstreamErrorKind};
use crate::outbound::Origin;
use crate::telemetry::Gauge;

/// Most addresses that one request tries.
pub(super) const MAX_ADDRESSES: usize = 3;

/// An endpoint as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointAddress {
    /// https.
    pub tls: bool,
    /// Host name or IP address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl EndpointAddress {
    /// The host as URLs write it: IPv6 addresses in brackets.
    #[must_use]
    pub fn url_host(&self) -> Cow<'_, str> {
        if self.host.contains(':') { format!("[{}]", self.host).into() } else { self.host.as_str().into() }
    }

    /// The address as the client is told it.
    ///
    /// # Errors
    /// A host that is no host; the configuration refuses those earlier.
    pub fn origin(&self) -> Result<Origin, InvalidUri> {
        let scheme = if self.tls { Scheme::HTTPS } else { Scheme::HTTP };
        Origin::new(scheme, &self.url_host(), self.port)
    }
}

/// The endpoints of one profile, shared by every thread.
#[derive(Debug)]
pub struct Endpoints {
    endpoints: Vec<Endpoint>,
    candidates: ArcSwap<Candidates>,
    /// Index of the candidate that last worked.
    preferred: AtomicUsize,
    resolved: watch::Sender<bool>,
    /// A connect failed: look again now.
    pub(super) suspicious: Notify,
}

#[derive(Debug)]
struct Endpoint {
    origin: Origin,
    host: String,
    port: u16,
    /// A look-up is under way.
    asked: Arc<AtomicBool>,
    breaker: Breaker,
}

/// One address to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    endpoint: usize,
    /// Where to connect to.
    pub(super) address: SocketAddr,
}

/// What the last look-up of all endpoints gave.
#[derive(Debug, Default)]
struct Candidates {
    list: Vec<Candidate>,
    failure: Option<String>,
}

impl Endpoints {
    /// Takes the configured endpoints over. IP addresses are candidates at once; names once they are looked up.
    /// `state` gives the gauge that shows an endpoint's circuit.
    ///
    /// # Errors
    /// A host that is no host; the configuration refuses those earlier.
    pub fn new(
        configured: &[EndpointAddress],
        breaker: BreakerSettings,
        state: impl Fn(&str) -> Gauge,
    ) -> Result<Self, InvalidUri> {
        let endpoints = configured
            .iter()
            .map(|it| {
                let origin = it.origin()?;
                let breaker = Breaker::new(breaker, state(origin.authority.as_str()));
                Ok(Endpoint { origin, host: it.host.clone(), port: it.port, asked: Arc::default(), breaker })
            })
            .collect::<Result<Vec<_>, InvalidUri>>()?;
        let literal = |(endpoint, it): (usize, &Endpoint)| {
            let address = SocketAddr::new(it.host.parse::<IpAddr>().ok()?, it.port);
            Some(Candidate { endpoint, address })
        };
        let list: Vec<_> = endpoints.iter().enumerate().filter_map(literal).collect();
        let resolved = !list.is_empty();
        Ok(Self {
            endpoints,
            candidates: ArcSwap::from_pointee(Candidates { list, failure: None }),
            preferred: AtomicUsize::new(0),
            resolved: watch::Sender::new(resolved),
            suspicious: Notify::new(),
        })
    }

    /// Looks every name up. A name that fails now keeps no old address: they may belong to somebody else by now; but
    /// where every look-up fails the old candidates stay, since DNS itself may be away.
    pub(super) async fn resolve(&self) {
        let mut found = Vec::with_capacity(self.endpoints.len());
        let mut failure = None;
        for endpoint in &self.endpoints {
            match addresses_of(endpoint).await {
                Ok(addresses) => found.push(addresses),
                Err(reason) => {
                    failure = Some(format!("could not resolve {}: {reason}", endpoint.host));
                    found.push(Vec::new());
                }
            }
        }
        let list = interleave(&found);
        let old = self.candidates.load();
        if list.is_empty() && !old.list.is_empty() {
            return;
        }
        if list != old.list || failure != old.failure {
            if list != old.list {
                self.preferred.store(0, Ordering::Relaxed);
            }
            self.candidates.store(Arc::new(Candidates { list, failure }));
        }
        self.resolved.send_replace(true);
    }

    /// The addresses to try for one request, best first; waits for the first look-up.
    ///
    /// # Errors
    /// [`UpstreamErrorKind::Unreachable`] with the DNS cause when there is none.
    pub(super) async fn candidates(&self, deadline: Instant) -> Result<Tries, UpstreamError> {
        if !*self.resolved.borrow() {
            let mut resolved = self.resolved.subscribe();
            // A timeout shows as an empty list below.
            drop(timeout_at(deadline, resolved.wait_for(|done| *done)).await);
        }
        let candidates = self.candidates.load_full();
        if candidates.list.is_empty() {
            let reason = candidates.failure.clone().unwrap_or_else(|| "its name is not resolved yet".to_owned());
            return Err(UpstreamError::new(UpstreamErrorKind::Unreachable, format!("the MQ has no address: {reason}")));
        }
        Ok(Tries { first: self.preferred.load(Ordering::Relaxed), next: 0, candidates })
    }

    /// The origin that a candidate belongs to.
    pub(super) fn origin(&self, candidate: Candidate) -> Option<&Origin> {
        self.endpoints.get(candidate.endpoint).map(|endpoint| &endpoint.origin)
    }

    /// The circuit of a candidate's endpoint.
    pub(super) fn breaker(&self, candidate: Candidate) -> Option<&Breaker> {
        self.endpoints.get(candidate.endpoint).map(|endpoint| &endpoint.breaker)
    }

    /// The host name that TLS verifies.
    pub(super) fn host(&self, candidate: Candidate) -> Option<&str> {
        self.endpoints.get(candidate.endpoint).map(|endpoint| endpoint.host.as_str())
    }

    /// This candidate works: begin with it next time.
    pub(super) fn prefer(&self, candidate: Candidate) {
        if let Some(index) = self.candidates.load().list.iter().position(|it| *it == candidate) {
            self.preferred.store(index, Ordering::Relaxed);
        }
    }

    /// Every candidate in configured order.
    pub(super) fn all(&self) -> Vec<Candidate> {
        self.candidates.load().list.clone()
    }
}

/// The candidates of one request.
#[derive(Debug)]
pub(super) struct Tries {
    candidates: Arc<Candidates>,
    first: usize,
    next: usize,
}

impl Iterator for Tries {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        let length = self.candidates.list.len();
        if self.next >= length {
            return None;
        }
        let index = (self.first + self.next) % length;
        self.next += 1;
        self.candidates.list.get(index).copied()
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

/// One question per endpoint at a time.
async fn addresses_of(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, String> {
    if let Ok(ip) = endpoint.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, endpoint.port)]);
    }
    let asked = Arc::clone(&endpoint.asked);
    if asked.swap(true, Ordering::SeqCst) {
        return Err("DNS has not answered yet".to_owned());
    }
    look_up(&endpoint.host, endpoint.port, move || asked.store(false, Ordering::SeqCst)).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::Metrics;

    fn new(configured: &[EndpointAddress]) -> Endpoints {
        let breaker = BreakerSettings { failures: 5, open: Duration::from_secs(30) };
        let metrics = Metrics::new().unwrap();
        Endpoints::new(configured, breaker, |it| metrics.upstream.circuit_breaker_state("p", it)).unwrap()
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
        let error = endpoints.candidates(Instant::now()).await.err().unwrap();
        assert_eq!(error.kind, UpstreamErrorKind::Unreachable);
        assert!(error.detail.contains("could not resolve no-such-host.invalid"), "{}", error.detail);
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
