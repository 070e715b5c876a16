//! The real program, started as its user starts it.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::client::{Connection, Request, Response};
use super::endpoint::Endpoint;
use super::metrics::Metrics;
use super::ons::Credentials;
use super::settings::Settings;
use super::time;

/// How long a stop may take before the process is killed.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// How the program is to be started.
#[derive(Debug)]
pub struct Launch {
    directory: Arc<TempDir>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    listeners: Vec<&'static str>,
    /// Shell commands that come before the program.
    before: Vec<String>,
    own_mounts: bool,
}

impl Launch {
    /// As a newcomer starts it: no configuration at all, all listeners on free ports, the embedded endpoint among them.
    pub fn embedded() -> Self {
        Self::bare()
            .arguments(&["--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"])
            .arguments(&["--embedded-listen", "127.0.0.1:0", "--data-dir", "{directory}/data"])
            .environment("MQ_GATEWAY__SERVER__DRAIN_DELAY", "0s")
            .listeners(&["data", "management", "embedded"])
    }

    /// With a configuration file and the embedded endpoint; `text` need not switch it on.
    pub fn embedded_with(text: &str) -> Self {
        let launch = Self::embedded();
        let launch = launch.file("gateway.toml", text);
        launch.arguments(&["--config", "{directory}/gateway.toml"])
    }

    /// With the embedded endpoint in memory as the MQ; `lines` are more of `[embedded]`.
    pub fn on_embedded(lines: &str, settings: &Settings) -> Self {
        Self::embedded_with(&settings.text_on_embedded(lines))
    }

    /// With a configuration file and without the embedded endpoint.
    pub fn configured(text: &str) -> Self {
        Self::bare()
            .file("gateway.toml", text)
            .arguments(&["--config", "{directory}/gateway.toml", "--data-dir", "{directory}/data"])
            .arguments(&["--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"])
            .listeners(&["data", "management"])
    }

    /// Towards `endpoint`, with its credentials in files.
    pub fn towards(endpoint: &Endpoint, settings: Settings) -> Self {
        Self::configured(&settings.text(&endpoint.url())).secrets(endpoint.credentials())
    }

    /// No arguments but those still to be added; waits for no listener.
    pub fn bare() -> Self {
        let directory = Arc::new(TempDir::new().expect("a temporary directory"));
        let (arguments, environment, listeners, before) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { directory, arguments, environment, listeners, before, own_mounts: false }
    }

