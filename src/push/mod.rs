//! Push: messages of a group sent to a service, an HTTP request each, and acknowledged only after it has taken them.
//!
//! `[subscriptions.NAME]` is all there is to a subscription: nothing is kept here. A message in hand that nobody acknowledges comes
//! again from the MQ, to this process or another one, and its place in the schedule of attempts follows from the time since its first
//! delivery (`retry_schedule`). `addresses`, `retry_after`, `secrets` and `verdict` are what can be said without a connection:
//! which addresses a target may have, what an answer means, and what requests are signed with. The rest is at work:
//!
//! * `plan` makes everything that can fail at the start, and one [`Service`](crate::tasks::Service) on a **thread of its own**. A
//!   [`Gateway`](crate::gateway::Gateway) and an HTTP client belong to one thread; on the main thread, which has one too, many pushes
//!   would keep waiting what looks after upstreams and credentials, and on those of the data listener the requests of callers.
//!   On that thread each subscription is a service with a gateway, a client and connections of its own, so that a slow target is
//!   its own subscription's matter.
//! * `runner` is a subscription's loop: it receives as many messages as may be sent, and takes each to its end side by side; `room`
//!   says how many the memory allows, `chains` which wait for each other.
//! * `carry` is one message's way; `give_up` makes it a dead letter; `request` writes it down, and `target` sends it.
//! * `pace` and `worker` know how many may be under way now, and let go of what waits when the process stops or is paused.
//! * `board` and `subscriptions` are what operators see and change, on any thread; `status`, `target_state` and `rate` are what is
//!   on the board. `deliver_once` sends a message once more for them.

pub mod addresses;
mod board;
mod carry;
mod chains;
mod deliver_once;
mod ending;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod give_up;
mod live_files;
mod pace;
mod plan;
mod rate;
mod request;
mod result;
pub mod retry_after;
mod room;
mod runner;
pub mod secrets;
mod status;
mod subscriptions;
mod target;
mod target_state;
#[cfg(test)]
mod tests;
pub mod verdict;
mod worker;

pub use deliver_once::{Delivered, NotDelivered};
pub use plan::{PushError, PushPlan, PushResources};
pub use result::AttemptResult;
pub use status::{LastError, PauseReason, SubscriptionStatus};
pub use subscriptions::Subscriptions;
