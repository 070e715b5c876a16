//! What profiles and pairs of keys say of each other.

use super::unknown_table::unknown_table;
use crate::config::findings::Findings;
use crate::config::sections::{CredentialsSource, ProfileConfig};
use crate::config::settings::Config;
use crate::config::values::{EMBEDDED, Endpoint, Flaw};
use crate::model::Protocol;

/// Keys of every profile that only the protocols over HTTP use.
const HTTP_ONLY: [&str; 3] = ["empty_poll_pause", "keep_alive", "clock_skew"];

/// Checks what profiles name.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    if config.credentials.contains_key(EMBEDDED) {
        let flaw = Flaw::new("must not be called `embedded`, the name of the embedded endpoint's own pair");
        findings.add(&format!("credentials.{EMBEDDED}"), flaw.hint("choose another name"));
    }
    for (name, profile) in &config.profiles {
        let key = |key: &str| format!("profiles.{name}.{key}");
        for (index, endpoint) in profile.endpoints.iter().enumerate() {
            if profile.endpoints.iter().take(index).any(|earlier| earlier == endpoint) {
                findings.add(&key(&format!("endpoints[{index}]")), Flaw::new("is listed twice"));
            }
        }
        let embedded = profile.endpoints.contains(&Endpoint::Embedded);
        if embedded && profile.endpoints.iter().any(|endpoint| *endpoint != Endpoint::Embedded) {
            let flaw = Flaw::new("has \"embedded\" beside another address");
            findings.add(&key("endpoints"), flaw.hint("it stands alone"));
        }
        if embedded && !config.embedded.enabled {
            let flaw = Flaw::new("is the embedded endpoint, which is not enabled");
            findings.add(&key("endpoints"), flaw.hint("set `enabled = true` below [embedded]"));
        }
        let has_tls = profile.endpoints.iter().any(|endpoint| matches!(endpoint, Endpoint::Url { tls: true, .. }));
        if profile.ca_file.is_some() && !has_tls {
            findings.add(&key("ca_file"), Flaw::new("has no effect, since no endpoint is https"));
        }
        if profile.protocol.kind() == Protocol::RocketMq {
            if !cfg!(feature = "rocketmq") {
                let flaw = Flaw::new("is not part of this build");
                findings.add(
                    &key("protocol"),
                    flaw.hint("build with the cargo feature `rocketmq`, which is on by default"),
                );
            }
            if embedded {
                let flaw = Flaw::new("is the embedded endpoint, which does not speak rocketmq");
                findings.add(&key("protocol"), flaw.hint("use ons-http or mq-http with it"));
            }
            for name in HTTP_ONLY {
                if findings.is_set(&key(name)) {
                    let flaw = Flaw::new("has no effect with rocketmq: it is for the protocols over HTTP");
                    findings.add(&key(name), flaw.hint("remove it"));
                }
            }
        }
        if let Err(flaw) = check_credentials(config, profile, embedded) {
            findings.add(&key("credentials"), flaw);
        }
    }
}

fn check_credentials(config: &Config, profile: &ProfileConfig, embedded: bool) -> Result<(), Flaw> {
    match &profile.credentials {
        CredentialsSource::Inline(_) | CredentialsSource::Nowhere => Ok(()),
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
        CredentialsSource::Named(name) => match (profile.protocol.kind(), config.credentials.get(name)) {
            (Protocol::OnsHttp, Some(files)) if files.security_token_file.is_some() => {
                Err(Flaw::new("has a security token, and ons-http has no place for one")
                    .hint("use a permanent pair and remove the file security_token; mq-http has a place for one"))
            }
            (Protocol::OnsHttp | Protocol::MqHttp | Protocol::RocketMq, _) => Ok(()),
        },
    }
}
