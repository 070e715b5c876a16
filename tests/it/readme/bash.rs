//! Performs a document's commands as they stand: with bash, curl and sed, in the repository, on the default ports.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::ROOT;
use super::run::{Printed, Shell};
use crate::support::client::{Connection, Request};
use crate::support::time::within;

/// `cargo run` may build first.
const START_LIMIT: Duration = Duration::from_secs(900);
const COMMAND_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// What curl prints before each status.
const STATUS: &str = "readme-http-status=";

/// One bash for all commands, and the server.
pub struct Bash {
    bash: Child,
    input: ChildStdin,
    /// The exit code of each command.
    codes: Receiver<String>,
    server: Option<Child>,
    files: TempDir,
}

impl Bash {
    pub fn start() -> Self {
        for port in [8080, 8081, 8090] {
            TcpListener::bind(("127.0.0.1", port)).unwrap_or_else(|error| panic!("port {port} is needed: {error}"));
        }
        assert!(!data().exists(), "documents begin without ./data: move it elsewhere");
        let files = TempDir::new().expect("a temporary directory");
        let write_out = format!("write-out = \"%{{stderr}}\\n{STATUS}%{{http_code}}\\n\"\nmax-time = 60\n");
        std::fs::write(files.path().join(".curlrc"), write_out).expect("a file");
        let mut command = Command::new("bash");
        command.current_dir(ROOT).env("CURL_HOME", files.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut bash = command.spawn().expect("bash can be started");
        let mut input = bash.stdin.take().expect("stdin is piped");
        let output = BufReader::new(bash.stdout.take().expect("stdout is piped"));
        let (sender, codes) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        input.write_all(b"set -uo pipefail\n").expect("bash reads");
        Self { bash, input, codes, server: None, files }
    }

    /// SIGTERM to the server and what it runs in, as Ctrl-C would end it; it has to end by itself. What it kept goes, for the
    /// next document; there was nothing before.
    pub fn stop_server(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        signal(&server, Signal::SIGTERM);
        let status = within(STOP_LIMIT, || server.try_wait().expect("the state of a child"));
        signal(&server, Signal::SIGKILL);
        assert!(status.is_some(), "the server did not end {STOP_LIMIT:?} after SIGTERM");
        std::fs::remove_dir_all(data()).expect("the server kept its data in ./data");
    }

    fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.files.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Shell for Bash {
    fn start(&mut self, command: &str) -> Result<Printed, String> {
        let log = std::fs::File::create(self.files.path().join("server")).expect("a file");
        let errors = log.try_clone().expect("the same file");
        let mut server = Command::new("bash");
        server.args(["-c", command]).current_dir(ROOT).process_group(0);
        server.stdin(Stdio::null()).stdout(log).stderr(errors);
        // As in a terminal: by what cargo tells this test of its package, crates that watch it would be built anew.
        for (name, _) in std::env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
                server.env_remove(name);
            }
        }
        let server = self.server.insert(server.spawn().expect("bash can be started"));
        let ready = within(START_LIMIT, || match server.try_wait().expect("the state of a child") {
            Some(status) => Some(Err(format!("the server ended ({status})"))),
            None => is_ready().then_some(Ok(Printed::default())),
        });
        ready
            .unwrap_or(Err("the server is not ready".into()))
            .map_err(|error| format!("{error}: {}", self.read("server")))
    }

    fn perform(&mut self, command: &str) -> Result<Printed, String> {
        let path = |name: &str| self.files.path().join(name).display().to_string();
        std::fs::write(path("command"), format!("{command}\n")).expect("a file");
        let [script, output, errors] = ["command", "output", "errors"].map(path);
        writeln!(self.input, ". '{script}' >'{output}' 2>'{errors}' </dev/null; echo $?").expect("bash reads");
        let code = self.codes.recv_timeout(COMMAND_LIMIT).map_err(|error| format!("no end of it: {error}"))?;
        let errors = self.read("errors");
        if code != "0" {
            return Err(format!("ended with {code}: {errors}"));
        }
        let statuses = errors.lines().filter_map(|line| line.strip_prefix(STATUS)?.parse().ok());
        Ok(Printed { statuses: statuses.collect(), text: self.read("output") })
    }
}

impl Drop for Bash {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            signal(server, Signal::SIGKILL);
            let _ = server.wait();
        }
        let _ = self.bash.kill();
        let _ = self.bash.wait();
    }
}

fn data() -> PathBuf {
    Path::new(ROOT).join("data")
}

/// To the whole process group: what `cargo run` starts gets it, too.
fn signal(server: &Child, signal: Signal) {
    let _ = killpg(Pid::from_raw(i32::try_from(server.id()).expect("a process id")), signal);
}

fn is_ready() -> bool {
    let management = ([127, 0, 0, 1], 8081).into();
    let Ok(mut connection) = Connection::try_open(management) else { return false };
    connection.send(&Request::new(management, "GET", "/readyz").bytes());
    connection.try_receive("GET", Duration::from_secs(2)).is_ok_and(|response| response.status == 200)
}
