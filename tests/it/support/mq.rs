//! The MQ HTTP protocol in the tests' own words: signing, documents, and reading answers without an XML library.
//! Nothing here is shared with the gateway, so that a mistake of one side cannot hide in the other.

use std::net::SocketAddr;

use super::client::{Connection, Response};
use super::encoding::{base64, md5_hex, percent_encode};
use super::ons::{Credentials, sign};
use super::time;

/// The namespace that most SDKs write.
const NAMESPACE: &str = "http://mq.aliyuncs.com/doc/v1/";

/// One request, correct as built; every part can be changed before it is sent.
#[derive(Clone, Debug)]
pub struct MqRequest {
    pub method: &'static str,
    /// As it is written.
    pub target: String,
    /// As it is signed.
    pub signed_target: String,
    pub date: String,
    pub content_type: Option<String>,
    pub content_md5: Option<String>,
    pub credentials: Credentials,
    /// Whole header lines besides those that are signed.
    pub headers: Vec<String>,
    /// Names of headers that are signed and then left out.
    pub left_out: Vec<&'static str>,
    pub signature: Option<String>,
    pub body: Vec<u8>,
}

impl MqRequest {
    fn new(credentials: &Credentials, method: &'static str, target: String, body: Vec<u8>) -> Self {
        Self {
            method,
            signed_target: target.clone(),
            target,
            date: time::format_http_date(time::now_millis()),
            content_type: Some("text/xml;charset=UTF-8".into()),
            content_md5: None,
            credentials: credentials.clone(),
            headers: Vec::new(),
            left_out: Vec::new(),
            signature: None,
            body,
        }
    }

    /// `POST` of this document.
    pub fn post(credentials: &Credentials, topic: &str, document: impl AsRef<[u8]>) -> Self {
        Self::new(credentials, "POST", messages_of(topic), document.as_ref().to_vec())
    }

    /// Publishes a text, with tag and properties where they are not empty.
    pub fn publish(credentials: &Credentials, topic: &str, body: &str, tag: &str, properties: &str) -> Self {
        Self::post(credentials, topic, message(body, tag, properties))
    }

    pub fn consume(credentials: &Credentials, topic: &str, group: &str, number: u32, more: &str) -> Self {
        let group = percent_encode(group.as_bytes());
        let target = format!("{}?consumer={group}&numOfMessages={number}{more}", messages_of(topic));
        Self::new(credentials, "GET", target, Vec::new())
    }

    pub fn acknowledge(credentials: &Credentials, topic: &str, group: &str, handles: &[&str]) -> Self {
        let handles: String =
            handles.iter().map(|handle| format!("<ReceiptHandle>{}</ReceiptHandle>", escape(handle))).collect();
        let document = format!("<ReceiptHandles xmlns=\"{NAMESPACE}\">{handles}</ReceiptHandles>");
        let target = format!("{}?consumer={}", messages_of(topic), percent_encode(group.as_bytes()));
        Self::new(credentials, "DELETE", target, document.into_bytes())
    }

