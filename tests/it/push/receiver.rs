//! A service that messages are pushed to: it notes every request, and answers as the test says.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::time;

/// One request.
#[derive(Clone, Debug)]
pub struct Pushed {
    pub at: Instant,
    pub target: String,
    /// In order, names in the case they came in.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Pushed {
    /// The value of the only header of this name.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.optional(name).unwrap_or_else(|| panic!("a header {name} in {self:?}"))
    }

    #[track_caller]
    pub fn optional(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(present, _)| present.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "header {name} comes twice: {self:?}");
        first
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a text")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// What was published: the data of an event.
    pub fn data(&self) -> String {
        let event = self.json();
        event["data"].as_str().map_or_else(|| event["data"].to_string(), str::to_owned)
    }
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this status, and an empty body.
    Status(u16),
    /// With header lines, and a body.
    With(u16, &'static [&'static str], &'static str),
    /// These bytes, and the connection stays.
    Raw(Vec<u8>),
    /// These bytes, and the end of the connection.
    Cut(Vec<u8>),
    /// These bytes, and then more without an end.
    Endless(Vec<u8>),
    /// After a while.
    Late(Duration, Box<Answer>),
    /// No answer, and the end of the connection.
    Close,
    /// No answer, ever.
    Never,
}

type Rule = Box<dyn FnMut(&Pushed, usize) -> Answer + Send>;

#[derive(Default)]
struct State {
    requests: Vec<Pushed>,
    under_way: usize,
    most_under_way: usize,
    connections: usize,
}

/// A running service.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    rule: Arc<Mutex<Rule>>,
}

impl Receiver {
    /// Answers what `rule` says to a request and its number, from 0.
    pub fn start(rule: impl FnMut(&Pushed, usize) -> Answer + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"), rule)
    }

    /// Takes everything, at this address.
    pub fn willing_at(address: SocketAddr) -> Self {
        Self::on(time::until("its own port", || TcpListener::bind(address).ok()), |_, _| Answer::Status(204))
    }

    fn on(listener: TcpListener, rule: impl FnMut(&Pushed, usize) -> Answer + Send + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let state: Arc<Mutex<State>> = Arc::default();
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(rule)));
        let (shared, rules) = (Arc::clone(&state), Arc::clone(&rule));
        // Ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (state, rule) = (Arc::clone(&shared), Arc::clone(&rules));
                state.lock().unwrap().connections += 1;
                std::thread::spawn(move || serve(stream.expect("a connection"), &state, &rule));
            }
        });
        Self { address, state, rule }
    }

    /// Answers 204 to everything.
    pub fn willing() -> Self {
        Self::start(|_, _| Answer::Status(204))
    }

    /// Answers by another rule from here on.
    pub fn answer(&self, rule: impl FnMut(&Pushed, usize) -> Answer + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    pub fn requests(&self) -> Vec<Pushed> {
        self.state.lock().unwrap().requests.clone()
    }

    pub fn count(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }

    pub fn most_under_way(&self) -> usize {
        self.state.lock().unwrap().most_under_way
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Waits for so many requests, and returns all.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Pushed> {
        let found = time::within(Duration::from_secs(30), || {
            let requests = self.requests();
            (requests.len() >= count).then_some(requests)
        });
        found.unwrap_or_else(|| panic!("waited for {count} requests, there are {:?}", self.requests()))
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, rule: &Mutex<Rule>) {
    stream.set_nodelay(true).expect("a socket");
    while let Some(pushed) = read(&mut stream) {
        let number = {
            let mut state = state.lock().unwrap();
            state.requests.push(pushed.clone());
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
            state.requests.len() - 1
        };
        let answer = (rule.lock().unwrap())(&pushed, number);
        let goes_on = give(&mut stream, answer);
        state.lock().unwrap().under_way -= 1;
        if !goes_on {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn give(stream: &mut TcpStream, answer: Answer) -> bool {
    match answer {
        Answer::Status(status) => give(stream, Answer::With(status, &[], "")),
        Answer::With(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} Whatever\r\n");
            for line in headers {
                head.push_str(line);
                head.push_str("\r\n");
            }
            if status != 204 {
                head.push_str(&format!("Content-Length: {}\r\n", body.len()));
            }
            stream.write_all(format!("{head}\r\n{body}").as_bytes()).is_ok()
        }
        Answer::Raw(bytes) => stream.write_all(&bytes).is_ok(),
        Answer::Cut(bytes) => {
            let _ = stream.write_all(&bytes);
            false
        }
        Answer::Endless(bytes) => {
            let _ = stream.write_all(&bytes);
            // Until the other side has had enough.
            while stream.write_all(&[b'x'; 1024]).is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            false
        }
        Answer::Late(pause, answer) => {
            std::thread::sleep(pause);
            give(stream, *answer)
        }
        Answer::Close => false,
        Answer::Never => {
            let _ = stream.read(&mut [0]);
            false
        }
    }
}

/// A request, whose body is as long as it announces.
fn read(stream: &mut TcpStream) -> Option<Pushed> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head of ASCII");
    let mut lines = head.split("\r\n");
    let request_line = lines.next().expect("a request line");
    let target = request_line.strip_prefix("POST ").and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    let target = target.unwrap_or_else(|| panic!("a request line {request_line:?}")).to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("a header {line:?}")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.expect("a length").1.parse().expect("a number");
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => body.extend_from_slice(&buffer[..count]),
        }
    }
    assert_eq!(body.len(), length, "nothing behind the body");
    Some(Pushed { at: Instant::now(), target, headers, body })
}
