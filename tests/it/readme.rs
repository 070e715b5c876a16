//! README.md holds what it promises: its commands are performed against the real program, and its answers compared.
//!
//! `.ci/readme.py` defines the convention of the fenced blocks and runs them with bash, curl and sed on the default
//! ports. Here nothing but Rust is needed: a small interpreter knows the shell, curl and sed that the README uses,
//! refuses everything else, and puts the running application's addresses and directory in the place of the usual ones.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::str::Chars;

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::ons::Credentials;
use crate::support::{Launch, TestApp};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SERVER: &str = "cargo run --release";
const PROGRAM: &str = "./target/release/mq-gateway";
/// What stands behind the curl of a `NAME=$(curl …)`.
const EXTRACTION: &str = r#" | sed 's/.*"receipt_handle":"\([^"]*\)".*/\1/')"#;
const WILDCARD: &str = "…";

type Variables = BTreeMap<String, String>;

#[test]
fn every_command_of_the_readme_answers_as_printed() {
    let report = perform_all(&readme());
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n\n"));
    assert!(report.curls >= 8, "only {} curl lines were performed", report.curls);
    assert!(report.programs >= 2, "only {} mq-gateway lines were performed", report.programs);
    assert!(report.compared > 0, "no answer was compared");
}

#[test]
fn every_configuration_of_the_readme_is_accepted() {
    let blocks = blocks(&readme());
    let configurations: Vec<&Block> = blocks.iter().filter(|block| block.kind() == "toml").collect();
    assert!(!configurations.is_empty(), "the README shows no configuration");
    let credentials = Credentials { access_key: "key".into(), secret_key: "secret".into() };
    let issued = Credentials { access_key: "issued".into(), secret_key: "secret".into() };
    let mut whole = String::new();
    for block in configurations {
        // A ```toml addition goes with the configuration before it.
        if block.info.get(1).is_none_or(|word| word != "addition") {
            whole.clear();
        }
        whole.push_str(&block.text);
        whole.push('\n');
        let launch = Launch::bare().secrets(&credentials).secrets_in("issued", &issued);
        let launch = launch.file("readme.toml", &with_secrets(&whole));
        let finished = launch.arguments(&["check", "{directory}/readme.toml"]).run();
        assert_eq!(finished.code, Some(0), "README.md:{}: {finished:?}", block.line);
    }
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("README.md")).expect("README.md")
}

