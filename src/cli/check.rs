//! `mq-gateway check F`.

use super::arguments::CheckArguments;
use super::configuration;
use super::environment::environment;
use super::failure::Failure;
use super::format::Format;
use super::output::{print, print_json};
use crate::config::{Overrides, check as check_config};

/// Prints what is wrong, or that nothing is.
pub(super) fn check(arguments: &CheckArguments) -> Result<u8, Failure> {
    let source = configuration::source(&arguments.source);
    let report = check_config(&source, &Overrides::default(), &environment());
    match arguments.format {
        Format::Text => print(&report.to_string())?,
        Format::Json => print_json(&report.to_json().to_string())?,
    }
    Ok(report.exit_code())
}
