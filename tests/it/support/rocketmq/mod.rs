//! A RocketMQ 5 proxy that can misbehave: HTTP/2 and gRPC by hand, so that every fault can be had at every place.
//!
//! It keeps messages in one queue, holds a poll for a while, and knows clients by their settings, as the real one does.

mod server;
mod state;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mq_gateway::protocol::rocketmq::wire::{Message, SystemProperties};

use state::State;
pub use state::{Call, Fault};

use super::time;

/// A fake proxy. It ends with the value.
#[derive(Debug)]
pub struct FakeProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeProxy {
    /// With topics `orders` and `by-tag` (NORMAL), `steps` (FIFO), `later` (DELAY) and `half` (TRANSACTION); besides, every name of
    /// more than 64 characters. As one in cluster mode it tells its callers that all is where they say to have dialled.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    /// At another address of this machine.
    pub fn start_at(host: &str) -> Self {
        Self::on(TcpListener::bind((host, 0)).expect("a free port"), Arc::default())
    }

    /// Another way to the same brokers and clients.
    pub fn start_beside(other: &Self) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"), Arc::clone(&other.state))
    }

    /// The same broker, after a move: at another address, with what it held, and without the settings of its clients.
    pub fn moved_to(mut self, host: &str) -> Self {
        self.end();
        self.state().settings.clear();
        Self::on(TcpListener::bind((host, 0)).expect("a free port"), Arc::clone(&self.state))
    }

    fn on(listener: TcpListener, state: Arc<Mutex<State>>) -> Self {
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || server::serve(listener, &shared, stopped));
        Self { address, state, stop: Some(stop), thread: Some(thread) }
    }

    /// Breaks every connection, forgets every client's settings as a restart does, and serves again after a while at the same address, which
    /// has to be its own ([`own_address`](super::loopback::own_address)).
    pub fn restart(&mut self, down_for: Duration) {
        self.end();
        self.state().settings.clear();
        std::thread::sleep(down_for);
        let listener = time::until("its own port", || TcpListener::bind(self.address).ok());
        *self = Self::on(listener, Arc::clone(&self.state));
    }

    /// As one in local mode: it serves the broker of this name only. It does not look whose a handle is, as the real one.
    pub fn serve_only(&self, broker: &str) {
        broker.clone_into(&mut self.state().broker);
    }

    /// What its routes say: each broker and where it is.
    pub fn tell_brokers(&self, brokers: &[(&str, SocketAddr)]) {
        self.state().route = Some(brokers.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect());
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Handles of other brokers that it took for its own.
    pub fn foreign_handles(&self) -> Vec<String> {
        self.state().foreign.clone()
    }

    /// The address as a profile names it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A whole configuration of a gateway towards it; `lines` are more of the profile.
    pub fn configuration(&self, lines: &str) -> String {
        let groups = "groups = [\"*\"]";
        format!(
            "[server]\ndrain_delay = \"0s\"\nshutdown_timeout = \"8s\"\n[profiles.main]\nprotocol = \"rocketmq\"\nendpoints = \
             [\"{}\"]\n{lines}\n[[topics]]\nname = \"*\"\nprofile = \"main\"\n{groups}\n[[topics]]\nname = \
             \"in-order\"\nprofile = \"main\"\ngroups = [{{ name = \"GID_a\", ordered = true }}]\n[[topics]]\nname = \"by-tag\"\nprofile = \"main\"\ngroups = [{{ \
             name = \"GID_tags\", tags = [\"TagA\", \"TagB\"] }}, \"GID_all\"]\n",
            self.url()
        )
    }

    /// The next calls of a method end so, one after the other.
    pub fn script(&self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state().script.entry(method.to_owned()).or_default().extend(faults);
    }

    /// How long a poll that finds nothing is held.
    pub fn hold_polls(&self, hold: Duration) {
        self.state().hold = hold;
    }

    /// A group that the server keeps in order.
    pub fn ordered_groups(&self) {
        self.state().ordered = true;
    }

    /// From here on calls without a signature are refused.
    pub fn refuse_unsigned(&self) {
        self.state().checks_keys = true;
    }

    /// A group that the server does not know.
    pub fn does_not_know(&self, group: &str) {
        self.state().unknown_groups.insert(group.to_owned());
    }

    /// From here on it takes an acknowledgement by a handle that a change has replaced, and the message comes again all the same: the
    /// real one judges handles by their time alone.
    pub fn take_replaced_handles(&self) {
        self.state().replaced.get_or_insert_default();
    }

    /// Puts a message into the queue, as somebody else's publish.
    pub fn offer(&self, body: &str) {
        self.offer_together(&[body]);
    }

    /// Puts messages into the queue, so that one poll gets all of them.
    pub fn offer_together(&self, bodies: &[&str]) {
        let mut state = self.state();
        for body in bodies {
            let id = format!("01{:032X}", state.numbered());
            let system_properties = Some(SystemProperties { message_id: id, ..SystemProperties::default() });
            let message = Message { body: (*body).to_owned().into(), system_properties, ..Message::default() };
            state.put(message, 1);
        }
    }

    /// Messages that are delivered and not acknowledged.
    pub fn in_flight(&self) -> usize {
        self.state().out.len()
    }

    /// Forgets every client's settings, silently.
    pub fn forget_settings(&self) {
        self.state().settings.clear();
    }

    /// The calls of a method so far.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.state().calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// Waits for so many calls of a method.
    #[track_caller]
    pub fn until_calls(&self, method: &str, count: usize) -> Vec<Call> {
        time::until(&format!("{count} calls of {method}"), || {
            Some(self.calls(method)).filter(|calls| calls.len() >= count)
        })
    }

    /// Messages that were stored, in order.
    pub fn stored(&self) -> Vec<Message> {
        self.state().stored.clone()
    }

    /// How many calls of a method their client broke off.
    pub fn broken_off(&self, method: &str) -> usize {
        self.state().broken_off.iter().filter(|it| *it == method).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the fake proxy's thread");
        }
    }
}

impl Drop for FakeProxy {
    fn drop(&mut self) {
        self.end();
    }
}
