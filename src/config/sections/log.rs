//! How much is logged, and in which form.

use crate::config::section::section;
use crate::config::values::Kind;
use crate::model::words;

section! {
    /// Log lines go to standard output.
    pub struct LogConfig at "log" {
        /// The least important level that is logged; dependencies are never logged below `info`.
        level: LogLevel, Kind::choice(LogLevel::WORDS), default("info");
        /// `auto` is `text` on a terminal, else `json`.
        format: LogFormat, Kind::choice(LogFormat::WORDS), default("auto");
    }
}

words! {
    /// How important a line is.
    pub enum LogLevel {
        /// Somebody should look.
        Error = "error",
        /// It healed.
        Warn = "warn",
        /// The life of the process.
        Info = "info",
        /// One request.
        Debug = "debug",
        /// Steps of a request.
        Trace = "trace",
    }
}

words! {
    /// The form of a log line.
    pub enum LogFormat {
        /// Text on a terminal, else JSON.
        Auto = "auto",
        /// One JSON object a line.
        Json = "json",
        /// For human eyes.
        Text = "text",
    }
}
