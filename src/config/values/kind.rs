//! The kinds of values a key can have: exact types and ranges, for a file and an environment variable alike.
//!
//! A checked value is canonical: one spelling for a duration or an endpoint, sizes as whole bytes, paths ready to open.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use config::Value;

use crate::near_word::did_you_mean;

use super::binary_bodies::{self, BinaryBodies};
use super::flaw::Flaw;
use super::units::{duration_text, millisecond_text, parse_duration, parse_size, size_text};

/// A rule for texts: what it says in the reference, and the check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextRule {
    pub(crate) expects: &'static str,
    pub(crate) check: fn(&str) -> Result<(), Flaw>,
    /// The same text in the one spelling that is kept; asked only after the check.
    pub(crate) canonical: fn(&str) -> String,
}

impl TextRule {
    /// A rule for texts that have no second spelling.
    pub(crate) const fn new(expects: &'static str, check: fn(&str) -> Result<(), Flaw>) -> Self {
        Self { expects, check, canonical: str::to_owned }
    }
}

/// The kind of a key's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
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
    /// How bodies travel that are not UTF-8, on a protocol that can carry them in this way.
    BinaryBodies(BinaryBodies),
    /// A text with a rule.
    Text(TextRule),
    /// A list of texts with a rule, at least `min` of them. `names` says what they name, where none may be there twice and `*`
    /// stands for all.
    List { rule: TextRule, min: usize, names: Option<&'static str> },
    /// A list of tables of the section at this path, told apart by their `name` where they have one; a text is short for a table
    /// with the key `short` alone.
    Tables { rule: TextRule, section: &'static str, names: &'static str, short: &'static str },
}

/// A value as written, without its place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Written<'a> {
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
    /// One of these words.
    pub(crate) const fn choice(allowed: &'static [&'static str]) -> Self {
        Self::Choice { allowed, later: &[] }
    }

    /// From `min` to `max`.
    pub(crate) const fn duration(min: Duration, max: Duration) -> Self {
        Self::Duration { min, max }
    }

    /// From `min` to `max`.
    pub(crate) const fn integer(min: i64, max: i64) -> Self {
        Self::Integer { min, max }
    }

    /// From `min` to `max` bytes.
    pub(crate) const fn size(min: u64, max: u64) -> Self {
        Self::Size { min, max }
    }

    /// What the key expects, as in the reference and in errors.
    pub(crate) fn expects(&self) -> String {
        match self {
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Integer { min, max } => format!("an integer from {min} to {max}"),
            Self::Duration { min, max } => {
                format!("a duration from {} to {}", duration_text(*min), duration_text(*max))
            }
            Self::Size { min, max } => format!("a size from {} to {}", size_text(*min), size_text(*max)),
            Self::Address => "an IP address and a port".to_owned(),
            Self::File | Self::Directory => "a path".to_owned(),
            Self::Choice { allowed, .. } => words(allowed),
            Self::BinaryBodies(_) => format!("`true`, `false`, {}", words(binary_bodies::WORDS)),
            Self::Text(rule) => rule.expects.to_owned(),
            Self::List { rule, min: 0, .. } => format!("a list, each {}", rule.expects),
            Self::List { rule, min, .. } => format!("a list of at least {min}, each {}", rule.expects),
            Self::Tables { rule, .. } => format!("a list, each {}, or a table", rule.expects),
        }
    }

    /// How the value is written, for the hint after a wrong type.
    fn example(&self) -> &'static str {
        match self {
            Self::Flag => "write true or false, without quotes",
            Self::Integer { .. } => "write a whole number, without quotes",
            Self::Duration { .. } => "write it with its unit and in quotes, as \"5s\" or \"1m30s\"",
            Self::Size { .. } => "write it as \"64KiB\" or \"4MiB\", or as a whole number of bytes",
            Self::Address => "write it as \"127.0.0.1:8080\" or \"[::1]:8080\"; names of hosts are not looked up here",
            Self::File | Self::Directory | Self::Choice { .. } | Self::Text(_) => "write it in quotes",
            Self::BinaryBodies(_) => "write true or false without quotes, or the word in quotes",
            Self::List { .. } | Self::Tables { .. } => "write it in brackets, as [\"first\", \"second\"]",
        }
    }

    /// Checks one value that is not a list and makes it canonical.
    ///
    /// `base` is the directory that relative paths of read files start from.
    pub(crate) fn check(&self, written: Written<'_>, base: Option<&Path>) -> Result<Value, Flaw> {
        match (self, written) {
            (Self::Flag, Written::Flag(flag)) => Ok(flag.into()),
            (Self::Integer { min, max }, Written::Integer(number)) => {
                if (min..=max).contains(&&number) {
                    Ok(number.into())
                } else {
                    Err(self.out_of_range())
                }
            }
            (Self::Duration { min, max }, Written::Text(text)) => {
                let duration = parse_duration(text).ok_or_else(|| self.unparsable())?;
                if (*min..=*max).contains(&duration) {
                    Ok(millisecond_text(duration).into())
                } else {
                    Err(self.out_of_range())
                }
            }
            (Self::Size { .. }, Written::Text(text)) => self.bytes(parse_size(text).ok_or_else(|| self.unparsable())?),
            (Self::Size { .. }, Written::Integer(number)) => {
                self.bytes(u64::try_from(number).map_err(|_| self.out_of_range())?)
            }
            (Self::Address, Written::Text(text)) => {
                let address: SocketAddr = text.parse().map_err(|_| self.unparsable())?;
                Ok(address.to_string().into())
            }
            (Self::File, Written::Text(text)) => path(text, base),
            (Self::Directory, Written::Text(text)) => path(text, None),
            (Self::Choice { allowed, later }, Written::Text(text)) => choice(text, allowed, later),
            (Self::BinaryBodies(carried), Written::Flag(flag)) => carried.check_flag(flag),
            (Self::BinaryBodies(carried), Written::Text(text)) => {
                choice(text, binary_bodies::WORDS, &[])?;
                carried.check_word(text)
            }
            (Self::Text(rule) | Self::List { rule, .. } | Self::Tables { rule, .. }, Written::Text(text)) => {
                (rule.check)(text)?;
                Ok((rule.canonical)(text).into())
            }
            (_, written) => Err(self.wrong_type(written.kind())),
        }
    }

    /// Reads an environment variable's text as this kind; what does not fit stays text and fails the check.
    pub(crate) fn read_text<'a>(&self, text: &'a str) -> Written<'a> {
        match self {
            Self::Flag | Self::BinaryBodies(_) => text.parse().map_or(Written::Text(text), Written::Flag),
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

    pub(crate) fn wrong_type(&self, found: &str) -> Flaw {
        Flaw::new(format!("expects {}, found {found}", self.expects())).hint(self.example())
    }

    fn out_of_range(&self) -> Flaw {
        Flaw::new(format!("expects {}; this is outside that range", self.expects()))
    }

    fn unparsable(&self) -> Flaw {
        Flaw::new(format!("expects {}; this is not one", self.expects())).hint(self.example())
    }

    fn bytes(&self, size: u64) -> Result<Value, Flaw> {
        match (self, i64::try_from(size)) {
            (Self::Size { min, max }, Ok(bytes)) if (*min..=*max).contains(&size) => Ok(bytes.into()),
            (_, _) => Err(self.out_of_range()),
        }
    }
}

fn path(text: &str, base: Option<&Path>) -> Result<Value, Flaw> {
    if text.is_empty() {
        return Err(Flaw::new("expects a path; this is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(Flaw::new("expects a path; this has control characters"));
    }
    let path = base.unwrap_or(Path::new("")).join(text);
    path.to_str().map(Value::from).ok_or_else(|| Flaw::new("is relative to a directory whose name is not UTF-8"))
}

fn words(allowed: &[&str]) -> String {
    let words: Vec<String> = allowed.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(" or ")
}

fn choice(text: &str, allowed: &[&'static str], later: &[&'static str]) -> Result<Value, Flaw> {
    if allowed.contains(&text) {
        return Ok(text.into());
    }
    let words = words(allowed);
    if later.contains(&text) {
        return Err(Flaw::new("is not supported by this version").hint(format!("this version has {words}")));
    }
    let flaw = Flaw::new(format!("expects {words}; this is something else"));
    Err(match did_you_mean(text, allowed.iter().copied()) {
        Some(hint) => flaw.hint(hint),
        None => flaw,
    })
}