    /// Writes another target and signs it, too.
    pub fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        target.clone_into(&mut self.signed_target);
        self
    }

    /// Sends the digest that the SDKs send.
    pub fn with_md5(mut self) -> Self {
        self.content_md5 = Some(base64(md5_hex(&self.body)));
        self
    }

    pub fn without(mut self, header: &'static str) -> Self {
        self.left_out.push(header);
        self
    }

    pub fn at(mut self, millis: u64) -> Self {
        self.date = time::format_http_date(millis);
        self
    }

    pub fn header(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    pub fn string_to_sign(&self) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        format!(
            "{}\n{}\n{}\n{}\nx-mq-version:2015-06-06\n{}",
            self.method,
            text(&self.content_md5),
            text(&self.content_type),
            self.date,
            self.signed_target
        )
    }

    /// The request as it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let computed = || sign(&self.credentials.secret_key, &self.string_to_sign());
        let signature = self.signature.clone().unwrap_or_else(computed);
        let lines = [
            ("Authorization", Some(format!("MQ {}:{signature}", self.credentials.access_key))),
            ("Date", Some(self.date.clone())),
            ("x-mq-version", Some("2015-06-06".to_owned())),
            ("Content-Type", self.content_type.clone()),
            ("Content-MD5", self.content_md5.clone()),
        ];
        let mut head = format!("{} {} HTTP/1.1\r\nHost: mq.example.com\r\n", self.method, self.target);
        for (name, value) in lines {
            if let Some(value) = value
                && !self.left_out.contains(&name)
            {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        for line in &self.headers {
            head.push_str(&format!("{line}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it on a connection of its own.
    #[track_caller]
    pub fn send(&self, address: SocketAddr) -> Response {
        Connection::open(address).exchange(&self.bytes(), self.method)
    }
}

/// A client of the group `GID_a`, with its keys.
#[derive(Debug)]
pub struct MqClient {
    pub address: SocketAddr,
    pub credentials: Credentials,
}

impl From<(SocketAddr, Credentials)> for MqClient {
    fn from((address, credentials): (SocketAddr, Credentials)) -> Self {
        Self { address, credentials }
    }
}

impl MqClient {
    pub fn publish(&self, topic: &str, body: &str, tag: &str, properties: &str) -> MqRequest {
        MqRequest::publish(&self.credentials, topic, body, tag, properties)
    }

    pub fn consume(&self, topic: &str, number: u32, more: &str) -> MqRequest {
        MqRequest::consume(&self.credentials, topic, "GID_a", number, more)
    }

    pub fn acknowledge(&self, topic: &str, handles: &[&str]) -> MqRequest {
        MqRequest::acknowledge(&self.credentials, topic, "GID_a", handles)
    }

    #[track_caller]
    pub fn send(&self, request: &MqRequest) -> Response {
        request.send(self.address)
    }

    /// Publishes, expecting success; the message id.
    #[track_caller]
    pub fn stored(&self, request: &MqRequest) -> String {
        let response = self.send(request);
        assert_eq!(response.status, 201, "{request:?}: {response:?}");
        assert_vendors(&response);
        only(&response.text(), "MessageId")
    }

    /// Consumes, expecting success or nothing.
    #[track_caller]
    pub fn taken(&self, topic: &str, number: u32, more: &str) -> Vec<Received> {
        received(&self.send(&self.consume(topic, number, more)))
    }

    /// Expects a refusal; its words.
    #[track_caller]
    pub fn refused(&self, request: &MqRequest, status: u16, code: &str) -> String {
        let response = self.send(request);
        assert_refused(&response, status, code);
        only(&response.text(), "Message")
    }
}

/// The resource of a topic.
pub fn messages_of(topic: &str) -> String {
    format!("/topics/{}/messages", percent_encode(topic.as_bytes()))
}

/// A message's document as Python writes it.
pub fn message(body: &str, tag: &str, properties: &str) -> String {
    let optional = |name: &str, text: &str| {
        if text.is_empty() { String::new() } else { format!("<{name}>{}</{name}>", escape(text)) }
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Message xmlns=\"{NAMESPACE}\"><MessageBody>{}</MessageBody>{}{}</Message>",
        escape(body),
        optional("Properties", properties),
        optional("MessageTag", tag)
    )
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\r', "&#13;")
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&#13;", "\r").replace("&amp;", "&")
}

/// The texts of every element of this name, in order. Elements of one name are never nested in this protocol.
pub fn all(document: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let pieces = document.split(&open).skip(1);
    pieces.map(|piece| unescape(piece.split(&close).next().unwrap_or_default())).collect()
}

/// The text of the only element of this name.
#[track_caller]
pub fn only(document: &str, name: &str) -> String {
    let mut found = all(document, name);
    assert_eq!(found.len(), 1, "one {name} in {document}");
    found.remove(0)
}

/// One message of a consume's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub message_id: String,
    pub handle: String,
    pub body: String,
    pub body_md5: String,
    pub tag: Option<String>,
    pub properties: Option<String>,
    pub publish_time: u64,
    pub next_consume_time: u64,
    pub first_consume_time: u64,
    pub consumed_times: u32,
}

/// The bodies of messages.
pub fn bodies(messages: &[Received]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

/// The messages of a consume's answer, which has to be a success or the normal "nothing there".
#[track_caller]
pub fn received(response: &Response) -> Vec<Received> {
    if response.status == 404 {
        assert_refused(response, 404, "MessageNotExist");
        return Vec::new();
    }
    assert_eq!(response.status, 200, "{response:?}");
    assert_vendors(response);
    let text = response.text();
    let document = text.split("<Messages").nth(1).unwrap_or_else(|| panic!("no Messages: {text}"));
    let messages = document.split("<Message>").skip(1);
    messages
        .map(|message| {
            let number = |name: &str| only(message, name).parse().unwrap_or_else(|_| panic!("{name} in {message}"));
            let optional = |name: &str| all(message, name).into_iter().next();
            Received {
                message_id: only(message, "MessageId"),
                handle: only(message, "ReceiptHandle"),
                body: only(message, "MessageBody"),
                body_md5: only(message, "MessageBodyMD5"),
                tag: optional("MessageTag"),
                properties: optional("Properties"),
                publish_time: number("PublishTime"),
                next_consume_time: number("NextConsumeTime"),
                first_consume_time: number("FirstConsumeTime"),
                consumed_times: u32::try_from(number("ConsumedTimes")).expect("a small number"),
            }
        })
        .collect()
}

/// What every answer of the protocol carries.
#[track_caller]
pub fn assert_vendors(response: &Response) {
    assert_eq!(response.header("x-mq-version"), Some("2015-06-06"), "{response:?}");
    let head = String::from_utf8_lossy(&response.raw);
    assert!(head.contains("\r\nx-mq-request-id: "), "lower case, since Python looks for it so: {response:?}");
    if response.status != 204 {
        let kind = response.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/xml"), "{response:?}");
    }
}

/// An `Error` of this status and code, with all four children.
#[track_caller]
pub fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{response:?}");
    assert_vendors(response);
    let text = response.text();
    assert!(text.contains("<Error "), "{text}");
    assert_eq!(only(&text, "Code"), code, "{text}");
    for name in ["Message", "RequestId", "HostId"] {
        assert!(!only(&text, name).is_empty(), "{name} in {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;

    #[test]
    fn signatures_agree_with_the_published_vectors() {
        let vectors = vectors::mq_http();
        assert_eq!(vectors.len(), 34);
        for vector in &vectors {
            let text = |name: &str| vector[name].as_str().unwrap_or_else(|| panic!("{name} in {vector}"));
            let expected = format!("MQ {}:{}", text("ak"), sign(text("sk"), text("string_to_sign")));
            assert_eq!(expected, text("authorization"), "{}", text("name"));
            let header = |name: &str| vector["headers"][name].as_str().map(str::to_owned);
            let method = match text("method") {
                "POST" => "POST",
                "GET" => "GET",
                "DELETE" => "DELETE",
                _ => continue,
            };
            let credentials = Credentials { access_key: text("ak").into(), secret_key: text("sk").into() };
            let mut request = MqRequest::new(&credentials, method, text("target").into(), Vec::new());
            request.date = header("date").expect("a date");
            request.content_type = header("content-type");
            request.content_md5 = header("content-md5");
            assert_eq!(request.string_to_sign(), text("string_to_sign"), "{}", text("name"));
        }
    }
}
