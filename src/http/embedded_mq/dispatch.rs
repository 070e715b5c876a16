//! From a request on the endpoint's listener to the protocol that it speaks.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::ConnectionType;
use actix_web::http::header::UPGRADE;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt as _;

use super::service::{EndpointRequest, EndpointService};
use crate::http::head::asks_for_websocket;
use crate::http::vendor::Vendor;
use crate::http::{mq_http, ons_http};
use crate::tasks::Stage;

impl EndpointService {
    /// Answers one request.
    pub async fn handle(self: Rc<Self>, request: HttpRequest, mut payload: Payload) -> HttpResponse {
        let vendor = Vendor::of(request.uri().path());
        let context = EndpointRequest::new(&self, &request);
        // The HTTP library would take everything that follows for one endless body.
        let websocket = asks_for_websocket(&request);
        let answer = async {
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
        // An offered upgrade is declined: the HTTP library would go on saying `Connection: upgrade` otherwise.
        if self.resources.stage() != Stage::Serving || request.headers().contains_key(UPGRADE) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    }
}
