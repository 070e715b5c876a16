//! Fuzz targets: configurations, the vendor's file, variables of the environment, and the files with secrets that a configuration
//! names. Whatever is written there, there are findings, and they do not repeat it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use toml::de::DeTable;

use super::check::report;
use super::headers_file::{headers_of, push_headers_of};
use super::import::import_content;
use super::loader::load_content;
use super::secret_file::secret_of;
use super::sections::CredentialsSource;
use super::{CheckReport, Config, Overrides, Problem, Source};
use crate::fuzz_input::{CANARY, assert_hides};
use crate::signature::standard_webhooks::WebhookSecret;

/// Where the text says to be from. Nothing is there, and so are none of the files that it names below it.
const FILE: &str = "/nowhere/mq.toml";
/// What a text may hold that findings repeat: names, by which operators find what is meant, and the paths of files.
const SHOWN: [&str; 13] = [
    "name",
    "topic",
    "topics",
    "group",
    "groups",
    "profile",
    "credentials",
    "directory",
    "data_dir",
    "secrets",
    "deny_addresses",
    "listen",
    "url",
];

fn variables(lines: &[&[u8]]) -> BTreeMap<String, String> {
    let texts = lines.iter().filter_map(|line| std::str::from_utf8(line).ok()?.split_once('='));
    texts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A file in TOML.
pub(crate) fn file(data: &[u8]) {
    let source = Source::File(FILE.into());
    let load = || load_content(&source, data, &Overrides::default(), &BTreeMap::new());
    let config = load().map(|loaded| loaded.config);
    let checked = report(&source, load());
    let text = &*String::from_utf8_lossy(data);
    check(&checked, config.as_ref().ok(), text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.contains(CANARY) || DeTable::parse(text).is_err() || may_be_hidden(text) {
        hides(&checked);
    }
}

/// Whether what is not to be repeated stands neither in a name nor where findings need it.
fn may_be_hidden(text: &str) -> bool {
    fn is_hidden(key: &str, value: &toml::Value) -> bool {
        let is_shown = SHOWN.contains(&key) || key.ends_with("_file");
        match value {
            toml::Value::String(text) => !text.contains(CANARY) || !is_shown,
            toml::Value::Array(items) => items.iter().all(|item| is_hidden(key, item)),
            toml::Value::Table(table) => {
                table.iter().all(|(key, value)| !key.contains(CANARY) && is_hidden(key, value))
            }
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) => {
                true
            }
        }
    }
    toml::from_str::<toml::Table>(text).is_ok_and(|table| is_hidden("", &toml::Value::Table(table)))
}

/// Everything that an operator could get to see.
fn hides(report: &CheckReport) {
    assert_hides(&format!("{report}\n{report:?}\n{}", report.to_json()));
}

/// A report says each thing once, in the order of the file, and where it is.
fn check(report: &CheckReport, config: Option<&Config>, text: &str) {
    let problems = report.problems();
    assert_eq!(report.is_ok(), problems.is_empty());
    assert_eq!(report.exit_code(), u8::from(!problems.is_empty()));
    assert!(config.is_some() || !report.is_ok(), "refused without a word");
    assert!(problems.is_sorted() && report.warnings().is_sorted());
    assert!(problems.iter().zip(problems.iter().skip(1)).all(|(one, next)| one != next), "told twice: {problems:?}");
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in problems.iter().chain(report.warnings()) {
        assert_placed(problem, &lines);
    }
    let json = report.to_json();
    assert_eq!(json.get("problems").and_then(|it| it.as_array()).map(Vec::len), Some(problems.len()));
    assert!(report.to_string().lines().count() >= problems.len());
    if let Some(config) = config {
        let shown = config.redacted().to_string();
        assert!(!shown.is_empty() && config.redacted().is_object());
    }
}

fn assert_placed(problem: &Problem, lines: &[&str]) {
    assert!(!problem.detail.is_empty() && !problem.detail.contains("a bug of the gateway"), "{problem}");
    let shown = problem.to_string();
    assert!(shown.lines().count() <= 2 && !shown.contains(|it: char| it.is_control() && it != '\n'), "{problem:?}");
    let Some(position) = problem.location.position() else { return };
    let line = position.line.checked_sub(1).and_then(|index| lines.get(index));
    let width = line.map(|line| line.chars().count());
    assert!(width.is_some_and(|width| (1..=width + 1).contains(&position.column)), "{problem} is outside");
}

/// The vendor's file: what is imported of it is a configuration that means the same.
pub(crate) fn vendors_file(data: &[u8]) {
    let path = Path::new("/nowhere/user.properties");
    let source = Source::UserProperties(path.to_owned());
    let load = || load_content(&source, data, &Overrides::default(), &BTreeMap::new());
    let loaded = load().map(|loaded| loaded.config);
    let checked = report(&source, load());
    let text = &*String::from_utf8_lossy(data);
    check(&checked, loaded.as_ref().ok(), text);
    let is_hidden = text.lines().filter(|line| line.contains(CANARY)).all(|line| {
        let name = line.split(['=', ':']).next().unwrap_or_default().trim();
        line.trim_start().starts_with(['#', ';']) || ["Ak", "Sk"].iter().any(|key| key.eq_ignore_ascii_case(name))
    });
    if is_hidden {
        hides(&checked);
    }
    let imported = import_content(data, path);
    let Ok(imported) = imported else {
        assert!(loaded.is_err(), "it can be loaded, and not imported: {imported:?}");
        return;
    };
    if is_hidden {
        assert_hides(&imported.text);
    }
    let source = Source::File(FILE.into());
    let again = load_content(&source, imported.text.as_bytes(), &Overrides::default(), &BTreeMap::new());
    let again = again.map(|loaded| without_keys(loaded.config));
    assert_eq!(again.ok(), loaded.map(without_keys).ok(), "{}", imported.text);
}

/// What a configuration says but for its keys, which are imported into files.
fn without_keys(mut config: Config) -> Config {
    config.credentials.clear();
    for profile in config.profiles.values_mut() {
        profile.credentials = CredentialsSource::Embedded;
    }
    config.table = serde_json::Value::Null;
    config
}

/// Lines: variables as `NAME=value`, over the configuration that is built in.
pub(crate) fn environment(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let variables = variables(&lines);
    let load = || load_content(&Source::BuiltIn, b"", &Overrides::default(), &variables);
    let config = load().map(|loaded| loaded.config);
    let checked = report(&Source::BuiltIn, load());
    check(&checked, config.as_ref().ok(), "");
    let is_path = |name: &str| name.ends_with("_FILE") || name.ends_with("_CERTIFICATE") || name.ends_with("DATA_DIR");
    let is_shown = |(name, value): (&String, &String)| {
        name.contains(CANARY) || (value.contains(CANARY) && (is_path(name) || name.ends_with("LISTEN")))
    };
    if !variables.iter().any(is_shown) {
        hides(&checked);
    }
}

/// A file with a secret, whichever kind of one.
pub(crate) fn secret_files(data: &[u8]) {
    let path = PathBuf::from("/nowhere/secret");
    match secret_of(data, &path) {
        Ok(secret) => {
            let text = secret.expose().as_bytes();
            assert!(!text.is_empty() && text.iter().all(u8::is_ascii_graphic));
            let end = data.strip_prefix(text);
            // Neither is part of any key.
            assert!(end.is_some_and(|end| [&b""[..], b"\n", b"\r\n", b"\r"].contains(&end)), "a part of it is lost");
            assert_hides(&format!("{secret:?}"));
        }
        Err(error) => assert_hides(&format!("{error} {error:?}")),
    }
    let ended = [data, b"\r\n"].concat();
    for read in [WebhookSecret::parse, WebhookSecret::raw] {
        let (secret, with_end) = (read(data), read(&ended));
        match (&secret, &with_end) {
            (Ok(secret), Ok(with_end)) => {
                assert!(data.ends_with(b"\n") || secret.same_as(with_end), "more than the line end is left out");
                assert_hides(&format!("{secret:?}"));
            }
            (Err(error), Err(with_end)) => {
                assert!(data.ends_with(b"\n") || error == with_end);
                assert_hides(&format!("{error} {error:?}"));
            }
            _ => assert!(data.ends_with(b"\n"), "a line end makes a difference"),
        }
    }
    match headers_of(data, &path) {
        Ok(headers) => assert_headers(headers.iter().map(|(name, value)| (name.as_str(), value.expose()))),
        Err(error) => assert_hides(&format!("{error} {error:?}")),
    }
    match push_headers_of(data, &path) {
        Ok(headers) => {
            assert_headers(headers.iter().map(|header| (header.name.as_str(), header.value.expose())));
            let is_named = |name: &str| name.to_ascii_uppercase().contains(CANARY);
            if !headers.iter().any(|header| is_named(&header.name)) {
                assert_hides(&format!("{headers:?}"));
            }
        }
        Err(error) => assert_hides(&format!("{error} {error:?}")),
    }
    let certificates = CertificateDer::pem_slice_iter(data).filter_map(Result::ok);
    assert!(certificates.map(|certificate| certificate.len()).sum::<usize>() <= data.len());
}

/// Headers that any server takes, each once.
fn assert_headers<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut names = Vec::new();
    for (name, value) in headers {
        assert!(is_name(name) && !names.contains(&name), "{name}");
        assert!(!value.is_empty() && value.trim() == value && value.bytes().all(|it| matches!(it, b' '..=b'~')));
        names.push(name);
    }
    assert!(!names.is_empty());
}

fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}
