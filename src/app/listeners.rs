//! Sockets and servers.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpServiceBuilder, KeepAlive};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, map_config};
use actix_web::dev::{AppConfig, Payload, Server, ServiceRequest, ServiceResponse, fn_service};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use futures_util::future::join;
use tokio::net::TcpSocket;

use super::descriptors;
use super::error::StartError;
use crate::config::Config;
use crate::http::management::ManagementService;
use crate::listener::{self as connections, Addresses, ConnectionLimits, Guard};
use crate::tasks::StopSignal;
use crate::telemetry::ConnectionMetrics;

/// How long the rest of a body is thrown away after an answer that came early, so that the caller can read the answer.
const LINGER: Duration = Duration::from_secs(1);

/// An open listener.
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    server: Server,
}

impl Listener {
    /// Serves until it shall stop, then until what is under way has its answer.
    pub(super) async fn serve(self, mut stop: StopSignal) {
        let handle = self.server.handle();
        let stopped = async {
            stop.given().await;
            handle.stop(true).await;
        };
        // The server ends by itself only when it fails.
        if let (Err(error), ()) = join(self.server, stopped).await {
            tracing::error!(%error, "a listener failed");
        }
    }
}

/// What one public listener is besides its configuration.
pub(super) struct Door {
    /// Its name in metrics and log lines.
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// The configuration key of its address.
    pub(super) key: &'static str,
    pub(super) metrics: ConnectionMetrics,
}

/// Connections that wait for us to take them.
const BACKLOG: u32 = 4096;

/// Binds `address`.
fn bind(address: SocketAddr, key: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?.into_std()?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    listen().map_err(|source| StartError::Listen { address, key, source })
}

/// What both public listeners are: the configuration's workers, limits and timeouts around one service per thread, and
/// a guard on every connection. The HTTP library's own timers are off, as the guard's cover more.
pub(super) fn serve<S, B, H, F>(config: &Config, door: Door, build: B, handle: H) -> Result<Listener, StartError>
where
    S: 'static,
    B: Fn() -> Rc<S> + Clone + Send + 'static,
    H: Fn(Rc<S>, HttpRequest, Payload) -> F + Copy + Send + 'static,
    F: Future<Output = HttpResponse> + 'static,
{
    let Door { name, address, key, metrics } = door;
    let (listener, address) = bind(address, key)?;
    let server = &config.server;
    let cap = (descriptors::connections(config) / server.workers).max(1);
    let limits = ConnectionLimits::new(server, cap);
    let addresses = Addresses::new(server.limits.connections_per_address);
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let built = builder
        .workers(server.workers)
        .max_concurrent_connections(cap)
        .shutdown_timeout(server.shutdown_timeout.as_secs())
        .disable_signals()
        .listen(name, listener, move || {
            let service = build();
            let app = App::new().default_service(fn_service(move |request: ServiceRequest| {
                let service = Rc::clone(&service);
                async move {
                    let (request, payload) = request.into_parts();
                    let handle = move |request, payload| handle(service, request, payload);
                    let (request, response) = connections::answer(request, payload, handle).await;
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
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(Duration::ZERO)
                .client_disconnect_timeout(LINGER)
                // A hang-up ends a waiting receive: at the gateway with its poll upstream, at the endpoint with its
                // messages.
                .h1_allow_half_closed(false)
                .on_connect_ext(connections::introduce)
                .h1(map_config(app, |()| AppConfig::default()));
            let guard = Rc::new(Guard::start(&limits, addresses.clone(), metrics.clone()));
            fn_service(move |stream| std::future::ready(guard.admit(stream).map_err(DispatchError::Io))).and_then(http)
        })
        .map_err(|source| StartError::Listen { address, key, source })?
        .run();
    Ok(Listener { address, server: built })
}

/// The management listener: one thread, never on the data listener's workers.
pub(super) fn management(config: &Config, service: ManagementService) -> Result<Listener, StartError> {
    let key = "management.listen";
    let (listener, address) = bind(config.management.listen, key)?;
    let failed = |source| StartError::Listen { address, key, source };
    let server = HttpServer::new(move || {
        let service = service.clone();
        App::new().default_service(fn_service(move |request: ServiceRequest| {
            let service = service.clone();
            async move {
                let (request, _) = request.into_parts();
                let response = service.handle(request.clone()).await;
                Ok::<_, actix_web::Error>(ServiceResponse::new(request, response))
            }
        }))
    })
    .workers(1)
    .max_connections(descriptors::management())
    .client_request_timeout(config.server.limits.head_timeout)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)
    .map_err(failed)?
    .run();
    Ok(Listener { address, server })
}
