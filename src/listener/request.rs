//! Requests and the connections that they come on.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;

use actix_web::dev::{Extensions, Payload};
use actix_web::http::{ConnectionType, Version};
use actix_web::{HttpRequest, HttpResponse};

use super::connection::Connection;
use super::stream::GuardedStream;

/// Shows a connection to the requests on it.
pub(super) fn attach(stream: &GuardedStream, data: &mut Extensions) {
    data.insert(Rc::clone(stream.connection()));
}

/// The connection that a request came on; none in tests without one.
pub(crate) fn connection_of(request: &HttpRequest) -> Option<&Rc<Connection>> {
    request.conn_data::<Rc<Connection>>()
}

/// Answers one request, and notes on its connection that it is being answered.
pub(super) async fn answer<F>(
    request: HttpRequest,
    payload: Payload,
    handle: impl FnOnce(HttpRequest, Payload) -> F,
) -> (HttpRequest, HttpResponse)
where
    F: Future<Output = HttpResponse>,
{
    let has_body = !matches!(payload, Payload::None);
    if let Some(connection) = connection_of(&request) {
        connection.begin(has_body, request.head().expect());
    }
    if let Some(connection) = connection_of(&request).filter(|connection| connection.has_said_close()) {
        // It came behind the last answer, whose reader would never know what became of it.
        connection.end();
        return (request, HttpResponse::ServiceUnavailable().force_close().finish());
    }
    let mut handling = pin!(handle(request.clone(), payload));
    let mut response = poll_fn(|context| {
        let polled = handling.as_mut().poll(context);
        if let Some(connection) = connection_of(&request) {
            connection.looked();
        }
        polled
    })
    .await;
    // The HTTP library hands out answers' heads again with the version of an earlier caller, and takes those of HTTP/1.0 for the last.
    response.head_mut().version = Version::HTTP_11;
    if let Some(connection) = connection_of(&request) {
        if has_body && connection.owes_continue() {
            // Whether the body comes after all, its sender decides: what follows cannot be told from it.
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        if response.head().connection_type() == ConnectionType::Close {
            connection.says_close();
        }
        connection.end();
    }
    (request, response)
}
