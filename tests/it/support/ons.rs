//! The ONS HTTP protocol in the tests' own words: signing and request building.
//! Nothing here is shared with the gateway, so that a mistake of one side cannot hide in the other.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha1::Sha1;

use super::client::{Connection, Response};
use super::encoding::{base64, md5_hex, percent_encode};
use super::time;

/// An access key and its secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
}

impl Credentials {
    /// The pair that the tests' endpoint accepts; `name` makes it unique, so that it can be searched for.
    pub fn of(name: &str) -> Self {
        Self { access_key: format!("ak-{name}"), secret_key: format!("secret-{name}-5d2f0c7a") }
    }
}

/// base64(HMAC-SHA1(secret, text)).
pub fn sign(secret: &str, string_to_sign: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(string_to_sign.as_bytes());
    base64(mac.finalize().into_bytes())
}

/// The text that a publish signs.
pub fn publish_string_to_sign(topic: &str, group: &str, body: &[u8], time: &str) -> String {
    [topic, group, &md5_hex(body), time].join("\n")
}

/// The text that a consume signs.
pub fn consume_string_to_sign(topic: &str, group: &str, time: &str) -> String {
    [topic, group, time].join("\n")
}

/// The text that an acknowledgement signs.
pub fn delete_string_to_sign(topic: &str, group: &str, handle: &str, time: &str) -> String {
    [topic, group, handle, time].join("\n")
}

/// The three operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Publish,
    Consume,
    Delete,
}

impl Operation {
    pub fn method(self) -> &'static str {
        match self {
            Self::Publish => "POST",
            Self::Consume => "GET",
            Self::Delete => "DELETE",
        }
    }

    pub fn group_header(self) -> &'static str {
        match self {
            Self::Publish => "ProducerID",
            Self::Consume | Self::Delete => "ConsumerID",
        }
    }
}

/// One request to an ONS endpoint, correct as built; every part can be changed before it is sent.
#[derive(Clone, Debug)]
pub struct OnsRequest {
    pub operation: Operation,
    pub path: String,
    /// Decoded names and values, encoded with `%20` when written.
    pub query: Vec<(String, String)>,
    /// A target to write as it stands, instead of `path` and `query`.
    pub target: Option<String>,
    /// Whole header lines but for Host and Content-Length.
    pub headers: Vec<String>,
    pub host: String,
    pub body: Vec<u8>,
}

impl OnsRequest {
    pub fn publish(credentials: &Credentials, topic: &str, group: &str, body: impl AsRef<[u8]>) -> Self {
        Self::publish_at(credentials, topic, group, body, time::now_millis())
    }

    pub fn publish_at(credentials: &Credentials, topic: &str, group: &str, body: impl AsRef<[u8]>, time: u64) -> Self {
        let time = time.to_string();
        let signature = sign(&credentials.secret_key, &publish_string_to_sign(topic, group, body.as_ref(), &time));
        Self::new(Operation::Publish, credentials, group, &signature, &[("topic", topic), ("time", &time)])
            .with_body(body.as_ref())
    }

    pub fn consume(credentials: &Credentials, topic: &str, group: &str) -> Self {
        Self::consume_at(credentials, topic, group, time::now_millis())
    }

    pub fn consume_at(credentials: &Credentials, topic: &str, group: &str, time: u64) -> Self {
        let time = time.to_string();
        let signature = sign(&credentials.secret_key, &consume_string_to_sign(topic, group, &time));
        Self::new(Operation::Consume, credentials, group, &signature, &[("topic", topic), ("time", &time)])
    }

    pub fn delete(credentials: &Credentials, topic: &str, group: &str, handle: &str) -> Self {
        let time = time::now_millis().to_string();
        let signature = sign(&credentials.secret_key, &delete_string_to_sign(topic, group, handle, &time));
        let query = [("msgHandle", handle), ("topic", topic), ("time", time.as_str())];
        Self::new(Operation::Delete, credentials, group, &signature, &query)
    }

    fn new(
        operation: Operation,
        credentials: &Credentials,
        group: &str,
        signature: &str,
        query: &[(&str, &str)],
    ) -> Self {
        Self {
            operation,
            path: "/message/".into(),
            query: query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            target: None,
            headers: vec![
                format!("AccessKey: {}", credentials.access_key),
                format!("Signature: {signature}"),
                format!("{}: {group}", operation.group_header()),
            ],
            host: "mq.example.com".into(),
            body: Vec::new(),
        }
    }

