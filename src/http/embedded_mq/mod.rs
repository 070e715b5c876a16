//! The embedded endpoint's listener: the vendors' protocols, decoded by the same codecs that the upstreams encode with.

mod chaos;
mod dispatch;
pub(super) mod service;

pub use service::{EndpointService, EndpointSettings};

pub use chaos::Chaos;
pub(in crate::http) use chaos::ChaosError;
