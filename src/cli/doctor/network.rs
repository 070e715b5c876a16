//! Names, connections and TLS handshakes, each with a limit. Nothing is sent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{CertificateError, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::outbound::{self, EndpointAddress, connect_fault, late_refusal};

/// Longest connect to one address, and again one handshake, whatever the profile allows.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Most addresses of one endpoint that are tried, as in service.
const MAX_ADDRESSES: usize = 3;

/// A failed step and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NetworkError {
    pub(super) reason: String,
    pub(super) advice: &'static str,
}

/// Looks one endpoint's name up.
pub(super) async fn look_up(endpoint: &EndpointAddress) -> Result<Vec<SocketAddr>, NetworkError> {
    let advice = "see whether the name is right, and whether this machine or pod can resolve it (resolv.conf, search \
                  domains, a NetworkPolicy that does not allow port 53)";
    outbound::look_up(&endpoint.host, endpoint.port, || ()).await.map_err(|reason| NetworkError { reason, advice })
}

/// Connects to the first address that takes it.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<(SocketAddr, TcpStream), NetworkError> {
    let limit = limit.min(CONNECT_LIMIT);
    let mut reasons = Vec::new();
    let tried = addresses.iter().take(MAX_ADDRESSES).map(|address| async move {
        let result = timeout(limit, TcpStream::connect(address)).await;
        (*address, result)
    });
    for (address, result) in futures_util::future::join_all(tried).await {
        match result {
            Ok(Ok(socket)) => return Ok((address, socket)),
            Ok(Err(error)) => reasons.push(format!("{address}: {error}")),
            Err(_) => reasons.push(format!("{address}: no answer within {:.1} s", limit.as_secs_f64())),
        }
    }
    let advice = "see whether the MQ runs there, whether the port is right, and whether a firewall, security group or \
                  NetworkPolicy lets us out";
    Err(NetworkError { reason: reasons.join(", "), advice })
}

/// Does a TLS handshake, and tells its version.
pub(super) async fn tls_handshake(
    host: &str,
    socket: TcpStream,
    tls: &Arc<ClientConfig>,
) -> Result<String, NetworkError> {
    let other = "see whether this port speaks TLS 1.2 or 1.3 without client certificates";
    let name = match ServerName::try_from(host.to_owned()) {
        Ok(name) => name,
        Err(error) => return Err(NetworkError { reason: error.to_string(), advice: other }),
    };
    let handshake = async {
        let mut stream = TlsConnector::from(Arc::clone(tls)).connect(name, socket).await?;
        late_refusal(&mut stream).await?;
        Ok::<_, io::Error>(stream)
    };
    match timeout(CONNECT_LIMIT, handshake).await {
        Ok(Ok(stream)) => {
            let (_, connection) = stream.get_ref();
            let version = connection.protocol_version().and_then(|version| version.as_str());
            Ok(version.unwrap_or("TLS").replace("TLSv1_", "TLS 1."))
        }
        Ok(Err(error)) => {
            Err(NetworkError { reason: connect_fault(&error), advice: handshake_advice(&error).unwrap_or(other) })
        }
        Err(_) => {
            Err(NetworkError { reason: format!("no handshake within {} s", CONNECT_LIMIT.as_secs()), advice: other })
        }
    }
}

fn handshake_advice(error: &io::Error) -> Option<&'static str> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    if matches!(error, rustls::Error::InvalidMessage(_)) {
        return Some("something other than TLS answers there: is the endpoint http:// on this port?");
    }
    if matches!(error, rustls::Error::AlertReceived(_)) {
        return Some(
            "the gateway offers no client certificate: let a proxy beside it present one, or let the MQ do without",
        );
    }
    let rustls::Error::InvalidCertificate(flaw) = error else { return None };
    Some(if matches!(flaw, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) {
        "write the endpoint with a name that the MQ's certificate holds, or have the certificate reissued"
    } else if matches!(flaw, CertificateError::Expired | CertificateError::ExpiredContext { .. }) {
        "the MQ needs a new certificate, unless this machine's clock is ahead"
    } else if matches!(flaw, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) {
        "this machine's clock is behind, or the certificate is from the future"
    } else if *flaw == CertificateError::UnknownIssuer {
        "if a private CA signed the certificate, set `ca_file` of the profile to its PEM file; the MQ must send its \
         intermediate certificates"
    } else {
        "the certificate is refused, and there is no way around it: the MQ needs a better one"
    })
}
