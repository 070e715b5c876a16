//! What the vendors' protocols have in common on HTTP.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::Method as HttpMethod;
use actix_web::http::Uri;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use memchr::memmem;

use super::path_names::decode;
use crate::http_message::Method;
use crate::model::Operation;
use crate::protocol::{form, mq_http};

/// A protocol of a vendor that clients may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vendor {
    /// `/message/`.
    OnsHttp,
    /// `/topics/{topic}/messages`.
    MqHttp,
}

/// What the headers of MQ HTTP begin with.
pub(super) const X_MQ: &str = "x-mq-";

/// The methods of both.
pub(super) const METHODS: &str = "POST, GET, DELETE";

impl Vendor {
    /// The protocol whose resource a raw path is. The topic is read by the protocol's own codec.
    pub(super) fn of(path: &str) -> Option<Self> {
        if is_ons_path(path) { Some(Self::OnsHttp) } else { mq_http::raw_topic(path).map(|_| Self::MqHttp) }
    }
}

impl Vendor {
    /// The topic that a request names, decoded; empty where it names none.
    pub(super) fn topic(self, uri: &Uri) -> String {
        match self {
            Self::OnsHttp => {
                let mut pairs = form::pairs(uri.query().unwrap_or_default());
                let topic = pairs.find_map(|(name, value)| (name == "topic").then_some(value)?.ok());
                topic.map(Cow::into_owned).unwrap_or_default()
            }
            Self::MqHttp => mq_http::raw_topic(uri.path()).map(decode).unwrap_or_default(),
        }
    }

    /// Whether a request to the protocol's path is the REST API's in truth: JSON, without any header of the protocol's clients.
    pub(super) fn is_mistaken(self, headers: &HeaderMap) -> bool {
        let says_json = |value: &HeaderValue| memmem::find(&value.as_bytes().to_ascii_lowercase(), b"json").is_some();
        let signed = |value: &HeaderValue| value.as_bytes().starts_with(b"MQ ");
        let is_vendors = || {
            headers.get(AUTHORIZATION).is_some_and(signed) || headers.keys().any(|name| name.as_str().starts_with(X_MQ))
        };
        self == Self::MqHttp && headers.get(CONTENT_TYPE).is_some_and(says_json) && !is_vendors()
    }
}

/// Whether a raw path is the one resource of ONS HTTP. Duplicate slashes come from base URLs that end in one (protocol notes
/// ONS 2).
fn is_ons_path(path: &str) -> bool {
    path.starts_with('/') && matches!(path.trim_start_matches('/'), "message" | "message/")
}

/// The method, where it is one of both.
pub(super) fn method(request: &HttpRequest) -> Option<Method> {
    match *request.method() {
        HttpMethod::POST => Some(Method::Post),
        HttpMethod::GET => Some(Method::Get),
        HttpMethod::DELETE => Some(Method::Delete),
        _ => None,
    }
}

/// What a request asks for, whether or not the rest of it can be read: the same in both.
pub(super) fn operation(request: &HttpRequest) -> Option<Operation> {
    match method(request)? {
        Method::Post => Some(Operation::Publish),
        Method::Get => Some(Operation::Receive),
        Method::Delete => Some(Operation::Acknowledge),
        Method::Put => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_resource_after_any_number_of_slashes() {
        for path in ["/message", "/message/", "//message/", "///message"] {
            assert!(is_ons_path(path), "{path}");
        }
        for path in ["message", "/message/x", "/Message/", "/messages", "/message//", "/"] {
            assert!(!is_ons_path(path), "{path}");
        }
    }
}
