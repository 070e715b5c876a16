//! The embedded endpoint's service, and one request at it.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use bytes::Bytes;
use tokio::time::Instant;

use super::chaos::Chaos;
use crate::config::{EmbeddedConfig, LimitsConfig};
use crate::embedded::{ConsumeRequest, Engine, EngineError};
use crate::http::body::{self, BodyError, Pace};
use crate::http::callers::Callers;
use crate::http::charged_body::ChargedBody;
use crate::http::handover::Handover;
use crate::http::ons_http::edge::ClockWindow;
use crate::http::request_id::RequestIds;
use crate::http::resources::ServiceResources;
use crate::listener::Untaken;
use crate::memory::{Charge, MemoryBudget, MemoryFull};
use crate::model::{ConsumerGroup, Delivery, Topic, UnixMillis};
use crate::signature::Credentials;

/// An answer takes no further message once the bodies have so many bytes: escaped they may be many times as long.
pub(in crate::http) const MAX_CONSUMED_BYTES: usize = 16 << 20;
/// What an answer may have unless those before it were larger; and one that is waited for, since a poll that waits holds no
/// memory.
const USUAL_BYTES: usize = 2 << 20;
/// A body as it is stored, its text, and the text that is being written.
const COPIES: usize = 3;
/// The budget of the endpoint's answers is one of so many parts of the memory. Of that, large answers may hold three quarters
/// (`MemoryBudget::largest_charge`), which is a quarter of the whole: in the same process their reader waits for as much again, while
/// they wait to be read, and neither must wait for the other.
const PARTS: usize = 3;
/// A consume is in line for memory for its wait and this.
const MEMORY_WAIT: Duration = Duration::from_secs(5);

/// When to come back, in seconds, where the store is full or could not be written: longer than the default deadline of a
/// publish, so that a gateway before it answers its caller and does not ask again itself.
pub(in crate::http) const STORE_RETRY_AFTER: &str = "10";

/// What the endpoint checks and allows.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// The one pair.
    pub(in crate::http) callers: Callers,
    /// Of the ONS HTTP protocol's `time`.
    pub(in crate::http) clock: ClockWindow,
    /// Of the MQ HTTP protocol's `Date`, both ways.
    pub(in crate::http) clock_window: Duration,
    /// Of a body in the ONS HTTP protocol.
    pub(in crate::http) ons_message_bytes: usize,
    /// Of a body in the MQ HTTP protocol.
    pub(in crate::http) mq_message_bytes: usize,
    /// How long a poll without `timeout` is held.
    pub(in crate::http) default_wait: Duration,
    /// How long an error answer to GET is held.
    pub(in crate::http) error_hold: Duration,
    pace: Pace,
    /// What the endpoint's answers may hold of the memory.
    share: MemoryBudget,
    /// What goes wrong on purpose.
    pub(super) chaos: Option<Chaos>,
}

impl EndpointSettings {
    /// Joins the configuration with the endpoint's one pair of keys.
    #[must_use]
    pub fn new(
        config: &EmbeddedConfig,
        credentials: &Credentials,
        limits: &LimitsConfig,
        chaos: Option<Chaos>,
    ) -> Self {
        Self {
            callers: Callers::embedded(credentials),
            clock: ClockWindow { past: config.clock_past, future: config.clock_future },
            clock_window: config.clock_window,
            ons_message_bytes: config.max_message_bytes.unwrap_or(crate::protocol::ons_http::MAX_BODY_BYTES),
            mq_message_bytes: config.max_message_bytes.unwrap_or(crate::protocol::mq_http::MAX_BODY_BYTES),
            default_wait: config.default_wait,
            error_hold: config.error_hold,
            pace: Pace::new(limits),
            share: MemoryBudget::new(limits.memory / PARTS),
            chaos,
        }
    }
}

/// One thread's endpoint.
#[derive(Debug)]
pub struct EndpointService {
    pub(in crate::http) engine: Engine,
    pub(in crate::http) settings: EndpointSettings,
    pub(in crate::http) resources: ServiceResources,
    request_ids: RequestIds,
    /// How large the next answer may be: twice the last one.
    consumed_bytes: Cell<usize>,
}

impl EndpointService {
    /// Builds one thread's endpoint.
    #[must_use]
    pub fn new(engine: Engine, settings: EndpointSettings, resources: ServiceResources) -> Self {
        let request_ids = RequestIds::new(&resources.random);
        Self { engine, settings, resources, request_ids, consumed_bytes: Cell::new(USUAL_BYTES) }
    }

