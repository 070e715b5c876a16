//! A page of another site must not reach a gateway on the visitor's own machine (api.md 5).

use crate::support::{Endpoint, Meaning, Response, Settings, TestApp, assert_problem};

const MESSAGES: &str = "/v1/topics/orders/messages";

fn publish(app: &TestApp, header: &str) -> Response {
    app.request("POST", MESSAGES).header(header).json(r#"{"body":"x"}"#).send()
}

#[test]
fn foreign_origins_are_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let own = app.data();
    for origin in [
        "http://evil.example".to_owned(),
        "null".into(),
        format!("http://{own}.evil.example"),
        "http://127.0.0.1:1".into(),
        "http://localhost".into(),
    ] {
        let response = publish(&app, &format!("Origin: {origin}"));
        assert_problem(&response, 403, "origin-not-allowed", Meaning::NotDone);
        assert_eq!(response.header("access-control-allow-origin"), None, "{response:?}");
    }
    assert_eq!(endpoint.request_count(), 0);
    assert_eq!(publish(&app, &format!("Origin: http://{own}")).status, 201);
}

#[test]
fn allowed_origins_pass() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().server("allowed_origins = [\"https://shop.example\"]"));
    assert_eq!(publish(&app, "Origin: https://shop.example").status, 201);
    for origin in
        ["http://shop.example", "https://shop.example:8443", "https://shop.example.evil", "https://a.shop.example"]
    {
        assert_problem(&publish(&app, &format!("Origin: {origin}")), 403, "origin-not-allowed", Meaning::NotDone);
    }
}

#[test]
fn on_loopback_a_foreign_host_name_is_refused() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let port = app.data().port();
    let get = |host: &str| app.request("GET", "/v1/topics").host(host).send();
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example"] {
        assert_problem(&get(host), 403, "origin-not-allowed", Meaning::NotDone);
        let response = app.request("POST", MESSAGES).host(host).json(r#"{"body":"x"}"#).send();
        assert_problem(&response, 403, "origin-not-allowed", Meaning::NotDone);
    }
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("LOCALHOST:{port}")] {
        assert_eq!(get(&host).status, 200, "{host}");
    }
    assert_eq!(endpoint.request_count(), 0);
}
