//! Callers who hang up while the embedded MQ answers: wherever that was, the next one gets the message at once, though it
//! would be hidden for five minutes.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::embedded::{EmbeddedMq, on_embedded_mq_http_with};
use crate::support::ons::{OnsClient, messages};
use crate::support::{Connection, Launch, TestApp};

const ROUNDS: usize = 60;
/// Far below the visibility timeout.
const SOON: Duration = Duration::from_secs(5);

/// Where a caller hangs up.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// With the request just sent, after so many turns of an empty loop.
    AfterTheRequest(usize),
    /// When the message that it waited for has just been published.
    AfterThePublish(usize),
    /// With the answer's first byte there, and nothing of it read.
    AtTheFirstByte,
    /// In the middle of the answer.
    WithAPartRead,
}

impl Point {
    fn of(round: usize) -> Self {
        match round % 4 {
            0 => Self::AfterTheRequest(round * 4_000),
            1 => Self::AfterThePublish(round * 4_000),
            2 => Self::AtTheFirstByte,
            _ => Self::WithAPartRead,
        }
    }

    /// Sends `consume` on a new connection and hangs up; `publish` is called at its time.
    fn hang_up(self, mut connection: Connection, consume: &[u8], mut publish: impl FnMut()) {
        let spin = |turns| (0..turns).for_each(|_| std::hint::spin_loop());
        match self {
            Self::AfterTheRequest(turns) => {
                publish();
                connection.send(consume);
                spin(turns);
            }
            Self::AfterThePublish(turns) => {
                connection.send(consume);
                publish();
                spin(turns);
            }
            Self::AtTheFirstByte => {
                publish();
                connection.send(consume);
                first_byte(&connection.into_stream());
            }
            Self::WithAPartRead => {
                publish();
                connection.send(consume);
                let mut stream = connection.into_stream();
                first_byte(&stream);
                std::io::Read::read_exact(&mut stream, &mut [0; 20]).unwrap();
            }
        }
    }
}

fn first_byte(stream: &TcpStream) {
    assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
}

/// Hangs up many times; `publish` takes a body, `receive` waits for messages and settles them.
fn check(consume: impl Fn() -> (Connection, Vec<u8>), publish: impl Fn(&str), receive: impl Fn() -> Vec<String>) {
    let mut late = Vec::new();
    for round in 0..ROUNDS {
        let (point, body) = (Point::of(round), format!("{round} {}", "x".repeat(round % 3 * 20_000)));
        let (connection, request) = consume();
        point.hang_up(connection, &request, || publish(&body));
        let started = Instant::now();
        let mut received = Vec::new();
        while received.is_empty() && started.elapsed() < SOON {
            received = receive();
        }
        if received != [body] {
            late.push((round, point, received.len()));
        }
    }
    assert!(late.is_empty(), "{} of {ROUNDS} messages were not given back: {late:?}", late.len());
}

#[test]
fn of_a_vendors_client_at_the_endpoint() {
    let mq = EmbeddedMq::<OnsClient>::start();
    let consume = || (Connection::open(mq.address), mq.consume("T").query("timeout", "30000").bytes());
    let receive = || {
        let received = messages(&mq.send(&mq.consume("T").query("timeout", "1000")));
        received.iter().for_each(|message| {
            assert_eq!(message["reconsumeTimes"], 0, "the attempt does not count");
            assert_eq!(mq.send(&mq.delete("T", message["msgHandle"].as_str().unwrap())).status, 204);
        });
        received.iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect()
    };
    check(consume, |body| drop(mq.stored(&mq.publish("T", body))), receive);
}

fn check_gateway(app: &TestApp) {
    let target = "/v1/topics/T/groups/CID_a/messages:receive";
    let consume = || (Connection::open(app.data()), app.request("POST", target).json(r#"{"wait_seconds":30}"#).bytes());
    let receive = || {
        let received = app.receive("T", "CID_a", r#"{"wait_seconds":1}"#);
        let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
        received.iter().for_each(|message| {
            assert_eq!(message["delivery_attempt"], 1, "the attempt does not count");
            assert_eq!(app.ack("T", "CID_a", &[&text(message, "receipt_handle")]).status, 200);
        });
        received.iter().map(|message| text(message, "body")).collect()
    };
    check(consume, |body| drop(app.publish("T", body)), receive);
}

#[test]
fn of_a_caller_before_a_gateway_of_ons_http() {
    check_gateway(&Launch::embedded().start());
}

#[test]
fn of_a_caller_before_a_gateway_of_mq_http() {
    check_gateway(&on_embedded_mq_http_with("300s"));
}

#[test]
fn of_a_vendors_client_at_the_relay() {
    let app = Launch::embedded().start();
    let relay = OnsClient::from((app.data(), app.embedded_credentials()));
    let consume = || (Connection::open(app.data()), relay.consume("T").query("timeout", "30000").bytes());
    let receive = || {
        let received = messages(&relay.send(&relay.consume("T").query("timeout", "1000")));
        let handle = |message: &Value| message["msgHandle"].as_str().unwrap().to_owned();
        received.iter().for_each(|message| {
            assert_eq!(relay.send(&relay.delete("T", &handle(message))).status, 204);
        });
        received.iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect()
    };
    check(consume, |body| drop(app.publish("T", body)), receive);
}

/// The control: who has read its answer keeps the messages, however it ends its connection.
#[test]
fn of_one_who_has_its_answer() {
    let app = Launch::embedded().start();
    let credentials = app.embedded_credentials();
    let endpoint = OnsClient::from((app.embedded_address(), credentials));
    for (address, close) in [
        (app.embedded_address(), ""),
        (app.embedded_address(), "Connection: close"),
        (app.data(), ""),
        (app.data(), "Connection: close"),
    ] {
        app.publish("T", "taken");
        let mut request = endpoint.consume("T").query("timeout", "30000");
        if !close.is_empty() {
            request = request.header(close);
        }
        let mut connection = Connection::open(address);
        let answer = connection.exchange(&request.bytes(), "GET");
        assert_eq!(messages(&answer).len(), 1, "{answer:?}");
        drop(connection);
        // Longer than the end of a connection is waited for.
        assert!(messages(&endpoint.send(&endpoint.consume("T").query("timeout", "2500"))).is_empty(), "{close}");
    }
}
