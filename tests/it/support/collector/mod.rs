//! An OpenTelemetry collector that can misbehave: OTLP over gRPC on HTTP/2 by hand, and its messages read by a reader of its own.

mod protobuf;
mod server;
mod span;

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use span::{Span, Value, attributes};

use super::loopback::own_address;
use super::time;

/// What a call came with.
#[derive(Debug, Clone)]
pub struct Export {
    pub headers: HashMap<String, String>,
    /// What is true of the process.
    pub resource: Vec<(String, Value)>,
    /// Name and version of the library.
    pub scope: (String, String),
    pub spans: Vec<Span>,
}

/// How a call is answered.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// It is taken.
    Take,
    /// It is taken, but for so many of its spans.
    TakeBut(u8),
    /// With this status of gRPC's.
    Status(u32),
    /// Never.
    Hang,
}

#[derive(Debug, Default)]
struct State {
    exports: Vec<Export>,
    /// Taken in order; after them every call is answered as `usual` says.
    script: VecDeque<Answer>,
    usual: Option<Answer>,
    calls: usize,
}

/// A collector. It ends with the value.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// PEM, where it speaks TLS.
    certificate: Option<String>,
}

impl Collector {
    pub fn start() -> Self {
        Self::on(TcpListener::bind((own_address(), 0)).expect("a free port"), None)
    }

    /// With TLS, and a certificate of its own for `localhost`.
    pub fn start_with_tls() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"), Some(server::identity()))
    }

    /// At an address that was of another one before.
    pub fn start_at(address: SocketAddr) -> Self {
        Self::on(time::until("its own port", || TcpListener::bind(address).ok()), None)
    }

    fn on(listener: TcpListener, identity: Option<server::Identity>) -> Self {
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let (certificate, config) = identity.map(|it| (it.certificate, it.config)).unzip();
        let thread = std::thread::spawn(move || server::serve(listener, config, &shared, stopped));
        Self { address, state, stop: Some(stop), thread: Some(thread), certificate }
    }

    /// As the configuration names it.
    pub fn url(&self) -> String {
        if self.certificate.is_some() {
            return format!("https://localhost:{}", self.address.port());
        }
        format!("http://{}", self.address)
    }

    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().expect("it speaks TLS")
    }

    /// The next calls are answered so.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state().script.extend(answers);
    }

    /// From here on calls are answered so.
    pub fn answers(&self, answer: Answer) {
        self.state().usual = Some(answer);
    }

    /// How many calls came, taken or not.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// What was taken.
    pub fn exports(&self) -> Vec<Export> {
        self.state().exports.clone()
    }

    /// Every span that was taken.
    pub fn spans(&self) -> Vec<Span> {
        self.state().exports.iter().flat_map(|export| export.spans.clone()).collect()
    }

    /// Waits until every one of these names was taken once, and returns those spans in that order.
    #[track_caller]
    pub fn until_spans<const N: usize>(&self, names: [&str; N]) -> [Span; N] {
        let found = time::within(time::CONDITION_LIMIT, || {
            let mut spans = self.spans();
            let take = |name: &&str| {
                let at = spans.iter().position(|span| span.name == **name)?;
                Some(spans.remove(at))
            };
            let mut take = take;
            names.iter().map(&mut take).collect::<Option<Vec<_>>>()
        });
        let found = found.unwrap_or_else(|| panic!("waited for the spans {names:?}, and have {:#?}", self.spans()));
        found.try_into().expect("one for each name")
    }

    /// Waits for so many spans of a name.
    #[track_caller]
    pub fn until_count(&self, name: &str, count: usize) -> Vec<Span> {
        let named = || self.spans().into_iter().filter(|span| span.name == name).collect::<Vec<_>>();
        let found = time::within(time::CONDITION_LIMIT, || Some(named()).filter(|spans| spans.len() >= count));
        found.unwrap_or_else(|| panic!("waited for {count} spans {name:?}, and have {:#?}", self.spans()))
    }

    /// Ends, and breaks every connection.
    pub fn go_away(mut self) -> SocketAddr {
        self.end();
        self.address
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the collector's thread");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.end();
    }
}
