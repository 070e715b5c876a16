//! The subscriptions of several gateways side by side, for a terminal.

use serde_json::Value;

use crate::cli::visible::visible;
use crate::cli::width::columns_of;

/// What is shown of a subscription in the answer.
type Cell = fn(&Value) -> String;

/// The columns, in their order; the pod stands behind the first.
const COLUMNS: [(&str, Cell); 9] = [
    ("SUBSCRIPTION", |it| text(&it["name"])),
    ("STATE", state),
    ("OK/S", |it| text(&it["per_second"])),
    ("IN FLIGHT", |it| format!("{}/{}", text(&it["in_flight"]), text(&it["allowed"]))),
    ("HELD", |it| text(&it["held"])),
    ("BACKLOG", |it| text(at(it, "/backlog/ready"))),
    ("LAST SUCCESS", |it| text(&it["last_success_at"])),
    ("LAST ERROR", last_error),
    ("URL", |it| text(&it["url"])),
];

/// A line for each subscription and pod, sorted by subscription; `gateways` is each gateway's URL and answer.
pub(super) fn table(gateways: &[(String, Value)]) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (url, answer) in gateways {
        let pod = answer["pod"].as_str().map_or_else(|| url.clone(), visible);
        for subscription in answer["subscriptions"].as_array().into_iter().flatten() {
            let mut row: Vec<String> = COLUMNS.iter().map(|(_, value)| value(subscription)).collect();
            row.insert(1, pod.clone());
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return "no subscriptions".to_owned();
    }
    rows.sort();
    let mut head: Vec<String> = COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
    head.insert(1, "POD".to_owned());
    rows.insert(0, head);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| columns_of(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=COLUMNS.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded =
            |(cell, width): (&String, &usize)| cell.clone() + &" ".repeat(width.saturating_sub(columns_of(cell)));
        let cells: Vec<String> = row.iter().zip(&widths).map(padded).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What is at a place in an answer.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> String {
    if value.is_null() {
        return "-".to_owned();
    }
    value.as_str().map_or_else(|| value.to_string(), visible)
}

fn state(it: &Value) -> String {
    match at(it, "/paused/reason").as_str() {
        Some(reason) if it["state"] == "paused" => format!("paused ({})", visible(reason)),
        _ => text(&it["state"]),
    }
}

fn last_error(it: &Value) -> String {
    let error = &it["last_error"];
    if error.is_null() {
        return "-".to_owned();
    }
    let status = error["status"].as_u64().map_or_else(String::new, |status| format!(" {status}"));
    format!("{}{status} at {}", text(&error["result"]), text(&error["at"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_stand_side_by_side() {
        let one = |pod: &str, state: &str, paused: Value| {
            json!({"pod": pod, "subscriptions": [{"name": "billing", "state": state, "url": "http://b/", "in_flight": 1,
                "allowed": 5, "held": 2, "per_second": 0.5, "last_success_at": null, "paused": paused, "backlog": null,
                "last_error": {"result": "failed", "status": 500, "at": "T\u{1b}"}}]})
        };
        let gateways = [
            ("http://b".to_owned(), one("pod-b", "running", Value::Null)),
            ("http://a".to_owned(), one("pod-a", "paused", json!({"reason": "gone"}))),
        ];
        let expected = "\
SUBSCRIPTION  POD    STATE          OK/S  IN FLIGHT  HELD  BACKLOG  LAST SUCCESS  LAST ERROR             URL
billing       pod-a  paused (gone)  0.5   1/5        2     -        -             failed 500 at T\\u{1b}  http://b/
billing       pod-b  running        0.5   1/5        2     -        -             failed 500 at T\\u{1b}  http://b/";
        assert_eq!(table(&gateways), expected);
        let wide = [
            ("http://a".to_owned(), one("订单", "running", Value::Null)),
            ("http://b".to_owned(), one("pod-b", "running", Value::Null)),
        ];
        let lines = table(&wide);
        let place = |line: &str| columns_of(line.split("running").next().unwrap_or_default());
        assert!(lines.lines().skip(1).all(|line| place(line) == "SUBSCRIPTION  POD-B  ".len()), "{lines}");
        assert_eq!(table(&[("http://a".to_owned(), json!({"pod": null, "subscriptions": []}))]), "no subscriptions");
    }
}
