//! HTTP: the route table, what callers may send, and how failures look. No protocol of an MQ, no rule of a queue.

mod accept;
pub mod api;
mod body;
mod data;
mod guard;
mod problem;
mod request_id;
mod route;

pub use data::{DataService, DataSettings};
pub use problem::{Code, FieldError, Problem};
