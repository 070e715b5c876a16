//! From a request on the endpoint's listener to the protocol that it speaks.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, UPGRADE};
use actix_web::{HttpRequest, HttpResponse};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use tokio::sync::watch;

use super::super::body::{Arrival, NotArrived, Pace};
use super::super::guard::asks_for_websocket;
use super::super::request_id::RequestIds;
use super::super::vendor::ons_http::ClockWindow;
use super::super::vendor::{Callers, Vendor};
use super::{mq_http, ons_http};
use crate::clock::Clock;
use crate::config::{EmbeddedConfig, LimitsConfig};
use crate::embedded::Engine;
use crate::random::Random;
use crate::signature::Credentials;
use crate::tasks::Stage;
use crate::telemetry::Metrics;

/// An answer takes no further message once the bodies have so many bytes: escaped they may be many times as long.
pub(super) const MAX_CONSUMED_BYTES: usize = 16 << 20;

/// When to come back, in seconds, where the store is full or could not be written: longer than the default deadline of a
/// publish, so that a gateway before it answers its caller and does not ask again itself.
pub(super) const STORE_RETRY_AFTER: &str = "10";

/// What the endpoint checks and allows.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// The one pair.
    pub(super) callers: Callers,
    /// Of the ONS HTTP protocol's `time`.
    pub(super) clock: ClockWindow,
    /// Of the MQ HTTP protocol's `Date`, both ways.
    pub(super) clock_window: Duration,
    /// Of a body in the ONS HTTP protocol.
    pub(super) ons_message_bytes: usize,
    /// Of a body in the MQ HTTP protocol.
    pub(super) mq_message_bytes: usize,
    /// How long a poll without `timeout` is held.
    pub(super) default_wait: Duration,
    /// How long an error answer to GET is held.
    pub(super) error_hold: Duration,
    pace: Pace,
}

impl EndpointSettings {
    /// Joins the configuration with the endpoint's one pair of keys.
    #[must_use]
    pub fn new(config: &EmbeddedConfig, credentials: &Credentials, limits: &LimitsConfig) -> Self {
        Self {
            callers: Callers::embedded(credentials),
            clock: ClockWindow { past: config.clock_past, future: config.clock_future },
            clock_window: config.clock_window,
            ons_message_bytes: config.max_message_bytes.unwrap_or(crate::protocol::ons_http::MAX_BODY_BYTES),
            mq_message_bytes: config.max_message_bytes.unwrap_or(crate::protocol::mq_http::MAX_BODY_BYTES),
            default_wait: config.default_wait,
            error_hold: config.error_hold,
            pace: Pace::new(limits),
        }
    }
}

/// One thread's endpoint.
#[derive(Debug)]
pub struct EndpointService {
    pub(super) engine: Engine,
    pub(super) settings: EndpointSettings,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stage: watch::Receiver<Stage>,
    pub(super) request_ids: RequestIds,
}

impl EndpointService {
    /// Builds one thread's endpoint.
    #[must_use]
    pub fn new(
        engine: Engine,
        settings: EndpointSettings,
        clock: Clock,
        metrics: Arc<Metrics>,
        stage: watch::Receiver<Stage>,
        random: &Random,
    ) -> Self {
        let request_ids = RequestIds::new(random);
        Self { engine, settings, clock, metrics, stage, request_ids }
    }

    /// Answers one request.
    pub async fn handle(self: Rc<Self>, request: HttpRequest, mut payload: Payload) -> HttpResponse {
        let vendor = Vendor::of(request.uri().path());
        // The HTTP library would take everything that follows for one endless body.
        let websocket = asks_for_websocket(&request);
        let answer = async {
            match vendor {
                Some(Vendor::OnsHttp) if !websocket => ons_http::answer(&self, &request, &mut payload).await,
                Some(Vendor::MqHttp) if !websocket => mq_http::answer(&self, &request, &mut payload).await,
                Some(_) => HttpResponse::BadRequest().force_close().finish(),
                None => HttpResponse::NotFound().force_close().finish(),
            }
        };
        // A panic is answered like any other bug, and ends this request only.
        let answered = AssertUnwindSafe(answer).catch_unwind().await;
        let mut response = answered.unwrap_or_else(|_| match vendor {
            Some(Vendor::MqHttp) => mq_http::bug(&self, &request),
            Some(Vendor::OnsHttp) | None => HttpResponse::ServiceUnavailable().force_close().finish(),
        });
        // An offered upgrade is declined: the HTTP library would go on saying `Connection: upgrade` otherwise.
        if *self.stage.borrow() != Stage::Serving || request.headers().contains_key(UPGRADE) {
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
        response
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, reason: &'static str) {
        self.metrics.embedded.refused(reason);
        tracing::debug!(reason, "the embedded endpoint refused a request");
    }

    /// The whole body, at most `limit` bytes of it.
    pub(super) async fn read(
        &self,
        request: &HttpRequest,
        payload: &mut Payload,
        limit: usize,
    ) -> Result<Bytes, Unread> {
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > limit) {
            return Err(Unread::TooBig);
        }
        let mut arrival = Arrival::new(request, payload, self.settings.pace);
        let mut first = Bytes::new();
        let mut body = BytesMut::new();
        while let Some(chunk) = arrival.next().await? {
            if first.len() + body.len() + chunk.len() > limit {
                return Err(Unread::TooBig);
            }
            if first.is_empty() && body.is_empty() {
                first = chunk;
                continue;
            }
            body.extend_from_slice(&std::mem::take(&mut first));
            body.extend_from_slice(&chunk);
        }
        Ok(if body.is_empty() { first } else { body.freeze() })
    }

    /// Waits while nothing has to be answered, or until the process stops.
    pub(super) async fn until_stopping(&self) {
        // An error says that nobody changes the stage any more.
        drop(self.stage.clone().wait_for(|stage| *stage == Stage::Stopping).await);
    }
}

/// Why a body did not come whole.
pub(super) enum Unread {
    TooBig,
    Broken,
    TooSlow,
}

impl From<NotArrived> for Unread {
    fn from(reason: NotArrived) -> Self {
        match reason {
            NotArrived::Broken => Self::Broken,
            NotArrived::Late(_) | NotArrived::Slow(_) => Self::TooSlow,
        }
    }
}
