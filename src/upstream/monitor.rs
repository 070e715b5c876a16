//! Looks after one profile's endpoints in the background: names, reachability, preference.
//!
//! Service never waits for it: the start does not depend on the MQ being there.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Plan;
use super::endpoints::Candidate;

/// Failed connects ask for a look at once, yet not more often than this.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Resolves, connects, shakes hands; then again after the profile's refresh time or as soon as a request failed to
/// connect. Runs until it is dropped.
pub async fn watch(plan: Plan) {
    let mut was_up = None;
    loop {
        plan.endpoints.resolve().await;
        let mut reason = "no address".to_owned();
        let mut up = false;
        for candidate in plan.endpoints.all() {
            match probe(&plan, candidate).await {
                Ok(()) => {
                    plan.endpoints.prefer(candidate);
                    up = true;
                    break;
                }
                Err(failure) => reason = failure,
            }
        }
        plan.up.set(i64::from(up));
        if was_up != Some(up) {
            if up {
                tracing::info!(profile = plan.name, "the MQ can be reached");
            } else {
                tracing::warn!(profile = plan.name, reason, "the MQ could not be reached");
            }
            was_up = Some(up);
        }
        tokio::time::sleep(SHORTEST_PAUSE).await;
        // Whichever comes first; both mean the same.
        drop(timeout(plan.refresh, plan.endpoints.suspicious.notified()).await);
    }
}

/// Connects and, for https, shakes hands; nothing is sent.
async fn probe(plan: &Plan, candidate: Candidate) -> Result<(), String> {
    let limit = plan.limits.connect_timeout;
    let connect = timeout(limit, TcpStream::connect(candidate.address));
    let socket = match connect.await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return Err(format!("{}: {error}", candidate.address)),
        Err(_) => return Err(format!("{}: connecting timed out", candidate.address)),
    };
    let tls = plan.endpoints.origin(candidate).is_some_and(|origin| origin.scheme.as_str() == "https");
    let host = plan.endpoints.host(candidate).unwrap_or_default();
    if tls {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let connector = TlsConnector::from(Arc::clone(&plan.tls));
        match timeout(limit, connector.connect(name, socket)).await {
            Ok(Ok(_stream)) => {}
            Ok(Err(error)) => return Err(format!("TLS with {host}: {error}")),
            Err(_) => return Err(format!("TLS with {host}: no handshake in time")),
        }
    }
    Ok(())
}
