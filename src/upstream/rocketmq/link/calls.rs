//! Calls: at one server, or from one server to the next until one takes it.

use std::sync::atomic::Ordering;

use prost::Message;
use tokio::time::Instant;

use super::servers::{ADVICE, advised};
use super::{Errand, Link};
use crate::outbound::{CircuitOpen, GrpcCall, GrpcError, GrpcStream};
use crate::protocol::rocketmq::{Client, Metadata, Method, metadata};
use crate::upstream::UpstreamError;
use crate::upstream::exchange::{Asked, Exchange, Server};
use crate::upstream::http::left_alone;
use crate::upstream::rocketmq::outcome::verdict;
use crate::upstream::rocketmq::place::{Place, Spot};

/// Most servers that one attempt tries.
const MAX_SERVERS: u32 = 3;

/// Why no server took a call.
enum Failure {
    Final(UpstreamError),
    /// Every server is left alone.
    LeftAlone(CircuitOpen),
}

impl Link {
    /// One call at one server, in the name of one client.
    pub(in crate::upstream::rocketmq) async fn call_at<Q, A>(
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
    pub(in crate::upstream::rocketmq) async fn stream_at<Q, A>(
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
    pub(in crate::upstream::rocketmq) async fn conversation_at<Q, A>(
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
    pub(in crate::upstream::rocketmq) async fn call<Q, A>(
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
