//! What is wrong with an event that somebody sent, and with a message that was to become one.

use std::fmt;

/// Where in an event a flaw is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The event as a whole.
    Whole,
    /// The attribute of this name, as it was written.
    Attribute(String),
    /// The `Content-Type` of an event in binary mode.
    ContentType,
    /// Its data.
    Data,
    /// Its data in base64.
    DataBase64,
}

/// Why something is no event. The value itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFlaw {
    /// Where.
    pub place: Place,
    /// The rule, and what to do; it follows the place's name.
    pub detail: String,
}

impl EventFlaw {
    pub(super) fn attribute(name: &str, detail: impl Into<String>) -> Self {
        Self { place: Place::Attribute(name.to_owned()), detail: detail.into() }
    }

    pub(super) fn at(place: Place, detail: impl Into<String>) -> Self {
        Self { place, detail: detail.into() }
    }
}

/// Why a message's body cannot be the data that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFlaw {
    /// It is no JSON.
    NotJson,
    /// It is not UTF-8.
    NotText,
}

impl fmt::Display for DataFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "the body is not JSON",
            Self::NotText => "the body is not UTF-8",
        })
    }
}

impl std::error::Error for DataFlaw {}
