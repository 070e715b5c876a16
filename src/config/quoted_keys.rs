//! Keys in quotes: in a file that holds a key alone, and in the vendor's, quotes are part of it.

use std::path::Path;

use super::findings::Findings;
use super::secret_file::load_secret;
use super::sections::CredentialsSource;
use super::settings::Config;
use super::values::{Flaw, is_in_quotes};
use crate::signature::Credentials;

/// Whether one of these keys stands in quotes.
#[must_use]
pub fn has_quoted_key(credentials: &Credentials) -> bool {
    let token = credentials.security_token.as_ref().map(|token| token.expose());
    [credentials.access_key.as_str(), credentials.secret_key.expose()].into_iter().chain(token).any(is_in_quotes)
}

/// A warning for each key in quotes. A file that cannot be used is told by whoever needs it.
pub(super) fn quoted_keys(config: &Config, warnings: &mut Findings) {
    for (name, files) in &config.credentials {
        let pair = [("access_key_file", &files.access_key_file), ("secret_key_file", &files.secret_key_file)];
        let token = files.security_token_file.as_ref().map(|file| ("security_token_file", file));
        for (key, path) in pair.into_iter().chain(token) {
            look_into(&format!("credentials.{name}.{key}"), path, warnings);
        }
    }
    if let Some(path) = &config.management.token_file {
        look_into("management.token_file", path, warnings);
    }
    for profile in config.profiles.values() {
        if let CredentialsSource::Inline(credentials) = &profile.credentials {
            for (key, text) in [("Ak", credentials.access_key.as_str()), ("Sk", credentials.secret_key.expose())] {
                if is_in_quotes(text) {
                    warnings.add(key, in_quotes(""));
                }
            }
        }
    }
}

fn look_into(key: &str, path: &Path, warnings: &mut Findings) {
    if load_secret(path).is_ok_and(|secret| is_in_quotes(secret.expose())) {
        warnings.add(key, in_quotes(&format!("file {} ", path.display())));
    }
}

fn in_quotes(subject: &str) -> Flaw {
    Flaw::new(format!("{subject}has its key in quotes, and they are taken as part of it"))
        .hint("write the key without quotes, unless the vendor's console shows them, too")
}
