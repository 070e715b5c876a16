//! HTTP: the route table, what callers may send, and how failures look; the REST API, the vendors' protocols for clients and at
//! the embedded endpoint, and management. No rule of a queue.
//!
//! A request on the data listener: `dispatch` takes it from `data`'s service, checks its `head`, finds its row in `routes`
//! and gives the handler its `context`. Handlers are in `api` and in the vendors' `relay`s; they know the context and not
//! each other.

mod accept;
mod api;
mod body;
mod callers;
mod charged_body;
mod context;
mod cors;
mod data;
mod dispatch;
mod drop_in;
pub mod embedded_mq;
mod event_stream;
mod failures;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handover;
mod head;
mod header_list;
mod identity;
pub mod management;
mod mq_http;
mod nearest;
mod no_query;
mod ons_http;
mod path_names;
mod pieces;
mod problem;
mod request_id;
mod request_metrics;
mod resources;
mod routes;
mod server_trace;
mod shown;
mod vendor;

pub use callers::{Caller, Callers};
pub use data::{DataService, DataSettings};
pub use drop_in::DropIn;
pub use problem::{Code, Example, FieldError, OfPublish, Problem, Row};
pub use resources::ServiceResources;
