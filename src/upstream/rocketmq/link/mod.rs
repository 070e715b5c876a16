//! The way to one profile's MQ: its endpoints and their connections, what goes with every call, and calls that go from one server to
//! the next until one takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prost::Message;
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::Instant;

use super::named_servers::{Making, NamedServer, NamedServers};
use super::outcome::verdict;
use super::place::{Place, Spot};
use crate::config::{CredentialsSource, ProfileConfig, RocketMqConfig};
use crate::context::RequestContext;
use crate::model::{ConsumerGroup, Outcome, Topic};
use crate::outbound::{
    BreakerSettings, CircuitChange, CircuitOpen, Endpoint, EndpointAddress, Endpoints, GrpcCall, GrpcChannel,
    GrpcError, GrpcStream, TlsRoots, http2_client_config,
};
use crate::protocol::rocketmq::wire::{ChangeInvisibleDurationRequest, Resource};
use crate::protocol::rocketmq::{Client, Handle, Metadata, Method, metadata};
use crate::tasks::Nursery;
use crate::upstream::exchange::{Asked, Exchange, Server};
use crate::upstream::http::left_alone;
use crate::upstream::profile::Profile;
use crate::upstream::{PlanError, PlanResources, UpstreamError, UpstreamErrorKind};

/// Most servers that one attempt tries.
const MAX_SERVERS: u32 = 3;
/// What a message may have besides its body: properties, and what the protocol adds.
const ENVELOPE_BYTES: usize = 256 << 10;
/// What to do about an address that only a route names.
const ADVICE: &str = "the MQ's route names this address: where it cannot be reached from here, set the profile's `follow_routes = false`";

/// One profile's way to its MQ, for every thread.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) profile: Profile,
    /// The instance, empty for none.
    namespace: String,
    /// Requests are signed.
    signs: bool,
    /// Requests go where routes say.
    pub(super) follows_routes: bool,
    /// The configured endpoints.
    pub(super) addresses: Vec<EndpointAddress>,
    pub(super) endpoints: Arc<Endpoints>,
    /// One per configured endpoint.
    channels: Vec<GrpcChannel>,
    /// The others.
    named: NamedServers,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) connect_timeout: Duration,
    /// Time between look-ups.
    pub(super) refresh: Duration,
    /// An endpoint that has not answered for so long has failed.
    pub(super) answer_timeout: Duration,
    max_answer_bytes: usize,
    /// The client that publishes and acknowledges, which needs no settings.
    client_id: String,
}

/// What one call is for, and where it may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errand<'a> {
    pub(super) topic: &'a Topic,
    pub(super) context: &'a RequestContext,
    /// Each server that is tried adds one.
    pub(super) tried: &'a AtomicU32,
    /// Best first; to the next only where nobody was reached.
    pub(super) places: &'a [Place],
    /// Whose deliveries it is about.
    pub(super) group: Option<&'a ConsumerGroup>,
}

/// Why no server took a call.
enum Failure {
    Final(UpstreamError),
    /// Every server is left alone.
    LeftAlone(CircuitOpen),
}

/// One server, ready to be called.
enum Way<'a> {
    Configured(&'a Endpoint, &'a GrpcChannel),
    Named(Arc<NamedServer>, GrpcChannel),
}

impl Way<'_> {
    fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Configured(endpoint, _) => Some(endpoint),
            Self::Named(server, _) => server.endpoint(),
        }
    }

    fn channel(&self) -> &GrpcChannel {
        match self {
            Self::Configured(_, channel) => channel,
            Self::Named(_, channel) => channel,
        }
    }
}

