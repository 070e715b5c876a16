//! `mq-gateway issue-key --out DIR`.

use zeroize::Zeroizing;

use super::arguments::IssueKeyArguments;
use super::{Failure, new_files, print};
use crate::random::Random;

/// Tells a pair of ours from one of the vendor's at a glance.
const PREFIX: &str = "VK";
const ACCESS_KEY_CHARS: usize = 14;
const SECRET_KEY_CHARS: usize = 30;

/// Writes a new pair of keys for one caller, and says where. The keys are not shown.
pub(super) fn issue_key(arguments: &IssueKeyArguments) -> Result<u8, Failure> {
    let random = Random::system();
    let access_key = random.letters_and_digits(ACCESS_KEY_CHARS).map_err(Failure::bad)?;
    let access_key = format!("{PREFIX}{access_key}");
    let secret_key = Zeroizing::new(random.letters_and_digits(SECRET_KEY_CHARS).map_err(Failure::bad)?);
    new_files::write(&[
        (arguments.out.join("access_key"), &access_key),
        (arguments.out.join("secret_key"), &secret_key),
    ])?;
    print(&arguments.out.display().to_string())?;
    Ok(0)
}
