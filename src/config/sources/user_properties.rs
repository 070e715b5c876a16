//! The vendor's own `user.properties`, accepted as it is.
//!
//! ```text
//! [property]
//! # comment, in any encoding
//! Topic=orders
//! URL=http://publictest-rest.ons.aliyun.com
//! Ak=…        Sk=…        ProducerID=PID_…        ConsumerID=CID_…
//! ```
//! `Tag`, `Key` and `ContentType` may be there, too. The file is read as the vendor's Python demo reads it: names of
//! keys in any case, `=` or `:` between, a comment after `;` when a blank is before it, and in values backslashes and
//! quotes mean themselves. Every line is handed to the INI library by itself, because a backslash at the end of a line
//! would make it swallow the next one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use ini::{Ini, ParseOption};
use zeroize::Zeroize;

use crate::signature::{Credentials, Secret};

use super::document::{Place, read_document};
use crate::config::findings::Findings;
use crate::config::problem::{Location, Position};
use crate::config::section::Table;
use crate::config::values::{
    CONTENT_TYPE, ENDPOINT, Endpoint, Flaw, GROUP, KEY, PRODUCER_GROUP, TAG, TOPIC, TextRule, check_secret,
    did_you_mean, is_placeholder, template,
};

/// The name of the one profile and of its keys.
pub(in crate::config) const NAME: &str = "main";
/// The section of the file that is read.
const SECTION: &str = "property";
/// Keys that the vendor's file alone has.
const TELLING_KEYS: [&str; 4] = ["Ak", "Sk", "ProducerID", "ConsumerID"];

/// The key as the vendor spells it, whether it must be there, and its rule.
const KEYS: &[(&str, bool, TextRule)] = &[
    ("Topic", true, TOPIC),
    ("URL", true, ENDPOINT),
    ("Ak", true, ACCESS_KEY),
    ("Sk", true, SECRET_KEY),
    ("ProducerID", true, PRODUCER_GROUP),
    ("ConsumerID", true, GROUP),
    ("Tag", false, TAG),
    ("Key", false, KEY),
    ("ContentType", false, CONTENT_TYPE),
];

const ACCESS_KEY: TextRule = TextRule::new("the access key", check_secret);
const SECRET_KEY: TextRule = TextRule::new("the secret key", check_secret);

/// Reads the file into our own schema: profile `main`, one topic, one group; the keys are handed back apart.
pub(in crate::config) fn read_user_properties(
    bytes: &[u8],
    path: &Path,
    findings: &mut Findings,
) -> (Table, Option<Credentials>) {
    match translate_user_properties(bytes, path, findings) {
        // Through the reader of files, which knows the defaults.
        Some((text, credentials)) => (read_document(&text, Place::BuiltIn, findings), Some(credentials)),
        None => (Table::new(), None),
    }
}

/// The file as text of our own schema, without the table of its keys, and the keys. Nothing when anything is wrong.
pub(in crate::config) fn translate_user_properties(
    bytes: &[u8],
    path: &Path,
    findings: &mut Findings,
) -> Option<(String, Credentials)> {
    let mut properties = Properties { path, values: BTreeMap::new(), section_seen: false };
    properties.read_lines(bytes, findings);
    properties.check(findings);
    if !findings.problems.is_empty() {
        return None;
    }
    let secret_key = Secret::new(properties.value("Sk"));
    Some((properties.text(), Credentials { access_key: properties.value("Ak"), secret_key, security_token: None }))
}

/// Whether a file is the vendor's, whoever named it: it has the section `[property]`, or sets at least two of the keys that
/// no configuration of ours has, before any section.
pub(in crate::config) fn looks_like_user_properties(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()).map(str::trim);
    let mut own_keys = 0;
    for line in lines {
        if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            return own_keys > 1 || name.trim().eq_ignore_ascii_case(SECTION);
        }
        let name = line.split(['=', ':']).next().unwrap_or_default().trim();
        own_keys += usize::from(TELLING_KEYS.iter().any(|key| key.eq_ignore_ascii_case(name)));
    }
    own_keys > 1
}

struct Properties<'a> {
    path: &'a Path,
    values: BTreeMap<&'static str, (Position, Secret)>,
    section_seen: bool,
}

/// One line, as the INI library sees it.
enum Line {
    Section(String),
    Property(String, String),
}

