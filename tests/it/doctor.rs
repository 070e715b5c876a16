//! `mq-gateway doctor`: what it finds, what it advises, what it never shows and never does.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix_web::http::header::HttpDate;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;

use crate::support::app::{Finished, files_below};
use crate::support::endpoint::check_mq::error;
use crate::support::endpoint::{Script, never, respond};
use crate::support::mq::all;
use crate::support::ons::Credentials;
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Launch, Settings};

const NAMED: &str = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"CID_a\"]\n";
const ALL: [&str; 9] =
    ["configuration", "credentials_files", "dns", "connect", "tls", "clock_skew", "credentials", "topic", "group"];

/// What the doctor said, as JSON and as text.
#[derive(Debug)]
struct Said {
    json: Finished,
    text: Finished,
    checks: Vec<Value>,
}

impl Said {
    /// Runs it twice; both must agree, and neither may hold `forbidden`.
    #[track_caller]
    fn of(launch: impl Fn() -> Launch, arguments: &[&str], forbidden: &[&str]) -> Self {
        let first = launch().arguments(&["doctor"]).arguments(arguments);
        let second = launch().arguments(&["doctor", "--format", "json"]).arguments(arguments);
        let (text, json) = (first.run(), second.in_directory_of(first.directory()).run());
        assert_eq!(text.code, json.code, "{text:?} {json:?}");
        for secret in forbidden {
            assert!(!text.said().contains(secret) && !json.said().contains(secret), "{secret}: {text:?} {json:?}");
        }
        assert!(!text.said().contains('\u{1b}'), "no colours but on a terminal: {text:?}");
        let report: Value = serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:?}"));
        assert_eq!(report["ok"], json.code == Some(0), "{report}");
        let checks = report["checks"].as_array().unwrap().clone();
        for check in &checks {
            let names: Vec<&String> = check.as_object().unwrap().keys().collect();
            assert_eq!(names, ["advice", "check", "detail", "profile", "verdict"]);
            let wants_advice = matches!(check["verdict"].as_str(), Some("warning" | "failed"));
            assert_eq!(check["advice"].is_string(), wants_advice, "{check}");
            if !check["detail"].as_str().unwrap().contains(" s ") {
                assert!(text.stdout.contains(check["detail"].as_str().unwrap()), "{check} in {text:?}");
            }
        }
        let mut order: Vec<&str> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
        order.dedup();
        for profile in order.split(|&check| check == "configuration").flat_map(|all| all.split(|it| *it == "group")) {
            assert!(profile.is_empty() || profile == &ALL[1..8], "the order of {order:?}");
        }
        Self { json, text, checks }
    }

    /// Towards an endpoint with these settings. Its keys and every signature that it got are looked for.
    #[track_caller]
    fn about(endpoint: &Endpoint, settings: &Settings) -> Self {
        Self::at(endpoint, &endpoint.url(), settings)
    }

    #[track_caller]
    fn at(endpoint: &Endpoint, url: &str, settings: &Settings) -> Self {
        let launch = || Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &settings.text(url));
        let Credentials { access_key, secret_key } = endpoint.credentials();
        let said = Self::of(launch, &["--config", "gateway.toml"], &[access_key, secret_key]);
        for request in endpoint.requests() {
            assert_eq!(request.method, "DELETE", "nothing is published or taken");
            let signature = request.header("signature").or_else(|| request.header("authorization")?.split(':').nth(1));
            let signature = signature.unwrap();
            assert!(!said.json.said().contains(signature) && !said.text.said().contains(signature), "{said:?}");
        }
        said
    }

    /// The verdicts of one check.
    fn verdicts(&self, check: &str) -> Vec<&str> {
        let found = self.checks.iter().filter(|it| it["check"] == check);
        found.map(|it| it["verdict"].as_str().unwrap()).collect()
    }

    /// The verdict of the one finding of this check; its detail and advice must hold these words.
    #[track_caller]
    fn assert_only(&self, check: &str, verdict: &str, words: &[&str]) {
        assert_eq!(self.verdicts(check), [verdict], "{check}: {:#?}", self.checks);
        self.assert_any(check, verdict, words);
    }

    #[track_caller]
    fn assert_any(&self, check: &str, verdict: &str, words: &[&str]) {
        let mut found = self.checks.iter().filter(|it| it["check"] == check && it["verdict"] == verdict);
        let hit = found.any(|it| words.iter().all(|word| format!("{} {}", it["detail"], it["advice"]).contains(word)));
        assert!(hit, "{check} {verdict} {words:?}: {:#?}", self.checks);
    }

    #[track_caller]
    fn assert_skipped_after(&self, check: &str) {
        let at = ALL.iter().position(|it| *it == check).unwrap();
        for later in &ALL[at + 1..] {
            assert_eq!(self.verdicts(later), ["skipped"], "{later}: {:#?}", self.checks);
        }
    }
}

