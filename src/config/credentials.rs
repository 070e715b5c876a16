//! Named pairs of keys: only the files that hold them, never the keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::endpoint::EMBEDDED;
use super::findings::Findings;
use super::kind::{Flaw, Kind};
use super::schema::{Key, Preset, Section};

/// `[credentials.NAME]`: the files of one pair. Relative paths were relative to the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsConfig {
    /// The file with the access key id.
    pub access_key_file: PathBuf,
    /// The file with the secret key.
    pub secret_key_file: PathBuf,
    /// The file with the token of temporary credentials. With `directory` it is used if it exists at load time.
    pub security_token_file: Option<PathBuf>,
}

pub(super) const SECTION: Section = Section {
    path: "credentials.*",
    meaning: "A pair of keys under a name of your choice. The keys themselves are in files, one each, as a mounted Secret \
              has them. Either `directory`, or both files.",
    keys: &[
        Key {
            name: "directory",
            kind: Kind::File,
            preset: Preset::Unset("the files are named one by one"),
            meaning: "Directory with the files `access_key`, `secret_key` and, if there is one, `security_token`.",
        },
        Key {
            name: "access_key_file",
            kind: Kind::File,
            preset: Preset::Unset("`access_key` in `directory`"),
            meaning: "File with the access key id.",
        },
        Key {
            name: "secret_key_file",
            kind: Kind::File,
            preset: Preset::Unset("`secret_key` in `directory`"),
            meaning: "File with the secret key.",
        },
        Key {
            name: "security_token_file",
            kind: Kind::File,
            preset: Preset::Unset("`security_token` in `directory`, if it exists"),
            meaning: "File with the security token of temporary credentials.",
        },
    ],
};

/// The table as written.
#[derive(Debug, Deserialize)]
pub(super) struct RawCredentials {
    directory: Option<PathBuf>,
    access_key_file: Option<PathBuf>,
    secret_key_file: Option<PathBuf>,
    security_token_file: Option<PathBuf>,
}

/// Resolves the tables to files.
pub(super) fn resolve(
    raw: BTreeMap<String, RawCredentials>,
    findings: &mut Findings,
) -> BTreeMap<String, CredentialsConfig> {
    let mut resolved = BTreeMap::new();
    for (name, raw) in raw {
        let key = format!("credentials.{name}");
        if name == EMBEDDED {
            findings.add(&key, reserved());
        }
        match raw.files() {
            Ok(files) => {
                resolved.insert(name, files);
            }
            Err(flaw) => findings.add(&key, flaw),
        }
    }
    resolved
}

fn reserved() -> Flaw {
    Flaw::new("must not be called `embedded`, the name of the embedded endpoint's own pair").hint("choose another name")
}

impl RawCredentials {
    fn files(self) -> Result<CredentialsConfig, Flaw> {
        let Self { directory, access_key_file, secret_key_file, security_token_file } = self;
        match (directory, access_key_file, secret_key_file) {
            (Some(directory), None, None) => {
                let token = security_token_file.or_else(|| existing(directory.join("security_token")));
                Ok(CredentialsConfig {
                    access_key_file: directory.join("access_key"),
                    secret_key_file: directory.join("secret_key"),
                    security_token_file: token,
                })
            }
            (None, Some(access_key_file), Some(secret_key_file)) => {
                Ok(CredentialsConfig { access_key_file, secret_key_file, security_token_file })
            }
            (Some(_), _, _) => {
                Err(Flaw::new("has `directory` and a file beside it").hint("keep `directory`, or name both files"))
            }
            (None, Some(_), None) => Err(Flaw::new("has `access_key_file`, and `secret_key_file` is missing")),
            (None, None, Some(_)) => Err(Flaw::new("has `secret_key_file`, and `access_key_file` is missing")),
            (None, None, None) => Err(Flaw::new("names no files")
                .hint("set `directory` to where the files access_key and secret_key are, or name both files")),
        }
    }
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    Path::exists(&path).then_some(path)
}

/// Hints for keys that people try although secrets are never written into a configuration.
pub(super) fn inline_secret_hint(section: &str, key: &str) -> Option<String> {
    if section != SECTION.path {
        return None;
    }
    let key = key.to_lowercase().replace(['-', '_'], "");
    let file = match key.as_str() {
        "accesskey" | "accesskeyid" | "ak" => "access_key_file",
        "secretkey" | "accesskeysecret" | "secret" | "sk" => "secret_key_file",
        "securitytoken" | "token" => "security_token_file",
        _ => return None,
    };
    Some(format!("keys are read from files only: write it into a file and set `{file}`"))
}
