//! What went wrong with TLS, in words for operators, and whether the server can have taken anything.
//!
//! A server of TLS 1.3 looks at the client's certificate when the client has done its part already: the request may have left.
//! That it ends the handshake there is its word that it takes nothing of what follows.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use rustls::{AlertDescription, Error, ProtocolVersion};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// TLS where it was not spoken: the server took our request for a broken handshake, and nothing of it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the server speaks TLS on this port: write https:// in `endpoints`")]
pub(super) struct SpeaksTls;

/// How a TLS alert begins: its kind, and the first byte of every version so far.
pub(super) const ALERT: [u8; 2] = [0x15, 0x03];

/// How long a server may take to refuse what the client has sent last in its handshake.
const LATE_REFUSAL: Duration = Duration::from_millis(300);

/// Waits a moment for the refusal of a handshake that seems done: with TLS 1.3 the server has the last word.
pub async fn late_refusal(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    if stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let read = poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer));
    // Nobody speaks before a request but to refuse.
    timeout(LATE_REFUSAL, read).await.unwrap_or(Ok(()))
}

/// Why no connection came about.
#[must_use]
pub fn connect_fault(error: &io::Error) -> String {
    let text = match rustls_error(error) {
        Some(Error::InvalidMessage(_)) => {
            "the server does not speak TLS on this port: write http:// in `endpoints`, or the port where it does"
        }
        Some(Error::AlertReceived(alert)) if demands_certificate(*alert) => DEMANDS_CERTIFICATE,
        Some(Error::AlertReceived(AlertDescription::HandshakeFailure)) => {
            "the server refused the TLS handshake (handshake_failure): it demands a client certificate, which the gateway does \
             not have, or shares no cipher suite of TLS 1.2 or 1.3"
        }
        Some(Error::AlertReceived(AlertDescription::ProtocolVersion)) => {
            "the server refused the TLS handshake (protocol_version): it must speak TLS 1.2 or 1.3"
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection within the TLS handshake: see whether it speaks TLS on this port"
        }
        _ => return error.to_string(),
    };
    text.to_owned()
}

/// Why a server that may have got our request has taken nothing of it; `None` where that is not known.
pub(super) fn proof_of_refusal(error: &io::Error) -> Option<String> {
    if let Some(fault) = error.get_ref().and_then(|inner| inner.downcast_ref::<SpeaksTls>()) {
        return Some(fault.to_string());
    }
    let Error::AlertReceived(alert) = rustls_error(error)? else { return None };
    demands_certificate(*alert).then(|| DEMANDS_CERTIFICATE.to_owned())
}

const DEMANDS_CERTIFICATE: &str = "the server demands a client certificate in the TLS handshake, and the gateway has none: let a \
                                   proxy beside it present one, or let the MQ do without";

/// OpenSSL, Go and rustls say that one is required; Java, that it is bad that there is none. Both end the handshake.
fn demands_certificate(alert: AlertDescription) -> bool {
    matches!(alert, AlertDescription::CertificateRequired | AlertDescription::BadCertificate)
}

fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}