fn named() -> Settings {
    Settings::new().topics(NAMED)
}

/// A profile of MQ HTTP with the same topic and group.
fn named_mq() -> Settings {
    named().profile("protocol = \"mq-http\"")
}

/// An `Error` of MQ HTTP, with the time and these seconds more.
fn mq_error(status: u16, code: &str, ahead: i64) -> Script {
    let by = Duration::from_secs(ahead.unsigned_abs());
    let date = if ahead < 0 { SystemTime::now() - by } else { SystemTime::now() + by };
    let date = format!("Date: {}", HttpDate::from(date));
    respond(status, &["Content-Type: text/xml;charset=utf-8", &date], error(code))
}

#[test]
fn a_good_mq_is_found_good_and_nothing_happens_there() {
    let endpoint = Endpoint::start();
    endpoint.offer("orders", serde_json::json!({"body": "stays", "msgId": "1"}));
    let dated = || respond(204, &[&format!("Date: {}", HttpDate::from(SystemTime::now()))], "");
    endpoint.rule(move |_| Some(dated()));
    let said = Said::about(&endpoint, &named());
    assert_eq!(said.json.code, Some(0), "{said:?}");
    for (check, word) in [
        ("configuration", "gateway.toml"),
        ("credentials_files", "[credentials.main]"),
        ("dns", "127.0.0.1 is an address"),
        ("connect", "answers at 127.0.0.1:"),
        ("clock_skew", "the MQ's clock is"),
        ("credentials", "accepted a signed request (204"),
        ("topic", "`orders` was accepted"),
    ] {
        said.assert_only(check, "ok", &[word]);
    }
    said.assert_only("tls", "skipped", &["http://"]);
    said.assert_any("group", "ok", &["`CID_a` on `orders` was accepted"]);
    said.assert_any("group", "skipped", &["`PID_ours`, the producer group", "nothing is published"]);
    assert!(said.text.stdout.ends_with("\nok, 2 skipped\n"), "{}", said.text.stdout);
    assert_eq!(endpoint.request_count(), 2, "one probe for each run");
}

#[test]
fn the_embedded_endpoint_is_found_by_its_data_directory_and_left_as_it_was() {
    let app = Launch::embedded().start();
    let files = files_below(&app.data_directory());
    let credentials: Credentials = app.embedded_credentials();
    let launch = || Launch::bare().in_directory_of(app.directory());
    let forbidden = [credentials.access_key.as_str(), credentials.secret_key.as_str()];
    for arguments in [&[][..], &["--data-dir", "data"], &["--profile", "embedded"]] {
        let said = Said::of(launch, arguments, &forbidden);
        assert_eq!(said.json.code, Some(0), "{said:?}");
        said.assert_only("connect", "ok", &[&app.embedded_address().to_string()]);
        said.assert_only("clock_skew", "ok", &[]);
        said.assert_only("credentials", "ok", &["400 to the acknowledgement of a handle that does not exist"]);
        said.assert_only("topic", "skipped", &["only `*`"]);
    }
    assert_eq!(files_below(&app.data_directory()), files);
    let metrics = app.management_get("/metrics").text();
    assert!(!metrics.contains("doctor"), "no topic or group was made: {metrics}");
}

#[test]
fn an_embedded_endpoint_that_does_not_run_is_not_started() {
    let dead = dead_url();
    let dead = dead.strip_prefix("http://").unwrap();
    let directory = Launch::bare();
    let launch = || {
        let launch = Launch::bare().in_directory_of(directory.directory());
        launch.environment("MQ_GATEWAY__EMBEDDED__LISTEN", dead)
    };
    let said = Said::of(launch, &[], &[]);
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("configuration", "ok", &["built in"]);
    said.assert_only("credentials_files", "failed", &["does not exist", "start `mq-gateway`"]);
    said.assert_only("connect", "failed", &["the embedded endpoint is not running at http://", "start it"]);
    said.assert_skipped_after("connect");
    assert!(files_below(directory.directory().path()).is_empty(), "nothing was made");
}