impl Link {
    /// Makes the connections, which connect when they are used. Looks nothing up yet. What looks after the servers that routes name
    /// is handed to `nursery`, and ends when `stopping` says so.
    pub(super) fn new(
        config: &ProfileConfig,
        own: &RocketMqConfig,
        profile: &Profile,
        client_id: String,
        resources: &PlanResources<'_>,
        (nursery, stopping): (Nursery, watch::Receiver<bool>),
    ) -> Result<Self, PlanError> {
        let PlanResources { addresses, topics, random, metrics, .. } = resources;
        let making = Making {
            breaker: BreakerSettings {
                failures: config.breaker_failures,
                longest_pause: config.breaker_open,
                keys: Arc::new(topics.iter().map(|topic| topic.as_str().to_owned()).collect()),
            },
            random: random.clone(),
            states: metrics.upstream.circuit_states(&config.name),
            tls: http2_client_config(&config.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File))?,
            connect_timeout: config.connect_timeout,
        };
        let state = |endpoint: &str| making.states.of(endpoint);
        let endpoints = Arc::new(Endpoints::new(addresses, &making.breaker, random, state)?);
        let channel = |(index, address)| {
            let known = Arc::clone(&endpoints);
            GrpcChannel::new(address, move || known.addresses_of(index), &making.tls, config.connect_timeout)
        };
        let channels = addresses.iter().enumerate().map(channel).collect::<Result<_, _>>()?;
        Ok(Self {
            profile: profile.clone(),
            namespace: own.namespace.clone().unwrap_or_default(),
            signs: config.credentials != CredentialsSource::Nowhere,
            follows_routes: own.follow_routes,
            addresses: addresses.clone(),
            channels,
            endpoints,
            tls: Arc::clone(&making.tls),
            named: NamedServers::new(making, nursery, stopping),
            connect_timeout: config.connect_timeout,
            refresh: config.dns_refresh,
            answer_timeout: config.answer_timeout,
            max_answer_bytes: profile.capabilities.limits.max_message_bytes + ENVELOPE_BYTES,
            client_id,
        })
    }

    /// A topic or group in the protocol's terms.
    pub(super) fn resource(&self, name: &str) -> Resource {
        Resource { resource_namespace: self.namespace.clone(), name: name.to_owned() }
    }

    /// The request that hides a delivery for so long from now.
    pub(super) fn change_of(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &Handle,
        hidden_for: Duration,
    ) -> ChangeInvisibleDurationRequest {
        ChangeInvisibleDurationRequest {
            group: Some(self.resource(group.as_str())),
            topic: Some(self.resource(topic.as_str())),
            receipt_handle: handle.text.clone(),
            invisible_duration: Some(hidden_for.into()),
            message_id: handle.message_id.clone(),
        }
    }

    /// The instance, empty for none.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// One call at one server, in the name of one client.
    pub(super) async fn call_at<Q, A>(
        &self,
        spot: &Spot,
        client_id: &str,
        method: Method,
        message: Q,
        deadline: Instant,
    ) -> Result<A, GrpcError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let Metadata(metadata) = self.metadata(client_id);
        let way = self.way(spot, deadline).await?;
        let called = way.channel().unary(self.call_of(method, &metadata, deadline, true), message).await;
        called.map_err(|error| advised(spot, error))
    }

    /// A call at one server whose answer is a stream.
    pub(super) async fn stream_at<Q, A>(
        &self,
        spot: &Spot,
        client_id: &str,
        method: Method,
        message: Q,
        deadline: Instant,
    ) -> Result<GrpcStream<A>, GrpcError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let Metadata(metadata) = self.metadata(client_id);
        let way = self.way(spot, deadline).await?;
        let called = way.channel().server_streaming(self.call_of(method, &metadata, deadline, true), message).await;
        called.map_err(|error| advised(spot, error))
    }

    /// A call at one server that goes on for as long as its client lives; the deadline is for its beginning.
    pub(super) async fn conversation_at<Q, A>(
        &self,
        spot: &Spot,
        client_id: &str,
        method: Method,
        messages: impl futures_util::Stream<Item = Q> + Send + Unpin + 'static,
        deadline: Instant,
    ) -> Result<GrpcStream<A>, GrpcError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let Metadata(metadata) = self.metadata(client_id);
        let way = self.way(spot, deadline).await?;
        let called = way.channel().streaming(self.call_of(method, &metadata, deadline, false), messages).await;
        called.map_err(|error| advised(spot, error))
    }

    /// One call at whichever server of the errand's places takes it; `message` makes what that server is sent. Needs no settings of
    /// its client.
    pub(super) async fn call<Q, A>(
        &self,
        method: Method,
        errand: Errand<'_>,
        message: impl Fn(&Spot) -> Q,
    ) -> Result<(A, Exchange), UpstreamError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let deadline = errand.context.deadline();
        loop {
            let open = match self.try_places(method, errand, &message).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::LeftAlone(open)) => open,
            };
            // Where a request of the same topic is finding out whether the MQ is back, this one waits for what comes of it.
            if !open.is_decided_before(deadline).await {
                let mut error = left_alone(&open, Instant::now());
                if errand.places.iter().all(Place::is_named) {
                    error.detail = format!("{}; {ADVICE}", error.detail);
                }
                return Err(error);
            }
        }
    }

    /// Makes one call at one server after the other until one is connected; what they show is noted in their circuits.
    async fn try_places<Q, A>(
        &self,
        method: Method,
        errand: Errand<'_>,
        message: &impl Fn(&Spot) -> Q,
    ) -> Result<(A, Exchange), Failure>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let Errand { topic, tried, .. } = errand;
        let deadline = errand.context.deadline();
        let last = tried.load(Ordering::Relaxed) + MAX_SERVERS;
        let (mut seen, mut unreachable) = (Vec::new(), None);
        let mut left_alone: Option<CircuitOpen> = None;
        for place in errand.places {
            let spots = match self.spots(place, deadline).await {
                Ok(spots) => spots,
                Err(error) => {
                    tried.fetch_add(1, Ordering::Relaxed);
                    unreachable = Some(error);
                    continue;
                }
            };
            for spot in spots {
                if seen.contains(&spot) {
                    continue;
                }
                if tried.load(Ordering::Relaxed) == last || Instant::now() >= deadline {
                    break;
                }
                let way = match self.way(&spot, deadline).await {
                    Ok(way) => way,
                    Err(error) => {
                        tried.fetch_add(1, Ordering::Relaxed);
                        unreachable = Some(error.into());
                        seen.push(spot);
                        continue;
                    }
                };
                let Some(endpoint) = way.endpoint() else { continue };
                let permit = match endpoint.breaker.admit(topic.as_str(), Instant::now()) {
                    Ok(permit) => permit,
                    Err(open) => {
                        left_alone = Some(left_alone.map_or(open.clone(), |earlier| earlier.or(open)));
                        continue;
                    }
                };
                tried.fetch_add(1, Ordering::Relaxed);
                let server =
                    Server { address: &endpoint.origin.address, peer: None, number: tried.load(Ordering::Relaxed) };
                let exchange = Exchange::begin(&self.profile, errand.context, asked(method, errand), server);
                let Metadata(metadata) = self.metadata(&self.client_id);
                let call = self.call_of(method, &metadata, deadline, true);
                let called = way.channel().unary(call, message(&spot)).await;
                if let Some(verdict) = verdict(&called, self.answer_timeout) {
                    self.log_change(permit.settle(verdict, Instant::now()), endpoint, called.as_ref().err());
                }
                match called {
                    Err(error @ GrpcError::NotConnected(_)) => {
                        self.note_unreachable(&way);
                        unreachable = Some(exchange.failed(advised(&spot, error).into()));
                    }
                    Err(error @ (GrpcError::Unwritable(_) | GrpcError::TimedOutUnsent)) => {
                        return Err(Failure::Final(exchange.failed(error.into())));
                    }
                    reached => {
                        self.profile.up.set(1);
                        if !seen.is_empty() {
                            self.prefer(&spot);
                        }
                        let error = match reached {
                            Ok(answer) => return Ok((answer, exchange)),
                            Err(error) => UpstreamError::from(error),
                        };
                        return Err(Failure::Final(exchange.failed(error)));
                    }
                }
                seen.push(spot);
            }
        }
        Err(match (unreachable, left_alone) {
            (None, Some(open)) => Failure::LeftAlone(open),
            (error, _) => Failure::Final(error.unwrap_or_else(|| GrpcError::TimedOutUnsent.into())),
        })
    }

    /// The servers of a place in the order in which they are tried, each once.
    ///
    /// # Errors
    /// There is no address; nothing was sent.
    pub(super) async fn spots(&self, place: &Place, deadline: Instant) -> Result<Vec<Spot>, UpstreamError> {
        match place {
            Place::At(spot) => Ok(vec![spot.clone()]),
            Place::Echoed { named, dialled } => Ok(vec![Spot::Named(Arc::clone(named)), Spot::Configured(*dialled)]),
            Place::Nowhere => Err(UpstreamError::new(
                UpstreamErrorKind::Unreachable,
                "the MQ's route names no address of the broker that can be dialled: with the profile's `follow_routes = \
                 false` requests go to the configured endpoints",
            )),
            Place::Anywhere => {
                let mut order = Vec::new();
                let candidates = self.endpoints.candidates(deadline).await.inspect_err(|_| {
                    self.profile.up.set(0);
                    self.endpoints.mark_stale();
                })?;
                for candidate in candidates {
                    let spot = Spot::Configured(candidate.endpoint_index());
                    if !order.contains(&spot) {
                        order.push(spot);
                    }
                }
                Ok(order)
            }
        }
    }

    /// What a server is called, for a span.
    pub(super) fn address_of<'a>(&'a self, spot: &'a Spot) -> Option<&'a EndpointAddress> {
        match spot {
            Spot::Configured(index) => self.addresses.get(*index),
            Spot::Named(address) => Some(address),
        }
    }

    /// One server, ready to be called.
    async fn way(&self, spot: &Spot, deadline: Instant) -> Result<Way<'_>, GrpcError> {
        match spot {
            Spot::Configured(index) => {
                let server = self.endpoints.endpoint_at(*index).zip(self.channels.get(*index));
                let (endpoint, channel) =
                    server.ok_or_else(|| GrpcError::NotConnected("there is no such endpoint".to_owned()))?;
                Ok(Way::Configured(endpoint, channel))
            }
            Spot::Named(address) => {
                let found = self.named.at(address, deadline).await;
                let (server, channel) = found.map_err(|error| advised(spot, error))?;
                Ok(Way::Named(server, channel))
            }
        }
    }

    /// This endpoint works where others did not: calls that may go anywhere begin with it.
    fn prefer(&self, spot: &Spot) {
        let Spot::Configured(index) = spot else { return };
        if let Some(candidate) = self.endpoints.all().into_iter().find(|it| it.endpoint_index() == *index) {
            self.endpoints.prefer(candidate);
        }
    }

    /// Notes that a server answered to a session that began.
    pub(super) async fn note_session_began(&self, spot: &Spot) {
        self.profile.up.set(1);
        let Ok(way) = self.way(spot, Instant::now()).await else { return };
        if let Some(endpoint) = way.endpoint() {
            self.log_change(endpoint.breaker.answered(Instant::now()), endpoint, None);
        }
    }

    /// Notes that a server could not be reached, or did not answer, when a session was to begin there.
    pub(super) async fn note_no_session(&self, spot: &Spot) {
        if let Ok(way) = self.way(spot, Instant::now()).await {
            self.note_unreachable(&way);
        }
    }

    /// Whether the MQ is up is said of the configured endpoints.
    fn note_unreachable(&self, way: &Way<'_>) {
        match way {
            Way::Configured(..) => {
                self.profile.up.set(0);
                self.endpoints.mark_stale();
            }
            Way::Named(server, _) => server.note_unreachable(),
        }
    }

    fn log_change(&self, change: Option<CircuitChange>, endpoint: &Endpoint, cause: Option<&GrpcError>) {
        let (profile, endpoint) = (self.profile.name.as_str(), endpoint.origin.address.authority());
        match change {
            Some(CircuitChange::Opened { failures, pause }) => {
                let (cause, pause_millis) = (cause.map(ToString::to_string), pause.as_millis());
                tracing::warn!(
                    profile,
                    endpoint,
                    failures,
                    cause,
                    pause_millis,
                    "an endpoint failed and is left alone"
                );
            }
            Some(CircuitChange::Closed { after }) => {
                let after_millis = after.as_millis();
                tracing::info!(profile, endpoint, after_millis, "an endpoint that was left alone answers again");
            }
            None => {}
        }
    }

    fn metadata(&self, client_id: &str) -> Metadata {
        let pair = self.profile.attempts.keys().current();
        let client = Client { id: client_id, namespace: &self.namespace };
        metadata(client, self.signs.then_some(&**pair), self.profile.clock.now())
    }

    fn call_of<'a>(
        &self,
        method: Method,
        metadata: &'a [(&'static str, String)],
        deadline: Instant,
        tell_deadline: bool,
    ) -> GrpcCall<'a> {
        let max_answer_bytes = self.max_answer_bytes;
        GrpcCall { path: method.path(), metadata, headers: &[], deadline, tell_deadline, max_answer_bytes }
    }
}

