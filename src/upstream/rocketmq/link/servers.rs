//! Which servers there are, in which order they are tried, and what is noted of how they do.

use std::sync::Arc;

use tokio::time::Instant;

use super::Link;
use crate::outbound::{CircuitChange, Endpoint, EndpointAddress, GrpcChannel, GrpcError};
use crate::upstream::rocketmq::named_servers::NamedServer;
use crate::upstream::rocketmq::place::{Place, Spot};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// What to do about an address that only a route names.
pub(super) const ADVICE: &str = "the MQ's route names this address: where it cannot be reached from here, set the profile's `follow_routes = false`";

/// One server, ready to be called.
pub(super) enum Way<'a> {
    Configured(&'a Endpoint, &'a GrpcChannel),
    Named(Arc<NamedServer>, GrpcChannel),
}

impl Way<'_> {
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Configured(endpoint, _) => Some(endpoint),
            Self::Named(server, _) => server.endpoint(),
        }
    }

    pub(super) fn channel(&self) -> &GrpcChannel {
        match self {
            Self::Configured(_, channel) => channel,
            Self::Named(_, channel) => channel,
        }
    }
}

impl Link {
    /// The servers of a place in the order in which they are tried, each once.
    ///
    /// # Errors
    /// There is no address; nothing was sent.
    pub(in crate::upstream::rocketmq) async fn spots(
        &self,
        place: &Place,
        deadline: Instant,
    ) -> Result<Vec<Spot>, UpstreamError> {
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
    pub(in crate::upstream::rocketmq) fn address_of<'a>(&'a self, spot: &'a Spot) -> Option<&'a EndpointAddress> {
        match spot {
            Spot::Configured(index) => self.addresses.get(*index),
            Spot::Named(address) => Some(address),
        }
    }

    /// One server, ready to be called.
    pub(super) async fn way(&self, spot: &Spot, deadline: Instant) -> Result<Way<'_>, GrpcError> {
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
    pub(super) fn prefer(&self, spot: &Spot) {
        let Spot::Configured(index) = spot else { return };
        if let Some(candidate) = self.endpoints.all().into_iter().find(|it| it.endpoint_index() == *index) {
            self.endpoints.prefer(candidate);
        }
    }

    /// Notes that a server answered to a session that began.
    pub(in crate::upstream::rocketmq) async fn note_session_began(&self, spot: &Spot) {
        self.profile.up.set(1);
        let Ok(way) = self.way(spot, Instant::now()).await else { return };
        if let Some(endpoint) = way.endpoint() {
            self.log_change(endpoint.breaker.answered(Instant::now()), endpoint, None);
        }
    }

    /// Notes that a server could not be reached, or did not answer, when a session was to begin there.
    pub(in crate::upstream::rocketmq) async fn note_no_session(&self, spot: &Spot) {
        if let Ok(way) = self.way(spot, Instant::now()).await {
            self.note_unreachable(&way);
        }
    }

    /// Whether the MQ is up is said of the configured endpoints.
    pub(super) fn note_unreachable(&self, way: &Way<'_>) {
        match way {
            Way::Configured(..) => {
                self.profile.up.set(0);
                self.endpoints.mark_stale();
            }
            Way::Named(server, _) => server.note_unreachable(),
        }
    }

    pub(super) fn log_change(&self, change: Option<CircuitChange>, endpoint: &Endpoint, cause: Option<&GrpcError>) {
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
}

/// Says what to do about a server that only a route names and that is not there.
pub(super) fn advised(spot: &Spot, error: GrpcError) -> GrpcError {
    match (spot, error) {
        (Spot::Named(address), GrpcError::NotConnected(reason)) => {
            let shown = address.authority();
            let named = if reason.contains(&shown) { reason } else { format!("{shown}: {reason}") };
            GrpcError::NotConnected(format!("{named}; {ADVICE}"))
        }
        (_, error) => error,
    }
}
