//! Somebody who runs a command.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::app::Finished;
use crate::support::{Launch, TestApp, time};

/// Runs a command about the gateway at `url`, with these bytes on stdin.
#[track_caller]
pub fn run(url: &str, arguments: &[&str], stdin: &[u8]) -> Finished {
    Running::start(url, arguments).feed(stdin).end()
}

/// Runs a command about this gateway.
#[track_caller]
pub fn ask(app: &TestApp, arguments: &[&str]) -> Finished {
    run(&url(app), arguments, b"")
}

pub fn url(app: &TestApp) -> String {
    format!("http://{}", app.data())
}

/// A command that runs.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<std::thread::JoinHandle<String>>,
    /// A directory of its own, as long as it runs.
    _launch: Launch,
}

impl Running {
    #[track_caller]
    pub fn start(url: &str, arguments: &[&str]) -> Self {
        let launch = Launch::bare().arguments(arguments).environment("MQ_GATEWAY_URL", url);
        let mut child = launch.command().stdin(Stdio::piped()).spawn().expect("the program can be started");
        let mut stderr = child.stderr.take().expect("stderr is piped");
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).expect("stderr can be read");
            String::from_utf8_lossy(&text).into_owned()
        });
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Self { child, stdin, stdout, stderr: Some(stderr), _launch: launch }
    }

    /// Writes this to its stdin and closes that.
    #[track_caller]
    pub fn feed(mut self, bytes: &[u8]) -> Self {
        let mut stdin = self.stdin.take().expect("stdin is open");
        // A command that ends early does not read all.
        let _ = stdin.write_all(bytes);
        self
    }

    /// Writes this to its stdin, which stays open.
    #[track_caller]
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes).expect("it reads");
        stdin.flush().expect("it reads");
    }

    /// The next line of its stdout.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().expect("stdout is open").read_line(&mut line).expect("a line of text");
        line
    }

    /// Reads no more of its stdout.
    pub fn stop_reading(&mut self) {
        self.stdout = None;
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(process, Signal::SIGINT).expect("it runs");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits until it ends.
    #[track_caller]
    pub fn end(mut self) -> Finished {
        let stdout = self.stdout.take();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stdout) = stdout {
                stdout.read_to_end(&mut text).expect("stdout can be read");
            }
            String::from_utf8_lossy(&text).into_owned()
        });
        let status = time::within(time::CONDITION_LIMIT, || self.child.try_wait().expect("the state of a child"));
        if status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let stdout = reader.join().expect("a reader");
        let stderr = self.stderr.take().expect("it is read once").join().expect("a reader");
        let finished = Finished { code: status.and_then(|status| status.code()), stdout, stderr };
        assert!(status.is_some(), "it did not end: {finished:?}");
        finished
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