/// The configuration with every credentials directory replaced by one that exists.
fn with_secrets(text: &str) -> String {
    let mut in_credentials = false;
    let lines = text.lines().map(|line| {
        if line.starts_with('[') {
            in_credentials = line.starts_with("[credentials.");
        }
        match line.strip_prefix("directory = ") {
            Some(directory) if in_credentials && directory.starts_with("\"/run/secrets/mq\"") => {
                "directory = \"{secrets}\""
            }
            Some(_) if in_credentials => "directory = \"{directory}/issued\"",
            Some(_) | None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

// Blocks

/// A fenced block.
#[derive(Debug)]
struct Block {
    /// The words behind the fence.
    info: Vec<String>,
    /// The number of the fence's line.
    line: usize,
    text: String,
    /// Whether nothing stands between the block before and this one.
    follows: bool,
}

impl Block {
    fn kind(&self) -> &str {
        self.info.first().map_or("", String::as_str)
    }

    /// The HTTP status that an answer has to have; `None` is any 2xx.
    fn status(&self) -> Option<u16> {
        let fence = self.info.get(1).map(|word| word.parse().expect("the word behind an answer's fence is a status"));
        let own = || serde_json::from_str::<Value>(&self.text).ok()?["status"].as_u64()?.try_into().ok();
        fence.or_else(|| if self.kind() == "json" { own() } else { None })
    }

    fn difference(&self, printed: &str) -> Option<String> {
        if self.kind() == "text" {
            return text_difference(&self.text, printed);
        }
        match (serde_json::from_str(&self.text), serde_json::from_str(printed)) {
            (Ok(expected), Ok(actual)) => json_difference(&expected, &actual, "$"),
            (Err(error), _) => Some(format!("the expected answer is no JSON: {error}")),
            (_, Err(error)) => Some(format!("no JSON was printed: {error}")),
        }
    }
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut alone = false;
    let mut lines = (1..).zip(markdown.lines());
    while let Some((number, line)) = lines.next() {
        if !line.starts_with("```") {
            alone = alone && line.trim().is_empty();
            continue;
        }
        let info = line.trim_start_matches('`');
        let fence = line.strip_suffix(info).expect("the fence stands before its words");
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim_end() != fence).collect();
        let info = info.split_whitespace().map(str::to_owned).collect();
        found.push(Block { info, line: number, text: body.join("\n"), follows: alone });
        alone = true;
    }
    found
}

// The run

#[derive(Debug, Default)]
struct Report {
    curls: usize,
    programs: usize,
    compared: usize,
    failures: Vec<String>,
}

/// Performs every ```` ```sh ```` block in order and compares what is printed.
fn perform_all(markdown: &str) -> Report {
    let blocks = blocks(markdown);
    let mut shell = Shell::default();
    let (mut compared, mut failures) = (0, Vec::new());
    for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.kind() == "sh") {
        let follower = blocks.get(index + 1).filter(|next| next.follows && matches!(next.kind(), "json" | "text"));
        let server = block.info.iter().any(|word| word == "server");
        let commands = commands(&block.text);
        for (number, command) in commands.iter().enumerate() {
            let answer = follower.filter(|_| !server && number + 1 == commands.len());
            compared += usize::from(answer.is_some());
            let result = if server { shell.start(command) } else { shell.perform(command) };
            if let Err(problem) = result.and_then(|printed| printed.check(answer)) {
                failures.push(format!("README.md:{}: {command}\n{problem}", block.line));
            }
        }
    }
    Report { curls: shell.curls, programs: shell.programs, compared, failures }
}

/// One command in each line, without comments.
fn commands(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What a command did.
#[derive(Debug, Default)]
struct Printed {
    /// The HTTP status, where there is one.
    status: Option<u16>,
    text: String,
}

impl Printed {
    fn check(&self, answer: Option<&Block>) -> Result<(), String> {
        let wanted = answer.and_then(Block::status);
        let good = |status: u16| wanted.map_or((200..300).contains(&status), |wanted| wanted == status);
        let wrong_status = self.status.filter(|&status| !good(status)).map(|status| format!("HTTP status {status}"));
        let difference = answer.and_then(|answer| answer.difference(&self.text));
        let problems: Vec<String> = wrong_status.into_iter().chain(difference).collect();
        if problems.is_empty() {
            return Ok(());
        }
        let expected = answer.map_or("a status of 2xx", |answer| answer.text.as_str());
        Err(format!("{}\n--- printed\n{}\n--- expected\n{expected}", problems.join("; "), self.text))
    }
}

/// What lives on from command to command.
#[derive(Debug, Default)]
struct Shell {
    app: Option<TestApp>,
    variables: Variables,
    curls: usize,
    programs: usize,
}

impl Shell {
    fn start(&mut self, command: &str) -> Result<Printed, String> {
        if command != SERVER {
            return Err(format!("the only supported server is `{SERVER}`"));
        }
        if self.app.is_some() {
            return Err("the server is running already".into());
        }
        self.app = Some(TestApp::embedded());
        Ok(Printed::default())
    }

    fn perform(&mut self, command: &str) -> Result<Printed, String> {
        if let Some((name, curl)) = extraction(command)? {
            let printed = self.perform(curl)?;
            self.variables.insert(name.to_owned(), receipt_handle(&printed.text)?);
            return Ok(Printed { text: String::new(), ..printed });
        }
        let words = words(command, &self.variables)?;
        match words.split_first() {
            Some((program, arguments)) if program == "curl" => self.curl(arguments),
            Some((program, arguments)) if program == PROGRAM => self.program(arguments),
            _ => Err(format!("only `curl` and `{PROGRAM}` are supported")),
        }
    }

    fn curl(&mut self, arguments: &[String]) -> Result<Printed, String> {
        let app = self.app.as_ref().ok_or("no server was started before")?;
        let addresses = Addresses::of(app);
        let response = Curl::parse(arguments)?.request(&addresses)?.send();
        self.curls += 1;
        Ok(Printed { status: Some(response.status), text: addresses.restore(&response.text()) })
    }

    /// Runs the program to its end, in a directory that looks like the repository but has the application's data.
    fn program(&mut self, arguments: &[String]) -> Result<Printed, String> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let launch = Launch::bare().arguments(&arguments);
        for entry in std::fs::read_dir(ROOT).expect("the repository") {
            let entry = entry.expect("an entry of the repository");
            if entry.file_name() != "data" {
                symlink(entry.path(), launch.directory().path().join(entry.file_name())).expect("a link");
            }
        }
        if let Some(app) = &self.app {
            symlink(app.data_directory(), launch.path("data")).expect("a link");
        }
        let finished = launch.run();
        self.programs += 1;
        if finished.code != Some(0) {
            return Err(format!("ended with {:?}: {}", finished.code, finished.output()));
        }
        let text = self.app.as_ref().map(|app| Addresses::of(app).restore(&finished.stdout));
        Ok(Printed { status: None, text: text.unwrap_or(finished.stdout) })
    }
}

/// The usual addresses, and where the application listens in their place.
#[derive(Debug)]
struct Addresses([(&'static str, SocketAddr); 3]);

impl Addresses {
    fn of(app: &TestApp) -> Self {
        Self([
            ("127.0.0.1:8080", app.data()),
            ("127.0.0.1:8081", app.management()),
            ("127.0.0.1:8090", app.embedded_address()),
        ])
    }

    /// The address and the target that a URL means.
    fn locate<'a>(&self, url: &'a str) -> Result<(SocketAddr, &'a str), String> {
        let usual = |(usual, address): &(&str, SocketAddr)| {
            let target = url.strip_prefix("http://")?.strip_prefix(usual)?;
            Some((*address, target))
        };
        let found = self.0.iter().find_map(usual).filter(|(_, target)| target.starts_with('/'));
        // Curl would expand, cut off, shorten or refuse these.
        let plain = url.chars().all(|c| c.is_ascii_graphic() && !"[]{}#\\\"".contains(c)) && !url.contains("/.");
        found.filter(|_| plain).ok_or_else(|| format!("curl: the URL {url} is not supported"))
    }

    fn restore(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (usual, address)| text.replace(&address.to_string(), usual))
    }
}

// Shell

/// The variable's name and the curl of `NAME=$(curl … | sed …)`.
fn extraction(command: &str) -> Result<Option<(&str, &str)>, String> {
    let Some((name, inside)) = command.split_once("=$(").filter(|(name, _)| is_name(name)) else {
        return Ok(None);
    };
    let curl = inside.strip_suffix(EXTRACTION).filter(|curl| curl.starts_with("curl "));
    let curl = curl.ok_or_else(|| format!("the only supported substitution is `NAME=$(curl …{EXTRACTION}`"))?;
    Ok(Some((name, curl)))
}

/// What the README's sed finds: its `.*` is greedy, so the last handle.
fn receipt_handle(text: &str) -> Result<String, String> {
    let handle = text.rsplit_once(r#""receipt_handle":""#).and_then(|(_, rest)| rest.split_once('"'));
    let (handle, _) = handle.ok_or_else(|| format!("sed: no receipt handle in {text}"))?;
    Ok(handle.to_owned())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(is_name_character)
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The words of a simple command.
fn words(command: &str, variables: &Variables) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = command.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => word.get_or_insert_default().push_str(single_quoted(&mut rest)?),
            '"' => word.get_or_insert_default().push_str(&double_quoted(&mut rest, variables)?),
            _ if is_name_character(c) || "-./:=,+@%".contains(c) => word.get_or_insert_default().push(c),
            _ => return Err(format!("shell: {c:?} outside quotes is not supported")),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted<'a>(rest: &mut Chars<'a>) -> Result<&'a str, String> {
    let (text, after) = rest.as_str().split_once('\'').ok_or("shell: a ' is not closed in its line")?;
    *rest = after.chars();
    Ok(text)
}

fn double_quoted(rest: &mut Chars<'_>, variables: &Variables) -> Result<String, String> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok(text),
            '\\' if rest.next() == Some('"') => text.push('"'),
            '$' => text.push_str(variable(rest, variables)?),
            '\\' | '`' | '!' => return Err(format!("shell: this use of {c:?} inside \" is not supported")),
            _ => text.push(c),
        }
    }
    Err("shell: a \" is not closed in its line".into())
}

/// The value of the variable whose name comes next.
fn variable<'a>(rest: &mut Chars<'_>, variables: &'a Variables) -> Result<&'a str, String> {
    let name: String = rest.as_str().chars().take_while(|&c| is_name_character(c)).collect();
    if !is_name(&name) {
        return Err("shell: only $NAME is supported".into());
    }
    *rest = rest.as_str().strip_prefix(&name).unwrap_or_default().chars();
    variables.get(&name).map(String::as_str).ok_or_else(|| format!("shell: ${name} has no value"))
}

// curl

/// A curl command with the flags that the README uses.
#[derive(Debug, Default)]
struct Curl {
    method: Option<String>,
    headers: Vec<String>,
    body: Option<String>,
    url: Option<String>,
}

impl Curl {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut curl = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("curl: no value behind {argument}"));
            match argument.as_str() {
                "-s" => {}
                "-X" => set_once(&mut curl.method, argument, value()?)?,
                "-H" => curl.headers.push(header_line(value()?)?),
                "-d" | "--data-binary" => set_once(&mut curl.body, argument, literal(value()?)?)?,
                flag if flag.starts_with('-') => return Err(format!("curl: the flag {flag} is not supported")),
                url => set_once(&mut curl.url, "the URL", url)?,
            }
        }
        Ok(curl)
    }

    /// The request that curl would send.
    fn request(&self, addresses: &Addresses) -> Result<Request, String> {
        let (address, target) = addresses.locate(self.url.as_ref().ok_or("curl: there is no URL")?)?;
        let usual_method = if self.body.is_some() { "POST" } else { "GET" };
        let mut request = Request::new(address, self.method.as_deref().unwrap_or(usual_method), target);
        let form = self.body.as_ref().map(|_| "Content-Type: application/x-www-form-urlencoded");
        for usual in ["User-Agent: curl/8.5.0", "Accept: */*"].into_iter().chain(form) {
            if !self.headers.iter().any(|line| name_of(line).eq_ignore_ascii_case(name_of(usual))) {
                request = request.header(usual);
            }
        }
        request = self.headers.iter().fold(request, Request::header);
        Ok(self.body.iter().fold(request, Request::body))
    }
}

