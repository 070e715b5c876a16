//! The files that subscriptions name.

use crate::config::checks::certificates::check_certificates;
use crate::config::findings::Findings;
use crate::config::headers_file::load_push_headers;
use crate::config::secret_file::load_signing_secret;
use crate::config::sections::SubscriptionConfig;
use crate::config::settings::Config;
use crate::config::values::Flaw;

/// Reads them all, secrets too.
pub(in crate::config::checks) fn check(config: &Config, findings: &mut Findings) {
    for (name, subscription) in &config.subscriptions {
        let key = |key: &str| format!("subscriptions.{name}.{key}");
        if let Some(ca_file) = &subscription.ca_file {
            check_certificates(&key("ca_file"), ca_file, findings);
        }
        check_headers(subscription, &key, findings);
        check_secrets(subscription, &key, findings);
    }
}

fn check_headers(subscription: &SubscriptionConfig, key: &impl Fn(&str) -> String, findings: &mut Findings) {
    let Some(path) = &subscription.headers_file else { return };
    let flaw = match load_push_headers(path) {
        Ok(headers) => {
            let known = |name: &str| subscription.headers.iter().any(|header| header.name == name);
            if !headers.iter().any(|header| known(&header.name)) {
                return;
            }
            Flaw::new(format!("file {} has a header that `headers` has, too", path.display()))
        }
        Err(error) => Flaw::new(error.to_string()),
    };
    findings.add(&key("headers_file"), flaw);
}

fn check_secrets(subscription: &SubscriptionConfig, key: &impl Fn(&str) -> String, findings: &mut Findings) {
    let mut known: Vec<(usize, _)> = Vec::new();
    for (index, secret) in subscription.secrets.iter().enumerate() {
        let flaw = match load_signing_secret(&secret.file, subscription.secret_format) {
            Ok(read) => match known.iter().find(|(_, other)| read.same_as(other)) {
                Some((other, _)) => Flaw::new(format!("holds the same secret as `secrets[{other}]`"))
                    .hint("write a new secret into the first file, and keep the old one in another"),
                None => {
                    known.push((index, read));
                    continue;
                }
            },
            Err(error) => Flaw::new(error.to_string()),
        };
        findings.add(&key(&format!("secrets[{index}]")), flaw);
    }
}
