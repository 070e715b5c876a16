//! From a request on the endpoint's listener to the protocol that it speaks.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{ALLOW, CONTENT_LENGTH};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

use super::super::body::{Arrival, NotArrived, Pace};
use super::ons_http;
use crate::clock::Clock;
use crate::config::{EmbeddedConfig, LimitsConfig};
use crate::embedded::Engine;
use crate::signature::{Credentials, SigningKey};
use crate::tasks::Stage;
use crate::telemetry::Metrics;

/// What the endpoint checks and allows.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    pub(super) access_key: Arc<str>,
    pub(super) signing: SigningKey,
    /// Oldest `time` that is taken.
    pub(super) clock_past: Duration,
    /// Furthest `time` ahead that is taken.
    pub(super) clock_future: Duration,
    pub(super) max_message_bytes: usize,
    /// How long a poll without `timeout` is held.
    pub(super) default_wait: Duration,
    /// How long an error answer to GET is held.
    pub(super) error_hold: Duration,
    pace: Pace,
}

/// Largest body over ONS HTTP unless the configuration says otherwise.
const MAX_ONS_MESSAGE_BYTES: usize = 64 << 10;

impl EndpointSettings {
    /// Joins the configuration with the endpoint's one pair of keys.
    #[must_use]
    pub fn new(config: &EmbeddedConfig, credentials: &Credentials, limits: &LimitsConfig) -> Self {
        Self {
            access_key: credentials.access_key.as_str().into(),
            signing: SigningKey::new(credentials.secret_key.expose()),
            clock_past: config.clock_past,
            clock_future: config.clock_future,
            max_message_bytes: config.max_message_bytes.unwrap_or(MAX_ONS_MESSAGE_BYTES),
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
    ) -> Self {
        Self { engine, settings, clock, metrics, stage }
    }

    /// Answers one request.
    pub async fn handle(self: Rc<Self>, request: HttpRequest, mut payload: Payload) -> HttpResponse {
        // Duplicate slashes come from base URLs that end in one (protocol notes ONS 2).
        let path = request.uri().path().trim_start_matches('/');
        if path != "message" && path != "message/" {
            return HttpResponse::NotFound().force_close().finish();
        }
        let method = match *request.method() {
            Method::POST => crate::protocol::ons_http::Method::Post,
            Method::GET => crate::protocol::ons_http::Method::Get,
            Method::DELETE => crate::protocol::ons_http::Method::Delete,
            _ => {
                let allow = (ALLOW, "POST, GET, DELETE");
                return HttpResponse::MethodNotAllowed().insert_header(allow).force_close().finish();
            }
        };
        let mut response = match self.read(&request, &mut payload).await {
            Ok(body) => ons_http::answer(&self, method, &request, body).await,
            Err(Unread::TooBig) => ons_http::too_big(&self),
            Err(Unread::Broken) => HttpResponse::build(StatusCode::BAD_REQUEST).force_close().finish(),
            Err(Unread::TooSlow) => HttpResponse::build(StatusCode::REQUEST_TIMEOUT).force_close().finish(),
        };
        if *self.stage.borrow() != Stage::Serving {
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
        response
    }

    async fn read(&self, request: &HttpRequest, payload: &mut Payload) -> Result<Bytes, Unread> {
        let limit = self.settings.max_message_bytes;
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
}

enum Unread {
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