#[test]
fn an_embedded_endpoint_with_other_keys_is_recognised() {
    let app = Launch::embedded().start();
    let secret = "another-secret-5d2f0c7a";
    let file =
        format!(r#"{{"access_key":"another","secret_key":"{secret}","url":"http://{}"}}"#, app.embedded_address());
    let launch = || Launch::bare().file("embedded-credentials.json", &file);
    let said = Said::of(launch, &["--data-dir", "."], &[secret]);
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("credentials", "failed", &["refused with 403", "another data directory"]);
}

#[test]
fn topics_that_the_endpoint_does_not_have_are_told_from_keys() {
    let topics = NAMED.replace("orders", "ghost") + NAMED;
    let text = |of_the_endpoint: &str, topics: &str| {
        format!(
            "[embedded]\nenabled = true\n{of_the_endpoint}[profiles.main]\nprotocol = \"ons-http\"\n\
             endpoints = [\"embedded\"]\ncredentials = \"embedded\"\nproducer_group = \"PID\"\n{topics}"
        )
    };
    let app = Launch::embedded_with(&text("topics = [\"orders\"]\n", NAMED)).start();
    // The endpoint's own file would not name a topic that the endpoint does not have: `check` refuses that.
    let other = text("", &topics);
    let launch = || Launch::bare().in_directory_of(app.directory()).file("other.toml", &other);
    let said = Said::of(launch, &["--config", "other.toml", "--data-dir", "data"], &[]);
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("credentials", "ok", &[]);
    assert_eq!(said.verdicts("topic"), ["failed", "ok"]);
    said.assert_any(
        "topic",
        "failed",
        &["`ghost` was refused, and the keys are good: the endpoint does not have it", "`topics` below [embedded]"],
    );
    assert_eq!(said.verdicts("group"), ["skipped", "ok", "skipped"]);
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    for (seconds, behind) in [(1200, false), (1200, true)] {
        let endpoint = Endpoint::start();
        let by = Duration::from_secs(seconds);
        let date = if behind { SystemTime::now() - by } else { SystemTime::now() + by };
        let date = format!("Date: {}", HttpDate::from(date));
        endpoint.rule(move |_| Some(respond(403, &[&date], "")));
        let said = Said::about(&endpoint, &named());
        assert_eq!(said.json.code, Some(1), "{said:?}");
        let words = if behind { "s behind ours" } else { "s ahead of ours" };
        said.assert_only("clock_skew", "failed", &["the MQ's clock is 1", words, "NTP"]);
        said.assert_only("credentials", "failed", &["refused with 403", "the clocks alone explain it", words]);
        said.assert_only("topic", "skipped", &[]);
    }
}

#[test]
fn what_a_403_leaves_open_is_said() {
    let endpoint = Endpoint::start();
    let dated = || respond(403, &[&format!("Date: {}", HttpDate::from(SystemTime::now()))], "");
    endpoint.rule(move |_| Some(dated()));
    let said = Said::about(&endpoint, &named());
    let words = ["the access key, the secret key, or a topic or group", "not the clock", "sign --explain"];
    said.assert_only("credentials", "failed", &words);
    said.assert_only("clock_skew", "ok", &[]);
    // With nothing named the probe has a placeholder for a topic, which no account owns.
    let said = Said::about(&endpoint, &Settings::new());
    assert_eq!(said.json.code, Some(0), "{said:?}");
    said.assert_only("credentials", "warning", &["placeholders", "name a topic and a group"]);

    endpoint.rule(|_| Some(respond(403, &[], "")));
    let said = Said::about(&endpoint, &named());
    said.assert_only("clock_skew", "skipped", &["Date"]);
    said.assert_only("credentials", "failed", &["the clock, which could not be compared"]);
}

#[test]
fn groups_are_told_from_topics_by_the_others() {
    let endpoint = Endpoint::start();
    endpoint.rule(|request| (request.header("consumerid") == Some("CID_b")).then(|| respond(403, &[], "")));
    let said = Said::about(&endpoint, &Settings::new().topics(&NAMED.replace("\"CID_a\"", "\"CID_a\", \"CID_b\"")));
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("topic", "ok", &[]);
    said.assert_any("group", "failed", &["`CID_b` on `orders` was refused, and the topic is good"]);
}

#[test]
fn an_mq_that_repeats_what_it_was_sent_is_not_quoted() {
    let endpoint = Endpoint::start();
    let Credentials { access_key, secret_key } = endpoint.credentials().clone();
    endpoint.rule(move |request| {
        let signature = request.header("signature").unwrap_or_default();
        let body = format!(r#"{{"code":"{signature}","info":"{access_key} {secret_key} {signature}"}}"#);
        Some(respond(400, &[&format!("X-Echo: {signature}")], body))
    });
    let said = Said::about(&endpoint, &named());
    said.assert_only("credentials", "warning", &["not known: the MQ answered 400"]);
}

#[test]
fn something_else_than_an_mq_is_recognised() {
    let endpoint = Endpoint::start();
    endpoint.rule(|_| Some(respond(404, &["Content-Type: text/html"], "<html>nginx</html>")));
    let said = Said::about(&endpoint, &named());
    said.assert_only("credentials", "failed", &["the answer was 404", "no proxy's or website's"]);
}

#[test]
fn a_dead_port_is_told_and_the_rest_is_skipped() {
    let endpoint = Endpoint::start();
    let said = Said::at(&endpoint, &dead_url(), &named());
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("credentials_files", "ok", &[]);
    said.assert_only("connect", "failed", &["refused", "see whether the MQ runs there"]);
    said.assert_skipped_after("connect");
    assert_eq!(endpoint.connections(), 0);
}

#[test]
fn one_live_endpoint_of_two_is_a_warning() {
    let endpoint = Endpoint::start();
    let settings = named().profile(&format!("endpoints = [\"{}\", \"{}\"]", dead_url(), endpoint.url()));
    let said = Said::about(&endpoint, &settings);
    assert_eq!(said.json.code, Some(0), "{said:?}");
    said.assert_only("connect", "warning", &["refused", "answers at"]);
    said.assert_only("credentials", "ok", &[]);
}

#[test]
fn tls_towards_a_plain_port_is_recognised() {
    let endpoint = Endpoint::start();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let said = Said::at(&endpoint, &url, &named());
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("connect", "ok", &[]);
    said.assert_only("tls", "failed", &["is the endpoint http:// on this port?"]);
    said.assert_skipped_after("tls");
}

/// A TLS server for `name` that answers every request with 204; its URL by address, and its certificate.
fn tls_server(name: &str) -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                // A refused handshake or a connection without a request ends in an error here, as it should.
                if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            });
        }
    });
    (url, certified.cert.pem())
}

