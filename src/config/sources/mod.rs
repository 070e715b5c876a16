//! Where settings come from. Each source is checked against the schema, and becomes one layer of checked values.

mod defaults;
mod document;
mod environment;
mod flags;
mod opentelemetry;
mod syntax;
mod user_properties;

use config::{ConfigError, Map, Source, Value};

use super::section::Table;

pub use flags::Overrides;

pub(super) use defaults::defaults;
#[cfg(test)]
pub(super) use defaults::preset;
pub(super) use document::{Place, read_document};
pub(super) use environment::read_environment;
pub(super) use opentelemetry::{Sets, VARIABLES, Variable, read_opentelemetry};
pub(super) use syntax::decode;
pub(super) use user_properties::{NAME, looks_like_user_properties, read_user_properties, translate_user_properties};

/// One source of the `config` crate: values by the paths of their keys (`server.listen`), or in tables.
///
/// The crate's own sources for files and variables know neither the place of a key nor which keys there are, and turn texts into
/// numbers where they can; errors with line, column and hint, exact types and unknown keys need a reading of their own, so what
/// the crate gets is checked already. It lays them over each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer(pub(super) Table);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}