    /// Takes messages for one consume, and the memory for its answer. What there is no memory for is given back at once.
    ///
    /// # Errors
    /// [`EngineError`]; [`EngineError::Overloaded`] where there was no memory in time.
    pub(in crate::http) async fn consume(
        &self,
        mut request: ConsumeRequest,
    ) -> Result<(Vec<Delivery>, AnswerMemory), EngineError> {
        let (end, wait) = (Instant::now() + request.wait + MEMORY_WAIT, request.wait);
        let chaos = self.settings.chaos.as_ref().map(|it| (it, request.topic.clone(), request.group.clone()));
        // What is there already is taken with the memory for it in hand.
        let most = request.max_bytes.min(self.consumed_bytes.get());
        let share = self.settings.share.wait_for(most * COPIES, end).await.map_err(|_| EngineError::Overloaded)?;
        let charge = self.resources.memory.wait_for(share.bytes(), end).await.map_err(|_| EngineError::Overloaded)?;
        let mut memory = AnswerMemory { share, charge };
        request.max_bytes = memory.charge.bytes() / COPIES;
        request.wait = Duration::ZERO;
        let mut deliveries = self.engine.receive(request.clone()).await?;
        if deliveries.is_empty() && !wait.is_zero() {
            memory.shrink_to(0);
            let waiting = ConsumeRequest { wait, max_bytes: USUAL_BYTES, ..request };
            deliveries = tokio::select! {
                biased;
                deliveries = self.engine.receive(waiting) => deliveries?,
                () = self.resources.until_stopping() => Vec::new(),
            };
        }
        let bodies: usize = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        self.consumed_bytes.set(bodies.saturating_mul(2).clamp(USUAL_BYTES, MAX_CONSUMED_BYTES));
        let wanted = bodies.saturating_mul(COPIES);
        memory.shrink_to(wanted);
        if memory.make_room(wanted, end).await.is_err() {
            self.engine.give_back(deliveries.into_iter().map(|delivery| delivery.handle).collect());
            return Err(EngineError::Overloaded);
        }
        if let Some((chaos, topic, group)) = &chaos {
            self.duplicate(chaos, topic, group, &deliveries).await;
        }
        Ok((deliveries, memory))
    }

    /// Lets others have some of what is delivered for the first time at once, too.
    async fn duplicate(&self, chaos: &Chaos, topic: &Topic, group: &ConsumerGroup, deliveries: &[Delivery]) {
        let first = deliveries.iter().filter(|delivery| delivery.delivery_attempt == 1);
        let twice: Vec<_> = first.filter(|_| chaos.duplicates()).map(|delivery| delivery.handle.clone()).collect();
        if !twice.is_empty() {
            let again = self.engine.deliver_again(topic, group, &twice).await.unwrap_or(0);
            self.resources.metrics.embedded.chaos("duplicate_delivery", again);
        }
    }

    pub(in crate::http) fn now(&self) -> UnixMillis {
        self.resources.clock.now()
    }
}

/// What an answer with messages takes, until it is written.
#[derive(Debug)]
pub(in crate::http) struct AnswerMemory {
    /// Of the endpoint's share.
    share: Charge,
    /// Of the whole.
    charge: Charge,
}

impl AnswerMemory {
    fn shrink_to(&mut self, bytes: usize) {
        self.share.shrink_to(bytes);
        self.charge.shrink_to(bytes);
    }

    /// Room for `bytes` that are there already. Who holds nothing waits in line; who holds something would stand there behind those
    /// who wait for just that, and has one message too many at most.
    async fn make_room(&mut self, bytes: usize, end: Instant) -> Result<(), MemoryFull> {
        for charge in [&mut self.share, &mut self.charge] {
            if charge.bytes() == 0 && bytes > 0 {
                charge.wait_to_grow(bytes, end).await?;
            }
            charge.cover(bytes);
        }
        Ok(())
    }
}

/// One request at the endpoint.
pub(in crate::http) struct EndpointRequest<'a> {
    pub(in crate::http) service: &'a EndpointService,
    pub(in crate::http) request: &'a HttpRequest,
    /// Made when something says it: answers of the ONS HTTP protocol do not.
    id: OnceCell<Arc<str>>,
    /// What its body takes.
    memory: RefCell<Charge>,
}

impl<'a> EndpointRequest<'a> {
    pub(super) fn new(service: &'a EndpointService, request: &'a HttpRequest) -> Self {
        Self { service, request, id: OnceCell::new(), memory: RefCell::new(service.resources.memory.charge()) }
    }

    /// What the caller calls the request, or a new id.
    pub(in crate::http) fn id(&self) -> &str {
        self.id.get_or_init(|| self.service.request_ids.of(self.request.headers()))
    }

    /// Reads the whole body, at most `limit` bytes of it, whatever its encoding: the vendors' endpoints look at none.
    pub(in crate::http) async fn body(&self, payload: &mut Payload, limit: usize) -> Result<Bytes, BodyError> {
        let mut memory = self.service.resources.memory.charge();
        let body = body::read(self.request, payload, limit, self.service.settings.pace, &mut memory).await?;
        *self.memory.borrow_mut() = memory;
        Ok(body)
    }

    /// The answer to a consume: its messages are visible again at once when it is not taken.
    pub(in crate::http) fn handover(
        &self,
        text: String,
        deliveries: Vec<Delivery>,
        memory: AnswerMemory,
    ) -> Handover<ChargedBody> {
        let handles: Vec<_> = deliveries.into_iter().map(|delivery| delivery.handle).collect();
        let engine = self.service.engine.clone();
        let untaken = (!handles.is_empty()).then(|| Untaken::new(move || engine.give_back(handles)));
        let AnswerMemory { share, charge } = memory;
        Handover::new(ChargedBody::new(text, charge).holding(share), untaken, self.request)
    }

    /// Counts a refusal.
    pub(in crate::http) fn refused(&self, reason: &'static str) {
        self.service.resources.metrics.embedded.refused(reason);
        tracing::debug!(request_id = self.id(), reason, "the embedded endpoint refused a request");
    }

    /// Logs which request met a failure of the engine. What is wrong with the store is logged there, and seldom.
    pub(in crate::http) fn log_failure(&self, error: &EngineError) {
        tracing::debug!(request_id = self.id(), %error, "the embedded endpoint could not store or read");
    }
}
