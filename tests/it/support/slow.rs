//! Many slow clients at once, on one thread: they send something, then trickle or stall, and record when they are cut.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::client::Connection;

/// What one kind of slow client does.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour<'a> {
    /// Sent at once, the answer to be read before anything else.
    pub request: &'a str,
    /// Sent then.
    pub start: &'a str,
    /// Sent again and again.
    pub trickle: &'a str,
    /// Whether it reads; one that does not has the smallest receive buffer.
    pub reads: bool,
}

impl Default for Behaviour<'_> {
    fn default() -> Self {
        Self { request: "", start: "", trickle: "", reads: true }
    }
}

/// One of them.
#[derive(Debug)]
pub struct Slow {
    stream: TcpStream,
    started: Instant,
    /// What came after the slow part began.
    pub received: Vec<u8>,
    /// How long after the start the first byte came.
    pub answered: Option<Duration>,
    /// How long after the start the connection ended.
    pub cut: Option<Duration>,
}

const PAUSE: Duration = Duration::from_millis(40);

impl Slow {
    #[track_caller]
    fn new(address: SocketAddr, behaviour: Behaviour<'_>) -> Self {
        let stream = if behaviour.reads { TcpStream::connect(address).unwrap() } else { narrow(address) };
        let mut connection = Connection::over(stream);
        if !behaviour.request.is_empty() {
            connection.exchange(behaviour.request.as_bytes(), "GET");
        }
        let mut stream = connection.into_stream();
        let started = Instant::now();
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write(behaviour.start.as_bytes());
        Self { stream, started, received: Vec::new(), answered: None, cut: None }
    }

    fn step(&mut self, behaviour: Behaviour<'_>) {
        if self.cut.is_some() {
            return;
        }
        let mut buffer = [0; 4096];
        let ended = match self.stream.read(&mut buffer) {
            Ok(0) => true,
            Ok(count) => {
                self.answered.get_or_insert_with(|| self.started.elapsed());
                self.received.extend_from_slice(&buffer[..count]);
                false
            }
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        };
        if ended {
            self.cut = Some(self.started.elapsed());
        } else if self.answered.is_none() && !behaviour.trickle.is_empty() {
            let _ = self.stream.write(behaviour.trickle.as_bytes());
        }
    }

    /// The statuses of everything that came.
    pub fn statuses(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.received);
        text.split("HTTP/1.1 ").skip(1).map(|answer| answer.chars().take(3).collect()).collect()
    }
}

/// Opens `count` of them, which have sent their start.
#[track_caller]
pub fn open(address: SocketAddr, behaviour: Behaviour<'_>, count: usize) -> Vec<Slow> {
    (0..count).map(|_| Slow::new(address, behaviour)).collect()
}

/// Opens `count` of them that read, and goes on until all are cut or `limit` is over.
#[track_caller]
pub fn run(address: SocketAddr, behaviour: Behaviour<'_>, count: usize, limit: Duration) -> Vec<Slow> {
    let mut all = open(address, behaviour, count);
    let deadline = Instant::now() + limit;
    while all.iter().any(|slow| slow.cut.is_none()) && Instant::now() < deadline {
        for slow in &mut all {
            slow.step(behaviour);
        }
        std::thread::sleep(PAUSE);
    }
    all
}

/// With the smallest receive buffer, so that answers back up soon.
fn narrow(address: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(address).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    })
}
