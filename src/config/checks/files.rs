//! The files that a configuration names: read, and whether their content is what it has to be.

use std::collections::BTreeMap;

use super::certificates::check_certificates;
use super::{callers, subscriptions};
use crate::config::findings::Findings;
use crate::config::headers_file::load_headers;
use crate::config::secret_file::{load_credentials, load_secret};
use crate::config::settings::Config;
use crate::config::values::Flaw;

/// Reads every file that a configuration names, secrets too.
pub(in crate::config) fn check_files(config: &Config, findings: &mut Findings) {
    let mut access_keys = BTreeMap::new();
    for (name, credentials) in &config.credentials {
        let error = match load_credentials(credentials) {
            Ok(pair) => {
                access_keys.insert(name.as_str(), pair.access_key);
                continue;
            }
            Err(error) => error,
        };
        // The nearest key that is there: the file's own, `directory`, or the table.
        let key = if error.path() == credentials.access_key_file {
            "access_key_file"
        } else if error.path() == credentials.secret_key_file {
            "secret_key_file"
        } else {
            "security_token_file"
        };
        findings.add(&format!("credentials.{name}.{key}"), Flaw::new(error.to_string()));
    }
    callers::check_access_keys(config, &access_keys, findings);
    for (name, profile) in &config.profiles {
        if let Some(ca_file) = &profile.ca_file {
            check_certificates(&format!("profiles.{name}.ca_file"), ca_file, findings);
        }
    }
    subscriptions::check_files(config, findings);
    let tracing = &config.tracing;
    if let Some(ca_file) = tracing.ca_file.as_ref().filter(|_| tracing.destination().is_some()) {
        check_certificates("tracing.ca_file", ca_file, findings);
    }
    if let Some(headers_file) = &tracing.headers_file
        && let Err(error) = load_headers(headers_file)
    {
        findings.add("tracing.headers_file", Flaw::new(error.to_string()));
    }
    if let Some(token_file) = &config.management.token_file
        && let Err(error) = load_secret(token_file)
    {
        findings.add("management.token_file", Flaw::new(error.to_string()));
    }
}
