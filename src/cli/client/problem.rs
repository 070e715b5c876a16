//! A problem (RFC 9457) as a gateway tells it, in one line for a person.

use std::fmt;

use serde::Deserialize;

use crate::cli::visible::visible;
use crate::http::Code;

/// What a gateway says of a failure. Readers of other versions get what they know.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Problem {
    /// The status.
    pub(in crate::cli) status: u16,
    /// The table's word.
    pub(in crate::cli) code: String,
    /// What happened.
    #[serde(default)]
    pub(in crate::cli) detail: String,
    /// Of the request; the items of a list have none.
    #[serde(default)]
    pub(in crate::cli) request_id: Option<String>,
    /// Whether the same may succeed later.
    #[serde(default)]
    pub(in crate::cli) retryable: bool,
    /// After so long.
    #[serde(default)]
    pub(in crate::cli) retry_after_seconds: Option<u64>,
    /// Of publishes: whether the message was stored.
    #[serde(default)]
    pub(in crate::cli) outcome: Option<String>,
    /// Wrong fields.
    #[serde(default)]
    pub(in crate::cli) errors: Vec<FieldError>,
    /// The MQ's own word.
    #[serde(default)]
    pub(in crate::cli) vendor_code: Option<String>,
}

/// One wrong field or parameter.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct FieldError {
    /// JSON pointer into the body.
    #[serde(default)]
    pub(in crate::cli) pointer: Option<String>,
    /// Name of a query parameter or header.
    #[serde(default)]
    pub(in crate::cli) parameter: Option<String>,
    /// What was expected.
    #[serde(default)]
    pub(in crate::cli) detail: String,
}

/// Most wrong fields that one line names.
const MOST_FIELDS: usize = 5;

impl Problem {
    /// The problem in an answer's body, where there is one.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// What the table of problems tells callers to do, where we know the code.
    fn advice(&self) -> Option<&'static str> {
        Code::ALL.into_iter().map(Code::row).find(|row| row.code == self.code).map(|row| row.advice)
    }

    /// What is known of a publish, and whether to try again.
    fn what_now(&self) -> String {
        let again = match (self.retryable, self.retry_after_seconds) {
            (true, Some(seconds)) => format!("try again in {seconds} s"),
            (true, None) => "it may work later".to_owned(),
            (false, _) => String::new(),
        };
        match (self.outcome.as_deref(), again.is_empty()) {
            (Some("unknown"), _) => {
                "whether the message was stored is not known: sent again, it may be there twice".to_owned()
            }
            (Some("not_published"), false) => format!("not published; {again}"),
            (Some("not_published"), true) => "not published".to_owned(),
            _ => again,
        }
    }

    /// What happened, with the wrong fields where the detail does not name all of them.
    fn what(&self) -> String {
        if self.errors.len() < 2 {
            return visible(&self.detail);
        }
        let fields = self.errors.iter().take(MOST_FIELDS).map(|error| {
            let place = error.pointer.as_deref().or(error.parameter.as_deref()).unwrap_or_default();
            let text = if place.is_empty() { error.detail.clone() } else { format!("{place}: {}", error.detail) };
            visible(&text)
        });
        let more = self.errors.len().saturating_sub(MOST_FIELDS);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        fields.collect::<Vec<_>>().join("; ") + &more
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {}", self.what(), visible(&self.code), self.status)?;
        if let Some(code) = &self.vendor_code {
            write!(f, ", the MQ says {}", visible(code))?;
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request {}", visible(id))?;
        }
        f.write_str(")")?;
        let now = self.what_now();
        if !now.is_empty() {
            write!(f, "; {now}")?;
        }
        // What the caller can mend has its fix in the detail, but where the table knows more.
        if let Some(advice) = self.advice().filter(|_| self.errors.is_empty() && !self.retryable) {
            write!(f, ". {advice}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> String {
        Problem::read(json.as_bytes()).unwrap().to_string()
    }

    #[test]
    fn a_problem_is_one_line_that_says_what_to_do() {
        assert_eq!(
            line(
                r#"{"type":"/docs/problems#overloaded","title":"t","status":503,"detail":"full","code":"overloaded",
                "request_id":"r-1","retryable":true,"outcome":"not_published","retry_after_seconds":3,"later":[1]}"#
            ),
            "full (overloaded, 503, request r-1); not published; try again in 3 s"
        );
        assert_eq!(
            line(r#"{"status":504,"code":"upstream-timeout","detail":"late","outcome":"unknown","retryable":true}"#),
            "late (upstream-timeout, 504); whether the message was stored is not known: sent again, it may be there twice"
        );
        let unknown = line(r#"{"status":404,"code":"unknown-topic","detail":"no topic `x`"}"#);
        assert!(unknown.contains("no topic `x` (unknown-topic, 404). `GET /v1/topics`"), "{unknown}");
    }

    #[test]
    fn wrong_fields_are_listed_and_nothing_acts_on_the_terminal() {
        let many = line(
            r#"{"status":422,"code":"validation-failed","detail":"d","errors":[{"pointer":"/a","detail":"one"},
            {"parameter":"b","detail":"two\u001b[2J"},{"detail":"3"},{"detail":"4"},{"detail":"5"},{"detail":"6"}]}"#,
        );
        assert_eq!(many, "/a: one; b: two\\u{1b}[2J; 3; 4; 5; and 1 more (validation-failed, 422)");
        assert!(Problem::read(b"<html>502</html>").is_none());
        assert!(Problem::read(br#"{"error":"x"}"#).is_none());
    }
}
