//! How much is logged, and in which form.

use serde::Deserialize;

use super::kind::Kind;
use super::schema::{Key, Preset, Section};

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct LogConfig {
    /// The least important level that is logged.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
}

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Somebody should look.
    Error,
    /// It healed.
    Warn,
    /// The life of the process.
    Info,
    /// One request.
    Debug,
    /// Steps of a request.
    Trace,
}

impl LogLevel {
    /// The level's name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// One JSON object a line.
    Json,
    /// For human eyes.
    Text,
}

impl LogFormat {
    /// The form's name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

pub(super) const SECTION: Section = Section {
    path: "log",
    meaning: "Log lines go to standard output.",
    keys: &[
        Key {
            name: "level",
            kind: Kind::Choice { allowed: &["error", "warn", "info", "debug", "trace"], later: &[] },
            preset: Preset::Value("\"info\""),
            meaning: "The least important level that is logged; dependencies are never logged below `info`.",
        },
        Key {
            name: "format",
            kind: Kind::Choice { allowed: &["auto", "json", "text"], later: &[] },
            preset: Preset::Value("\"auto\""),
            meaning: "`auto` is `text` on a terminal, else `json`.",
        },
    ],
};
