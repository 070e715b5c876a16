//! Addresses at which nothing may or can connect.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A listener that nothing may connect to: it counts connections and closes them.
#[derive(Debug)]
pub struct Trap {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Trap {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        Self { url, connections }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!(self.connections.load(Ordering::SeqCst), 0, "connections to {}", self.url);
    }
}

/// An address without a listener: the port is below those that the system hands out.
pub fn dead_url() -> String {
    "http://127.0.0.1:9".to_owned()
}
