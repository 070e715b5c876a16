//! Dead letters as lines for people.

use serde::Deserialize;
use serde_json::Value;

use crate::cli::client::segment;
use crate::cli::visible::visible;

/// What is looked at of a dead letter; the whole object is what programs get.
#[derive(Debug, Deserialize)]
pub(super) struct Letter {
    pub(super) message_id: String,
    kind: String,
    #[serde(default)]
    dead_letter: Option<Why>,
    origin: Origin,
    tag: Option<String>,
    #[serde(default)]
    keys: Vec<String>,
    message_group: Option<String>,
    published_at: String,
    body_bytes: u64,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    visible_again_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Why {
    subscription: String,
    reason: String,
    status: Option<u16>,
    attempts: u32,
    first_attempt_at: String,
    last_attempt_at: String,
    webhook_id: String,
    url: String,
    answer: String,
}

#[derive(Debug, Deserialize)]
struct Origin {
    topic: Option<String>,
    group: Option<String>,
    message_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Content {
    body: String,
    encoding: String,
    properties: Vec<(String, String)>,
}

/// A query of these parameters; empty where there are none.
pub(super) fn query(group: Option<&str>, more: &[(&str, String)]) -> String {
    let group = group.map(|group| ("group", group.to_owned()));
    let pairs: Vec<String> =
        group.iter().chain(more).map(|(name, value)| format!("{name}={}", segment(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// The same names as parameters of a query.
pub(super) fn parameters(options: &serde_json::Map<String, Value>) -> Vec<(&str, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    options.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}

impl Letter {
    /// One line.
    pub(super) fn line(&self) -> String {
        let mut line = visible(&self.message_id);
        let mut add = |text: &str| {
            line.push_str("  ");
            line.push_str(&visible(text));
        };
        match &self.dead_letter {
            Some(why) => {
                add(&why.last_attempt_at);
                let status = why.status.map(|status| format!(" {status}")).unwrap_or_default();
                add(&format!("{}: {}{status} after {} attempts", why.subscription, why.reason, why.attempts));
            }
            None => {
                add(&self.published_at);
                add(&self.kind);
            }
        }
        if let Some(topic) = &self.origin.topic {
            add(&format!("from {topic}"));
        }
        if let Some(group) = &self.origin.group {
            add(&format!("for {group}"));
        }
        if let Some(tag) = &self.tag {
            add(&format!("tag {tag}"));
        }
        if !self.keys.is_empty() {
            add(&format!("keys {}", self.keys.join(" ")));
        }
        add(&format!("{} bytes", self.body_bytes));
        if let Some(state) = self.state.as_deref().filter(|state| *state != "ready") {
            add(state);
        }
        line
    }

    /// All that is known, a line each, and the message's text.
    pub(super) fn page(&self) -> String {
        let mut lines = Vec::new();
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                lines.push(format!("{name:<18}{}", visible(value)));
            }
        };
        add("message id", &self.message_id);
        add("kind", &self.kind);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        add("from topic", &text(&self.origin.topic));
        add("for group", &text(&self.origin.group));
        add("its id there", &text(&self.origin.message_id));
        if let Some(why) = &self.dead_letter {
            add("subscription", &why.subscription);
            add("reason", &why.reason);
            add("last status", &why.status.map(|status| status.to_string()).unwrap_or_default());
            add("attempts", &why.attempts.to_string());
            add("first attempt", &why.first_attempt_at);
            add("last attempt", &why.last_attempt_at);
            add("webhook-id", &why.webhook_id);
            add("target", &why.url);
            add("last answer", &why.answer);
        }
        add("published", &self.published_at);
        add("tag", &text(&self.tag));
        add("keys", &self.keys.join(" "));
        add("message group", &text(&self.message_group));
        add("state", &text(&self.state));
        add("hidden until", &text(&self.visible_again_at));
        if let Some(content) = &self.content {
            for (name, value) in &content.properties {
                add("property", &format!("{name} = {value}"));
            }
            add("body", &format!("{} bytes, as {}", self.body_bytes, content.encoding));
            lines.push(String::new());
            // Its lines stay lines.
            lines.extend(content.body.lines().map(visible));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_why_and_moves_no_cursor() {
        let letter: Letter = serde_json::from_value(json!({
            "message_id": "7F", "kind": "subscription",
            "dead_letter": {
                "subscription": "billing", "reason": "exhausted", "status": 503, "attempts": 12,
                "first_attempt_at": "2026-11-24T08:00:00.000Z", "last_attempt_at": "2026-11-24T09:00:00.000Z",
                "webhook_id": "billing-7F", "url": "https://a/b", "answer": "no\u{1b}[2J"
            },
            "origin": {"topic": "orders", "group": "CID_a", "message_id": "1"},
            "tag": "paid\u{202e}", "keys": ["k1", "k2"], "message_group": null, "published_at": "2026-11-24T07:00:00.000Z",
            "body_bytes": 12, "content": {"body": "one\ntwo\u{1b}", "encoding": "text", "properties": [["a", "b"]]},
            "state": "in_flight", "visible_again_at": "2026-11-24T10:00:00.000Z"
        }))
        .unwrap();
        let expected = "7F  2026-11-24T09:00:00.000Z  billing: exhausted 503 after 12 attempts  from orders  for CID_a  \
                        tag paid\\u{202e}  keys k1 k2  12 bytes  in_flight";
        assert_eq!(letter.line(), expected);
        let page = letter.page();
        assert!(page.contains("last answer       no\\u{1b}[2J") && page.ends_with("\n\none\ntwo\\u{1b}"), "{page}");
        assert!(!page.contains('\u{1b}'));
    }

    #[test]
    fn parameters_are_escaped() {
        assert_eq!(query(None, &[]), "");
        assert_eq!(query(Some("a b"), &[("since", "1:2".to_owned())]), "?group=a%20b&since=1%3A2");
    }
}
