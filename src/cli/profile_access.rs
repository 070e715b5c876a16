//! What a command needs of one profile without running it: its name, its addresses, its keys.

use std::net::SocketAddr;

use super::failure::Failure;
use crate::app::{self, CredentialsError};
use crate::config::{Config, CredentialsSource, ProfileConfig};
use crate::embedded::EndpointCredentials;
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

/// Reads the keys that a profile signs with. Makes nothing.
pub(super) fn credentials(config: &Config, profile: &ProfileConfig) -> Result<Credentials, CredentialsError> {
    app::profile_credentials(config, profile, || match &config.embedded.credentials {
        Some(name) => Ok(app::named_credentials(config, name)?.0),
        None => Ok(EndpointCredentials::load(&config.data_dir)?.into()),
    })
}

/// Where a profile's keys are, for people.
pub(super) fn credentials_place(config: &Config, profile: &ProfileConfig) -> String {
    match (&profile.credentials, &config.embedded.credentials) {
        (CredentialsSource::Inline(_), _) => "both keys are in the file of --user-properties".to_owned(),
        (CredentialsSource::Named(name), _) | (CredentialsSource::Embedded, Some(name)) => {
            format!("both files of [credentials.{name}] hold a key")
        }
        (CredentialsSource::Nowhere, _) => "the profile names none: requests are not signed".to_owned(),
        (CredentialsSource::Embedded, None) => {
            format!("the embedded endpoint's own pair is in {}", config.data_dir.display())
        }
    }
}

/// Where a profile's MQ is; for the embedded endpoint where it last listened, else where it is configured to.
pub(super) fn endpoints(config: &Config, profile: &ProfileConfig) -> Result<Vec<EndpointAddress>, String> {
    app::profile_endpoints(profile, || {
        let own =
            config.embedded.credentials.is_none().then(|| EndpointCredentials::load(&config.data_dir).ok()).flatten();
        let noted = own.and_then(|pair| pair.url?.strip_prefix("http://")?.parse::<SocketAddr>().ok());
        let address = noted.unwrap_or(config.embedded.listen);
        if address.port() == 0 {
            let directory = config.data_dir.display();
            return Err(format!("the embedded endpoint takes a free port when it starts, and {directory} notes none"));
        }
        Ok(address)
    })
}

/// The address as a URL, the port always shown.
pub(super) fn url(address: &EndpointAddress) -> String {
    let scheme = if address.tls { "https" } else { "http" };
    format!("{scheme}://{}", address.authority())
}
