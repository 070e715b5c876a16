//! A message as a line for people.

use super::message::Message;
use crate::cli::visible::visible;
use crate::cli::width::{columns_of, cut};

/// However narrow the terminal is, so much of a body is shown.
const LEAST_OF_BODY: usize = 20;

/// How lines look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Bodies are cut so that a line takes no more; `None` cuts nothing.
    pub(super) columns: Option<usize>,
    pub(super) colours: bool,
}

/// Parts of a line that differ in colour.
#[derive(Debug, Clone, Copy)]
enum Colour {
    Dim,
    Bold,
    Green,
    Yellow,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Green => "32",
            Self::Yellow => "33",
        }
    }
}

impl Look {
    /// Time, id, tag, keys and whatever else is set, the attempt where it is not the first, and the body.
    pub(super) fn line(self, message: &Message<'_>) -> String {
        let mut parts = vec![
            (Colour::Dim, message.published_at.as_deref().map_or_else(|| "-".to_owned(), visible)),
            (Colour::Bold, visible(&message.message_id)),
        ];
        parts.extend(message.tag.as_deref().map(|tag| (Colour::Green, format!("tag={}", visible(tag)))));
        if !message.keys.is_empty() {
            parts.push((Colour::Green, format!("keys={}", visible(&message.keys.join(",")))));
        }
        let group = message.message_group.as_deref();
        parts.extend(group.map(|group| (Colour::Green, format!("group={}", visible(group)))));
        for (name, value) in &message.properties {
            parts.push((Colour::Dim, format!("{}={}", visible(name), visible(value))));
        }
        let attempt = message.delivery_attempt.filter(|attempt| *attempt > 1);
        parts.extend(attempt.map(|attempt| (Colour::Yellow, format!("attempt={attempt}"))));
        let taken: usize = parts.iter().map(|(_, text)| columns_of(text) + 1).sum();
        let body = match &*message.encoding {
            "base64" => format!("base64:{}", visible(&message.body)),
            _ => visible(&message.body),
        };
        let body = match self.columns {
            Some(columns) => cut(&body, columns.saturating_sub(taken).max(LEAST_OF_BODY)),
            None => body,
        };
        let mut line = String::new();
        for (colour, text) in parts {
            line.push_str(&self.painted(colour, &text));
            line.push(' ');
        }
        line.push_str(&body);
        line.push('\n');
        line
    }

    fn painted(self, colour: Colour, text: &str) -> String {
        if self.colours { format!("\u{1b}[{}m{text}\u{1b}[0m", colour.code()) } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(look: Look, more: &str) -> String {
        let json = format!(
            r#"{{"message_id":"0A1B","receipt_handle":"v2.x","body":"one\ntwo \u001b[31m订单 and much more of it","encoding":"text"{more}}}"#
        );
        look.line(&serde_json::from_str(&json).unwrap())
    }

    const PLAIN: Look = Look { columns: None, colours: false };

    #[test]
    fn what_is_set_is_shown_and_nothing_acts_on_the_terminal() {
        assert_eq!(line(PLAIN, ""), "- 0A1B one\\ntwo \\u{1b}[31m订单 and much more of it\n");
        let more = r#","tag":"t\u0007","keys":["a","b"],"properties":{"p":"q"},"message_group":"g","delivery_attempt":2,
            "published_at":"2026-11-24T08:00:00.123Z","visible_again_at":"x","later":1"#;
        let full = line(PLAIN, more);
        assert!(
            full.starts_with("2026-11-24T08:00:00.123Z 0A1B tag=t\\u{7} keys=a,b group=g p=q attempt=2 one\\ntwo "),
            "{full}"
        );
        assert!(!line(PLAIN, r#","delivery_attempt":1"#).contains("attempt"));
    }

    #[test]
    fn a_body_is_cut_to_what_the_terminal_leaves() {
        assert_eq!(
            line(Look { columns: Some(40), colours: false }, ""),
            "- 0A1B one\\ntwo \\u{1b}[31m订单 and much…\n"
        );
        assert_eq!(line(Look { columns: Some(10), colours: false }, ""), "- 0A1B one\\ntwo \\u{1b}[31m…\n");
        let tag = line(Look { columns: Some(40), colours: false }, r#","tag":"订单订单""#);
        assert_eq!(tag, "- 0A1B tag=订单订单 one\\ntwo \\u{1b}[31m…\n", "a tag takes two columns a sign");
        let coloured = line(Look { columns: Some(40), colours: true }, "");
        assert_eq!(coloured, "\u{1b}[2m-\u{1b}[0m \u{1b}[1m0A1B\u{1b}[0m one\\ntwo \\u{1b}[31m订单 and much…\n");
    }
}