impl Properties<'_> {
    fn read_lines(&mut self, bytes: &[u8], findings: &mut Findings) {
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            findings.add("", Flaw::new("is UTF-16").hint("save the file with the encoding UTF-8"));
            self.section_seen = true;
            return;
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut in_section = false;
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let content = line.trim_ascii();
            if content.is_empty() || content.starts_with(b"#") || content.starts_with(b";") {
                continue;
            }
            let line_number = index + 1;
            let position = |column| Position { line: line_number, column };
            let Ok(content) = std::str::from_utf8(line) else {
                let flaw = Flaw::new("is not UTF-8 here").hint("save the file with the encoding UTF-8");
                findings.add_at(self.location(position(1)), "", flaw);
                continue;
            };
            match parse_line(content) {
                Some(Line::Section(name)) => in_section = name.eq_ignore_ascii_case(SECTION),
                Some(Line::Property(name, value)) if in_section => {
                    self.insert(&name, value, position(value_column(content)), findings);
                }
                // The vendor's demo reads this one section and no other.
                Some(Line::Property(_, _)) => {}
                None if in_section => {
                    let flaw = Flaw::new("is neither a comment, a [section] nor Key=Value");
                    findings.add_at(self.location(position(1)), "", flaw.hint("comments begin with # or ;"));
                }
                None => {}
            }
            self.section_seen |= in_section;
        }
    }

    fn insert(&mut self, written: &str, value: String, position: Position, findings: &mut Findings) {
        let value = Secret::new(value);
        let location = self.location(position);
        let Some((name, _, _)) = KEYS.iter().find(|(name, _, _)| name.eq_ignore_ascii_case(written)) else {
            // A key that resembles none of ours may be a piece of a broken secret, so it is not repeated.
            let flaw = Flaw::new("this line has an unknown key");
            let flaw = match did_you_mean(written, KEYS.iter().map(|(name, _, _)| *name)) {
                Some(hint) => flaw.hint(hint),
                None => flaw.hint("other settings need a TOML file, see config/reference.md"),
            };
            let location = self.location(Position { column: 1, ..position });
            return findings.add_at(location, "", flaw);
        };
        if let Some((first, _)) = self.values.get(name) {
            return findings.add_at(location, name, Flaw::new(format!("is set twice, first in line {}", first.line)));
        }
        findings.set((*name).to_owned(), location);
        self.values.insert(name, (position, value));
    }

    fn check(&mut self, findings: &mut Findings) {
        if !self.section_seen {
            let flaw = Flaw::new("has no section [property]");
            return findings.add("", flaw.hint("is this the vendor's user.properties? it begins with [property]"));
        }
        for (name, required, rule) in KEYS {
            match self.values.get(name).map(|(_, value)| value.expose()) {
                None if *required => {
                    findings.add(name, Flaw::new("is missing").hint(format!("it is {}", rule.expects)));
                }
                None => {}
                Some("") => findings.add(name, Flaw::new("is empty").hint(format!("it is {}", rule.expects))),
                Some(value) if is_placeholder(value) => findings.add(name, template()),
                Some(value) => {
                    // A secret is not copied.
                    let value: Cow<'_, str> = if *name == "URL" { complete_url(value).into() } else { value.into() };
                    if let Err(flaw) = (rule.check)(&value)
                        .and_then(|()| if *name == "URL" { speaks_ons_http(&value) } else { Ok(()) })
                    {
                        findings.add(name, flaw);
                    }
                }
            }
        }
    }

    /// Our own schema. Every value has passed its rule.
    fn text(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let line = |key: &str, name: &str| match self.values.get(name) {
            Some((_, value)) => format!("{key} = {}\n", quoted(value.expose())),
            None => String::new(),
        };
        let mut text = format!("[profiles.{NAME}]\nprotocol = \"ons-http\"\n");
        text += &format!("endpoints = [{}]\n", quoted(&complete_url(&self.value("URL"))));
        text += &format!("credentials = \"{NAME}\"\n");
        text += &line("producer_group", "ProducerID");
        text += &line("content_type", "ContentType");
        text += &format!("\n[[topics]]\n{}profile = \"{NAME}\"\n", line("name", "Topic"));
        text += &format!("groups = [{}]\n", quoted(&self.value("ConsumerID")));
        text += &line("default_tag", "Tag");
        text += &line("default_key", "Key");
        text
    }

    fn value(&self, name: &str) -> String {
        self.values.get(name).map(|(_, value)| value.expose().to_owned()).unwrap_or_default()
    }

    fn location(&self, position: Position) -> Location {
        Location::File(self.path.to_owned(), position)
    }
}

fn parse_line(line: &str) -> Option<Line> {
    let line = without_comment(line.trim());
    let options = ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        enabled_indented_mutiline_value: false,
        enabled_preserve_key_leading_whitespace: false,
    };
    let mut ini = Ini::load_from_str_opt(line, options).ok()?;
    let section = ini.sections().flatten().next().map(str::to_owned);
    if let Some(section) = section {
        return Some(Line::Section(section));
    }
    let properties = ini.section_mut(None::<String>)?;
    let (name, value) = properties.iter_mut().next()?;
    let line = Line::Property(name.to_owned(), value.trim().to_owned());
    value.zeroize();
    Some(line)
}

/// Cuts a comment off: a `;` with a blank before it.
fn without_comment(line: &str) -> &str {
    let mut before = 'x';
    for (offset, character) in line.char_indices() {
        if character == ';' && before.is_whitespace() {
            return line.get(..offset).unwrap_or(line).trim_end();
        }
        before = character;
    }
    line
}

fn value_column(line: &str) -> usize {
    let mut after_separator = false;
    for (index, character) in line.chars().enumerate() {
        if after_separator && !character.is_whitespace() {
            return index + 1;
        }
        after_separator |= matches!(character, '=' | ':');
    }
    line.trim_end().chars().count() + 1
}

/// The hosts of the vendor's MQ HTTP endpoints are `ACCOUNT.mqrest.REGION.aliyuncs.com`: what this file asks for can only fail
/// there.
fn speaks_ons_http(url: &str) -> Result<(), Flaw> {
    match Endpoint::parse(url)? {
        Endpoint::Url { host, .. } if host.contains("mqrest") => Err(Flaw::new("this looks like an MQ HTTP endpoint")
            .hint("use protocol = \"mq-http\" in a TOML file, see config/examples/mq-http.toml")),
        Endpoint::Url { .. } | Endpoint::Embedded => Ok(()),
    }
}

/// The vendor's page writes the URL with and without scheme, and with the path of the message interface.
fn complete_url(text: &str) -> String {
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let trimmed = url.trim_end_matches('/');
    trimmed.strip_suffix("/message").unwrap_or(trimmed).to_owned()
}
