//! The kinds of values a key can have: exact types and ranges, for a file and an environment variable alike.
//!
//! A checked value is canonical: durations are whole milliseconds, sizes whole bytes, paths ready to open.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::suggest::did_you_mean;
use super::units::{duration_text, parse_duration, parse_size, size_text};

/// What is wrong with a value, without the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) detail: String,
    pub(super) hint: Option<String>,
}

impl Flaw {
    pub(super) fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A rule for texts: what it says in the reference, and the check.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextRule {
    pub(super) expects: &'static str,
    pub(super) check: fn(&str) -> Result<(), Flaw>,
}

/// The kind of a key's value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer { min: i64, max: i64 },
    /// `"5s"`, `"1m30s"`.
    Duration { min: Duration, max: Duration },
    /// `"4MiB"`, or a whole number of bytes.
    Size { min: u64, max: u64 },
    /// IP address and port.
    Address,
    /// A file (or a directory of files) that is read; relative to the configuration file.
    File,
    /// A directory that is written; relative to the working directory.
    Directory,
    /// One of a few words; `later` are words that a later version will know.
    Choice { allowed: &'static [&'static str], later: &'static [&'static str] },
    /// `true`, `false`, or one of a few words.
    FlagOrChoice { allowed: &'static [&'static str] },
    /// A text with a rule.
    Text(TextRule),
    /// A list of texts with a rule, at least `min` of them.
    List { rule: TextRule, min: usize },
    /// A list of tables of the section at this path; a text with a rule is short for a table of that `name` alone.
    Tables { rule: TextRule, section: &'static str },
}

/// A value as written, without its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written<'a> {
    Text(&'a str),
    Integer(i64),
    Flag(bool),
    /// Anything else, by the name of its kind.
    Other(&'static str),
}

impl Written<'_> {
    fn kind(self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Flag(_) => "a boolean",
            Self::Other(kind) => kind,
        }
    }
}

impl Kind {
    /// What the key expects, as in the reference and in errors.
    pub(super) fn expects(&self) -> String {
        match self {
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Integer { min, max } => format!("an integer from {min} to {max}"),
            Self::Duration { min, max } => {
                format!("a duration from {} to {}", duration_text(*min), duration_text(*max))
            }
            Self::Size { min, max } => format!("a size from {} to {}", size_text(*min), size_text(*max)),
            Self::Address => "an IP address and a port".to_owned(),
            Self::File => "a path".to_owned(),
            Self::Directory => "a path".to_owned(),
            Self::Choice { allowed, .. } => words(allowed),
            Self::FlagOrChoice { allowed } => format!("`true`, `false`, {}", words(allowed)),
            Self::Text(rule) => rule.expects.to_owned(),
            Self::List { rule, min: 0 } => format!("a list, each {}", rule.expects),
            Self::List { rule, min } => format!("a list of at least {min}, each {}", rule.expects),
            Self::Tables { rule, .. } => format!("a list, each {}, or a table", rule.expects),
        }
    }