fn set_once(place: &mut Option<String>, what: &str, value: &str) -> Result<(), String> {
    match place.replace(value.to_owned()) {
        None => Ok(()),
        Some(_) => Err(format!("curl: {what} comes a second time")),
    }
}

fn header_line(line: &str) -> Result<String, String> {
    let whole = line.split_once(':').is_some_and(|(name, value)| !name.is_empty() && !value.trim().is_empty());
    if whole { Ok(line.to_owned()) } else { Err(format!("curl: the header {line:?} is not supported")) }
}

fn name_of(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

fn literal(body: &str) -> Result<&str, String> {
    if body.starts_with('@') { Err("curl: a body out of a file is not supported".into()) } else { Ok(body) }
}

// Comparison

/// Whether `got` is `wanted`, whose elements of `any` stand for any number of elements.
fn matches<W, G>(wanted: &[W], got: &[G], any: impl Fn(&W) -> bool, one: impl Fn(&W, &G) -> bool) -> bool {
    let (mut w, mut g) = (0, 0);
    // The last wildcard, and where what it stands for ends.
    let mut wildcard = None;
    while g < got.len() {
        if wanted.get(w).is_some_and(&any) {
            wildcard = Some((w, g));
            w += 1;
        } else if wanted.get(w).is_some_and(|wanted| one(wanted, &got[g])) {
            (w, g) = (w + 1, g + 1);
        } else if let Some((at, end)) = wildcard {
            wildcard = Some((at, end + 1));
            (w, g) = (at + 1, end + 1);
        } else {
            return false;
        }
    }
    wanted[w..].iter().all(any)
}

fn string_matches(wanted: &str, got: &str) -> bool {
    let (wanted, got): (Vec<char>, Vec<char>) = (wanted.chars().collect(), got.chars().collect());
    matches(&wanted, &got, |&c| WILDCARD.starts_with(c), |wanted, got| wanted == got)
}

fn text_difference(expected: &str, actual: &str) -> Option<String> {
    let (expected, actual) = (expected.trim_end_matches('\n'), actual.replace('\r', ""));
    let wanted: Vec<&str> = expected.split('\n').map(str::trim_end).collect();
    let got: Vec<&str> = actual.trim_end_matches('\n').split('\n').map(str::trim_end).collect();
    let same = matches(&wanted, &got, |&line| line == WILDCARD, |wanted, got| string_matches(wanted, got));
    (!same).then(|| "the text differs".into())
}

fn json_difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    match (expected, actual) {
        (Value::String(wanted), _) if wanted == WILDCARD => None,
        (Value::String(wanted), Value::String(got)) if string_matches(wanted, got) => None,
        (Value::Object(wanted), Value::Object(got)) => {
            let missing: Vec<_> = wanted.keys().filter(|key| !got.contains_key(*key)).collect();
            let extra: Vec<_> = got.keys().filter(|key| !wanted.contains_key(*key)).collect();
            if !missing.is_empty() || !extra.is_empty() {
                return Some(format!("{path}: missing {missing:?}, not expected {extra:?}"));
            }
            wanted.iter().find_map(|(key, value)| json_difference(value, &got[key], &format!("{path}.{key}")))
        }
        (Value::Array(wanted), Value::Array(got)) => array_difference(wanted, got, path),
        _ if expected == actual => None,
        _ => Some(format!("{path}: {actual}, expected {expected}")),
    }
}

