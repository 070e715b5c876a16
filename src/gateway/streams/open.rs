//! Opens a stream for one caller.

use std::rc::Rc;

use super::feed::Wanted;
use super::thread::{MessageStream, StreamsFull};
use crate::gateway::{Gateway, GatewayError, GroupRoute, ReceiveRequest};
use crate::tasks::Stage;

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
        let wanted = Wanted { route: route.clone(), request };
        let late = || self.late_messages(route);
        self.streams.open(self, (wanted, max_in_flight), &self.shared.memory, is_blocked, late, on_failure)
    }

    /// Whether the process is about to stop, or stops.
    pub(super) fn is_stopping(&self) -> bool {
        *self.shared.stage.borrow() == Stage::Stopping
    }
}
