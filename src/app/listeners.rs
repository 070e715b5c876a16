//! Sockets and servers.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;

use actix_web::dev::{Payload, Server, ServerHandle, ServiceRequest, ServiceResponse, fn_service};
use tokio::net::TcpSocket;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer};

use super::StartError;
use crate::config::Config;
use crate::http::management::ManagementService;
use crate::tasks::Background;

/// A listener that serves.
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    pub(super) handle: ServerHandle,
    pub(super) server: Background,
}

/// How many connections may wait to be accepted: a reconnecting fleet must not be turned away.
const BACKLOG: u32 = 4096;

/// Binds `address`.
fn bind(address: SocketAddr, key: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?.into_std()?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    listen().map_err(|source| StartError::Listen { address, key, source })
}

/// What both public listeners are: the configuration's workers, limits and timeouts around one service per thread.
pub(super) fn serve<S, B, H, F>(
    config: &Config,
    (address, key): (SocketAddr, &'static str),
    build: B,
    handle: H,
) -> Result<Listener, StartError>
where
    S: 'static,
    B: Fn() -> Rc<S> + Clone + Send + 'static,
    H: Fn(Rc<S>, HttpRequest, Payload) -> F + Copy + Send + 'static,
    F: Future<Output = HttpResponse> + 'static,
{
    let (listener, address) = bind(address, key)?;
    let server = &config.server;
    let built = HttpServer::new(move || {
        let service = build();
        App::new().default_service(fn_service(move |request: ServiceRequest| {
            let service = Rc::clone(&service);
            async move {
                let (request, payload) = request.into_parts();
                let response = handle(service, request.clone(), payload).await;
                Ok::<_, actix_web::Error>(ServiceResponse::new(request, response))
            }
        }))
    })
    .workers(server.workers)
    .max_connections((server.limits.connections / server.workers).max(1))
    .keep_alive(server.keep_alive)
    .client_request_timeout(server.limits.head_timeout)
    // A hang-up ends a waiting receive: at the gateway with its poll upstream, at the endpoint with its messages.
    .h1_allow_half_closed(false)
    .shutdown_timeout(server.shutdown_timeout.as_secs())
    .disable_signals()
    .listen(listener)
    .map_err(|source| StartError::Listen { address, key, source })?
    .run();
    Ok(run(built, address))
}

/// Lets a built server run on this thread until its handle stops it.
fn run(server: Server, address: SocketAddr) -> Listener {
    let handle = server.handle();
    let server = Background::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "a listener failed");
        }
    });
    Listener { address, handle, server }
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
    .max_connections(1024)
    .client_request_timeout(config.server.limits.head_timeout)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)
    .map_err(failed)?
    .run();
    Ok(run(server, address))
}