#[test]
fn certificates_are_verified_and_refusals_explained() {
    let endpoint = Endpoint::start();
    let said_of = |url: &str, certificate: Option<&str>| {
        let ca = named().profile("ca_file = \"ca.pem\"");
        let text = if certificate.is_some() { ca } else { named() }.text(url);
        let launch = || {
            let launch = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &text);
            launch.file("ca.pem", certificate.unwrap_or_default())
        };
        Said::of(launch, &["--config", "gateway.toml"], &[&endpoint.credentials().secret_key])
    };
    let (url, certificate) = tls_server("127.0.0.1");
    let said = said_of(&url, Some(&certificate));
    said.assert_only("tls", "ok", &["TLS 1.3 with https://127.0.0.1:", "certificate verified"]);
    said.assert_only("credentials", "ok", &[]);
    said_of(&url, None).assert_only("tls", "failed", &["UnknownIssuer", "set `ca_file`"]);

    let (url, certificate) = tls_server("elsewhere.example");
    let said = said_of(&url, Some(&certificate));
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only(
        "tls",
        "failed",
        &["not valid for name", "elsewhere.example", "a name that the MQ's certificate holds"],
    );
    said.assert_skipped_after("tls");
}

#[test]
fn an_empty_secret_file_is_named_and_nothing_is_asked() {
    let endpoint = Endpoint::start();
    let Credentials { access_key, .. } = endpoint.credentials().clone();
    let empty = Credentials { access_key: access_key.clone(), secret_key: String::new() };
    let launch = || Launch::bare().secrets(&empty).file("gateway.toml", &named().text(&endpoint.url()));
    let said = Said::of(launch, &["--config", "gateway.toml"], &[&access_key]);
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("configuration", "ok", &[]);
    said.assert_only("credentials_files", "failed", &["secret_key is empty", "without quotes"]);
    said.assert_only("connect", "ok", &[]);
    said.assert_skipped_after("tls");
    assert_eq!(endpoint.request_count(), 0);
}

