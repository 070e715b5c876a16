//! What the fake proxy holds, and its answers to calls of one message.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mq_gateway::protocol::rocketmq::wire::{
    AckMessageRequest, AckMessageResponse, AckMessageResultEntry, Address, AddressScheme, Broker,
    ChangeInvisibleDurationRequest, ChangeInvisibleDurationResponse, Endpoints, HeartbeatResponse, Message,
    MessageQueue, MessageType, NotifyClientTerminationResponse, Permission, QueryRouteRequest, QueryRouteResponse,
    SendMessageRequest, SendMessageResponse, SendResultEntry, Status,
};
use prost::Message as _;
use tokio::sync::Notify;

use crate::support::time::now_millis;

/// How a call ends otherwise than it should.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// A status of the protocol.
    Status(i32, &'static str),
    /// A message is stored, and its entry in the answer has this code and, as the real one's, no id.
    Entry(i32),
    /// A status of gRPC, without a message.
    Grpc(u32),
    /// Done, and answered so.
    DoneThenGrpc(u32),
    /// An HTTP status, as a balancer gives it.
    Http(u16),
    /// Never an answer.
    Hang,
    /// The stream is reset.
    Reset,
    /// The stream is refused: nobody has looked at it.
    Refuse,
    /// The connection is broken, and nothing was done.
    Disconnect,
    /// Done and answered, and the connection takes no more calls.
    GoAway,
    /// Done, and the connection broken.
    DoneThenDisconnect,
    /// An answer that is no message.
    Garbage,
    /// The good answer's end is missing: bytes of the message, or, where there are none to miss, the status of the call.
    CutShort(usize),
    /// Done; the good answer without its end, and then nothing.
    HangInAnswer,
    /// An answer with no message in it.
    Empty,
    /// This in place of the stream of messages.
    Bytes(&'static [u8]),
    /// What was delivered, and then a reset.
    DeliverThenReset,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub headers: HashMap<String, String>,
    pub message: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Queued {
    pub(super) message: Message,
    pub(super) attempt: i32,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) script: HashMap<String, VecDeque<Fault>>,
    pub(super) calls: Vec<Call>,
    pub(super) settings: HashSet<String>,
    pub(super) stored: Vec<Message>,
    pub(super) queue: VecDeque<Queued>,
    /// Delivered and not acknowledged, by handle.
    pub(super) out: HashMap<String, Queued>,
    pub(super) broken_off: Vec<String>,
    pub(super) hold: Duration,
    /// Nothing more is given out until what is out is acknowledged.
    pub(super) ordered: bool,
    pub(super) unknown_groups: HashSet<String>,
    /// Calls without a signature are refused.
    pub(super) checks_keys: bool,
    pub(super) arrived: Arc<Notify>,
    /// The broker that it delivers for.
    pub(super) broker: String,
    /// Brokers and their addresses; the address that callers say to have dialled where there are none.
    pub(super) route: Option<Vec<(String, SocketAddr)>>,
    /// Handles of other brokers that were taken for its own.
    pub(super) foreign: Vec<String>,
    /// Handles that a change has replaced; `None` where they are told apart from good ones.
    pub(super) replaced: Option<HashSet<String>>,
    number: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            script: HashMap::new(),
            calls: Vec::new(),
            settings: HashSet::new(),
            stored: Vec::new(),
            queue: VecDeque::new(),
            out: HashMap::new(),
            broken_off: Vec::new(),
            hold: Duration::from_secs(1),
            ordered: false,
            unknown_groups: HashSet::new(),
            checks_keys: false,
            arrived: Arc::default(),
            broker: "broker-a".to_owned(),
            route: None,
            foreign: Vec::new(),
            replaced: None,
            number: 0,
        }
    }
}

pub(super) fn status(code: i32, message: &str) -> Option<Status> {
    Some(Status { code, message: message.to_owned() })
}

