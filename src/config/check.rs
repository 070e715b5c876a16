//! `mq-gateway check`: everything that can be known about a configuration without talking to an MQ.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;

use super::callers;
use super::findings::Findings;
use super::kind::Flaw;
use super::loader::{self, Loaded, Source};
use super::overrides::Overrides;
use super::problem::{Problem, reason};
use super::secret_file::{load_credentials, load_secret};

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    problems: Vec<Problem>,
    unreadable: bool,
}

impl CheckReport {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// 0 good, 1 checked and bad, 2 the file could not be read.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.is_ok(), self.unreadable) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        }
    }

    /// `{"ok", "problems": [{"file", "line", "column", "key", "detail", "hint"}]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let problems: Vec<_> = self.problems.iter().map(Problem::to_json).collect();
        json!({ "ok": self.is_ok(), "problems": problems })
    }
}

impl fmt::Display for CheckReport {
    /// A line or two for each problem, without a newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        match self.problems.len() {
            0 => f.write_str("ok"),
            1 => f.write_str("1 problem"),
            count => write!(f, "{count} problems"),
        }
    }
}

/// Loads a configuration and reads every file that it names. Nothing is written, nothing is connected to.
#[must_use]
pub fn check(source: &Source, overrides: &Overrides, environment: &BTreeMap<String, String>) -> CheckReport {
    match loader::load(source, overrides, environment) {
        Ok(loaded) => CheckReport { problems: check_files(loaded), unreadable: false },
        Err(errors) => CheckReport { problems: errors.problems().to_vec(), unreadable: errors.is_unreadable() },
    }
}

fn check_files(loaded: Loaded) -> Vec<Problem> {
    let Loaded { config, mut findings } = loaded;
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
    callers::check_access_keys(&config, &access_keys, &mut findings);
    for (name, profile) in &config.profiles {
        if let Some(ca_file) = &profile.ca_file {
            check_certificates(&format!("profiles.{name}.ca_file"), ca_file, &mut findings);
        }
    }
    if let Some(token_file) = &config.management.token_file
        && let Err(error) = load_secret(token_file)
    {
        findings.add("management.token_file", Flaw::new(error.to_string()));
    }
    let mut problems = findings.problems;
    problems.sort();
    problems
}

fn check_certificates(key: &str, path: &Path, findings: &mut Findings) {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let flaw = Flaw::new(format!("file {} could not be read: {}", path.display(), reason(&error)));
            return findings.add(key, flaw);
        }
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes).collect();
    if certificates.iter().any(Result::is_err) {
        findings.add(key, Flaw::new(format!("file {} is damaged: not all of it is PEM", path.display())));
    } else if certificates.is_empty() {
        let flaw = Flaw::new(format!("file {} holds no certificate", path.display()));
        findings.add(key, flaw.hint("it begins with -----BEGIN CERTIFICATE-----"));
    }
}
