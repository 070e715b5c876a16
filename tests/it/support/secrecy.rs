//! Where a secret could show, and in which spellings.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::TestApp;
use super::client::find;
use super::encoding::{base64, hex, percent_encode};

/// Every spelling of a secret that a careless line could hold.
pub fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    vec![
        secret.to_owned(),
        base64(bytes).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(bytes),
        hex(bytes),
        hex(bytes).to_uppercase(),
        percent_encode(bytes),
        secret.chars().rev().collect(),
        format!("{bytes:?}"),
    ]
}

/// Everything that a running gateway shows, has written, and has been given, each with its place.
pub fn shown_by(app: &TestApp) -> Vec<(String, Vec<u8>)> {
    let management = ["/metrics", "/config", "/readyz?verbose", "/livez", "/startupz"];
    let mut seen = management.map(|target| (format!("management {target}"), app.management_get(target).raw)).to_vec();
    seen.extend(["/v1/topics", "/v1/topics/orders"].map(|target| (target.to_owned(), app.get(target).raw)));
    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", app.process_id());
        let bytes = std::fs::read(&path).expect("a process's own files");
        seen.push((path, bytes));
    }
    seen.push(("the log".into(), app.output().into_bytes()));
    // The control: what is no secret is found in what was collected.
    for (place, text) in [
        ("management /metrics", "mq_gateway_"),
        ("management /config", "profiles"),
        ("management /readyz", "200 OK"),
        ("management /livez", "ok"),
        ("management /startupz", "ok"),
        ("/v1/topics", "topics"),
        ("/proc/", "mq-gateway"),
        ("the log", "listening"),
    ] {
        let holds = |(at, bytes): &(String, Vec<u8>)| at.starts_with(place) && find(bytes, text.as_bytes()).is_some();
        assert!(seen.iter().any(holds), "{text:?} is not in {place}: the search is blind");
    }
    seen
}
