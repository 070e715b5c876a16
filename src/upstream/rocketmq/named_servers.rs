//! The servers that only routes name: a connection and a circuit for each address, made when it is first used and closed when nobody
//! has used it for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::outbound::{BreakerSettings, Endpoint, EndpointAddress, Endpoints, GrpcChannel, GrpcError, InvalidHost};
use crate::random::Random;
use crate::tasks::Nursery;
use crate::telemetry::CircuitStates;
use crate::upstream::reachability::first_reached;

/// Most addresses at once.
const MOST: usize = 64;
/// Without use for so long, a connection is closed.
const IDLE: Duration = Duration::from_secs(120);
/// Without use for so long, it gives way to another. Sessions use theirs every ten seconds.
const GIVES_WAY: Duration = Duration::from_secs(20);
/// Between two looks at one, and at one that could not be reached.
const LOOK: Duration = Duration::from_secs(10);
const LOOK_WHILE_AWAY: Duration = Duration::from_secs(1);

/// What every server of the profile is made with.
#[derive(Debug, Clone)]
pub(super) struct Making {
    pub(super) breaker: BreakerSettings,
    pub(super) random: Random,
    pub(super) states: CircuitStates,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) connect_timeout: Duration,
}

/// The servers by address.
#[derive(Debug)]
pub(super) struct NamedServers {
    making: Making,
    nursery: Nursery,
    stopping: watch::Receiver<bool>,
    by_address: Arc<Mutex<ByAddress>>,
}

type ByAddress = HashMap<Arc<EndpointAddress>, Arc<NamedServer>>;

/// One of them.
#[derive(Debug)]
pub(super) struct NamedServer {
    /// Of one.
    endpoints: Arc<Endpoints>,
    /// The way to it, once it is made: where its tasks are to run.
    channel: watch::Sender<Option<GrpcChannel>>,
    /// A std lock: held for a few words, never over an await.
    last_used: Mutex<Instant>,
}

impl NamedServers {
    pub(super) fn new(making: Making, nursery: Nursery, stopping: watch::Receiver<bool>) -> Self {
        Self { making, nursery, stopping, by_address: Arc::default() }
    }

    /// The server at an address, ready to be called.
    ///
    /// # Errors
    /// Nothing was sent: there are too many, or its name is not known in time.
    pub(super) async fn at(
        &self,
        address: &Arc<EndpointAddress>,
        deadline: Instant,
    ) -> Result<(Arc<NamedServer>, GrpcChannel), GrpcError> {
        let server = self.known_or_made(address)?;
        let mut channel = server.channel.subscribe();
        let made = timeout_at(deadline, channel.wait_for(Option::is_some)).await;
        let Ok(Ok(Some(made))) = made.map(|made| made.map(|made| made.clone())) else {
            return Err(GrpcError::TimedOutUnsent);
        };
        // Waits for the first look-up of a name.
        server.endpoints.candidates(deadline).await.map_err(|reason| GrpcError::NotConnected(reason.to_string()))?;
        Ok((server, made))
    }

    fn known_or_made(&self, address: &Arc<EndpointAddress>) -> Result<Arc<NamedServer>, GrpcError> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = by_address.get(address) {
            server.touch();
            return Ok(Arc::clone(server));
        }
        if by_address.len() >= MOST {
            let idle = by_address.iter().map(|(address, server)| (server.idle_for(), address));
            let longest = idle.filter(|(idle, _)| *idle >= GIVES_WAY).max_by_key(|(idle, _)| *idle);
            let Some(longest) = longest.map(|(_, address)| Arc::clone(address)) else {
                let reason = format!("the MQ's routes name more than {MOST} addresses, which is the limit");
                return Err(GrpcError::NotConnected(reason));
            };
            by_address.remove(&longest);
            self.making.states.forget(&longest.authority());
        }
        let server = Arc::new(NamedServer::new(address, &self.making).map_err(not_connected)?);
        by_address.insert(Arc::clone(address), Arc::clone(&server));
        let life = Life {
            address: Arc::clone(address),
            server: Arc::clone(&server),
            all: Arc::clone(&self.by_address),
            making: self.making.clone(),
        };
        let mut stopping = self.stopping.clone();
        self.nursery.run(async move {
            tokio::select! {
                // An error means that the profile is gone. What is there stays: sessions say goodbye.
                _ = stopping.wait_for(|stopping| *stopping) => {}
                () = life.look_after() => {}
            }
        });
        Ok(server)
    }
}