fn array_difference(wanted: &[Value], got: &[Value], path: &str) -> Option<String> {
    let (wanted, got) = match wanted.split_last() {
        Some((last, first)) if last == WILDCARD => (first, got.get(..first.len()).unwrap_or(got)),
        _ => (wanted, got),
    };
    if wanted.len() != got.len() {
        return Some(format!("{path}: {} elements, expected {}", got.len(), wanted.len()));
    }
    let mut pairs = wanted.iter().zip(got).enumerate();
    pairs.find_map(|(index, (wanted, got))| json_difference(wanted, got, &format!("{path}[{index}]")))
}

// The interpreter itself

#[test]
fn wrong_answers_are_noticed() {
    let report = perform_all(concat!(
        "```sh\ncurl -s http://127.0.0.1:8080/v1/topics\n```\n",
        "```sh server\ncargo run --release\n```\n",
        "```sh\n# right\ncurl -s http://127.0.0.1:8080/v1/topics\n```\n\n```json 200\n{\"topics\": [\"…\"]}\n```\n",
        "```sh\ncurl -s http://127.0.0.1:8080/v1/topics\n```\n\n```json\n{\"topics\": []}\n```\n",
        "```sh\ncurl -s http://127.0.0.1:8080/v1/topics\n```\n\n```json 201\n{\"topics\": \"…\"}\n```\n",
        "```sh\ncurl -s http://127.0.0.1:8080/nowhere\n```\n\nNothing is said of a problem.\n\n```json 404\n{}\n```\n",
        "```sh\ncurl -s http://127.0.0.1:8081/livez\n```\n```text\nno\n```\n",
        "```sh\n./target/release/mq-gateway check missing.toml\n```\n",
        "```sh\ncurl -v http://127.0.0.1:8080/v1/topics\n```\n",
        "```sh server\ncargo run\n```\n```shell\nnot run\n```\n",
    ));
    assert_eq!((report.curls, report.programs, report.compared), (5, 1, 4), "{report:?}");
    let expected = [
        (1, "no server was started"),
        (15, "$.topics: 1 elements, expected 0"),
        (22, "HTTP status 200"),
        (29, "HTTP status 404"),
        (38, "the text differs"),
        (44, "ended with Some(2)"),
        (47, "the flag -v is not supported"),
        (50, "the only supported server"),
    ];
    assert_eq!(report.failures.len(), expected.len(), "{:#?}", report.failures);
    for (failure, (line, problem)) in report.failures.iter().zip(expected) {
        assert!(
            failure.starts_with(&format!("README.md:{line}:")) && failure.contains(problem),
            "{problem}: {failure}"
        );
    }
}

