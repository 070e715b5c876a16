//! Why the gateway did not start.

use super::credentials::CredentialsError;
use crate::embedded::{CredentialsError as EndpointCredentialsError, EngineError};
use crate::listener::ListenError;
use crate::outbound::{SelfTestError, TlsError};
use crate::storage::DataDirError;

/// One message for a person; no secret in it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address is taken or not ours.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The data directory is in use or cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The embedded endpoint's own keys.
    #[error(transparent)]
    EndpointCredentials(#[from] EndpointCredentialsError),
    /// The embedded endpoint's store.
    #[error("the embedded endpoint's store could not be opened: {0}")]
    Engine(#[from] EngineError),
    /// A profile's keys.
    #[error("credentials of profile `{profile}`: {source}")]
    Credentials {
        /// Whose.
        profile: String,
        /// What is wrong with them.
        source: CredentialsError,
    },
    /// A caller's virtual key.
    #[error("credentials of caller `{caller}`: {source}")]
    CallerCredentials {
        /// Whose.
        caller: String,
        /// What is wrong with them.
        source: CredentialsError,
    },
    /// A private CA.
    #[error("profile `{profile}`: {source}")]
    Tls {
        /// Whose.
        profile: String,
        /// What is wrong.
        source: TlsError,
    },
    /// The headers for the collector of traces.
    #[error("tracing.headers_file: {0}")]
    TraceHeaders(crate::config::CredentialsError),
    /// The token of the operators' verbs.
    #[error("management.token_file: {0}")]
    OperatorToken(crate::config::CredentialsError),
    /// Traces.
    #[cfg(feature = "traces")]
    #[error(transparent)]
    Traces(#[from] crate::otlp::SetupError),
    /// The TLS connector does not work.
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
    /// A subscription.
    #[error(transparent)]
    Push(#[from] crate::push::PushError),
    /// Something that the configuration's own checks should have found.
    #[error("{0}")]
    Inconsistent(String),
}