#[test]
fn profiles_are_checked_all_or_one() {
    let endpoint = Endpoint::start();
    let second = format!(
        "[profiles.second]\nprotocol = \"ons-http\"\ncredentials = \"main\"\nproducer_group = \"PID\"\nendpoints = [\"{}\"]\n",
        dead_url()
    );
    let text = named().more(&second).text(&endpoint.url());
    let launch = || Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &text);
    let all = Said::of(launch, &["--config", "gateway.toml"], &[]);
    assert_eq!((all.json.code, all.verdicts("connect")), (Some(1), vec!["ok", "failed"]));
    assert!(all.text.stdout.contains("\nprofile main\n") && all.text.stdout.contains("\nprofile second\n"), "{all:?}");
    let one = Said::of(launch, &["--config", "gateway.toml", "--profile", "main"], &[]);
    assert_eq!((one.json.code, one.verdicts("connect")), (Some(0), vec!["ok"]));
    let none = launch().arguments(&["doctor", "--config", "gateway.toml", "--profile", "mian"]).run();
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.stderr.contains("`main`, `second`") && none.stdout.is_empty(), "{none:?}");
}

#[test]
fn configurations_that_are_no_use_are_told() {
    let launch = || Launch::bare().file("gateway.toml", "[server]\ncolour = \"zq-canary\"\n");
    let said = Said::of(launch, &["--config", "gateway.toml"], &["zq-canary"]);
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("configuration", "failed", &["gateway.toml:2:1", "colour"]);
    said.assert_skipped_after("configuration");
    let said = Said::of(Launch::bare, &["--config", "missing.toml"], &[]);
    assert_eq!(said.json.code, Some(2), "{said:?}");
    said.assert_only("configuration", "failed", &["missing.toml: could not be read"]);
    let both = ["doctor", "--config", "a", "--user-properties", "b"];
    assert_eq!(Launch::bare().arguments(&both).run().code, Some(2));
}

#[test]
fn the_vendors_properties_file_can_be_checked() {
    let endpoint = Endpoint::start();
    let Credentials { access_key, secret_key } = endpoint.credentials();
    let text = format!(
        "[property]\nTopic=orders\nURL={}\nAk={access_key}\nSk={secret_key}\nProducerID=PID_v\nConsumerID=CID_v\n",
        endpoint.url()
    );
    let launch = || Launch::bare().file("user.properties", &text);
    let said = Said::of(launch, &["--user-properties", "user.properties"], &[access_key, secret_key]);
    assert_eq!(said.json.code, Some(0), "{said:?}");
    said.assert_any("group", "ok", &["`CID_v` on `orders`"]);
}

#[test]
fn an_mq_that_says_nothing_does_not_hold_the_doctor_up() {
    let endpoint = Endpoint::start();
    endpoint.rule(|_| Some(never()));
    let launch = Launch::bare().secrets(endpoint.credentials()).file("gateway.toml", &named().text(&endpoint.url()));
    let started = Instant::now();
    let finished = launch.arguments(&["doctor", "--config", "gateway.toml"]).run();
    assert!(started.elapsed() < Duration::from_secs(14), "{:?}", started.elapsed());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("the MQ gave no usable answer"), "{finished:?}");
}

#[test]
fn a_good_mq_http_is_found_good_and_nothing_happens_there() {
    let endpoint = Endpoint::start_mq();
    let Credentials { access_key, secret_key } = endpoint.credentials();
    let token = "zq-security-token-5d2f";
    let launch = || {
        let launch = Launch::bare().secrets(endpoint.credentials());
        std::fs::write(launch.path("secrets").join("security_token"), token).unwrap();
        launch.file("gateway.toml", &named_mq().text(&endpoint.url()))
    };
    let said = Said::of(launch, &["--config", "gateway.toml"], &[access_key, secret_key, token]);
    assert_eq!(said.json.code, Some(0), "{said:?}");
    said.assert_only("credentials", "ok", &["accepted a signed request (204 to the acknowledgement"]);
    said.assert_only("topic", "ok", &["`orders` was accepted"]);
    said.assert_any("group", "ok", &["`CID_a` on `orders` was accepted"]);
    said.assert_any("group", "skipped", &["`PID_ours`, the producer group: mq-http sends none"]);
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 2, "one probe for each run");
    for request in requests {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("DELETE", "/topics/orders/messages?consumer=CID_a")
        );
        assert_eq!(request.headers_named("security-token"), [token]);
        let document = String::from_utf8(request.body.clone()).unwrap();
        let handles = all(&document, "ReceiptHandle");
        assert!(handles.len() == 1 && handles[0].starts_with("00000000000000000000000000000000-"), "{document}");
    }
}

