//! The protocols that the doctor asks with signed requests over HTTP.

use std::fmt;

use crate::model::Protocol;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HttpProtocol {
    OnsHttp,
    MqHttp,
}

impl HttpProtocol {
    /// `None` for one that does not go over HTTP/1.
    pub(super) const fn of(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::OnsHttp => Some(Self::OnsHttp),
            Protocol::MqHttp => Some(Self::MqHttp),
            Protocol::RocketMq => None,
        }
    }
}

impl fmt::Display for HttpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self {
            Self::OnsHttp => Protocol::OnsHttp,
            Self::MqHttp => Protocol::MqHttp,
        };
        protocol.fmt(f)
    }
}
