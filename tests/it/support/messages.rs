//! Received messages and their receipt handles, as a caller sees them.

use serde_json::Value;

use super::Connection;

/// The receipt handle of a received message.
#[track_caller]
pub fn handle_of(message: &Value) -> &str {
    let handle = message["receipt_handle"].as_str().unwrap_or_else(|| panic!("a receipt handle in {message}"));
    let rest = handle.strip_prefix("v2.").unwrap_or_else(|| panic!("handle {handle:?}"));
    assert!(handle.len() <= 1024, "a handle of {} bytes", handle.len());
    assert!(rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "handle {handle:?}");
    handle
}

/// The bodies of messages, of the REST API or of ONS HTTP.
#[track_caller]
pub fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["body"].as_str().unwrap_or_else(|| panic!("a body in {message}"))).collect()
}

/// The answers to receives that wait: one message each, whose body is a number; the numbers, sorted.
#[track_caller]
pub fn one_number_each(waiting: &mut [Connection]) -> Vec<u32> {
    let mut numbers = Vec::with_capacity(waiting.len());
    for connection in waiting {
        let answer = connection.receive("POST").expect_json(200);
        assert_eq!(answer["messages"].as_array().unwrap().len(), 1, "{answer}");
        numbers.push(answer["messages"][0]["body"].as_str().unwrap().parse().unwrap());
    }
    numbers.sort_unstable();
    numbers
}

/// The same handle with one character changed, in the middle of it.
pub fn damaged(handle: &str) -> String {
    let middle = handle.len() / 2;
    let changed = handle.char_indices().map(|(at, character)| match character {
        'A' if at == middle => 'B',
        _ if at == middle => 'A',
        other => other,
    });
    changed.collect()
}
