//! How the gateway tells its own embedded endpoint that a message's time is a delay.
//!
//! The vendors' protocols have the time of delivery only, which the gateway reads off its clock. The endpoint counts a
//! delay by a clock that nobody sets, so it has to know one. No other MQ is sent this header.

use crate::http_message::Request;
use crate::model::Message;

/// The header's name. It does not begin with `x-mq-`: those are signed.
pub const DELAY_MARK: &str = "mq-gateway-delay";

/// The request, marked where the time of the message that it publishes is a delay.
#[must_use]
pub fn mark_delay(mut request: Request, message: &Message) -> Request {
    if message.deliver_at_is_delay {
        request.headers.push((DELAY_MARK, "true".to_owned()));
    }
    request
}
