//! Named pairs of keys: only the files that hold them, never the keys.

use std::path::{Path, PathBuf};

use crate::config::section::{Key, Preset, Section, Table};
use crate::config::values::{Flaw, Kind, Setting, setting};

/// `[credentials.NAME]`: the files of one pair. Relative paths are resolved against the configuration file's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsConfig {
    /// The file with the access key id.
    pub access_key_file: PathBuf,
    /// The file with the secret key.
    pub secret_key_file: PathBuf,
    /// The file with the token of temporary credentials. With `directory` it is used if it exists at load time.
    pub security_token_file: Option<PathBuf>,
}

pub(crate) const SECTION: Section = Section {
    path: "credentials.*",
    protocol: None,
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
    rule: Some(directory_or_files),
};

fn directory_or_files(table: &Table) -> Result<(), Flaw> {
    let is_set = |key: &str| table.get(key).is_some_and(|value| value.kind != config::ValueKind::Nil);
    match (is_set("directory"), is_set("access_key_file"), is_set("secret_key_file")) {
        (true, false, false) | (false, true, true) => Ok(()),
        (true, _, _) => {
            Err(Flaw::new("has `directory` and a file beside it").hint("keep `directory`, or name both files"))
        }
        (false, true, false) => Err(Flaw::new("has `access_key_file`, and `secret_key_file` is missing")),
        (false, false, true) => Err(Flaw::new("has `secret_key_file`, and `access_key_file` is missing")),
        (false, false, false) => Err(Flaw::new("names no files")
            .hint("set `directory` to where the files access_key and secret_key are, or name both files")),
    }
}

impl Setting for CredentialsConfig {
    fn read(table: &serde_json::Value) -> Option<Self> {
        let directory: Option<PathBuf> = setting(table, "directory")?;
        let in_directory = |name: &str| directory.as_ref().map(|directory| directory.join(name));
        let file = |key: &str| setting::<Option<PathBuf>>(table, key);
        let token = || in_directory("security_token").filter(|path| Path::exists(path));
        Some(Self {
            access_key_file: file("access_key_file")?.or_else(|| in_directory("access_key"))?,
            secret_key_file: file("secret_key_file")?.or_else(|| in_directory("secret_key"))?,
            security_token_file: file("security_token_file")?.or_else(token),
        })
    }
}

/// Hints for keys that people try although secrets are never written into a configuration.
pub(crate) fn inline_secret_hint(section: &str, key: &str) -> Option<String> {
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
