//! The way to one profile's MQ: its endpoints and their connections, what goes with every call, and calls that go from one endpoint to
//! the next until one takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prost::Message;
use rustls::ClientConfig;
use tokio::time::Instant;

use super::outcome::verdict;
use crate::config::{CredentialsSource, ProfileConfig, RocketMqConfig};
use crate::context::RequestContext;
use crate::model::{Outcome, Topic};
use crate::outbound::{
    BreakerSettings, CircuitChange, CircuitOpen, Endpoint, Endpoints, GrpcCall, GrpcChannel, GrpcError, GrpcStream,
    TlsRoots, http2_client_config,
};
use crate::protocol::rocketmq::wire::Resource;
use crate::protocol::rocketmq::{Client, Metadata, Method, metadata};
use crate::upstream::http::left_alone;
use crate::upstream::profile::Profile;
use crate::upstream::{PlanError, PlanResources, UpstreamError, UpstreamErrorKind};

/// Most endpoints that one attempt tries.
const MAX_ENDPOINTS: u32 = 3;
/// What a message may have besides its body: properties, and what the protocol adds.
const ENVELOPE_BYTES: usize = 256 << 10;

/// One profile's way to its MQ, for every thread.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) profile: Profile,
    /// The instance, empty for none.
    namespace: String,
    /// Requests are signed.
    signs: bool,
    pub(super) endpoints: Arc<Endpoints>,
    /// One per endpoint.
    channels: Vec<GrpcChannel>,
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

/// Why no endpoint took a call.
enum Failure {
    Final(UpstreamError),
    /// Every endpoint is left alone.
    LeftAlone(CircuitOpen),
}

