//! The guard on callers' connections.
//!
//! The HTTP library limits only the first head of a connection. Here every connection is wrapped in a [`GuardedStream`]
//! that keeps, in one small [`Connection`] shared with the requests on it, what it waits for and since when. No request
//! makes a timer: each thread has one [`Watch`] that looks at all its connections a few times in the shortest limit,
//! and closes those that are overdue:
//!
//! - a head, first or later, that is not whole after `head_timeout`, answered 408 where that cannot be taken for a
//!   second answer; the same for bytes that belong to no request, such as the rest of a body that nobody reads;
//! - an idle connection after `keep_alive`;
//! - an answer of which too little was taken in `write_timeout`; what the kernel has taken, it watches itself;
//! - where the cap is near, those that have waited longest.
//!
//! Bodies that are read have their deadline where they are read (`http::body`).

mod address;
mod connection;
mod room;
mod stream;
mod watch;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::{Extensions, Payload};
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{HttpRequest, HttpResponse};

use crate::config::ServerConfig;

pub use address::Addresses;
pub use connection::Connection;
pub use stream::GuardedStream;
pub use watch::{Guard, Watch};

/// What connections may cost; the cap is one thread's share.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    head_timeout: Duration,
    keep_alive: Duration,
    write_timeout: Duration,
    min_rate: usize,
    cap: usize,
}

impl ConnectionLimits {
    /// One thread's limits, of which `cap` connections may be open at once.
    #[must_use]
    pub fn new(server: &ServerConfig, cap: usize) -> Self {
        let limits = &server.limits;
        Self {
            head_timeout: limits.head_timeout,
            keep_alive: server.keep_alive,
            write_timeout: limits.write_timeout,
            min_rate: limits.min_body_rate,
            cap,
        }
    }
}

/// Shows a connection to the requests on it.
pub fn introduce(stream: &GuardedStream, data: &mut Extensions) {
    data.insert(Rc::clone(stream.connection()));
}

/// The connection that a request came on; none in tests without one.
pub(crate) fn of(request: &HttpRequest) -> Option<&Connection> {
    request.conn_data::<Rc<Connection>>().map(Rc::as_ref)
}

/// Answers one request, and notes on its connection that it is being answered.
pub async fn answer<F>(
    request: HttpRequest,
    payload: Payload,
    handle: impl FnOnce(HttpRequest, Payload) -> F,
) -> (HttpRequest, HttpResponse)
where
    F: Future<Output = HttpResponse>,
{
    let bodied = !matches!(payload, Payload::None);
    if let Some(connection) = of(&request) {
        connection.begin(bodied);
    }
    let response = handle(request.clone(), payload).await;
    if let Some(connection) = of(&request) {
        let empty = || request.headers().get(CONTENT_LENGTH).is_some_and(|length| length == "0");
        connection.end(empty);
    }
    (request, response)
}

/// The address that a stream came from.
fn peer(stream: &tokio::net::TcpStream) -> Option<SocketAddr> {
    stream.peer_addr().ok()
}
