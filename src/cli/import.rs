//! `mq-gateway import F --out DIR`.

use super::arguments::ImportArguments;
use super::failure::Failure;
use super::new_files;
use super::output::print;
use crate::config;

/// Writes the configuration and the key files, and says what to do next. The keys are not shown.
pub(super) fn import(arguments: &ImportArguments) -> Result<u8, Failure> {
    let imported = config::import(&arguments.file)?;
    let file = arguments.out.join("gateway.toml");
    let secrets = arguments.out.join("secrets");
    let access_key = secrets.join("access_key");
    let secret_key = secrets.join("secret_key");
    new_files::write(&[
        (access_key.clone(), &imported.credentials.access_key),
        (secret_key.clone(), imported.credentials.secret_key.expose()),
        (file.clone(), &imported.text),
    ])?;
    let (file, access_key, secret_key) = (file.display(), access_key.display(), secret_key.display());
    print(&format!(
        "wrote {file}\nwrote {access_key}\nwrote {secret_key}\nnext: mq-gateway check {file} && mq-gateway --config {file}"
    ))?;
    Ok(0)
}