impl Link {
    /// Makes the connections, which connect when they are used. Looks nothing up yet.
    pub(super) fn new(
        config: &ProfileConfig,
        own: &RocketMqConfig,
        profile: &Profile,
        client_id: String,
        resources: &PlanResources<'_>,
    ) -> Result<Self, PlanError> {
        let PlanResources { addresses, topics, random, metrics, .. } = resources;
        let breaker = BreakerSettings {
            failures: config.breaker_failures,
            longest_pause: config.breaker_open,
            keys: Arc::new(topics.iter().map(|topic| topic.as_str().to_owned()).collect()),
        };
        let state = |endpoint: &str| metrics.upstream.circuit_breaker_state(&config.name, endpoint);
        let endpoints = Arc::new(Endpoints::new(addresses, &breaker, random, state)?);
        let tls = http2_client_config(&config.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File))?;
        let channel = |(index, address)| {
            let known = Arc::clone(&endpoints);
            GrpcChannel::new(address, move || known.addresses_of(index), &tls, config.connect_timeout)
        };
        let channels = addresses.iter().enumerate().map(channel).collect::<Result<_, _>>()?;
        Ok(Self {
            profile: profile.clone(),
            namespace: own.namespace.clone().unwrap_or_default(),
            signs: config.credentials != CredentialsSource::Nowhere,
            channels,
            endpoints,
            tls,
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

    /// The instance, empty for none.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// One call at one endpoint, in the name of one client.
    pub(super) async fn call_at<Q, A>(
        &self,
        endpoint: usize,
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
        self.channel(endpoint)?.unary(self.call_of(method, &metadata, deadline, true), message).await
    }

    /// A call at one endpoint whose answer is a stream.
    pub(super) async fn stream_at<Q, A>(
        &self,
        endpoint: usize,
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
        self.channel(endpoint)?.server_streaming(self.call_of(method, &metadata, deadline, true), message).await
    }

    /// A call at one endpoint that goes on for as long as its client lives; the deadline is for its beginning.
    pub(super) async fn conversation_at<Q, A>(
        &self,
        endpoint: usize,
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
        self.channel(endpoint)?.streaming(self.call_of(method, &metadata, deadline, false), messages).await
    }

    /// One call at whichever endpoint takes it; adds to `tried` for each. Needs no settings of its client.
    pub(super) async fn call<Q, A>(
        &self,
        method: Method,
        message: &Q,
        topic: &Topic,
        context: &RequestContext,
        tried: &AtomicU32,
    ) -> Result<A, UpstreamError>
    where
        Q: Message + Clone + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let deadline = context.deadline();
        let one = async |endpoint| self.call_at(endpoint, &self.client_id, method, message.clone(), deadline).await;
        loop {
            let open = match self.try_endpoints(topic, deadline, tried, &one).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::LeftAlone(open)) => open,
            };
            // Where a request of the same topic is finding out whether the MQ is back, this one waits for what comes of it.
            if !open.is_decided_before(deadline).await {
                return Err(left_alone(&open, Instant::now()));
            }
        }
    }

    /// Makes one call at one endpoint after the other until one is connected; what they show is noted in their circuits.
    async fn try_endpoints<A>(
        &self,
        topic: &Topic,
        deadline: Instant,
        tried: &AtomicU32,
        call: &impl AsyncFn(usize) -> Result<A, GrpcError>,
    ) -> Result<A, Failure> {
        let candidates = self.endpoints.candidates(deadline).await.map_err(|reason| {
            tried.fetch_add(1, Ordering::Relaxed);
            self.note_unreachable();
            Failure::Final(reason.into())
        })?;
        let last = tried.load(Ordering::Relaxed) + MAX_ENDPOINTS;
        let (mut seen, mut unreachable) = (Vec::new(), None);
        let mut left_alone: Option<CircuitOpen> = None;
        for candidate in candidates {
            let index = candidate.endpoint_index();
            let Some(endpoint) = self.endpoints.endpoint(candidate).filter(|_| !seen.contains(&index)) else {
                continue;
            };
            let now = Instant::now();
            if tried.load(Ordering::Relaxed) == last || now >= deadline {
                break;
            }
            let permit = match endpoint.breaker.admit(topic.as_str(), now) {
                Ok(permit) => permit,
                Err(open) => {
                    left_alone = Some(left_alone.map_or(open.clone(), |earlier| earlier.or(open)));
                    continue;
                }
            };
            tried.fetch_add(1, Ordering::Relaxed);
            let called = call(index).await;
            if let Some(verdict) = verdict(&called, self.answer_timeout) {
                self.log_change(permit.settle(verdict, Instant::now()), endpoint, called.as_ref().err());
            }
            match called {
                Err(error @ GrpcError::NotConnected(_)) => {
                    self.note_unreachable();
                    unreachable = Some(error.into());
                }
                Err(error @ (GrpcError::Unwritable(_) | GrpcError::TimedOutUnsent)) => {
                    return Err(Failure::Final(error.into()));
                }
                reached => {
                    self.profile.up.set(1);
                    if !seen.is_empty() {
                        self.endpoints.prefer(candidate);
                    }
                    return reached.map_err(|error| Failure::Final(error.into()));
                }
            }
            seen.push(index);
        }
        Err(match (unreachable, left_alone) {
            (None, Some(open)) => Failure::LeftAlone(open),
            (error, _) => Failure::Final(error.unwrap_or_else(|| GrpcError::TimedOutUnsent.into())),
        })
    }

    /// The endpoints in the order in which a new session tries them.
    pub(super) async fn endpoints_in_order(&self, deadline: Instant) -> Result<Vec<usize>, UpstreamError> {
        let mut order = Vec::new();
        for candidate in self.endpoints.candidates(deadline).await? {
            let index = candidate.endpoint_index();
            if !order.contains(&index) {
                order.push(index);
            }
        }
        Ok(order)
    }

    /// Notes that an endpoint answered to a session that began.
    pub(super) fn note_answered(&self, endpoint_index: usize) {
        self.profile.up.set(1);
        let candidate = self.endpoints.all().into_iter().find(|it| it.endpoint_index() == endpoint_index);
        if let Some(endpoint) = candidate.and_then(|it| self.endpoints.endpoint(it)) {
            self.log_change(endpoint.breaker.answered(Instant::now()), endpoint, None);
        }
    }

    /// Notes that an endpoint could not be reached.
    pub(super) fn note_unreachable(&self) {
        self.profile.up.set(0);
        self.endpoints.mark_stale();
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
        let pair = self.profile.keys.current();
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
        GrpcCall { path: method.path(), metadata, deadline, tell_deadline, max_answer_bytes: self.max_answer_bytes }
    }

    fn channel(&self, endpoint: usize) -> Result<&GrpcChannel, GrpcError> {
        self.channels.get(endpoint).ok_or_else(|| GrpcError::NotConnected("there is no such endpoint".to_owned()))
    }
}

/// Nothing of the request itself was sent, whatever became of what had to be asked before.
pub(super) fn before_sending(error: UpstreamError) -> UpstreamError {
    let kind = if error.kind.outcome() == Outcome::Unknown { UpstreamErrorKind::Unreachable } else { error.kind };
    let detail = format!("the MQ was asked for the topic's route, and nothing was sent yet: {}", error.detail);
    UpstreamError { kind, detail, ..error }
}
