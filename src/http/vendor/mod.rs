//! The vendors' protocols at the edge, for the embedded endpoint and the relay alike: from an HTTP request to the codec's
//! types, who may call, and the codec's answers as HTTP responses. What a request does is not decided here.

pub(super) mod callers;
pub(super) mod mq_http;
pub(super) mod ons_http;

pub use callers::{Caller, Callers};

/// A protocol of a vendor that clients may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Vendor {
    /// `/message/`.
    OnsHttp,
    /// `/topics/{topic}/messages`.
    MqHttp,
}

/// The methods of both.
pub(super) const ALLOWED: &str = "POST, GET, DELETE";

impl Vendor {
    /// The protocol whose resource a raw path is. The topic is read by the protocol's own codec.
    pub(super) fn of(path: &str) -> Option<Self> {
        if ons_http::is_path(path) {
            Some(Self::OnsHttp)
        } else if mq_http::is_path(path) {
            Some(Self::MqHttp)
        } else {
            None
        }
    }
}
