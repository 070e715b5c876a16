//! The signatures and the vendors' formats, each alone: nanoseconds of one call, on messages of 1 KB.
//!
//! `cargo bench --bench codecs` measures all of them, `cargo bench --bench codecs -- mq-http` those with that in their
//! name. What is not public alone, the JSON envelope of `/v1` and our receipt handles, is measured as part of whole
//! requests: `tests/cost`, `benches/peers`.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints its result, and a failed step ends it"
)]

use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mq_gateway::http_message::Request;
use mq_gateway::model::{Delivery, Key, Message, MessageId, Tag, Topic, UnixMillis, UpstreamHandle};
use mq_gateway::protocol::{mq_http, ons_http};
use mq_gateway::signature::{self, Credentials, Pair, Secret};

const BODY_BYTES: usize = 1_024;
const SAMPLES: usize = 50;
const SAMPLE: Duration = Duration::from_millis(10);
const NOW: UnixMillis = UnixMillis(1_503_907_519_000);
const MESSAGE_ID: &str = "0A0A0A0A00002A9F0000000000000001";

fn main() {
    // Cargo's own flags are none of ours.
    let table = Table { wanted: std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect() };
    println!("{:<52}{:>12}{:>12}", "", "median ns", "fastest ns");
    signatures(&table);
    ons_http_requests(&table);
    mq_http_requests(&table);
}

/// Prints a line for each piece of work.
struct Table {
    /// Parts of names; none wants everything.
    wanted: Vec<String>,
}

impl Table {
    fn row<T>(&self, name: &str, mut work: impl FnMut() -> T) {
        if !self.wanted.is_empty() && !self.wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            return;
        }
        // So many calls that one sample is long beside what reading the clock takes; meanwhile everything warms up.
        let mut calls = 1_u32;
        while time(calls, &mut work) < SAMPLE {
            calls = calls.saturating_mul(2);
        }
        let mut nanos: Vec<_> =
            (0..SAMPLES).map(|_| time(calls, &mut work).as_secs_f64() * 1e9 / f64::from(calls)).collect();
        nanos.sort_by(f64::total_cmp);
        let at = |index: usize| nanos.get(index).copied().unwrap_or_default();
        println!("{name:<52}{:>12.0}{:>12.0}", at(SAMPLES / 2), at(0));
    }
}

fn time<T>(calls: u32, work: &mut impl FnMut() -> T) -> Duration {
    let started = Instant::now();
    for _ in 0..calls {
        black_box(work());
    }
    started.elapsed()
}

// ---- signatures --------------------------------------------------------------------------------------------------------

fn signatures(table: &Table) {
    let (key, body) = (pair().signing, body());
    let of_ons_http =
        || signature::ons_http::publish("orders", "PID_orders", &signature::body_md5_hex(&body), "1503907519000");
    let of_mq_http = || {
        let content_md5 = signature::mq_http::content_md5(&body);
        let headers = [("x-mq-version", mq_http::VERSION)];
        let (date, target) = ("Mon, 28 Aug 2017 08:05:19 GMT", "/topics/orders/messages?ns=MQ_INST_1");
        signature::mq_http::string_to_sign("POST", &content_md5, mq_http::CONTENT_TYPE, date, &headers, target)
    };
    let text = of_ons_http();
    table.row("signature: HMAC of a publish over ons-http", || key.sign(&text));
    table.row("signature: publish, ons-http, with the body's MD5", || key.sign(&of_ons_http()));
    table.row("signature: publish, mq-http, with the body's MD5", || key.sign(&of_mq_http()));
}

// ---- ONS HTTP ----------------------------------------------------------------------------------------------------------

