//! The collector's HTTP/2 and gRPC: a call is a stream, a message five bytes and its text, the end a trailer.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::span::read_export;
use super::{Answer, State};
use crate::support::local_server;

type Shared = Arc<Mutex<State>>;

const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A certificate, and what serves with it.
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) config: Arc<ServerConfig>,
}

pub(super) fn identity() -> Identity {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .expect("an identity");
    config.alpn_protocols = vec![b"h2".to_vec()];
    Identity { certificate: certificate.pem(), config: Arc::new(config) }
}

/// Serves until `stopped` ends, then breaks everything off.
pub(super) fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    state: &Shared,
    stopped: oneshot::Receiver<()>,
) {
    local_server::serve(listener, stopped, |socket| {
        let (state, tls) = (Arc::clone(state), tls.clone());
        async move {
            match tls.map(TlsAcceptor::from) {
                None => connection(socket, state).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        connection(stream, state).await;
                    }
                }
            }
        }
    });
}

async fn connection(socket: impl AsyncRead + AsyncWrite + Unpin, state: Shared) {
    let Ok(mut connection) = h2::server::handshake(socket).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::task::spawn_local(call(request, respond, Arc::clone(&state)));
    }
}

async fn call(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, state: Shared) {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", PATH));
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: HashMap<String, String> =
        request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    assert_eq!(headers["content-type"], "application/grpc");
    let mut body = request.into_body();
    let Some(message) = message(&mut body).await else { return };
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls += 1;
        let answer = state.script.pop_front().or(state.usual).unwrap_or(Answer::Take);
        if let Answer::Take | Answer::TakeBut(_) = answer {
            state.exports.push(read_export(headers, &message));
        }
        answer
    };
    match answer {
        Answer::Take => whole(&mut respond, &[]),
        // partial_success { rejected_spans = n, error_message = "no" }
        Answer::TakeBut(count) => whole(&mut respond, &[10, 6, 8, count, 18, 2, b'n', b'o']),
        Answer::Status(code) => {
            let head = Response::builder().header("content-type", "application/grpc");
            let head = head.header("grpc-status", code.to_string()).header("grpc-message", "no");
            drop(respond.send_response(head.body(()).expect("a response"), true));
        }
        Answer::Hang => drop(std::future::poll_fn(|context| respond.poll_reset(context)).await),
    }
}

async fn message(body: &mut RecvStream) -> Option<Vec<u8>> {
    let mut buffer = BytesMut::new();
    loop {
        if buffer.len() >= 5 {
            let length = u32::from_be_bytes([buffer[1], buffer[2], buffer[3], buffer[4]]) as usize;
            assert_eq!(buffer[0], 0, "nothing is compressed");
            if buffer.len() >= 5 + length {
                return Some(buffer[5..5 + length].to_vec());
            }
        }
        let data = timeout(Duration::from_secs(10), body.data()).await.ok()??.ok()?;
        drop(body.flow_control().release_capacity(data.len()));
        buffer.extend_from_slice(&data);
    }
}

fn whole(respond: &mut SendResponse<Bytes>, message: &[u8]) {
    let head = Response::builder().header("content-type", "application/grpc").body(()).expect("a response");
    let Ok(mut stream) = respond.send_response(head, false) else { return };
    let length = u32::try_from(message.len()).expect("a small message");
    // A client that left does not need it.
    drop(stream.send_data([&[0][..], &length.to_be_bytes(), message].concat().into(), false));
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", 0.into());
    drop(stream.send_trailers(trailers));
}
