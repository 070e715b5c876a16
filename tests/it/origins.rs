//! A page of another site must not reach a gateway on the visitor's own machine.

use crate::support::mq::MqClient;
use crate::support::ons::Credentials;
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

/// RFC 9112 3.2.2: the header is ignored then.
#[test]
fn a_host_in_the_target_counts_for_more_than_the_header() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let port = app.data().port();
    let get = |target: &str, host: &str| app.request("GET", target).host(host).send();
    for target in [
        "http://evil.example/v1/topics".to_owned(),
        format!("http://evil.example:{port}/v1/topics"),
        format!("http://localhost@evil.example:{port}/v1/topics"),
        "http://127.0.0.1.evil.example/v1/topics".to_owned(),
    ] {
        assert_problem(&get(&target, "localhost"), 403, "origin-not-allowed", Meaning::NotDone);
        let publish = app.request("POST", &target.replace("/v1/topics", MESSAGES)).host("localhost");
        assert_problem(&publish.json(r#"{"body":"x"}"#).send(), 403, "origin-not-allowed", Meaning::NotDone);
    }
    for target in [format!("http://localhost:{port}/v1/topics"), format!("http://127.0.0.1:{port}/v1/topics")] {
        assert_eq!(get(&target, "evil.example").status, 200, "{target}");
    }
    // An origin is our own where it is the target's.
    let own = format!("http://localhost:{port}");
    let publish = |origin: &str| {
        let request = app.request("POST", &format!("{own}{MESSAGES}")).host("other.example");
        request.header(format!("Origin: {origin}")).json(r#"{"body":"x"}"#).send()
    };
    assert_eq!(publish(&own).status, 201);
    assert_problem(&publish("http://other.example"), 403, "origin-not-allowed", Meaning::NotDone);
    // No loopback name, and no name at all.
    for host in [b"\xff".as_slice(), b"localhost\xff", b"\xff:80"] {
        let mut connection = app.raw(&[b"GET /v1/topics HTTP/1.1\r\nHost: ", host, b"\r\n\r\n"].concat());
        assert_problem(&connection.receive("GET"), 403, "origin-not-allowed", Meaning::NotDone);
    }
    assert_eq!(endpoint.request_count(), 1);
}

#[test]
fn dns_rebinding_reaches_no_vendors_path() {
    let endpoint = Endpoint::start_mq();
    let open = || Settings::new().profile("protocol = \"mq-http\"").more("[dropin]\nclient_auth = \"none\"\n");
    let app = TestApp::with(&endpoint, open());
    let poll = "/topics/orders/messages?consumer=GID_a&numOfMessages=1";
    // DNS rebinding: only the host name shows it, none of the browser's own headers.
    for header in ["Accept-Language: en", "Accept-Language:"] {
        let rebound = app.request("GET", poll).host("rebound.example:8080").header(header);
        assert_eq!(rebound.send().status, 403, "{header}");
    }
    assert_eq!(endpoint.request_count(), 0);
    assert_eq!(app.request("GET", poll).send().status, 404, "the normal answer of an empty poll");
    // An SDK may come by any name.
    let client = MqClient::from((app.data(), Credentials::of("nobody")));
    client.stored(&client.publish("orders", "x", "", ""));
}

#[test]
fn an_image_of_another_site_takes_no_messages() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().more("[dropin]\nclient_auth = \"none\"\n"));
    for target in [
        "/v1/topics/orders/groups/CID_a/messages",
        "/topics/orders/messages?consumer=GID_a&numOfMessages=1",
        "/message/?topic=orders&time=1",
    ] {
        for site in ["cross-site", "same-site"] {
            let image = app.request("GET", target).header(format!("Sec-Fetch-Site: {site}"));
            assert_eq!(image.header("Sec-Fetch-Dest: image").send().status, 403, "{target} {site}");
        }
    }
    assert_eq!(endpoint.request_count(), 0);
    let own = app.request("GET", "/v1/topics/orders/groups/CID_a/messages").header("Sec-Fetch-Site: same-origin");
    assert_eq!(own.send().status, 200);
    // A link to a page of ours may be followed.
    let link = app.request("GET", "/docs/").header("Sec-Fetch-Site: cross-site").header("Sec-Fetch-Mode: navigate");
    assert_eq!(link.send().status, 200);
}

/// A browser asks first whether a page may send an event's attributes, which anybody may have more of.
#[test]
fn pages_of_allowed_origins_may_send_events() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, Settings::new().server("allowed_origins = [\"https://shop.example\"]"));
    let preflight = |asked: &str| {
        let request = app.request("OPTIONS", MESSAGES).header("Origin: https://shop.example");
        let request = request.header("Access-Control-Request-Method: POST");
        let answer = request.header(format!("Access-Control-Request-Headers: {asked}")).send();
        assert_eq!(answer.status, 204, "{answer:?}");
        answer.header("access-control-allow-headers").expect("a list").to_owned()
    };
    let usual = "content-type, prefer, x-request-id, traceparent, tracestate";
    assert_eq!(preflight("content-type"), usual);
    assert_eq!(preflight("ce-id,ce-source, Ce-MyExt9,content-type"), format!("{usual}, ce-id, ce-source, ce-myext9"));
    let long = format!("ce-{}", "a".repeat(20));
    let longer = format!("{long}a");
    assert_eq!(
        preflight(&format!("{long},{longer},ce-,ce-a_b,ce-a-b,xce-id,authorization")),
        format!("{usual}, {long}")
    );
}
