//! Slow and idle clients by the thousand beside healthy ones, against a release build.
//!
//! ```text
//! ulimit -n 20000
//! cargo run --example slow_clients -- target/release/mq-gateway [attackers] [idle]
//! ```
//!
//! Starts the program with its embedded endpoint in memory and default limits, and for each kind of slow client opens
//! 5,000 of them while two threads publish: one on a connection that it keeps, one on a new connection each time. Prints
//! the healthy ones' p99, when the first and the last attacker was cut, and the process's memory. At last 10,000 idle
//! connections, from several loopback addresses.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement prints its result, and a failed step ends it"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

const PUBLISH: &str = "POST /v1/topics/orders/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                       Content-Length: 12\r\n\r\n{\"body\":\"x\"}";
const LIST: &str = "GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n\r\n";
const OPENAPI: &str = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
const BODY: &str = "POST /v1/topics/orders/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                    Content-Length: 100000\r\n\r\n{";

/// One kind of slow client.
struct Kind {
    name: &'static str,
    /// Answered first.
    request: &'static str,
    start: String,
    trickle: &'static str,
    reads: bool,
    limit: Duration,
}

fn kinds() -> Vec<Kind> {
    let second = Duration::from_secs(1);
    let kind = |name, request, start: &str, trickle, limit: u32| Kind {
        name,
        request,
        start: start.to_owned(),
        trickle,
        reads: true,
        limit: limit * second,
    };
    vec![
        kind("first head", "", "GET /v1/", "x", 5),
        kind("later head", LIST, "GET /v1/", "x", 5),
        kind("body", "", BODY, "x", 10),
        Kind { reads: false, ..kind("answer, in the kernel", "", OPENAPI, "", 30) },
        Kind { reads: false, ..kind("answers, many", "", &OPENAPI.repeat(60), "", 30) },
    ]
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().expect("the program's path");
    let mut number = |default| arguments.next().map_or(default, |text| text.parse::<usize>().expect("a number"));
    let (attackers, idle) = (number(5_000), number(10_000));
    println!("{:<24}{:>8}{:>12}{:>12}{:>12}{:>12}{:>10}", "", "cut", "first s", "last s", "p99 ms", "max ms", "RSS MB");
    for kind in kinds() {
        let server = Server::start(&program);
        let address = server.address;
        // The kernel keeps what is not read, up to a limit for all sockets together.
        let count = if kind.start.len() > 1000 { attackers.min(400) } else { attackers };
        let healthy = Healthy::start(address);
        std::thread::sleep(Duration::from_millis(500));
        let files = server.files();
        let mut all = open(address, count, &kind);
        let settled = Instant::now() + Duration::from_secs(5);
        while !kind.reads && server.files() < files + count && Instant::now() < settled {
            std::thread::sleep(Duration::from_millis(10));
        }
        // An attacker may be cut while the others still come.
        let deadline = Instant::now() + 3 * kind.limit + Duration::from_secs(5);
        let mut memory = 0.0_f64;
        while all.iter().any(|slow| slow.cut.is_none()) && Instant::now() < deadline {
            for slow in &mut all {
                slow.step(&kind);
            }
            if !kind.reads {
                // When the kernel gives up, only the server sees it. A few files come and go with the healthy ones.
                let left = server.files().saturating_sub(files + 4);
                for slow in all.iter_mut().rev().skip(left) {
                    slow.cut.get_or_insert_with(|| slow.started.elapsed());
                }
            }
            memory = memory.max(server.memory());
            std::thread::sleep(Duration::from_millis(100));
        }
        let (p99, max) = healthy.stop();
        let mut cuts: Vec<f64> = all.iter().filter_map(|slow| slow.cut).map(|cut| cut.as_secs_f64()).collect();
        cuts.sort_by(f64::total_cmp);
        let (first, last) = (cuts.first().unwrap_or(&0.0), cuts.last().unwrap_or(&0.0));
        let cut = format!("{}/{count}", cuts.len());
        println!("{:<24}{cut:>8}{first:>12.1}{last:>12.1}{p99:>12.1}{max:>12.1}{memory:>10.0}", kind.name);
    }
    many_idle(&program, idle);
}

/// Many idle connections.
fn many_idle(program: &str, count: usize) {
    let server = Server::start(program);
    let address = server.address;
    drop(exchange(&mut TcpStream::connect(address).unwrap(), LIST));
    let before = server.memory();
    let started = Instant::now();
    let mut all: Vec<TcpStream> = (0..count)
        .map(|number| {
            let mut stream = from(u8::try_from(2 + number / 2_500).unwrap(), address, None);
            assert!(exchange(&mut stream, LIST).starts_with("HTTP/1.1 200"));
            stream
        })
        .collect();
    let opened = started.elapsed().as_secs_f64();
    let each = (server.memory() - before) * 1024.0 / f64::from(u32::try_from(count).unwrap());
    let healthy = Healthy::start(address);
    std::thread::sleep(Duration::from_secs(10));
    let (p99, max) = healthy.stop();
    let busy = server.cpu();
    std::thread::sleep(Duration::from_secs(5));
    let busy = (server.cpu() - busy) / 5.0 * 100.0;
    let alive = all.iter_mut().filter_map(|stream| stream.write_all(LIST.as_bytes()).ok()).count();
    println!(
        "{count} idle: opened in {opened:.1} s, {each:.1} kB each, p99 {p99:.1} ms, max {max:.1} ms, {alive} still open, \
         {busy:.1} % of a core while nothing happens"
    );
}

