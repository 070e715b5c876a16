//! `mq-gateway check F`.

use super::arguments::{CheckArguments, Format};
use super::configuration::environment;
use super::failure::Failure;
use super::output::print;
use crate::config::{Overrides, Source, check as check_config};

/// Prints what is wrong, or that nothing is.
pub(super) fn check(arguments: &CheckArguments) -> Result<u8, Failure> {
    let source = match (&arguments.file, &arguments.user_properties) {
        (_, Some(file)) => Source::UserProperties(file.clone()),
        (Some(file), None) => Source::File(file.clone()),
        (None, None) => Source::BuiltIn,
    };
    let report = check_config(&source, &Overrides::default(), &environment());
    match arguments.format {
        Format::Text => print(&report.to_string())?,
        Format::Json => print(&report.to_json().to_string())?,
    }
    Ok(report.exit_code())
}