#[test]
fn everything_unknown_is_refused() {
    for (command, problem) in [
        ("curl -v http://127.0.0.1:8080/", "the flag -v"),
        ("curl -sX POST http://127.0.0.1:8080/", "the flag -sX"),
        ("curl --data x http://127.0.0.1:8080/", "the flag --data"),
        ("curl -s http://127.0.0.1:8080/ -H", "no value behind -H"),
        ("curl -s http://127.0.0.1:8080/ -H Accept:", "the header \"Accept:\""),
        ("curl -s http://127.0.0.1:8080/ -d @file", "a body out of a file"),
        ("curl -s http://127.0.0.1:8080/ -d a -d b", "-d comes a second time"),
        ("curl -s http://127.0.0.1:8080/a http://127.0.0.1:8080/b", "the URL comes a second time"),
        ("curl -s", "there is no URL"),
        ("curl -s http://127.0.0.1:80801/", "is not supported"),
        ("curl -s https://127.0.0.1:8080/", "is not supported"),
        ("curl -s http://example.com/", "is not supported"),
        ("curl -s 'http://127.0.0.1:8080/[1-3]'", "is not supported"),
        ("curl -s http://127.0.0.1:8080/a/../b", "is not supported"),
        ("curl -s http://127.0.0.1:8080/?a", "'?' outside quotes"),
        ("curl -s http://127.0.0.1:8080/ | cat", "'|' outside quotes"),
        ("curl -s http://127.0.0.1:8080/ \\", "'\\\\' outside quotes"),
        ("curl -s $URL", "'$' outside quotes"),
        ("curl -s \"$URL\"", "$URL has no value"),
        ("curl -s \"${URL}\"", "only $NAME"),
        ("curl -s \"a\\n\"", "this use of '\\\\'"),
        ("curl -s \"a", "a \" is not closed"),
        ("curl -s 'a", "a ' is not closed"),
    ] {
        let request = words(command, &Variables::new())
            .and_then(|words| Curl::parse(&words[1..]))
            .and_then(|curl| curl.request(&some_addresses()));
        let refusal = request.expect_err(command);
        assert!(refusal.contains(problem), "{command}: {refusal}");
    }
    for command in ["wget x", "A=b curl x", "A=$(date)", "A=$(curl -s x)", "A=$(curl -s x | sed 's/a/b/')", "A=b"] {
        let refusal = Shell::default().perform(command).expect_err(command);
        assert!(refusal.contains("supported"), "{command}: {refusal}");
    }
}

