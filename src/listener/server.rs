//! Servers of the HTTP library on our sockets.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpServiceBuilder, KeepAlive};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, map_config};
use actix_web::dev::{AppConfig, Payload, Server, ServiceRequest, ServiceResponse, fn_service};
use actix_web::{App, HttpRequest, HttpResponse};
use futures_util::future::join;

use super::addresses::AddressLimit;
use super::guard::ConnectionGuard;
use super::request;
use super::socket::{ListenAddress, ListenError};
use crate::config::ServerConfig;
use crate::tasks::StopSignal;
use crate::telemetry::ConnectionMetrics;

/// How long the rest of a body is thrown away after an answer that came early, so that the caller can read the answer.
const LINGER: Duration = Duration::from_secs(1);

/// When so much of an answer is there, it is written before more of it is asked for. A connection keeps twice as much once it had
/// a large answer.
const WRITE_BUFFER_BYTES: usize = 16 << 10;

/// An open listener.
#[expect(missing_debug_implementations, reason = "the HTTP library's server has none")]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    server: Server,
}

impl Listener {
    /// Serves until it is told to stop, then until requests under way have their answers. It ends by itself only when it fails.
    pub async fn serve(self, mut stop: StopSignal) {
        let handle = self.server.handle();
        let mut server = pin!(self.server);
        let ended = tokio::select! {
            ended = &mut server => ended,
            () = stop.given() => join(server, handle.stop(true)).await.0,
        };
        if let Err(error) = ended {
            tracing::error!(%error, "a listener failed");
        }
    }
}

/// A whole second more where there is a part of one: what is configured is the least.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// What one listener for callers has besides the configuration's common part.
#[derive(Debug)]
pub struct ListenerOptions {
    /// Names the server's threads.
    pub name: &'static str,
    /// Where to listen.
    pub listen: ListenAddress,
    /// Most connections at once, over all threads.
    pub connections: usize,
    /// Counts the connections.
    pub metrics: ConnectionMetrics,
}

/// Serves callers: the configuration's workers, limits and timeouts around one service per thread, and a guard on every
/// connection. The HTTP library's own timers are off, as the guard's cover more.
///
/// # Errors
/// When the address is taken or not ours.
pub fn serve<S, B, H, F>(
    server: &ServerConfig,
    options: ListenerOptions,
    build: B,
    handle: H,
) -> Result<Listener, ListenError>
where
    S: 'static,
    B: Fn() -> Rc<S> + Clone + Send + 'static,
    H: Fn(Rc<S>, HttpRequest, Payload) -> F + Copy + Send + 'static,
    F: Future<Output = HttpResponse> + 'static,
{
    let ListenerOptions { name, listen, connections, metrics } = options;
    let (listener, address) = listen.bind(server.limits.socket_buffer)?;
    let cap = (connections / server.workers).max(1);
    metrics.limit.set(i64::try_from(cap * server.workers).unwrap_or(i64::MAX));
    let server = server.clone();
    let addresses = AddressLimit::new(server.limits.connections_per_address);
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let built = builder
        .workers(server.workers)
        .max_concurrent_connections(cap)
        .shutdown_timeout(whole_seconds(server.shutdown_timeout))
        .disable_signals()
        .listen(name, listener, move || {
            let service = build();
            let app = App::new().default_service(fn_service(move |request: ServiceRequest| {
                let service = Rc::clone(&service);
                async move {
                    let (request, payload) = request.into_parts();
                    let handle = move |request, payload| handle(service, request, payload);
                    let (request, response) = request::answer(request, payload, handle).await;
                    Ok::<_, actix_web::Error>(ServiceResponse::new(request, response))
                }
            }));
            let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
            let stopping = stopping.clone();
            let http = HttpServiceBuilder::default()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .h1_write_buffer_size(WRITE_BUFFER_BYTES)
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(Duration::ZERO)
                .client_disconnect_timeout(LINGER)
                // The connection's own account says when a half-close is an end.
                .h1_allow_half_closed(true)
                .on_connect_ext(request::attach)
                .h1(map_config(app, |()| AppConfig::default()));
            let guard = Rc::new(ConnectionGuard::start(&server, cap, addresses.clone(), metrics.clone()));
            fn_service(move |stream| std::future::ready(guard.admit(stream).map_err(DispatchError::Io))).and_then(http)
        })
        .map_err(|source| listen.error(source))?
        .run();
    Ok(Listener { address, server: built })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use actix_service::{fn_factory, fn_service};
    use actix_web::rt::net::TcpStream;

    use super::*;
    use crate::tasks::{Service, block_on};

    #[test]
    fn part_of_a_second_is_a_whole_one() {
        for (millis, seconds) in [(0, 0), (1, 1), (900, 1), (1000, 1), (1900, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds, "{millis}");
        }
    }

    #[test]
    fn a_server_that_fails_ends_at_once() {
        block_on(async {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = socket.local_addr().unwrap();
            let failing = || {
                fn_factory(|| async {
                    let service = fn_service(async |_: TcpStream| Ok::<_, ()>(()));
                    // As a thread that the system does not give.
                    if cfg!(test) { Err(()) } else { Ok(service) }
                })
            };
            let built = Server::build().workers(1).disable_signals().listen("failing", socket, failing).unwrap();
            let listener = Listener { address, server: built.run() };
            let ended = Rc::new(tokio::sync::Notify::new());
            let tell = Rc::clone(&ended);
            // Nobody asks it to stop.
            let _service = Service::start_local("a listener", |stop| async move {
                listener.serve(stop).await;
                tell.notify_one();
            });
            tokio::time::timeout(Duration::from_secs(20), ended.notified()).await.expect("it ends by itself");
        });
    }
}
