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
        serde_json::from_slice(&self.body).map_err(|error| {
            // The library's words can quote the answer.
            let reason = format!("the answer to a success is not what a gateway says (at byte {})", error.column());
            ClientError::NoAnswer { url: self.url.clone(), reason }
        })
    }
}
