//! Sockets and servers.

use std::net::{SocketAddr, TcpListener};

use actix_web::dev::{Server, ServerHandle, ServiceRequest, ServiceResponse, fn_service};
use actix_web::{App, HttpServer};

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

/// Binds `address`.
pub(super) fn bind(address: SocketAddr, key: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    listen().map_err(|source| StartError::Listen { address, key, source })
}

/// Lets a built server run on this thread until its handle stops it.
pub(super) fn run(server: Server, address: SocketAddr) -> Listener {
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
