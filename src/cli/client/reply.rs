//! A gateway's success.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::error::ClientError;

/// An answer with a status of success, whole.
#[derive(Debug)]
pub(in crate::cli) struct Reply {
    /// 200 to 299.
    pub(in crate::cli) status: u16,
    /// Its body.
    pub(in crate::cli) body: Bytes,
    /// Of whom was asked.
    pub(super) url: String,
}

impl Reply {
    /// The body's JSON.
    pub(in crate::cli) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        // The library's words can quote the answer.
        serde_json::from_slice(&self.body)
            .map_err(|error| self.unusable(&format!("not what a gateway says, at its byte {}", error.column())))
    }

    /// An answer that is a success and does not say of what.
    pub(in crate::cli) fn unusable(&self, what: &str) -> ClientError {
        ClientError::NoAnswer { url: self.url.clone(), reason: format!("its answer is {what}") }
    }
}
