//! `mq-gateway issue-key --out DIR`.

use std::path::Path;

use zeroize::Zeroizing;

use super::arguments::IssueKeyArguments;
use super::failure::Failure;
use super::new_files;
use super::output::print;
use crate::random::Random;

/// Tells a pair of ours from one of the vendor's at a glance.
const PREFIX: &str = "VK";
const ACCESS_KEY_CHARS: usize = 14;
const SECRET_KEY_CHARS: usize = 30;

/// Writes a new pair of keys for one caller, and says where, and what to do with it. The keys are not shown.
pub(super) fn issue_key(arguments: &IssueKeyArguments) -> Result<u8, Failure> {
    let random = Random::system();
    let access_key = random.letters_and_digits(ACCESS_KEY_CHARS).map_err(Failure::bad)?;
    let access_key = format!("{PREFIX}{access_key}");
    let secret_key = Zeroizing::new(random.letters_and_digits(SECRET_KEY_CHARS).map_err(Failure::bad)?);
    let (access_file, secret_file) = (arguments.out.join("access_key"), arguments.out.join("secret_key"));
    new_files::write(&[(access_file.clone(), &access_key), (secret_file.clone(), &secret_key)])?;
    print(&format!("wrote {} and {}\n\n{}", access_file.display(), secret_file.display(), lines(&arguments.out)))?;
    Ok(0)
}

/// What the configuration needs for the pair; the caller is named after the directory.
fn lines(directory: &Path) -> String {
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let name = directory.file_name().and_then(|name| name.to_str()).filter(is_name);
    let name = name.filter(|name| name.len() <= 64).unwrap_or("NAME");
    let path = toml::Value::String(directory.display().to_string());
    format!(
        "add to the configuration:\n\n\
         [dropin]\n\
         client_auth = \"keys\"\n\n\
         [credentials.{name}]\n\
         directory = {path} # relative to the configuration file, if it is relative\n\n\
         [callers.{name}]\n\
         credentials = \"{name}\"\n\
         topics = [\"…\"] # what the pair is good for"
    )
}
