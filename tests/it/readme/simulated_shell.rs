//! Performs a document's commands with nothing but Rust: it has the shell, the curl and the sed that they use, refuses
//! everything else, and puts the running application's addresses and directory in the place of the usual ones.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::str::Chars;

use super::ROOT;
use super::curl::{Addresses, Curl};
use super::run::{Printed, Shell};
use crate::support::{Launch, TestApp};

const SERVER: &str = "cargo run --release";
const PROGRAM: &str = "./target/release/mq-gateway";
/// What stands behind the curl of a `NAME=$(curl …)`.
const EXTRACTION: &str = r#" | sed -n 's/.*"receipt_handle":"\([^"]*\)".*/\1/p')"#;

type Variables = BTreeMap<String, String>;

/// What is kept from command to command.
#[derive(Debug, Default)]
pub struct SimulatedShell {
    app: Option<TestApp>,
    variables: Variables,
    /// How many commands were the program's.
    pub programs: usize,
}

impl Shell for SimulatedShell {
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
}

impl SimulatedShell {
    fn curl(&self, arguments: &[String]) -> Result<Printed, String> {
        let app = self.app.as_ref().ok_or("no server was started before")?;
        let addresses = Addresses::of(app);
        let response = Curl::parse(arguments)?.request(&addresses)?.send();
        Ok(Printed { statuses: vec![response.status], text: addresses.restore(&response.text()) })
    }

    /// Runs the program to its end, in a directory that has the repository's files, but the application's data.
    fn program(&mut self, arguments: &[String]) -> Result<Printed, String> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut launch = Launch::bare().arguments(&arguments);
        if let Some(app) = &self.app {
            launch = launch.environment("MQ_GATEWAY_URL", &format!("http://{}", app.data()));
        }
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
        Ok(Printed { statuses: Vec::new(), text: text.unwrap_or(finished.stdout) })
    }
}

/// The variable's name and the curl of `NAME=$(curl … | sed …)`.
fn extraction(command: &str) -> Result<Option<(&str, &str)>, String> {
    let Some((name, inside)) = command.split_once("=$(").filter(|(name, _)| is_name(name)) else {
        return Ok(None);
    };
    let curl = inside.strip_suffix(EXTRACTION).filter(|curl| curl.starts_with("curl "));
    let curl = curl.ok_or_else(|| format!("the only supported substitution is `NAME=$(curl …{EXTRACTION}`"))?;
    Ok(Some((name, curl)))
}

/// What the documents' sed finds: its `.*` is greedy, so the last handle.
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
        let refusal = SimulatedShell::default().perform(command).expect_err(command);
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
    Addresses::new([40001, 40002, 40003].map(|port| ([127, 0, 0, 1], port).into()))
}
