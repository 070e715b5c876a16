//! The embedded endpoint's listener: the vendors' protocols, decoded by the same codecs that the upstreams encode with.

mod handover;
mod mq_http;
mod ons_http;
mod service;

pub use service::{EndpointService, EndpointSettings};