/// The running program.
struct Server {
    child: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start(program: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.toml");
        let text = format!(
            "data_dir = \"{}\"\n[server]\nlisten = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\n[management]\n\
             listen = \"127.0.0.1:0\"\n[embedded]\nenabled = true\nlisten = \"127.0.0.1:0\"\n\
             storage = \"memory\"\n[profiles.main]\nprotocol = \"ons-http\"\nendpoints = [\"embedded\"]\n\
             credentials = \"embedded\"\nproducer_group = \"PID_a\"\nconnections = 64\n[[topics]]\nname = \"*\"\n\
             profile = \"main\"\ngroups = [\"*\"]\n",
            directory.path().display()
        );
        std::fs::write(&file, text).unwrap();
        let log = directory.path().join("log");
        let output = std::fs::File::create(&log).unwrap();
        let mut command = Command::new(program);
        command.arg("--config").arg(&file).stdin(Stdio::null());
        let mut child = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        let address = loop {
            let said = std::fs::read_to_string(&log).unwrap();
            if let Some(address) = said.lines().find_map(listening) {
                break address;
            }
            assert!(child.try_wait().unwrap().is_none(), "it has ended:\n{said}");
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { child, address, _directory: directory }
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    /// How many files it has open.
    fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// In megabytes.
    fn memory(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Seconds of processor time.
    fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }
}

/// Where callers reach it, by the line of its log that says so.
fn listening(line: &str) -> Option<SocketAddr> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_data = event["message"] == "listening" && event["listener"] == "data";
    is_data.then(|| event["address"].as_str()?.parse().ok())?
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Two clients that do all as they should.
struct Healthy(Arc<AtomicBool>, Vec<std::thread::JoinHandle<Vec<f64>>>);

impl Healthy {
    fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |keeps: bool| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut kept = TcpStream::connect(address).unwrap();
                let mut times = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    let answer = if keeps {
                        exchange(&mut kept, PUBLISH)
                    } else {
                        exchange(&mut TcpStream::connect(address).unwrap(), PUBLISH)
                    };
                    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
                    times.push(started.elapsed().as_secs_f64() * 1000.0);
                    std::thread::sleep(Duration::from_millis(5));
                }
                times
            })
        };
        let clients = vec![client(true), client(false)];
        Self(stop, clients)
    }

    /// p99 and the longest, in milliseconds.
    fn stop(self) -> (f64, f64) {
        self.0.store(true, Ordering::SeqCst);
        let mut times: Vec<f64> = self.1.into_iter().flat_map(|client| client.join().unwrap()).collect();
        times.sort_by(f64::total_cmp);
        (times[times.len() * 99 / 100], times[times.len() - 1])
    }
}

/// A slow client.
struct Slow {
    stream: TcpStream,
    started: Instant,
    last_sent: Instant,
    cut: Option<Duration>,
}

fn open(address: SocketAddr, count: usize, kind: &Kind) -> Vec<Slow> {
    let one = |number: usize| {
        let buffer = if kind.reads { None } else { Some(4096) };
        let mut stream = from(u8::try_from(2 + number / 2_500).unwrap(), address, buffer);
        if !kind.request.is_empty() {
            exchange(&mut stream, kind.request);
        }
        stream.set_nonblocking(true).unwrap();
        stream.write_all(kind.start.as_bytes()).unwrap();
        let now = Instant::now();
        Slow { stream, started: now, last_sent: now, cut: None }
    };
    (0..count).map(one).collect()
}

impl Slow {
    fn step(&mut self, kind: &Kind) {
        if self.cut.is_some() {
            return;
        }
        let mut buffer = [0; 512];
        // The first byte of a 408 is the cut; those who read nothing see the end alone.
        let cut = if kind.reads {
            !matches!(self.stream.read(&mut buffer), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        } else {
            self.stream.take_error().unwrap().is_some()
        };
        if cut {
            self.cut = Some(self.started.elapsed());
        } else if !kind.trickle.is_empty() && self.last_sent.elapsed() >= Duration::from_millis(500) {
            self.last_sent = Instant::now();
            // It shows at the next look whether the other side is still there.
            drop(self.stream.write(kind.trickle.as_bytes()));
        }
    }
}

/// Connects from 127.0.0.`host`, as one address has too few ports.
fn from(host: u8, to: SocketAddr, receive_buffer: Option<u32>) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(size) = receive_buffer {
            socket.set_recv_buffer_size(size).unwrap();
        }
        socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
        let stream = socket.connect(to).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    })
}

/// One request and its whole answer, which has a Content-Length.
fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&all).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
                return String::from_utf8_lossy(&all).into_owned();
            }
        }
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "closed before its answer: {text}");
        all.extend_from_slice(&buffer[..count]);
    }
}