impl State {
    pub(super) fn numbered(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub(super) fn put(&mut self, message: Message, attempt: i32) {
        self.queue.push_back(Queued { message, attempt });
        self.arrived.notify_waiters();
    }

    /// Takes a message out of the queue, with a handle. What the filter leaves out before it is gone, as with the real one.
    pub(super) fn deliver(&mut self, invisible: Duration, filter: &str) -> Option<Message> {
        let wants = |message: &Message| {
            let tag = message.system_properties.as_ref().and_then(|system| system.tag.as_deref());
            filter == "*" || tag.is_some_and(|tag| filter.split("||").any(|wanted| wanted == tag))
        };
        let Queued { message, attempt } = loop {
            let next = self.queue.pop_front()?;
            if wants(&next.message) {
                break next;
            }
        };
        let (retrieved, invisible, offset) = (now_millis(), invisible.as_millis(), self.numbered());
        let handle = format!("0 {retrieved} {invisible} 0 0 {} 1 {offset} {offset}", self.broker);
        let mut delivered = message.clone();
        let system = delivered.system_properties.get_or_insert_default();
        system.receipt_handle = Some(handle.clone());
        system.delivery_attempt = Some(attempt);
        self.out.insert(handle, Queued { message, attempt });
        Some(delivered)
    }

    /// The answer to a call of one message; `None` for a method that there is not.
    pub(super) fn answer(&mut self, call: &Call) -> Option<Vec<u8>> {
        let message = call.message.as_slice();
        Some(match call.method.as_str() {
            "QueryRoute" => self.route(&QueryRouteRequest::decode(message).expect("a request")).encode_to_vec(),
            "SendMessage" => self.send(SendMessageRequest::decode(message).expect("a request")).encode_to_vec(),
            "AckMessage" => self.ack(AckMessageRequest::decode(message).expect("a request")).encode_to_vec(),
            "ChangeInvisibleDuration" => {
                let request = ChangeInvisibleDurationRequest::decode(message).expect("a request");
                let known = self.settings.contains(&call.headers["x-mq-client-id"]);
                self.change(&request, known).encode_to_vec()
            }
            "Heartbeat" => {
                let known = self.settings.contains(&call.headers["x-mq-client-id"]);
                let status = if known { status(20000, "OK") } else { status(40015, "unknown client") };
                HeartbeatResponse { status }.encode_to_vec()
            }
            "NotifyClientTermination" => {
                self.settings.remove(&call.headers["x-mq-client-id"]);
                NotifyClientTerminationResponse { status: status(20000, "OK") }.encode_to_vec()
            }
            _ => return None,
        })
    }

    fn send(&mut self, request: SendMessageRequest) -> SendMessageResponse {
        assert_eq!(request.messages.len(), 1, "several messages in one call lose data");
        let message = request.messages.into_iter().next().expect("one message");
        let message_id = message.system_properties.as_ref().expect("properties").message_id.clone();
        self.stored.push(message.clone());
        self.put(message, 1);
        let entry = SendResultEntry { status: status(20000, "OK"), message_id, ..SendResultEntry::default() };
        SendMessageResponse { status: status(20000, "OK"), entries: vec![entry] }
    }

    fn ack(&mut self, request: AckMessageRequest) -> AckMessageResponse {
        let mut entries = Vec::new();
        for entry in request.entries {
            self.note_whose(&entry.receipt_handle);
            let is_replaced = self.replaced.as_ref().is_some_and(|it| it.contains(&entry.receipt_handle));
            let done = self.out.remove(&entry.receipt_handle).is_some() || is_replaced;
            let status = if done { status(20000, "OK") } else { status(40013, "expired") };
            entries.push(AckMessageResultEntry {
                message_id: entry.message_id,
                receipt_handle: entry.receipt_handle,
                status,
            });
        }
        let codes: HashSet<i32> = entries.iter().filter_map(|entry| Some(entry.status.as_ref()?.code)).collect();
        let common = match codes.iter().collect::<Vec<_>>().as_slice() {
            [code] => **code,
            _ => 30000,
        };
        self.arrived.notify_waiters();
        AckMessageResponse { status: status(common, ""), entries }
    }

    fn change(&mut self, request: &ChangeInvisibleDurationRequest, known: bool) -> ChangeInvisibleDurationResponse {
        if !known {
            let null = status(50001, "Cannot invoke \"x\" because \"channel\" is null");
            return ChangeInvisibleDurationResponse { status: null, ..Default::default() };
        }
        self.note_whose(&request.receipt_handle);
        let invisible = request.invisible_duration.unwrap_or_default().seconds * 1000;
        let (retrieved, offset) = (now_millis(), self.numbered());
        // A field more than a delivery's, as the real one has it.
        let handle = format!("0 {retrieved} {invisible} 0 0 {} 1 {offset} 0 {offset}", self.broker);
        let Some(Queued { message, attempt }) = self.out.remove(&request.receipt_handle) else {
            return ChangeInvisibleDurationResponse { status: status(40013, "expired"), ..Default::default() };
        };
        if let Some(replaced) = &mut self.replaced {
            replaced.insert(request.receipt_handle.clone());
        }
        if invisible == 0 {
            self.put(message, attempt + 1);
        } else {
            self.out.insert(handle.clone(), Queued { message, attempt });
        }
        ChangeInvisibleDurationResponse { status: status(20000, "OK"), receipt_handle: handle }
    }

    fn note_whose(&mut self, handle: &str) {
        if handle.split(' ').nth(5) != Some(&self.broker) {
            self.foreign.push(handle.to_owned());
        }
    }

    fn route(&self, request: &QueryRouteRequest) -> QueryRouteResponse {
        let topic = request.topic.clone().expect("a topic");
        let kind = match topic.name.as_str() {
            "orders" | "in-order" | "by-tag" => MessageType::Normal,
            name if name.len() > 64 => MessageType::Normal,
            "half" => MessageType::Transaction,
            "steps" => MessageType::Fifo,
            "later" => MessageType::Delay,
            _ => return QueryRouteResponse { status: status(40402, "no topic"), message_queues: vec![] },
        };
        let brokers = match &self.route {
            None => vec![(self.broker.clone(), request.endpoints.clone())],
            Some(brokers) => brokers.iter().map(|(name, at)| (name.clone(), Some(endpoints(*at)))).collect(),
        };
        let queue = |(name, endpoints)| MessageQueue {
            topic: Some(topic.clone()),
            id: 0,
            permission: Permission::ReadWrite.into(),
            broker: Some(Broker { name, id: 0, endpoints }),
            accept_message_types: vec![kind.into()],
        };
        QueryRouteResponse { status: status(20000, "OK"), message_queues: brokers.into_iter().map(queue).collect() }
    }
}

fn endpoints(at: SocketAddr) -> Endpoints {
    let address = Address { host: at.ip().to_string(), port: i32::from(at.port()) };
    Endpoints { scheme: AddressScheme::Ipv4.into(), addresses: vec![address] }
}