fn not_connected(error: InvalidHost) -> GrpcError {
    GrpcError::NotConnected(error.to_string())
}

impl NamedServer {
    fn new(address: &EndpointAddress, making: &Making) -> Result<Self, InvalidHost> {
        let state = |endpoint: &str| making.states.of(endpoint);
        let endpoints = Endpoints::new(std::slice::from_ref(address), &making.breaker, &making.random, state)?;
        let (endpoints, channel) = (Arc::new(endpoints), watch::Sender::new(None));
        Ok(Self { endpoints, channel, last_used: Mutex::new(Instant::now()) })
    }

    /// Its circuit.
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoints.endpoint_at(0)
    }

    /// Notes that it could not be reached.
    pub(super) fn note_unreachable(&self) {
        self.endpoints.mark_stale();
    }

    fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn idle_for(&self) -> Duration {
        self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// What happens to one server from its first use to its last.
struct Life {
    address: Arc<EndpointAddress>,
    server: Arc<NamedServer>,
    all: Arc<Mutex<ByAddress>>,
    making: Making,
}

impl Life {
    /// Makes the way to it, looks its name up again and again, and whether it is back where it was away; until nobody uses it.
    async fn look_after(self) {
        let Self { address, server, making, .. } = &self;
        let endpoints = Arc::clone(&server.endpoints);
        let addresses = move || endpoints.addresses_of(0);
        // The host was looked at when the server was made.
        let Ok(channel) = GrpcChannel::new(address, addresses, &making.tls, making.connect_timeout) else { return };
        server.channel.send_replace(Some(channel));
        loop {
            server.endpoints.resolve().await;
            if timeout(LOOK, server.endpoints.until_stale()).await.is_ok() {
                sleep(LOOK_WHILE_AWAY).await;
                self.look_whether_it_is_back().await;
            }
            if self.is_over() {
                return;
            }
        }
    }

    /// One that is back is asked by the next request, whatever the pause of its circuit.
    async fn look_whether_it_is_back(&self) {
        let Self { server, making, .. } = self;
        server.endpoints.resolve().await;
        match first_reached(&server.endpoints, &making.tls, making.connect_timeout).await {
            Ok((_, endpoint)) => endpoint.breaker.reachable(Instant::now()),
            Err(_) => server.endpoints.mark_stale(),
        }
    }

    /// Nobody uses it, or it gave way.
    fn is_over(&self) -> bool {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = all.get(&self.address).is_some_and(|it| Arc::ptr_eq(it, &self.server));
        if is_there && self.server.idle_for() >= IDLE {
            all.remove(&self.address);
            self.making.states.forget(&self.address.authority());
            return true;
        }
        !is_there
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::outbound::{TlsRoots, http2_client_config};
    use crate::tasks::NurseryWork;
    use crate::telemetry::Metrics;

    fn servers(metrics: &Metrics) -> (NamedServers, NurseryWork, watch::Sender<bool>) {
        let (nursery, work) = Nursery::new();
        let (stop, stopping) = watch::channel(false);
        let making = Making {
            breaker: BreakerSettings { failures: 1, longest_pause: Duration::from_secs(30), keys: Arc::default() },
            random: Random::seeded(1),
            states: metrics.upstream.circuit_states("p"),
            tls: http2_client_config(&TlsRoots::Public).unwrap(),
            connect_timeout: Duration::from_secs(1),
        };
        (NamedServers::new(making, nursery, stopping), work, stop)
    }

    fn address(last: u8, port: u16) -> Arc<EndpointAddress> {
        Arc::new(EndpointAddress { tls: false, host: Ipv4Addr::new(127, 0, 0, last).to_string(), port })
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    fn states(metrics: &Metrics) -> usize {
        String::from_utf8(metrics.render().unwrap())
            .unwrap()
            .lines()
            .filter(|line| line.starts_with("mq_gateway_circuit_breaker_state{"))
            .count()
    }

    /// With the nursery at work.
    async fn while_working<T>(work: &mut NurseryWork, test: impl Future<Output = T>) -> T {
        tokio::select! {
            () = work.work() => panic!("the nursery has ended"),
            done = test => done,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_one_connection_until_nobody_uses_it() {
        let metrics = Metrics::new().unwrap();
        let (servers, mut work, _stop) = servers(&metrics);
        while_working(&mut work, async {
            let (first, _) = servers.at(&address(1, 1), soon()).await.unwrap();
            let (again, _) = servers.at(&address(1, 1), soon()).await.unwrap();
            let (other, _) = servers.at(&address(2, 1), soon()).await.unwrap();
            assert!(Arc::ptr_eq(&first, &again) && !Arc::ptr_eq(&first, &other));
            assert_eq!(states(&metrics), 2);
            sleep(IDLE - Duration::from_secs(20)).await;
            servers.at(&address(1, 1), soon()).await.unwrap();
            sleep(Duration::from_secs(60)).await;
            let (kept, _) = servers.at(&address(1, 1), soon()).await.unwrap();
            assert!(Arc::ptr_eq(&first, &kept), "it was used meanwhile");
            assert_eq!(states(&metrics), 1, "the other one is gone, and so is its circuit");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_no_more_than_so_many_and_the_unused_give_way() {
        let metrics = Metrics::new().unwrap();
        let (servers, mut work, _stop) = servers(&metrics);
        while_working(&mut work, async {
            for last in 1..=64 {
                servers.at(&address(last, 1), soon()).await.unwrap();
            }
            let refused = servers.at(&address(65, 1), soon()).await.unwrap_err();
            assert!(matches!(&refused, GrpcError::NotConnected(reason) if reason.contains("64")), "{refused}");
            sleep(GIVES_WAY).await;
            servers.at(&address(1, 1), soon()).await.unwrap();
            servers.at(&address(65, 1), soon()).await.unwrap();
            assert_eq!(states(&metrics), 64);
            let kept = |last| servers.by_address.lock().unwrap().contains_key(&address(last, 1));
            assert!(kept(1) && kept(65));
        })
        .await;
    }

    #[tokio::test]
    async fn one_that_is_back_is_tried_whatever_the_pause_of_its_circuit() {
        let metrics = Metrics::new().unwrap();
        let (servers, mut work, _stop) = servers(&metrics);
        while_working(&mut work, async {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = address(1, listener.local_addr().unwrap().port());
            let (server, _) = servers.at(&address, soon()).await.unwrap();
            let breaker = &server.endpoint().unwrap().breaker;
            let failed = breaker.admit("t", Instant::now()).unwrap();
            assert!(failed.settle(crate::outbound::Verdict::Unanswered, Instant::now()).is_some());
            assert!(breaker.admit("t", Instant::now()).is_err());
            server.note_unreachable();
            timeout(Duration::from_secs(10), async {
                while breaker.admit("t", Instant::now()).is_err() {
                    sleep(Duration::from_millis(20)).await;
                }
            })
            .await
            .expect("it is found");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_none_of_them() {
        let metrics = Metrics::new().unwrap();
        let (servers, mut work, stop) = servers(&metrics);
        while_working(&mut work, servers.at(&address(1, 1), soon())).await.unwrap();
        stop.send_replace(true);
        timeout(Duration::from_secs(1), work.finish()).await.expect("an end");
    }
}