fn ons_http_requests(table: &Table) {
    let (pair, message) = (pair(), message());
    let publish = || {
        let publish = ons_http::Publish::new(&message, "PID_orders", ons_http::CONTENT_TYPE, NOW);
        ons_http::Request::Publish(publish).sign(&pair)
    };
    table.row("ons-http: write and sign a publish", publish);
    let request = publish();
    assert_eq!(read(&request).access_key, "access-key", "what is measured is a whole request");
    table.row("ons-http: read a publish", || read(&request).signature.len());

    let acknowledge = || {
        let acknowledge = ons_http::Acknowledge::new("orders", "GID_orders", "X1BFTkRJTkdNU0dfJVJFVFJZJSQx+/=", NOW);
        ons_http::Request::Acknowledge(acknowledge).sign(&pair)
    };
    table.row("ons-http: write and sign an acknowledgement", acknowledge);

    let published = ons_http::encode_published(&MessageId::parse(MESSAGE_ID).expect("an id"));
    table.row("ons-http: read the answer to a publish", || ons_http::decode_published(published.as_bytes()));

    let deliveries = deliveries(32);
    let consumed = ons_http::encode_consumed(&deliveries);
    let read = || ons_http::decode_consumed(consumed.as_bytes(), NOW).expect("readable").deliveries;
    assert_eq!(read().len(), deliveries.len(), "every message is read");
    table.row("ons-http: write 32 messages", || ons_http::encode_consumed(&deliveries));
    table.row("ons-http: read 32 messages", read);
}

fn read(request: &Request) -> ons_http::Signed<'_> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let header = |header: ons_http::Header| {
        let mut headers = request.headers.iter();
        headers.find(|(name, _)| *name == header.name()).map(|(_, value)| Cow::Borrowed(value.as_str()))
    };
    let body = request.body.clone().unwrap_or_default();
    ons_http::decode(request.method, query, header, body, ons_http::Authentication::Required).expect("readable")
}

// ---- MQ HTTP -----------------------------------------------------------------------------------------------------------

fn mq_http_requests(table: &Table) {
    let (pair, message) = (pair(), message());
    let instance = Some("MQ_INST_1");
    let publish = mq_http::Publish { topic: "orders", instance, message: &message, marks_bodies: true };
    table.row("mq-http: write a publish", || publish.encode());
    let encoded = publish.encode();
    table.row("mq-http: sign a publish", || encoded.sign(&pair, NOW));
    let document = encoded.body.expect("a document");
    let read = || mq_http::decode_message(topic(), &document).expect("readable");
    assert_eq!(read().body, message.body, "what is measured is a whole request");
    table.row("mq-http: read a publish", read);

    let id = MessageId::parse(MESSAGE_ID).expect("an id");
    let published = mq_http::encode_published(&id, &mq_http::body_md5(&message.body));
    table.row("mq-http: read the answer to a publish", || mq_http::decode_published(published.as_bytes()));

    let deliveries = deliveries(16);
    let consumed = mq_http::encode_consumed(&deliveries);
    let read = || mq_http::decode_consumed(consumed.as_bytes()).expect("readable").deliveries;
    assert_eq!(read().len(), deliveries.len(), "every message is read");
    table.row("mq-http: write 16 messages", || mq_http::encode_consumed(&deliveries));
    table.row("mq-http: read 16 messages", read);

    let handles: Vec<_> = deliveries.into_iter().map(|delivery| delivery.handle).collect();
    let acknowledge = mq_http::Acknowledge { topic: "orders", group: "GID_orders", instance, handles: &handles };
    table.row("mq-http: write and sign an acknowledgement of 16", || acknowledge.encode().sign(&pair, NOW));
}

// ---- what is signed, written and read ----------------------------------------------------------------------------------

fn pair() -> Pair {
    let secret_key = Secret::new("secret-key-not-real".to_owned());
    Pair::new(&Credentials { access_key: "access-key".to_owned(), secret_key, security_token: None })
}

fn topic() -> Topic {
    Topic::parse("orders").expect("a topic")
}

fn body() -> Bytes {
    Bytes::from(vec![b'x'; BODY_BYTES])
}

fn message() -> Message {
    let mut message = Message::new(topic(), body());
    message.tag = Some(Tag::parse("paid").expect("a tag"));
    message.keys = vec![Key::parse("order-17").expect("a key")];
    message
}

fn deliveries(count: usize) -> Vec<Delivery> {
    let delivery = |index| Delivery {
        message_id: MessageId::parse(MESSAGE_ID).expect("an id"),
        handle: UpstreamHandle::parse(&format!("{MESSAGE_ID}-MTUwMzkwNzUxOTAwMCAyIDMw{index:08}")).expect("a handle"),
        body: body(),
        tag: Some("paid".to_owned()),
        keys: vec!["order-17".to_owned()],
        properties: Vec::new(),
        system_properties: Vec::new(),
        message_group: None,
        delivery_attempt: 1,
        published_at: NOW,
        deliver_at: None,
        first_delivered_at: Some(NOW),
        visible_again_at: NOW,
    };
    (0..count).map(delivery).collect()
}
