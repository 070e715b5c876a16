//! TLS towards other servers: rustls with ring, public roots or a private CA, always verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::config::{MAX_FILE_BYTES, read_regular_file};

/// Whom to trust.
#[derive(Debug, Clone)]
pub enum TlsRoots {
    /// The web's public certificate authorities, compiled in.
    Public,
    /// Only the authorities of this PEM file.
    File(PathBuf),
    /// Only this certificate: the self-test's.
    One(CertificateDer<'static>),
}

/// Why TLS cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read, or holds no certificate.
    #[error("ca_file {0} could not be read as PEM certificates: {1}")]
    CaFile(PathBuf, String),
    /// rustls refuses the configuration.
    #[error("TLS could not be set up: {0}")]
    Setup(String),
}

/// The configuration for connections: HTTP/1.1 only, TLS 1.2 and 1.3.
///
/// # Errors
/// [`TlsError`] when the CA file cannot be used.
pub fn client_config(roots: &TlsRoots) -> Result<Arc<ClientConfig>, TlsError> {
    speaking(b"http/1.1", roots)
}

/// The same for HTTP/2 only, which gRPC needs.
///
/// # Errors
/// [`TlsError`] when the CA file cannot be used.
#[cfg(feature = "grpc")]
pub fn http2_client_config(roots: &TlsRoots) -> Result<Arc<ClientConfig>, TlsError> {
    speaking(b"h2", roots)
}

fn speaking(protocol: &[u8], roots: &TlsRoots) -> Result<Arc<ClientConfig>, TlsError> {
    let mut store = RootCertStore::empty();
    match roots {
        TlsRoots::Public => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        TlsRoots::File(path) => read(path, &mut store)?,
        TlsRoots::One(certificate) => {
            store.add(certificate.clone()).map_err(|error| TlsError::Setup(error.to_string()))?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Setup(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

fn read(path: &Path, store: &mut RootCertStore) -> Result<(), TlsError> {
    let refuse = |reason: String| TlsError::CaFile(path.to_owned(), reason);
    let bytes = read_regular_file(path, MAX_FILE_BYTES).map_err(|error| refuse(error.to_string()))?;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        store.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(refuse("no certificate in it".to_owned()));
    }
    Ok(())
}