    /// How the value is written, for the hint after a wrong type.
    fn example(&self) -> Option<&'static str> {
        match self {
            Self::Flag => Some("write true or false, without quotes"),
            Self::Integer { .. } => Some("write a whole number, without quotes"),
            Self::Duration { .. } => Some("write it with its unit and in quotes, as \"5s\" or \"1m30s\""),
            Self::Size { .. } => Some("write it as \"64KiB\" or \"4MiB\", or as a whole number of bytes"),
            Self::Address => {
                Some("write it as \"127.0.0.1:8080\" or \"[::1]:8080\"; names of hosts are not looked up here")
            }
            Self::File | Self::Directory | Self::Choice { .. } | Self::Text(_) => Some("write it in quotes"),
            Self::FlagOrChoice { .. } => Some("write true or false without quotes, or the word in quotes"),
            Self::List { .. } | Self::Tables { .. } => Some("write it in brackets, as [\"first\", \"second\"]"),
        }
    }

    /// Checks one value that is no list and makes it canonical.
    ///
    /// `base` is the directory that relative paths of read files start from.
    pub(super) fn check(&self, written: Written<'_>, base: Option<&Path>) -> Result<toml::Value, Flaw> {
        match (self, written) {
            (Self::Flag | Self::FlagOrChoice { .. }, Written::Flag(flag)) => Ok(toml::Value::Boolean(flag)),
            (Self::Integer { min, max }, Written::Integer(number)) if (min..=max).contains(&&number) => {
                Ok(toml::Value::Integer(number))
            }
            (Self::Integer { .. }, Written::Integer(_)) => Err(self.out_of_range()),
            (Self::Duration { min, max }, Written::Text(text)) => {
                let duration = parse_duration(text).ok_or_else(|| self.unparsable())?;
                if (*min..=*max).contains(&duration) { millis(duration) } else { Err(self.out_of_range()) }
            }
            (Self::Size { min, max }, Written::Text(text)) => {
                let size = parse_size(text).ok_or_else(|| self.unparsable())?;
                if (*min..=*max).contains(&size) { bytes(size) } else { Err(self.out_of_range()) }
            }
            (Self::Size { min, max }, Written::Integer(number)) => match u64::try_from(number) {
                Ok(size) if (*min..=*max).contains(&size) => bytes(size),
                Ok(_) | Err(_) => Err(self.out_of_range()),
            },
            (Self::Address, Written::Text(text)) => match text.parse::<SocketAddr>() {
                Ok(address) => Ok(toml::Value::String(address.to_string())),
                Err(_) => Err(self.unparsable()),
            },
            (Self::File, Written::Text(text)) => path(text, base),
            (Self::Directory, Written::Text(text)) => path(text, None),
            (Self::Choice { allowed, later }, Written::Text(text)) => choice(text, allowed, later),
            (Self::FlagOrChoice { allowed }, Written::Text(text)) => choice(text, allowed, &[]),
            (Self::Text(rule) | Self::List { rule, .. } | Self::Tables { rule, .. }, Written::Text(text)) => {
                (rule.check)(text)?;
                Ok(toml::Value::String(text.to_owned()))
            }
            (_, written) => Err(self.wrong_type(written.kind())),
        }
    }

    /// Reads an environment variable's text as this kind; what does not fit stays text and fails the check.
    pub(super) fn read_text<'a>(&self, text: &'a str) -> Written<'a> {
        match self {
            Self::Flag | Self::FlagOrChoice { .. } => text.parse().map_or(Written::Text(text), Written::Flag),
            Self::Integer { .. } => text.parse().map_or(Written::Text(text), Written::Integer),
            Self::Duration { .. }
            | Self::Size { .. }
            | Self::Address
            | Self::File
            | Self::Directory
            | Self::Choice { .. }
            | Self::Text(_)
            | Self::List { .. }
            | Self::Tables { .. } => Written::Text(text),
        }
    }

    pub(super) fn wrong_type(&self, found: &str) -> Flaw {
        let flaw = Flaw::new(format!("expects {}, found {found}", self.expects()));
        match self.example() {
            Some(example) => flaw.hint(example),
            None => flaw,
        }
    }

    fn out_of_range(&self) -> Flaw {
        Flaw::new(format!("expects {}, this is outside", self.expects()))
    }

    fn unparsable(&self) -> Flaw {
        let flaw = Flaw::new(format!("expects {}, this is none", self.expects()));
        match self.example() {
            Some(example) => flaw.hint(example),
            None => flaw,
        }
    }
}

fn millis(duration: Duration) -> Result<toml::Value, Flaw> {
    i64::try_from(duration.as_millis()).map(toml::Value::Integer).map_err(|_| Flaw::new("is too long"))
}

fn bytes(size: u64) -> Result<toml::Value, Flaw> {
    i64::try_from(size).map(toml::Value::Integer).map_err(|_| Flaw::new("is too large"))
}

fn path(text: &str, base: Option<&Path>) -> Result<toml::Value, Flaw> {
    if text.is_empty() {
        return Err(Flaw::new("expects a path, this is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(Flaw::new("expects a path, this has control characters"));
    }
    let path = base.unwrap_or(Path::new("")).join(text);
    path.to_str()
        .map(|path| toml::Value::String(path.to_owned()))
        .ok_or_else(|| Flaw::new("is relative to a directory whose name is not UTF-8"))
}

fn words(allowed: &[&str]) -> String {
    let words: Vec<String> = allowed.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(" or ")
}

fn choice(text: &str, allowed: &[&'static str], later: &[&'static str]) -> Result<toml::Value, Flaw> {
    if allowed.contains(&text) {
        return Ok(toml::Value::String(text.to_owned()));
    }
    let words = words(allowed);
    if later.contains(&text) {
        return Err(Flaw::new("is not supported by this version").hint(format!("this version has {words}")));
    }
    let flaw = Flaw::new(format!("expects {words}, this is something else"));
    Err(match did_you_mean(text, allowed.iter().copied()) {
        Some(hint) => flaw.hint(hint),
        None => flaw,
    })
}
