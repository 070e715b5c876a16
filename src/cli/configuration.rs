//! The configuration that flags, file and environment make together.

use super::arguments::FileArguments;
use super::environment::environment;
use super::failure::Failure;
use super::output;
use crate::config::{self, Config, Overrides, Source};

/// What a command is to look at, else what is built in. Says so where a file is another than its place would have it.
pub(super) fn source(arguments: &FileArguments) -> Source {
    match (&arguments.file, &arguments.config, &arguments.user_properties) {
        (Some(file), _, _) => {
            let source = Source::of_file(file);
            if matches!(source, Source::UserProperties(_)) {
                let file = file.display();
                output::complain(&format!(
                    "{file} is the vendor's user.properties, and is read as with `--user-properties {file}`"
                ));
            }
            source
        }
        (None, Some(file), _) => Source::File(file.clone()),
        (None, None, Some(file)) => Source::UserProperties(file.clone()),
        (None, None, None) => Source::BuiltIn,
    }
}

/// Every problem at once; a file that cannot be read is a usage error.
pub(super) fn load(source: &Source, overrides: &Overrides) -> Result<Config, Failure> {
    Ok(config::load(source, overrides, &environment())?)
}
