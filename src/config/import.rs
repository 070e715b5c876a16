//! The vendor's `user.properties` made a configuration of ours, for those who stay.

use std::path::Path;

use crate::signature::Credentials;

use super::findings::Findings;
use super::loader::read_file;
use super::problem::{ConfigErrors, Location};
use super::sources::{NAME, translate_user_properties};

/// What a file of the vendor's says, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// A configuration file. It takes the keys from the files `access_key` and `secret_key` in `secrets`, beside it.
    pub text: String,
    /// The keys, of which the text has nothing.
    pub credentials: Credentials,
}

/// Reads the vendor's file. Nothing is written.
///
/// # Errors
/// As [`super::load`] has them for the same file.
pub fn import(path: &Path) -> Result<Imported, ConfigErrors> {
    import_content(&read_file(path)?, path)
}

/// The same of the content of the vendor's file.
pub(super) fn import_content(bytes: &[u8], path: &Path) -> Result<Imported, ConfigErrors> {
    let mut findings = Findings::new(Location::WholeFile(path.to_owned()));
    let translated = translate_user_properties(bytes, path, &mut findings);
    match translated {
        Some((settings, credentials)) if findings.problems.is_empty() => {
            Ok(Imported { text: format!("{}{settings}", introduction()), credentials })
        }
        Some(_) | None => Err(ConfigErrors::wrong(findings.problems)),
    }
}

fn introduction() -> String {
    format!(
        "# Made by `mq-gateway import` out of the vendor's user.properties.\n\
         #\n\
         # `mq-gateway check FILE` finds every mistake, `mq-gateway doctor --config FILE` asks the MQ. The repository's\n\
         # config/reference.md explains every key.\n\
         \n\
         # The keys, one in each file; relative to this file. Changed files are used without a restart.\n\
         [credentials.{NAME}]\n\
         directory = \"secrets\"                    # access_key, secret_key\n\
         \n"
    )
}
