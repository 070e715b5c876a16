//! Two gateways before one MQ: a stream at one, acknowledgements at the other. Nothing is lost; a place is free when others may get
//! the message.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{SECOND, TARGET, ack, stream};
use crate::support::time::until;
use crate::support::{EventStream, Launch, Settings, TestApp};

/// A gateway whose MQ is the embedded endpoint of another one.
fn beside(app: &TestApp) -> TestApp {
    let credentials = app.embedded_credentials();
    let url = format!("http://{}", app.embedded_address());
    let settings = Settings::new().profile("visibility_timeout = \"3s\"");
    Launch::configured(&settings.text(&url)).secrets(&credentials).start()
}

fn embedded() -> TestApp {
    Launch::embedded().environment("MQ_GATEWAY__EMBEDDED__VISIBILITY_TIMEOUT", "3s").start()
}

#[test]
fn acknowledged_at_the_other_one_nothing_is_lost_and_the_stall_is_the_visibility_timeout() {
    const MESSAGES: usize = 12;
    let mq = embedded();
    let (streams_at, acks_at) = (beside(&mq), beside(&mq));
    let mut stream = EventStream::open(streams_at.data(), &format!("{TARGET}?max_in_flight=4"));
    for number in 0..MESSAGES {
        mq.publish("T", &number.to_string());
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let (mut longest, mut last) = (Duration::ZERO, Instant::now());
    while seen.len() < MESSAGES {
        let message = stream.message();
        longest = longest.max(last.elapsed());
        last = Instant::now();
        *seen.entry(message["body"].as_str().expect("a body").to_owned()).or_default() += 1;
        ack(&acks_at, &message);
    }
    eprintln!(
        "the stall of a stream whose acknowledgements go to another replica: {longest:?}, of a visibility timeout of 3 s"
    );
    assert!(longest >= SECOND * 2 && longest <= SECOND * 5, "{longest:?}");
    assert!(seen.values().all(|count| *count == 1), "acknowledged messages do not come again: {seen:?}");
    stream.assert_silent(SECOND * 4);
    // The control: acknowledged where it streams it stalls never.
    for number in 0..MESSAGES {
        mq.publish("T", &number.to_string());
    }
    let began = Instant::now();
    for _ in 0..MESSAGES {
        let message = stream.message();
        ack(&streams_at, &message);
    }
    assert!(began.elapsed() < SECOND * 3, "{:?}", began.elapsed());
}

/// How long a delivery is hidden is counted from its receipt: the MQ's clock may be far from the gateway's.
#[test]
fn a_clock_that_is_ahead_loses_nothing() {
    const HOUR: i64 = 3600;
    for protocol in ["ons-http", "mq-http"] {
        let mq = Launch::embedded().environment("MQ_GATEWAY__EMBEDDED__VISIBILITY_TIMEOUT", "60s").start();
        let settings = Settings::new().profile(&format!("protocol = \"{protocol}\""));
        let url = format!("http://{}", mq.embedded_address());
        let launch = Launch::configured(&settings.text(&url)).secrets(&mq.embedded_credentials());
        let app = launch.on_faulty_machine().start();
        for hours in [1, -1] {
            app.set_clock(hours * HOUR);
            // The first answer shows how far the clocks are apart.
            let receive = || app.post_json("/v1/topics/T/groups/CID_other/messages:receive", "{}").status == 200;
            until("the difference of the clocks to be known", || receive().then_some(()));
            let mut stream = stream(&app, 1);
            mq.publish("T", "1");
            mq.publish("T", "2");
            let first = stream.message();
            assert_eq!(first["delivery_attempt"], 1, "{protocol}, {hours}");
            stream.assert_silent(SECOND * 3);
            ack(&app, &first);
            ack(&app, &stream.message());
        }
    }
}

/// The process that is the MQ knows of every acknowledgement.
#[test]
fn a_stream_at_the_mq_itself_never_stalls() {
    let mq = Launch::embedded().start();
    let acks_at = beside(&mq);
    let mut stream = stream(&mq, 2);
    for number in 0..12 {
        mq.publish("T", &number.to_string());
    }
    let began = Instant::now();
    for _ in 0..12 {
        let message = stream.message();
        ack(&acks_at, &message);
    }
    assert!(began.elapsed() < SECOND * 4, "{:?}", began.elapsed());
}
