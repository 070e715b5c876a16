//! Settings that name other settings: what they name must exist and fit.

use crate::model::Protocol;

use super::Config;
use super::endpoint::Endpoint;
use super::findings::Findings;
use super::kind::Flaw;
use super::profiles::{CredentialsSource, ProfileConfig};
use super::suggest::did_you_mean;

/// Checks what profiles name.
pub(super) fn check_profiles(config: &Config, findings: &mut Findings) {
    for (name, profile) in &config.profiles {
        let key = |key: &str| format!("profiles.{name}.{key}");
        let embedded = profile.endpoints.contains(&Endpoint::Embedded);
        if embedded && profile.endpoints.len() > 1 {
            findings
                .add(&key("endpoints"), Flaw::new("has \"embedded\" beside another address").hint("it stands alone"));
        }
        if embedded && !config.embedded.enabled {
            findings.add(
                &key("endpoints"),
                Flaw::new("is the embedded endpoint, which is not enabled")
                    .hint("set `enabled = true` below [embedded]"),
            );
        }
        let has_tls = profile.endpoints.iter().any(|endpoint| matches!(endpoint, Endpoint::Url { tls: true, .. }));
        if profile.ca_file.is_some() && !has_tls {
            findings.add(&key("ca_file"), Flaw::new("is of no use, since no endpoint is https"));
        }
        if let Err(flaw) = check_credentials(config, profile, embedded) {
            findings.add(&key("credentials"), flaw);
        }
    }
}

fn check_credentials(config: &Config, profile: &ProfileConfig, embedded: bool) -> Result<(), Flaw> {
    match &profile.credentials {
        CredentialsSource::Inline(_) => Ok(()),
        CredentialsSource::Embedded if embedded => Ok(()),
        CredentialsSource::Embedded => {
            Err(Flaw::new("is the embedded endpoint's own pair, and the endpoint is another")
                .hint("name a table below [credentials]"))
        }
        CredentialsSource::Named(name) if !config.credentials.contains_key(name) => {
            Err(unknown_table("credentials", name, config.credentials.keys()))
        }
        CredentialsSource::Named(name) if embedded && config.embedded.credentials.as_ref() != Some(name) => {
            Err(Flaw::new("is a pair that the embedded endpoint does not accept")
                .hint("write \"embedded\", or set `credentials` below [embedded] to the same name"))
        }
        CredentialsSource::Named(name) => match (profile.protocol, config.credentials.get(name)) {
            (Protocol::OnsHttp, Some(files)) if files.security_token_file.is_some() => {
                Err(Flaw::new("has a security token, and ons-http has no place for one")
                    .hint("use a permanent pair and take the file security_token away; mq-http has a place for one"))
            }
            (Protocol::OnsHttp | Protocol::MqHttp, _) => Ok(()),
        },
    }
}

/// A reference to a table that is not there; lists those that are.
pub(super) fn unknown_table<'a>(tables: &str, name: &str, known: impl Iterator<Item = &'a String> + Clone) -> Flaw {
    let flaw = Flaw::new(format!("names no table below [{tables}]"));
    let names: Vec<String> = known.clone().map(|name| format!("`{name}`")).collect();
    if let Some(hint) = did_you_mean(name, known.map(String::as_str)) {
        return flaw.hint(hint);
    }
    if names.is_empty() {
        return flaw.hint(format!("there are none; add [{tables}.NAME]"));
    }
    flaw.hint(format!("there are {}", names.join(", ")))
}
