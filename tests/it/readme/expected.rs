//! Expected answers and what was printed: what differs, but for what `…` stands for.

use serde_json::Value;

const WILDCARD: &str = "…";

/// Whether `got` is `wanted`, whose elements of `any` stand for any number of elements.
fn matches<W, G>(wanted: &[W], got: &[G], any: impl Fn(&W) -> bool, one: impl Fn(&W, &G) -> bool) -> bool {
    let (mut w, mut g) = (0, 0);
    // The last wildcard, and where what it stands for ends.
    let mut wildcard = None;
    while g < got.len() {
        if wanted.get(w).is_some_and(&any) {
            wildcard = Some((w, g));
            w += 1;
        } else if wanted.get(w).is_some_and(|wanted| one(wanted, &got[g])) {
            (w, g) = (w + 1, g + 1);
        } else if let Some((at, end)) = wildcard {
            wildcard = Some((at, end + 1));
            (w, g) = (at + 1, end + 1);
        } else {
            return false;
        }
    }
    wanted[w..].iter().all(any)
}

fn string_matches(wanted: &str, got: &str) -> bool {
    let (wanted, got): (Vec<char>, Vec<char>) = (wanted.chars().collect(), got.chars().collect());
    matches(&wanted, &got, |&c| WILDCARD.starts_with(c), |wanted, got| wanted == got)
}

pub fn text_difference(expected: &str, actual: &str) -> Option<String> {
    let (expected, actual) = (expected.trim_end_matches('\n'), actual.replace('\r', ""));
    let wanted: Vec<&str> = expected.split('\n').map(str::trim_end).collect();
    let got: Vec<&str> = actual.trim_end_matches('\n').split('\n').map(str::trim_end).collect();
    let same = matches(&wanted, &got, |&line| line == WILDCARD, |wanted, got| string_matches(wanted, got));
    (!same).then(|| "the text differs".into())
}

pub fn json_difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    match (expected, actual) {
        (Value::String(wanted), _) if wanted == WILDCARD => None,
        (Value::String(wanted), Value::String(got)) if string_matches(wanted, got) => None,
        (Value::Object(wanted), Value::Object(got)) => {
            let missing: Vec<_> = wanted.keys().filter(|key| !got.contains_key(*key)).collect();
            let extra: Vec<_> = got.keys().filter(|key| !wanted.contains_key(*key)).collect();
            if !missing.is_empty() || !extra.is_empty() {
                return Some(format!("{path}: missing {missing:?}, not expected {extra:?}"));
            }
            wanted.iter().find_map(|(key, value)| json_difference(value, &got[key], &format!("{path}.{key}")))
        }
        (Value::Array(wanted), Value::Array(got)) => array_difference(wanted, got, path),
        _ if expected == actual => None,
        _ => Some(format!("{path}: {actual}, expected {expected}")),
    }
}

fn array_difference(wanted: &[Value], got: &[Value], path: &str) -> Option<String> {
    let (wanted, got) = match wanted.split_last() {
        Some((last, first)) if last == WILDCARD => (first, got.get(..first.len()).unwrap_or(got)),
        _ => (wanted, got),
    };
    if wanted.len() != got.len() {
        return Some(format!("{path}: {} elements, expected {}", got.len(), wanted.len()));
    }
    let mut pairs = wanted.iter().zip(got).enumerate();
    pairs.find_map(|(index, (wanted, got))| json_difference(wanted, got, &format!("{path}[{index}]")))
}

#[test]
fn wildcards_match_what_they_stand_for() {
    use serde_json::json;

    for (wanted, got, same) in [
        (json!("…"), json!({"any": ["value"]}), true),
        (json!("v1.…"), json!("v1.abc\ndef"), true),
        (json!("v1.…"), json!("v2.abc"), false),
        (json!("a…b…c"), json!("a-b-b-c"), true),
        (json!("a…b"), json!("a-b-c"), false),
        (json!("a…"), json!(1), false),
        (json!({"a": 1, "b": "…"}), json!({"b": null, "a": 1}), true),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
        (json!({"a": 1, "b": "…"}), json!({"a": 1}), false),
        (json!([1, "…"]), json!([1, 2, 3]), true),
        (json!([1, "…"]), json!([1]), true),
        (json!([1, "…"]), json!([]), false),
        (json!(["…", 1]), json!([0, 1]), true),
        (json!(["…", 1]), json!([0, 0, 1]), false),
        (json!([1]), json!([1, 2]), false),
        (json!(1), json!(true), false),
        (json!(1), json!(1.0), false),
        (json!(null), json!(null), true),
    ] {
        assert_eq!(json_difference(&wanted, &got, "$").is_none(), same, "{wanted} and {got}");
    }
    for (wanted, got, same) in [
        ("a\nb", "a  \r\nb\n", true),
        ("a\nb", "a\nb\nc", false),
        ("a … c", "a b c", true),
        ("a … c", "a b\nb c", false),
        ("…\nb\n…", "a\na\nb\nc", true),
        ("…\nb\n…", "b", true),
        ("…\nb\n…", "a\nbb", false),
        ("a\n…\nb", "a\nb", true),
        ("a\n…\nb", "a\nb\nc\nb", true),
        ("a\n…\nb", "a", false),
        ("…", "", true),
    ] {
        assert_eq!(text_difference(wanted, got).is_none(), same, "{wanted:?} and {got:?}");
    }
}
