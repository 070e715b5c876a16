//! `mq-gateway embedded-mq credentials`.

use super::arguments::CredentialsArguments;
use super::failure::Failure;
use super::output;
use crate::embedded::EndpointCredentials;

/// Where the endpoint is unless it noted another address.
const DEFAULT_URL: &str = "http://127.0.0.1:8090";

/// Prints the keys: the one command that shows a secret, because that is what it is asked for.
pub(super) fn print(arguments: &CredentialsArguments) -> Result<u8, Failure> {
    let pair = EndpointCredentials::load(&arguments.data_dir).map_err(Failure::bad)?;
    let url = pair.url.as_deref().unwrap_or(DEFAULT_URL);
    // A json! object sorts its keys; the contract's order is easier to read.
    let text = |value: &str| serde_json::Value::from(value).to_string();
    output::print(&format!(
        "{{\"access_key\":{},\"secret_key\":{},\"url\":{}}}",
        text(&pair.access_key),
        text(pair.secret_key.expose()),
        text(url)
    ))?;
    Ok(0)
}
