//! From a request on the endpoint's listener to the protocol that it speaks.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::ConnectionType;
use actix_web::http::header::UPGRADE;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::chaos::{Chaos, ChaosError};
use super::service::{EndpointRequest, EndpointService};
use crate::http::head::asks_for_websocket;
use crate::http::vendor::Vendor;
use crate::http::{mq_http, ons_http};
use crate::listener::connection_of;
use crate::tasks::Stage;

impl EndpointService {
    /// Answers one request.
    pub async fn handle(self: Rc<Self>, request: HttpRequest, mut payload: Payload) -> HttpResponse {
        let vendor = Vendor::of(request.uri().path());
        let context = EndpointRequest::new(&self, &request);
        // The HTTP library would take everything that follows for one endless body.
        let websocket = asks_for_websocket(&request);
        let chaos = self.settings.chaos.as_ref().filter(|_| vendor.is_some());
        let answer = async {
            if let (Some(chaos), Some(vendor)) = (chaos, vendor)
                && let Some(error) = self.misbehave(chaos).await
            {
                return match vendor {
                    Vendor::OnsHttp => ons_http::endpoint::chaos(&context, error),
                    Vendor::MqHttp => mq_http::endpoint::chaos(&context, &mut payload, error).await,
                };
            }
            match vendor {
                Some(Vendor::OnsHttp) if !websocket => ons_http::endpoint::answer(&context, &mut payload).await,
                Some(Vendor::MqHttp) if !websocket => mq_http::endpoint::answer(&context, &mut payload).await,
                Some(_) => HttpResponse::BadRequest().force_close().finish(),
                None => HttpResponse::NotFound().force_close().finish(),
            }
        };
        // A panic is answered like any other bug, and ends this request only.
        let answered = AssertUnwindSafe(answer).catch_unwind().await;
        let mut response = answered.unwrap_or_else(|_| match vendor {
            Some(Vendor::MqHttp) => mq_http::endpoint::internal_error(&context),
            Some(Vendor::OnsHttp) | None => HttpResponse::ServiceUnavailable().force_close().finish(),
        });
        if chaos.is_some_and(Chaos::drops_answer)
            && let Some(connection) = connection_of(&request)
        {
            self.resources.metrics.embedded.chaos("dropped_answer", 1);
            connection.abandon();
        }
        // An offered upgrade is declined: the HTTP library would go on saying `Connection: upgrade` otherwise.
        if self.resources.stage() != Stage::Serving || request.headers().contains_key(UPGRADE) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    }

    /// Waits, and says which error is to be answered in place of doing anything.
    async fn misbehave(&self, chaos: &Chaos) -> Option<ChaosError> {
        if !chaos.latency().is_zero() {
            // Whichever comes first.
            drop(timeout(chaos.latency(), self.resources.until_stopping()).await);
        }
        let error = chaos.error();
        if error.is_some() {
            self.resources.metrics.embedded.chaos("error", 1);
        }
        error
    }
}