    /// Adds arguments; `{directory}` in them is the test's own directory.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        let filled: Vec<String> = arguments.iter().map(|argument| self.fill_in(argument)).collect();
        self.arguments.extend(filled);
        self
    }

    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The most files and sockets that the process may have open.
    pub fn open_files(mut self, limit: usize) -> Self {
        self.before.push(format!("ulimit -n {limit}"));
        self
    }

    /// Its data directory is a file system of its own with so many MiB, which ends with the process.
    pub fn small_disk(mut self, mebibytes: usize) -> Self {
        let data = self.path("data").display().to_string();
        self.before.push(format!("mkdir -p {data}"));
        self.before.push(format!("mount -t tmpfs -o size={mebibytes}m,mode=0700 tmpfs {data}"));
        self.own_mounts = true;
        self
    }

    /// Whether this machine lets a process have mounts of its own.
    #[track_caller]
    pub fn can_have_own_mounts() -> bool {
        let can = Command::new("unshare").args(["-Urm", "true"]).status().is_ok_and(|status| status.success());
        can_do("`unshare -Urm`", can)
    }

    /// The listeners to wait for.
    pub fn listeners(mut self, listeners: &[&'static str]) -> Self {
        self.listeners = listeners.to_vec();
        self
    }

    /// Uses the directory of another launch, or of an application that has ended.
    pub fn in_directory_of(mut self, directory: &Arc<TempDir>) -> Self {
        let own = self.directory.path().display().to_string();
        let other = directory.path().display().to_string();
        for argument in &mut self.arguments {
            *argument = argument.replace(&own, &other);
        }
        self.directory = Arc::clone(directory);
        self
    }

    /// Writes a file; `{secrets}` and `{directory}` in the text are filled in.
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), self.fill_in(text)).expect("a file in the temporary directory");
        self
    }

    /// Writes the files of a credentials directory, which the configuration calls `{secrets}`.
    pub fn secrets(self, credentials: &Credentials) -> Self {
        self.secrets_in("secrets", credentials)
    }

    /// The same in a directory of another name.
    pub fn secrets_in(self, name: &str, credentials: &Credentials) -> Self {
        let directory = self.path(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        for (name, value) in [("access_key", &credentials.access_key), ("secret_key", &credentials.secret_key)] {
            let file = directory.join(name);
            std::fs::write(&file, value).expect("a file");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        }
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn directory(&self) -> &Arc<TempDir> {
        &self.directory
    }

    /// Runs a command to its end, which has to come.
    #[track_caller]
    pub fn run(&self) -> Finished {
        let mut child = self.command().stdin(Stdio::null()).spawn().expect("the program can be started");
        let (stdout, stderr) = (Arc::new(Output::default()), Arc::new(Output::default()));
        let readers = [
            stdout.read(child.stdout.take().expect("stdout is piped")),
            stderr.read(child.stderr.take().expect("stderr is piped")),
        ];
        let status = time::within(time::CONDITION_LIMIT, || child.try_wait().expect("the state of a child"));
        if status.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for reader in readers {
            reader.join().expect("a reader");
        }
        let finished =
            Finished { code: status.and_then(|status| status.code()), stdout: stdout.text(), stderr: stderr.text() };
        assert!(status.is_some(), "{:?} did not end: {finished:?}", self.arguments);
        finished
    }

    /// Starts the program and waits until it listens.
    #[track_caller]
    pub fn start(self) -> TestApp {
        let mut child = self.command().stdin(Stdio::null()).spawn().expect("the program can be started");
        let output = Arc::new(Output::default());
        output.read(child.stdout.take().expect("stdout is piped"));
        output.read(child.stderr.take().expect("stderr is piped"));
        let listening = time::until("the listeners", || {
            let addresses: Option<Vec<_>> = self.listeners.iter().map(|name| output.address_of(name)).collect();
            if addresses.is_none()
                && let Some(status) = child.try_wait().expect("the state of a child")
            {
                panic!("the program ended ({status}) before it listened:\n{}", output.text());
            }
            addresses
        });
        let address = |name| self.listeners.iter().position(|&listener| listener == name).map(|at| listening[at]);
        TestApp {
            data: address("data"),
            management: address("management"),
            embedded: address("embedded"),
            child,
            output,
            directory: self.directory,
            stopping: false,
        }
    }

    fn fill_in(&self, text: &str) -> String {
        let directory = self.directory.path().display().to_string();
        text.replace("{secrets}", &format!("{directory}/secrets")).replace("{directory}", &directory)
    }

    /// The program with its arguments, for tests that look after the child themselves.
    pub fn command(&self) -> Command {
        const PROGRAM: &str = env!("CARGO_BIN_EXE_mq-gateway");
        let script = format!("{} && exec \"$0\" \"$@\"", self.before.join(" && "));
        let mut words = Vec::new();
        if self.own_mounts {
            words.extend(["unshare", "-Urm"]);
        }
        if !self.before.is_empty() {
            words.extend(["sh", "-c", &script]);
        }
        words.push(PROGRAM);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command.args(&self.arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A place of its own, so that a default data directory never lands in the repository.
        command.current_dir(self.directory.path());
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy();
            if shown.starts_with("MQ_GATEWAY") || shown.starts_with("OTEL_") {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// What a command left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Standard output and standard error, one after the other.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// The running program.
pub struct TestApp {
    child: Child,
    output: Arc<Output>,
    directory: Arc<TempDir>,
    data: Option<SocketAddr>,
    management: Option<SocketAddr>,
    embedded: Option<SocketAddr>,
    stopping: bool,
}

impl fmt::Debug for TestApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestApp({})", self.child.id())
    }
}

impl TestApp {
    /// As a newcomer starts it, with the embedded endpoint.
    #[track_caller]
    pub fn embedded() -> Self {
        Launch::embedded().start()
    }

    /// Towards `endpoint`, any topic and group.
    #[track_caller]
    pub fn towards(endpoint: &Endpoint) -> Self {
        Launch::towards(endpoint, Settings::new()).start()
    }

    /// Towards `endpoint` with more settings.
    #[track_caller]
    pub fn with(endpoint: &Endpoint, settings: Settings) -> Self {
        Launch::towards(endpoint, settings).start()
    }

    pub fn data(&self) -> SocketAddr {
        self.data.expect("the data listener was waited for")
    }

    pub fn management(&self) -> SocketAddr {
        self.management.expect("the management listener was waited for")
    }

    pub fn embedded_address(&self) -> SocketAddr {
        self.embedded.expect("the embedded listener was waited for")
    }

    pub fn directory(&self) -> &Arc<TempDir> {
        &self.directory
    }

    pub fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// How many files and sockets the process has open.
    pub fn open_file_count(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process_id())).expect("the process runs").count()
    }

    /// A request to the data listener.
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.data(), method, target)
    }

    /// Posts JSON, as it stands, to the data listener.
    #[track_caller]
    pub fn post_json(&self, target: &str, json: impl AsRef<[u8]>) -> Response {
        self.request("POST", target).json(json).send()
    }

    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target).send()
    }

    /// Publishes a text and returns the message id.
    #[track_caller]
    pub fn publish(&self, topic: &str, body: &str) -> String {
        let envelope = serde_json::json!({ "body": body }).to_string();
        let answer = self.post_json(&format!("/v1/topics/{topic}/messages"), envelope).expect_json(201);
        answer["message_id"].as_str().expect("a message id").to_owned()
    }

    /// Receives and returns the messages.
    #[track_caller]
    pub fn receive(&self, topic: &str, group: &str, options: &str) -> Vec<Value> {
        let answer = self.post_json(&format!("/v1/topics/{topic}/groups/{group}/messages:receive"), options);
        answer.expect_json(200)["messages"].as_array().expect("messages are an array").clone()
    }

    /// Acknowledges and returns the whole answer.
    #[track_caller]
    pub fn ack(&self, topic: &str, group: &str, handles: &[&str]) -> Response {
        let body = serde_json::json!({ "receipt_handles": handles }).to_string();
        self.post_json(&format!("/v1/topics/{topic}/groups/{group}/messages:ack"), body)
    }

    /// Gives deliveries back for so many seconds and returns the whole answer.
    #[track_caller]
    pub fn nack(&self, topic: &str, group: &str, handles: &[&str], delay: u64) -> Response {
        let body = serde_json::json!({ "receipt_handles": handles, "delay_seconds": delay }).to_string();
        self.post_json(&format!("/v1/topics/{topic}/groups/{group}/messages:nack"), body)
    }

    /// Keeps deliveries for so many seconds and returns the whole answer.
    #[track_caller]
    pub fn extend(&self, topic: &str, group: &str, handles: &[&str], seconds: u64) -> Response {
        let body = serde_json::json!({ "receipt_handles": handles, "visibility_timeout_seconds": seconds }).to_string();
        self.post_json(&format!("/v1/topics/{topic}/groups/{group}/messages:extend"), body)
    }

    /// These bytes to the data listener.
    #[track_caller]
    pub fn raw(&self, bytes: &[u8]) -> Connection {
        let mut connection = Connection::open(self.data());
        connection.send(bytes);
        connection
    }

    #[track_caller]
    pub fn management_get(&self, target: &str) -> Response {
        Request::new(self.management(), "GET", target).send()
    }

    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        let response = self.management_get("/metrics");
        assert_eq!(response.status, 200, "{response:?}");
        Metrics::parse(&response.text())
    }

    /// The embedded endpoint's credentials, asked of the program's own command beside the running gateway.
    #[track_caller]
    pub fn embedded_credentials(&self) -> Credentials {
        let data = self.data_directory().display().to_string();
        let finished = Launch::bare().arguments(&["embedded-mq", "credentials", "--data-dir", &data]).run();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let printed: Value = serde_json::from_str(&finished.stdout).expect("credentials are printed as JSON");
        let text = |name: &str| printed[name].as_str().unwrap_or_else(|| panic!("{name} in {printed}")).to_owned();
        Credentials { access_key: text("access_key"), secret_key: text("secret_key") }
    }

    /// Everything written to stdout and stderr so far.
    pub fn output(&self) -> String {
        self.output.text()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_none()
    }

    /// SIGTERM.
    pub fn terminate(&mut self) {
        self.stopping = true;
        self.signal(Signal::SIGTERM);
    }

    /// SIGKILL, and the end of it.
    pub fn kill(&mut self) {
        self.stopping = true;
        self.signal(Signal::SIGKILL);
        self.wait_for_exit(STOP_LIMIT);
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub fn wait_for_exit(&mut self, limit: Duration) -> ExitStatus {
        let status = time::within(limit, || self.child.try_wait().expect("the state of a child"));
        status.unwrap_or_else(|| panic!("still running after {limit:?}:\n{}", self.output.text()))
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        let _ = kill(process, signal);
    }

    /// What the metrics show of panics, while the application runs.
    fn panics(&self) -> Option<String> {
        let mut connection = Connection::try_open(self.management?).ok()?;
        connection.send(format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.management?).as_bytes());
        let response = connection.try_receive("GET", Duration::from_secs(5)).ok()?;
        let metrics = Metrics::parse(&response.text());
        match metrics.get("mq_gateway_panics_total", &[]) {
            Some(0.0) => None,
            Some(count) => Some(format!("the application counts {count} panics")),
            None => Some("the application does not count mq_gateway_panics_total".into()),
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let mut problem = None;
        if std::thread::panicking() {
            let text = self.output.text();
            let tail: Vec<&str> = text.lines().rev().take(40).collect();
            eprintln!("the application's last lines:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        } else if !self.stopping {
            problem = if self.is_running() { self.panics() } else { Some("the application ended by itself".into()) };
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::SIGTERM);
            if time::within(STOP_LIMIT, || self.child.try_wait().ok().flatten()).is_none() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
        if !std::thread::panicking() {
            let panicked = self.output.text().contains("panicked at");
            assert!(!panicked, "the application panicked:\n{}", self.output.text());
            assert!(problem.is_none(), "{}:\n{}", problem.unwrap_or_default(), self.output.text());
        }
    }
}

/// What the process wrote.
#[derive(Debug, Default)]
struct Output(Mutex<Vec<u8>>);

impl Output {
    /// Keeps reading on a thread of its own, so that the process never waits for its reader.
    fn read(self: &Arc<Self>, source: impl Read + Send + 'static) -> std::thread::JoinHandle<()> {
        let output = Arc::clone(self);
        std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while source.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                output.lock().append(&mut line);
            }
        })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    /// The address in the event `listening` of this listener.
    fn address_of(&self, listener: &str) -> Option<SocketAddr> {
        self.text().lines().find_map(|line| {
            let event: Value = serde_json::from_str(line).ok()?;
            let named = event["message"] == "listening" && event["listener"] == listener;
            named.then(|| event["address"].as_str()?.parse().ok())?
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whether a test can be made that needs `what` of the machine. Where it cannot it fails, unless that is allowed: libtest shows nothing of
/// a test that passes.
#[track_caller]
pub fn can_do(what: &str, can: bool) -> bool {
    const MAY_SKIP: &str = "MQ_GATEWAY_TESTS_MAY_SKIP";
    assert!(
        can || std::env::var_os(MAY_SKIP).is_some(),
        "{what} does not work here; {MAY_SKIP}=1 does without the tests that need it"
    );
    can
}

/// All regular files below `directory`, for searches.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("a directory entry").path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