#[test]
fn a_command_means_what_shell_and_curl_make_of_it() {
    let variables = Variables::from([("HANDLE".to_owned(), "v1.abc".to_owned())]);
    for (command, expected) in [
        ("curl -s http://127.0.0.1:8080/v1", "GET /v1 HTTP/1.1|Host: 127.0.0.1:40001|User-Agent|Accept: */*||"),
        (
            "curl -s -X POST 'http://127.0.0.1:8081/v1'",
            "POST /v1 HTTP/1.1|Host: 127.0.0.1:40002|User-Agent|Accept: */*||",
        ),
        (
            "curl 'http://127.0.0.1:8090/a?b=1&c' -d 'x'' y'",
            "POST /a?b=1&c HTTP/1.1|Host: 127.0.0.1:40003|User-Agent|Accept: */*\
             |Content-Type: application/x-www-form-urlencoded|Content-Length: 3||x y",
        ),
        (
            "curl -H 'content-type: text/plain' --data-binary \"[\\\"$HANDLE\\\"]\" \"http://127.0.0.1:8080/\"",
            "POST / HTTP/1.1|Host: 127.0.0.1:40001|User-Agent|Accept: */*|content-type: text/plain|Content-Length: 10||[\"v1.abc\"]",
        ),
    ] {
        let words = words(command, &variables).expect(command);
        let request = Curl::parse(&words[1..]).and_then(|curl| curl.request(&some_addresses())).expect(command);
        let sent = String::from_utf8(request.bytes()).expect(command);
        assert_eq!(sent.replace("\r\n", "|").replace("User-Agent: curl/8.5.0", "User-Agent"), expected, "{command}");
    }
    assert_eq!(some_addresses().restore("at http://127.0.0.1:40003/"), "at http://127.0.0.1:8090/");
    let command = format!("A=$(curl -s x{EXTRACTION}");
    assert_eq!(extraction(&command), Ok(Some(("A", "curl -s x"))));
    assert_eq!(receipt_handle(r#"[{"receipt_handle":"one"},{"receipt_handle":"two","a":"b"}]"#), Ok("two".into()));
    assert!(receipt_handle("[]").is_err());
}

fn some_addresses() -> Addresses {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    Addresses([("127.0.0.1:8080", at(40001)), ("127.0.0.1:8081", at(40002)), ("127.0.0.1:8090", at(40003))])
}

#[test]
fn wildcards_match_what_they_stand_for() {
    for (wanted, got, same) in [
        (json!("…"), json!({"any": ["value"]}), true),
        (json!("v1.…"), json!("v1.abc\ndef"), true),
        (json!("v1.…"), json!("v2.abc"), false),
        (json!("a…b…c"), json!("a-b-b-c"), true),
        (json!("a…b"), json!("a-b-c"), false),
        (json!("a…"), json!(1), false),
        (json!({"a": 1, "b": "…"}), json!({"b": null, "a": 1}), true),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
        (json!({"a": 1, "b": "…"}), json!({"a": 1}), false),
        (json!([1, "…"]), json!([1, 2, 3]), true),
        (json!([1, "…"]), json!([1]), true),
        (json!([1, "…"]), json!([]), false),
        (json!(["…", 1]), json!([0, 1]), true),
        (json!(["…", 1]), json!([0, 0, 1]), false),
        (json!([1]), json!([1, 2]), false),
        (json!(1), json!(true), false),
        (json!(1), json!(1.0), false),
        (json!(null), json!(null), true),
    ] {
        assert_eq!(json_difference(&wanted, &got, "$").is_none(), same, "{wanted} and {got}");
    }
    for (wanted, got, same) in [
        ("a\nb", "a  \r\nb\n", true),
        ("a\nb", "a\nb\nc", false),
        ("a … c", "a b c", true),
        ("a … c", "a b\nb c", false),
        ("…\nb\n…", "a\na\nb\nc", true),
        ("…\nb\n…", "b", true),
        ("…\nb\n…", "a\nbb", false),
        ("a\n…\nb", "a\nb", true),
        ("a\n…\nb", "a\nb\nc\nb", true),
        ("a\n…\nb", "a", false),
        ("…", "", true),
    ] {
        assert_eq!(text_difference(wanted, got).is_none(), same, "{wanted:?} and {got:?}");
    }
}
