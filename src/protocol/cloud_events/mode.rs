//! Whether a request is an event, and in which mode: decided by its head alone.

use super::attribute::REQUIRED;

/// The content type of an event in the JSON format: word for word so, as not every library knows another spelling.
pub const STRUCTURED_TYPE: &str = "application/cloudevents+json";
/// The content type of a list of events, likewise.
pub const BATCH_TYPE: &str = "application/cloudevents-batch+json";

const STRUCTURED: &str = "application/cloudevents";
const BATCH: &str = "application/cloudevents-batch";

/// How an event is in an HTTP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The body is the event.
    Structured,
    /// The body is a list of events.
    Batch,
    /// The body is the event's data, the headers are its attributes.
    Binary,
}

/// The headers of an event without these attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingAttributes(
    /// By name.
    pub Vec<&'static str>,
);

impl Mode {
    /// What a content type says, without its parameters and in lower case. `Some(None)` is a format of events that is not known.
    #[must_use]
    pub fn of_type(essence: &str) -> Option<Option<Self>> {
        if !essence.starts_with(STRUCTURED) {
            return None;
        }
        Some(match essence {
            STRUCTURED_TYPE => Some(Self::Structured),
            BATCH_TYPE => Some(Self::Batch),
            // The text of the binding has no type without a format; the format is JSON unless something else is said.
            STRUCTURED => Some(Self::Structured),
            BATCH => Some(Self::Batch),
            _ => None,
        })
    }

    /// The same of a content type as it is written.
    #[must_use]
    pub fn of_content_type(value: &str) -> Option<Option<Self>> {
        Self::of_type(&value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// Whether the headers are those of an event in binary mode, by their names.
    ///
    /// # Errors
    /// [`MissingAttributes`] where some of the required attributes are there, and not all.
    pub fn of_headers<'a>(names: impl Iterator<Item = &'a str>) -> Result<Option<Self>, MissingAttributes> {
        let mut found = [false; REQUIRED.len()];
        for name in names.filter_map(attribute_of) {
            for (found, required) in found.iter_mut().zip(REQUIRED) {
                *found |= name.eq_ignore_ascii_case(required);
            }
        }
        match found.iter().filter(|found| **found).count() {
            0 => Ok(None),
            4 => Ok(Some(Self::Binary)),
            _ => {
                let missing = found.iter().zip(REQUIRED).filter(|(found, _)| !**found);
                Err(MissingAttributes(missing.map(|(_, name)| name).collect()))
            }
        }
    }
}

/// The name of the attribute that a header carries.
pub(super) fn attribute_of(header: &str) -> Option<&str> {
    let (prefix, name) = header.split_at_checked(3)?;
    prefix.eq_ignore_ascii_case("ce-").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_their_modes() {
        assert_eq!(Mode::of_type("application/cloudevents+json"), Some(Some(Mode::Structured)));
        assert_eq!(Mode::of_type("application/cloudevents-batch+json"), Some(Some(Mode::Batch)));
        assert_eq!(Mode::of_type("application/cloudevents+avro"), Some(None));
        assert_eq!(Mode::of_type("application/json"), None);
        let of = |names: &[&str]| Mode::of_headers(names.iter().copied());
        assert_eq!(of(&["CE-ID", "ce-Source", "ce-type", "ce-specversion", "ce-x"]), Ok(Some(Mode::Binary)));
        assert_eq!(of(&["ce-id", "ce-type"]), Err(MissingAttributes(vec!["specversion", "source"])));
        assert_eq!(of(&["ce-subject", "host", "c", "é-id"]), Ok(None));
    }
}