#[test]
fn what_an_mq_http_refuses_is_named_with_its_code() {
    let endpoint = Endpoint::start_mq();
    for (status, code, verdict, words) in [
        (403, "SignatureDoesNotMatch", "failed", ["is about the signature: the secret key", "compare the secret key"]),
        (403, "InvalidAccessKeyId", "failed", ["is about the access key: it is not known", "compare the access key"]),
        (403, "AccessDenied", "failed", ["refused with", "the access key may not do this"]),
        (408, "TimeExpired", "failed", ["is about the time of the request", "yet the clocks agree"]),
        (400, "MissingAuthorizationHeader", "failed", ["did not come as it was sent", "a proxy on the way"]),
        (404, "TopicNotExist", "warning", ["may not have looked at the signature", "instance_id"]),
        (404, "SubscriptionNotExist", "warning", ["may not have looked at the signature", "instance_id"]),
        (400, "InvalidDigest", "warning", ["not known", "may not have looked at the signature"]),
        (503, "QpsLimitExceeded", "failed", ["it could not serve the request", "try again later"]),
        (404, "MessageNotExist", "ok", ["accepted a signed request", "a handle that does not exist"]),
    ] {
        endpoint.rule(move |_| Some(mq_error(status, code, 0)));
        let said = Said::about(&endpoint, &named_mq());
        said.assert_only("clock_skew", "ok", &[]);
        said.assert_only("credentials", verdict, &[&format!("{status} {code}"), words[0], words[1]]);
        let (topic, group) = match code {
            "TopicNotExist" => ("failed", "skipped"),
            "SubscriptionNotExist" => ("skipped", "failed"),
            "MessageNotExist" => ("ok", "ok"),
            _ => ("skipped", "skipped"),
        };
        assert_eq!((said.verdicts("topic"), said.verdicts("group")), (vec![topic], vec![group, "skipped"]), "{code}");
        let failed = [verdict, topic, group].contains(&"failed");
        assert_eq!(said.json.code, Some(i32::from(failed)), "{code}");
    }
}

#[test]
fn mq_http_allows_the_clock_a_quarter_of_an_hour() {
    let endpoint = Endpoint::start_mq();
    for (ahead, words) in [(1200, "s ahead of ours"), (-1200, "s behind ours")] {
        endpoint.rule(move |_| Some(mq_error(408, "TimeExpired", ahead)));
        let said = Said::about(&endpoint, &named_mq());
        assert_eq!(said.json.code, Some(1), "{said:?}");
        said.assert_only("clock_skew", "failed", &["the MQ's clock is 1", words, "15 minutes ahead or behind", "NTP"]);
        said.assert_only("credentials", "failed", &["408 TimeExpired is about the time", "correct the clock first"]);
    }
    endpoint.rule(move |_| Some(mq_error(404, "MessageNotExist", 600)));
    let said = Said::about(&endpoint, &named_mq());
    assert_eq!(said.json.code, Some(0), "{said:?}");
    said.assert_only("clock_skew", "warning", &["s ahead of ours", "15 minutes ahead or behind"]);
}

#[test]
fn an_mq_http_that_repeats_what_it_was_sent_is_not_quoted() {
    let endpoint = Endpoint::start_mq();
    let Credentials { access_key, secret_key } = endpoint.credentials().clone();
    endpoint.rule(move |request| {
        let authorization = request.header("authorization").unwrap_or_default();
        Some(respond(400, &[], error(&format!("{authorization} {access_key} {secret_key}"))))
    });
    let said = Said::about(&endpoint, &named_mq());
    said.assert_only("credentials", "warning", &["the MQ answered 400 with a code that is not shown"]);
}

