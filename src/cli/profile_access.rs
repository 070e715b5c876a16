//! What a command needs of one profile without running it: its name, its addresses, its keys.

use std::net::{Ipv4Addr, SocketAddr};

use super::Failure;
use crate::config::{self, Config, CredentialsSource, Endpoint, ProfileConfig};
use crate::embedded::{CredentialsError, EndpointCredentials};
use crate::outbound::EndpointAddress;
use crate::signature::Credentials;

/// The profile of this name.
pub(super) fn named<'a>(config: &'a Config, name: &str) -> Result<&'a ProfileConfig, Failure> {
    config.profiles.get(name).ok_or_else(|| {
        let known: Vec<String> = config.profiles.keys().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Failure::usage(format!("--profile: there is no profile of this name in the configuration; there are {known}"))
    })
}

/// Why a profile's keys cannot be used, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoKeys {
    pub(super) reason: String,
    pub(super) advice: &'static str,
}

const MEND_FILE: &str = "write the key into this file, alone and without quotes, readable by the gateway's user; in \
                         Kubernetes compare the Secret's keys with the names of the files";
const START_EMBEDDED: &str = "start `mq-gateway` (or `mq-gateway embedded-mq`) with this data directory, or name another \
                              with --data-dir";

/// Reads the keys that a profile signs with. Makes nothing.
pub(super) fn credentials(config: &Config, profile: &ProfileConfig) -> Result<Credentials, NoKeys> {
    match &profile.credentials {
        CredentialsSource::Inline(credentials) => Ok(credentials.clone()),
        CredentialsSource::Named(name) => {
            let Some(files) = config.credentials.get(name) else {
                return Err(NoKeys { reason: format!("[credentials.{name}] is missing"), advice: MEND_FILE });
            };
            config::load_credentials(files).map_err(|error| NoKeys { reason: error.to_string(), advice: MEND_FILE })
        }
        CredentialsSource::Embedded => match EndpointCredentials::load(&config.data_dir) {
            Ok(pair) => Ok(pair.into()),
            Err(error) => {
                let advice = match &error {
                    CredentialsError::Missing { .. } => START_EMBEDDED,
                    CredentialsError::Malformed { .. } | CredentialsError::Io { .. } | CredentialsError::Random(_) => {
                        "mend the file or its permissions; without it the endpoint makes new keys at its next start"
                    }
                };
                Err(NoKeys { reason: error.to_string(), advice })
            }
        },
    }
}

/// The words for where a profile's keys are.
pub(super) fn credentials_place(config: &Config, profile: &ProfileConfig) -> String {
    match &profile.credentials {
        CredentialsSource::Inline(_) => "both keys are in the file of --user-properties".to_owned(),
        CredentialsSource::Named(name) => format!("both files of [credentials.{name}] hold a key"),
        CredentialsSource::Embedded => {
            format!("the embedded endpoint's own pair is in {}", config.data_dir.display())
        }
    }
}

/// Where a profile's MQ is; for the embedded endpoint where it last listened, else where it is configured to.
pub(super) fn addresses(config: &Config, profile: &ProfileConfig) -> Result<Vec<EndpointAddress>, String> {
    let address = |endpoint: &Endpoint| match endpoint {
        Endpoint::Url { tls, host, port } => Ok(EndpointAddress { tls: *tls, host: host.clone(), port: *port }),
        Endpoint::Embedded => embedded_address(config),
    };
    profile.endpoints.iter().map(address).collect()
}

fn embedded_address(config: &Config) -> Result<EndpointAddress, String> {
    let own = config.embedded.credentials.is_none().then(|| EndpointCredentials::load(&config.data_dir).ok()).flatten();
    let noted = own.and_then(|pair| pair.url?.strip_prefix("http://")?.parse::<SocketAddr>().ok());
    let address = noted.unwrap_or(config.embedded.listen);
    if address.port() == 0 {
        let directory = config.data_dir.display();
        return Err(format!("the embedded endpoint takes a free port when it starts, and {directory} notes none"));
    }
    let ip = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
    Ok(EndpointAddress { tls: false, host: ip.to_string(), port: address.port() })
}

/// The address as a URL, the port always shown.
pub(super) fn url(address: &EndpointAddress) -> String {
    let scheme = if address.tls { "https" } else { "http" };
    format!("{scheme}://{}", address.authority())
}