    fn with_body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a whole header line.
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    /// Takes out the headers of this name.
    pub fn without_header(mut self, name: &str) -> Self {
        let prefix = format!("{}:", name.to_ascii_lowercase());
        self.headers.retain(|line| !line.to_ascii_lowercase().starts_with(&prefix));
        self
    }

    /// Takes out the query parameters of this name.
    pub fn without_query(mut self, name: &str) -> Self {
        self.query.retain(|(present, _)| present != name);
        self
    }

    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// The target as it is written.
    pub fn target(&self) -> String {
        self.target.clone().unwrap_or_else(|| {
            let pairs = self.query.iter();
            let pairs = pairs.map(|(name, value)| format!("{name}={}", percent_encode(value.as_bytes())));
            format!("{}?{}", self.path, pairs.collect::<Vec<_>>().join("&"))
        })
    }

    /// The request as it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.operation.method(), self.target(), self.host);
        for line in &self.headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        if self.operation == Operation::Publish {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it on a connection of its own.
    #[track_caller]
    pub fn send(&self, address: SocketAddr) -> Response {
        Connection::open(address).exchange(&self.bytes(), self.operation.method())
    }
}

/// A client of one producer group and one consumer group, with its keys.
#[derive(Debug)]
pub struct OnsClient {
    pub address: SocketAddr,
    pub credentials: Credentials,
}

impl From<(SocketAddr, Credentials)> for OnsClient {
    fn from((address, credentials): (SocketAddr, Credentials)) -> Self {
        Self { address, credentials }
    }
}

impl OnsClient {
    pub fn publish(&self, topic: &str, body: impl AsRef<[u8]>) -> OnsRequest {
        OnsRequest::publish(&self.credentials, topic, "PID_a", body)
    }

    pub fn consume(&self, topic: &str) -> OnsRequest {
        OnsRequest::consume(&self.credentials, topic, "CID_a")
    }

    pub fn delete(&self, topic: &str, handle: &str) -> OnsRequest {
        OnsRequest::delete(&self.credentials, topic, "CID_a", handle)
    }

    #[track_caller]
    pub fn send(&self, request: &OnsRequest) -> Response {
        request.send(self.address)
    }

    /// Publishes, expecting success; the message id.
    #[track_caller]
    pub fn stored(&self, request: &OnsRequest) -> String {
        let response = self.send(request);
        assert_eq!(response.status, 201, "{request:?}: {response:?}");
        response.json()["msgId"].as_str().expect("an id").to_owned()
    }

    /// Consumes what is there now, expecting success.
    #[track_caller]
    pub fn received(&self, topic: &str) -> Vec<Value> {
        messages(&self.send(&self.consume(topic).query("timeout", "0")))
    }

    /// Consumes, expecting exactly one message.
    #[track_caller]
    pub fn received_one(&self, topic: &str) -> Value {
        let mut received = self.received(topic);
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }
}

/// The messages in a consume's answer.
#[track_caller]
pub fn messages(response: &Response) -> Vec<Value> {
    assert_eq!(response.status, 200, "{response:?}");
    match response.json() {
        Value::Array(messages) => messages,
        other => panic!("a consume is answered with an array, not {other}"),
    }
}

/// The handle of a consumed message.
#[track_caller]
pub fn handle(message: &Value) -> &str {
    message["msgHandle"].as_str().expect("a handle")
}

/// A refusal of an identity: 403 without a body.
#[track_caller]
pub fn assert_forbidden(response: &Response) {
    assert_eq!(response.status, 403, "{response:?}");
    assert!(response.body.is_empty(), "a body makes a client believe in success: {response:?}");
}

#[cfg(test)]
mod tests {
    use super::super::encoding::unhex;
    use super::super::vectors;
    use super::*;

    #[test]
    fn signatures_agree_with_the_published_vectors() {
        let vectors = vectors::ons_http();
        assert_eq!(vectors.len(), 20);
        for vector in &vectors {
            let text = |name: &str| vector[name].as_str().unwrap_or_else(|| panic!("{name} in {vector}"));
            let string_to_sign = match text("operation") {
                "publish" => {
                    let body = unhex(text("body_hex"));
                    assert_eq!(md5_hex(&body), text("body_md5"), "{}", text("name"));
                    publish_string_to_sign(text("topic"), text("group"), &body, text("time"))
                }
                "consume" => consume_string_to_sign(text("topic"), text("group"), text("time")),
                _ => delete_string_to_sign(text("topic"), text("group"), text("msg_handle"), text("time")),
            };
            assert_eq!(string_to_sign, text("string_to_sign"), "{}", text("name"));
            assert_eq!(sign(text("secret_key"), &string_to_sign), text("signature"), "{}", text("name"));
        }
    }
}
