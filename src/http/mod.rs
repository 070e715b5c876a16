//! HTTP: the route table, what callers may send, and how failures look; the REST API, and the edges of the vendors' protocols, whose
//! codecs are in `protocol`. No rule of a queue.

mod accept;
pub mod api;
mod body;

mod data;
mod dropin;
pub mod embedded_mq;
mod guard;
pub mod management;
mod problem;
mod request_id;
mod route;
mod vendor;

pub use data::{DataService, DataSettings};
pub use dropin::DropIn;
pub use problem::{Code, FieldError, Problem, Row};
pub use request_id::RequestIds;
pub use vendor::{Caller, Callers};
