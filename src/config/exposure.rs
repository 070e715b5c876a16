//! Files with secrets in them that more people may read than have to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::findings::Findings;
use super::loader::Source;
use super::settings::Config;
use super::values::Flaw;

const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o022;

/// A warning for each file with a secret that everybody may read, or others may change. Reading by its group is how a secret
/// is given to a process that does not own it, as Kubernetes does with `fsGroup`, and not warned of.
pub(super) fn exposed_files(config: &Config, source: &Source, warnings: &mut Findings) {
    if let Source::UserProperties(path) = source {
        note("", path, warnings);
    }
    for (name, files) in &config.credentials {
        // The access key is a name, and no secret.
        let token = files.security_token_file.as_ref().map(|file| ("security_token_file", file));
        for (key, path) in std::iter::once(("secret_key_file", &files.secret_key_file)).chain(token) {
            note(&format!("credentials.{name}.{key}"), path, warnings);
        }
    }
    if let Some(path) = &config.tracing.headers_file {
        note("tracing.headers_file", path, warnings);
    }
    for (name, subscription) in &config.subscriptions {
        for (index, secret) in subscription.secrets.iter().enumerate() {
            note(&format!("subscriptions.{name}.secrets[{index}]"), &secret.file, warnings);
        }
        if let Some(path) = &subscription.headers_file {
            note(&format!("subscriptions.{name}.headers_file"), path, warnings);
        }
    }
    if let Some(path) = &config.management.token_file {
        note("management.token_file", path, warnings);
    }
}

fn note(key: &str, path: &Path, warnings: &mut Findings) {
    // What is wrong with a file that cannot be looked at is told by whoever reads it.
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    let who = if mode & OTHERS_READ != 0 {
        "may be read by every user of this machine"
    } else if mode & OTHERS_WRITE != 0 {
        "may be changed by other users of this machine"
    } else {
        return;
    };
    let detail = format!("file {} has a secret in it and {who}: its mode is {mode:04o}", path.display());
    let hint = "chmod 600, or 440 with a group of the gateway's own (in Kubernetes `defaultMode: 0440` and `fsGroup`)";
    warnings.add(key, Flaw::new(detail).hint(hint));
}