/// What a call is called in spans.
fn asked<'a>(method: Method, errand: Errand<'a>) -> Asked<'a> {
    let (name, kind) = match method {
        Method::SendMessage => ("publish", Some("send")),
        Method::ReceiveMessage => ("poll", Some("receive")),
        Method::AckMessage => ("ack", Some("settle")),
        Method::ChangeInvisibleDuration => ("change_visibility", Some("settle")),
        Method::QueryRoute => ("query_route", None),
        Method::Heartbeat => ("heartbeat", None),
        Method::Telemetry => ("telemetry", None),
        Method::NotifyClientTermination => ("terminate", None),
    };
    Asked { name, kind, topic: errand.topic, group: errand.group }
}

/// Says what to do about a server that only a route names and that is not there.
fn advised(spot: &Spot, error: GrpcError) -> GrpcError {
    match (spot, error) {
        (Spot::Named(address), GrpcError::NotConnected(reason)) => {
            let shown = address.authority();
            let named = if reason.contains(&shown) { reason } else { format!("{shown}: {reason}") };
            GrpcError::NotConnected(format!("{named}; {ADVICE}"))
        }
        (_, error) => error,
    }
}

/// Nothing of the request itself was sent, whatever became of what had to be done before.
pub(super) fn nothing_sent(error: UpstreamError) -> UpstreamError {
    let kind = if error.kind.outcome() == Outcome::Unknown { UpstreamErrorKind::Unreachable } else { error.kind };
    UpstreamError { kind, ..error }
}
