//! A minimal TCP balancer: round robin over the gateways that are ready, probed every half second.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::support::TestApp;
use super::support::client::Connection;

const POLL_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub struct Balancer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    backends: Mutex<Vec<Backend>>,
    next: AtomicUsize,
    stopped: AtomicBool,
    /// Connections for which no backend was found.
    refused: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Backend {
    data: SocketAddr,
    management: SocketAddr,
    ready: bool,
}

impl Balancer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let shared = Arc::new(Shared {
            address: listener.local_addr().expect("an address"),
            backends: Mutex::default(),
            next: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
        });
        let (accepting, polling) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let relaying = Arc::clone(&accepting);
                std::thread::spawn(move || relaying.relay(&stream));
            }
        });
        std::thread::spawn(move || {
            while !polling.stopped.load(Ordering::SeqCst) {
                polling.poll();
                std::thread::sleep(POLL_PAUSE);
            }
        });
        Self { shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Probes this gateway, too; it gets connections once it is ready.
    pub fn add(&self, app: &TestApp) {
        let backend = Backend { data: app.data(), management: app.management(), ready: false };
        self.shared.backends().push(backend);
    }

    /// Removes a gateway that has ended.
    pub fn remove(&self, data: SocketAddr) {
        self.shared.backends().retain(|backend| backend.data != data);
    }

    /// How many gateways get new connections.
    pub fn ready(&self) -> usize {
        self.shared.backends().iter().filter(|backend| backend.ready).count()
    }

    /// Connections for which there was no gateway.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.shared.address));
    }
}

impl Shared {
    fn backends(&self) -> std::sync::MutexGuard<'_, Vec<Backend>> {
        self.backends.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn poll(&self) {
        let known = self.backends().clone();
        for backend in known {
            let ready = is_ready(backend.management);
            let mut backends = self.backends();
            if let Some(present) = backends.iter_mut().find(|present| present.data == backend.data) {
                present.ready = ready;
            }
        }
    }

    fn relay(&self, client: &TcpStream) {
        let Some(server) = self.connect() else {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return;
        };
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        std::thread::scope(|scope| {
            scope.spawn(|| copy(client, &server));
            copy(&server, client);
        });
    }

    /// The next that is ready and takes the connection.
    fn connect(&self) -> Option<TcpStream> {
        let ready: Vec<Backend> = self.backends().iter().copied().filter(|backend| backend.ready).collect();
        let first = self.next.fetch_add(1, Ordering::SeqCst);
        (0..ready.len()).find_map(|step| TcpStream::connect(ready[(first + step) % ready.len()].data).ok())
    }
}

fn is_ready(management: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::try_open(management) else {
        return false;
    };
    connection.send(format!("GET /readyz HTTP/1.1\r\nHost: {management}\r\nConnection: close\r\n\r\n").as_bytes());
    connection.try_receive("GET", Duration::from_secs(2)).is_ok_and(|response| response.status == 200)
}

/// Until the end of `from`, which becomes the end of both.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