#[test]
fn something_else_than_an_mq_http_is_recognised() {
    let endpoint = Endpoint::start_mq();
    for (status, body) in [(404, "<html>nginx</html>"), (403, "<html>no</html>"), (400, r#"{"code":"SC_BAD_REQUEST"}"#)]
    {
        endpoint.rule(move |_| Some(respond(status, &[], body)));
        let said = Said::about(&endpoint, &named_mq());
        let answer = format!("the answer was {status}");
        said.assert_only("credentials", "failed", &[&answer, "no proxy's or website's", "the profile's `protocol`"]);
    }
}

/// A configuration with an embedded endpoint in memory, spoken to in MQ HTTP.
fn embedded_mq(endpoint: &str, topics: &str) -> String {
    format!(
        "[embedded]\nenabled = true\nstorage = \"memory\"\n{endpoint}[profiles.main]\nprotocol = \"mq-http\"\n\
         endpoints = [\"embedded\"]\ncredentials = \"embedded\"\nproducer_group = \"PID\"\n{topics}"
    )
}

#[test]
fn the_embedded_endpoint_answers_in_mq_http_and_is_left_as_it_was() {
    let app = Launch::embedded_with(&embedded_mq("", NAMED)).start();
    let credentials = app.embedded_credentials();
    let forbidden = [credentials.access_key.as_str(), credentials.secret_key.as_str()];
    let launch = || Launch::bare().in_directory_of(app.directory());
    let said = Said::of(launch, &["--config", "gateway.toml", "--data-dir", "data"], &forbidden);
    assert_eq!(said.json.code, Some(0), "{said:?}");
    said.assert_only("connect", "ok", &[&app.embedded_address().to_string()]);
    said.assert_only("clock_skew", "ok", &[]);
    said.assert_only("credentials", "ok", &["404 ReceiptHandleError to the acknowledgement of a handle"]);
    said.assert_only("topic", "ok", &["`orders` was accepted"]);
    let groups = || app.management_get("/metrics").text().matches("embedded_messages{").count();
    assert_eq!(groups(), 0, "no topic or group was made");
    app.receive("orders", "CID_a", "{}");
    assert_ne!(groups(), 0, "they would be seen");
}

#[test]
fn an_embedded_endpoint_with_other_keys_is_recognised_in_mq_http() {
    let app = Launch::embedded_with(&embedded_mq("", NAMED)).start();
    let own = app.embedded_credentials();
    let secret = "another-secret-5d2f0c7a";
    for (access_key, code) in
        [(own.access_key.as_str(), "SignatureDoesNotMatch"), ("zq-unknown-key", "InvalidAccessKeyId")]
    {
        let file = format!(
            r#"{{"access_key":"{access_key}","secret_key":"{secret}","url":"http://{}"}}"#,
            app.embedded_address()
        );
        let launch = || {
            let launch = Launch::bare().file("gateway.toml", &embedded_mq("", NAMED));
            launch.file("embedded-credentials.json", &file)
        };
        let said = Said::of(launch, &["--config", "gateway.toml", "--data-dir", "."], &[secret, access_key]);
        assert_eq!(said.json.code, Some(1), "{said:?}");
        let words = format!("refused with 403 {code}: an embedded endpoint with other keys");
        said.assert_only("credentials", "failed", &[&words, "another data directory"]);
    }
}

#[test]
fn topics_that_the_endpoint_does_not_have_are_named_in_mq_http() {
    let topics = NAMED.replace("orders", "ghost") + NAMED;
    let app = Launch::embedded_with(&embedded_mq("topics = [\"orders\"]\n", NAMED)).start();
    // The endpoint's own file would not name a topic that the endpoint does not have: `check` refuses that.
    let other = embedded_mq("", &topics);
    let launch = || Launch::bare().in_directory_of(app.directory()).file("other.toml", &other);
    let said = Said::of(launch, &["--config", "other.toml", "--data-dir", "data"], &[]);
    assert_eq!(said.json.code, Some(1), "{said:?}");
    said.assert_only("credentials", "ok", &[]);
    assert_eq!(said.verdicts("topic"), ["failed", "ok"]);
    let words = ["`ghost` is not known to the MQ: 404 TopicNotExist", "`topics` below [embedded]"];
    said.assert_any("topic", "failed", &words);
    assert_eq!(said.verdicts("group"), ["skipped", "ok", "skipped"]);
}
