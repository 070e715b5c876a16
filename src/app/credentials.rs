//! The keys that the configuration names: for profiles, callers and the embedded endpoint.

use crate::config::{self, Config, CredentialsConfig, CredentialsSource, ProfileConfig};
use crate::embedded;
use crate::signature::Credentials;

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A name without a table; the configuration's own checks find it.
    #[error("[credentials.{0}] is missing")]
    NoTable(String),
    /// A file of a table.
    #[error(transparent)]
    Files(#[from] config::CredentialsError),
    /// The embedded endpoint's own pair.
    #[error(transparent)]
    Endpoint(#[from] embedded::CredentialsError),
    /// The profile has none: its requests are not signed.
    #[error("the profile names no credentials")]
    Nowhere,
    /// There is no embedded endpoint; the configuration's own checks find it.
    #[error("the embedded endpoint is not enabled")]
    NoEndpoint,
}

/// The pair that a profile signs with. `embedded` gives the pair that the embedded endpoint accepts.
///
/// # Errors
/// [`CredentialsError`].
pub fn profile_credentials(
    config: &Config,
    profile: &ProfileConfig,
    embedded: impl FnOnce() -> Result<Credentials, CredentialsError>,
) -> Result<Credentials, CredentialsError> {
    match &profile.credentials {
        CredentialsSource::Inline(credentials) => Ok(credentials.clone()),
        CredentialsSource::Named(name) => Ok(named_credentials(config, name)?.0),
        CredentialsSource::Embedded => embedded(),
        CredentialsSource::Nowhere => Err(CredentialsError::Nowhere),
    }
}

/// The pair of `[credentials.NAME]`, and the files that it is in.
///
/// # Errors
/// [`CredentialsError`].
pub fn named_credentials<'a>(
    config: &'a Config,
    name: &str,
) -> Result<(Credentials, &'a CredentialsConfig), CredentialsError> {
    let files = config.credentials.get(name).ok_or_else(|| CredentialsError::NoTable(name.to_owned()))?;
    Ok((config::load_credentials(files)?, files))
}
