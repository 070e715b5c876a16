//! The endpoint's memory: messages per topic, each given to each group until it is deleted there.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::request::Recorded;
use super::script::response;
use crate::support::encoding::base64;
use crate::support::time;

const KIND: &str = "Content-Type: text/html;charset=UTF-8";

#[derive(Default)]
pub struct Broker {
    topics: HashMap<String, Vec<Stored>>,
    /// The next message of each topic and group.
    next: HashMap<(String, String), usize>,
    pub deleted: Vec<String>,
    handles: usize,
}

struct Stored {
    message: Value,
    body: Vec<u8>,
}

impl Broker {
    /// Does what `request` asks; the answer, and whether it is an empty consume.
    pub fn apply(&mut self, request: &Recorded) -> (Vec<u8>, bool) {
        let topic = request.parameter("topic").unwrap_or_default();
        match request.method.as_str() {
            "POST" => (self.publish(topic, request), false),
            "GET" => self.consume(topic, request),
            _ => {
                self.deleted.push(request.parameter("msgHandle").unwrap_or_default().to_owned());
                (response(204, &[], b""), false)
            }
        }
    }

    pub fn offer(&mut self, topic: &str, message: Value) {
        let body = message["body"].as_str().unwrap_or_default().as_bytes().to_vec();
        self.topics.entry(topic.to_owned()).or_default().push(Stored { message, body });
    }

    pub fn bodies(&self, topic: &str) -> Vec<Vec<u8>> {
        self.topics.get(topic).into_iter().flatten().map(|stored| stored.body.clone()).collect()
    }

    fn publish(&mut self, topic: &str, request: &Recorded) -> Vec<u8> {
        let stored: usize = self.topics.values().map(Vec::len).sum();
        let id = format!("0A97CB496DE1137A90349154{:08X}", stored + 1);
        let parameter = |name| request.parameter(name).unwrap_or_default();
        let mut message = json!({
            "bornTime": time::now_millis().to_string(), "key": parameter("key"), "msgId": id, "reconsumeTimes": 0,
            "tag": parameter("tag"),
        });
        match std::str::from_utf8(&request.body) {
            Ok(text) => message["body"] = text.into(),
            Err(_) => {
                message["body"] = request.body.iter().map(|&byte| byte as char).collect::<String>().into();
                message["bodyEncoding"] = "latin1".into();
            }
        }
        let stored = Stored { message, body: request.body.clone() };
        self.topics.entry(topic.to_owned()).or_default().push(stored);
        response(201, &[KIND], json!({"msgId": id, "sendStatus": "SEND_OK"}).to_string().as_bytes())
    }

    fn consume(&mut self, topic: &str, request: &Recorded) -> (Vec<u8>, bool) {
        let group = request.header("consumerid").unwrap_or_default();
        let wanted: usize = request.parameter("num").and_then(|text| text.parse().ok()).unwrap_or(32);
        let next = self.next.entry((topic.to_owned(), group.to_owned())).or_default();
        let waiting = self.topics.get(topic).and_then(|stored| stored.get(*next..)).unwrap_or_default();
        let given = waiting.iter().take(wanted.clamp(1, 32)).map(|stored| {
            let mut message = stored.message.clone();
            if message.get("msgHandle").is_none() {
                self.handles += 1;
                // Bytes whose base64 holds '+', '/' and '=', the characters that a careless encoder damages.
                let token = format!("_PENDINGMSG_#{topic}#{group}#{}~?>\u{fb}\u{ff}", self.handles);
                message["msgHandle"] = base64(token).into();
            }
            message
        });
        let given: Vec<Value> = given.collect();
        *next += given.len();
        let body = Value::Array(given);
        let empty = body.as_array().is_some_and(Vec::is_empty);
        (response(200, &[KIND], body.to_string().as_bytes()), empty)
    }
}
