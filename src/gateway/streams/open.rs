//! Opens a stream for one caller.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::feed::Source;
use super::thread::{FeedKey, MessageStream, StreamsFull};
use crate::context::RequestContext;
use crate::gateway::{Gateway, GatewayError, GroupRoute, ReceiveRequest, Received};
use crate::model::Delivery;
use crate::tasks::Work;

/// How long a poll waits while nothing is there.
const WAIT: Duration = Duration::from_secs(30);
/// What a poll may take on top of that: the line for memory, the last question, the MQ's answer.
const MARGIN: Duration = Duration::from_secs(30);

impl Gateway {
    /// Opens a stream of what `request` asks for, with at most `max_in_flight` messages that are not acknowledged. `is_blocked` says
    /// whether bytes wait for the reader; `on_failure` is called with each failure of a poll.
    ///
    /// # Errors
    /// [`StreamsFull`].
    pub fn stream(
        self: &Rc<Self>,
        route: &GroupRoute,
        (request, max_in_flight): (ReceiveRequest, usize),
        is_blocked: Box<dyn Fn() -> bool>,
        on_failure: Box<dyn Fn(&GatewayError)>,
    ) -> Result<MessageStream, StreamsFull> {
        let kind = FeedKey::of(route, &request);
        let source = || {
            let gateway = Rc::clone(self);
            let (late, from) = (self.late_messages(route), route.clone());
            let (asked, its) = (request.visibility_timeout, (Rc::clone(self), route.clone()));
            let hidden_for = Box::new(move |delivery: &Delivery| its.0.hidden_for(&its.1, asked, delivery));
            let receive = Box::new(move |most| poll(Rc::clone(&gateway), from.clone(), (request.clone(), most)));
            let GroupRoute { group, ordered, topic, .. } = route.clone();
            Source { topic: topic.topic, group, ordered, receive, hidden_for, late, on_failure }
        };
        self.streams.open(kind, max_in_flight, is_blocked, source)
    }
}

fn poll(
    gateway: Rc<Gateway>,
    route: GroupRoute,
    (request, max_messages): (ReceiveRequest, u32),
) -> Work<Result<Received, GatewayError>> {
    Box::pin(async move {
        let request = ReceiveRequest { max_messages, wait: WAIT, ..request };
        let context = RequestContext::shared(Instant::now() + WAIT + MARGIN);
        gateway.receive_for_streams(&context, &route, &request).await
    })
}
