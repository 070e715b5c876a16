//! The shape of a problem.

use serde_json::Value;

use super::client::Response;

/// What a problem states about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A publish that was not done and never will be.
    NotPublished,
    /// A publish that was not done and may be tried again.
    NotPublishedTryAgain,
    /// A publish that may have been done.
    Unknown,
    /// No publish; the same request never succeeds.
    Final,
    /// No publish; the same request may succeed later.
    TryAgain,
    /// Nothing was done; the outcome may be given or not (a whole batch, a head refused before its route is known).
    NotDone,
}

/// Checks an answer that is a problem, and returns it.
#[track_caller]
pub fn assert_problem(response: &Response, status: u16, code: &str, meaning: Meaning) -> Value {
    assert_eq!(response.status, status, "{code}: {response:?}");
    assert_eq!(response.header("content-type"), Some("application/problem+json"), "{response:?}");
    let problem = response.json();
    assert_problem_value(&problem, status, code, meaning);
    if status == 429 || status == 503 {
        let seconds = response.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {response:?}"));
        assert!(seconds.parse::<u64>().is_ok(), "Retry-After {seconds:?}");
    }
    problem
}

/// Checks a problem that is an answer's body, or an item of one.
#[track_caller]
pub fn assert_problem_value(problem: &Value, status: u16, code: &str, meaning: Meaning) {
    const KNOWN: [&str; 14] = [
        "type",
        "title",
        "status",
        "detail",
        "code",
        "request_id",
        "retryable",
        "outcome",
        "errors",
        "limit",
        "actual",
        "retry_after_seconds",
        "vendor_code",
        "instance",
    ];
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["type"], format!("/docs/problems#{code}"), "{problem}");
    for member in ["title", "detail", "request_id"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {problem}");
    }
    for member in problem.as_object().expect("a problem is an object").keys() {
        assert!(KNOWN.contains(&member.as_str()), "unknown member {member} in {problem}");
    }
    let (outcome, retryable) = match meaning {
        Meaning::NotPublished => (Some("not_published"), false),
        Meaning::NotPublishedTryAgain => (Some("not_published"), true),
        Meaning::Unknown => (Some("unknown"), true),
        Meaning::Final => (None, false),
        Meaning::TryAgain => (None, true),
        Meaning::NotDone => (problem["outcome"].as_str().map(|_| "not_published"), false),
    };
    assert_eq!(problem.get("outcome").and_then(Value::as_str), outcome, "outcome in {problem}");
    assert_eq!(problem["retryable"], retryable, "retryable in {problem}");
}

/// Checks that `detail` or an entry of `errors` names `word`.
#[track_caller]
pub fn assert_names(problem: &Value, word: &str) {
    let text = format!("{} {}", problem["detail"], problem["errors"]);
    assert!(text.contains(word), "{word:?} is not named in {problem}");
}

/// The pointers (or parameter names) in `errors`.
pub fn places(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let places = errors.iter().map(|error| error.get("pointer").or_else(|| error.get("parameter")));
    places.map(|place| place.and_then(Value::as_str).unwrap_or_default()).collect()
}
