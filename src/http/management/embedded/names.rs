//! Names as the engine has them, and what it answers where it cannot.

use crate::embedded::EngineError;
use crate::http::problem::{Code, FieldError, Problem};
use crate::model::{ConsumerGroup, Topic};

/// The topic of a path.
pub(super) fn topic(name: &str) -> Result<Topic, Problem> {
    Topic::parse_configured(name)
        .map_err(|error| Problem::invalid(vec![FieldError::parameter("topic", format!("in the path {error}"))]))
}

/// The group of an option.
pub(super) fn group(name: Option<&str>) -> Result<Option<ConsumerGroup>, Problem> {
    let illegal = |error: crate::model::NameError| Problem::invalid(vec![FieldError::at("/group", error.to_string())]);
    name.map(|name| ConsumerGroup::parse_configured(name).map_err(illegal)).transpose()
}

/// Why the engine did not do it.
pub(super) fn problem(error: EngineError) -> Problem {
    if matches!(error, EngineError::UnknownTopic { .. }) {
        return Problem::new(Code::UnknownTopic, "embedded.topics does not have this topic");
    }
    Problem::new(Code::Overloaded, format!("the embedded store does not answer: {error}"))
}
