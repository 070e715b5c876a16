//! What a consumer gets of a delivered message.

use prost::Message as _;

use super::super::wire::{self, ReceiveMessageResponse, Received};
use super::super::{Decoded, Handle, Unreadable, decode_delivery};
use super::{HANDLE, MESSAGE_ID, bytes, vectors};
use crate::model::{Delivery, MessageId, UnixMillis, UpstreamHandle};

const NOW: UnixMillis = UnixMillis(1_795_938_245_001);

fn delivered(name: &str) -> wire::Message {
    match ReceiveMessageResponse::decode(bytes(name).as_slice()).unwrap().content {
        Some(Received::Message(message)) => *message,
        other => panic!("{name} is {other:?}"),
    }
}

fn decoded(message: wire::Message) -> Result<Decoded, Unreadable> {
    decode_delivery(message, NOW, 4096)
}

#[test]
fn everything_that_the_server_tells() {
    let Decoded { delivery, digest_mismatch } = decoded(delivered("receive_message")).unwrap();
    let handle = Handle::new(MESSAGE_ID, HANDLE).unwrap();
    let expected = Delivery {
        message_id: MessageId::parse(MESSAGE_ID).unwrap(),
        handle: UpstreamHandle::parse(&handle.encode()).unwrap(),
        body: vectors()["body"].as_str().unwrap().to_owned().into(),
        tag: Some("TagA".to_owned()),
        keys: vec!["k1".to_owned(), "k2".to_owned()],
        properties: vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "zwei".to_owned())],
        system_properties: Vec::new(),
        message_group: None,
        deliver_at: None,
        delivery_attempt: 2,
        published_at: UnixMillis(1_795_938_240_456),
        first_delivered_at: None,
        visible_again_at: UnixMillis(1_795_938_275_000),
    };
    assert_eq!((delivery, digest_mismatch), (expected, false));
}

#[test]
fn a_body_that_is_not_the_one_of_its_digest_is_told() {
    let mut message = delivered("receive_message");
    message.body = "other".into();
    assert!(decoded(message.clone()).unwrap().digest_mismatch);
    // A digest that is not MD5 says nothing.
    let digest = message.system_properties.as_mut().unwrap().body_digest.as_mut().unwrap();
    digest.set_type(wire::DigestType::Crc32);
    assert!(!decoded(message).unwrap().digest_mismatch);
}

#[test]
fn a_compressed_body_is_unpacked_within_the_limit() {
    let delivery = decoded(delivered("receive_compressed")).unwrap().delivery;
    assert_eq!(delivery.body, vectors()["body"].as_str().unwrap().repeat(100));
    assert_eq!(decode_delivery(delivered("receive_compressed"), NOW, 899), Err(Unreadable));
}

#[test]
fn times_that_are_not_there() {
    let mut message = delivered("receive_message");
    let system = message.system_properties.as_mut().unwrap();
    system.store_timestamp = None;
    system.delivery_attempt = None;
    let delivery = decoded(message.clone()).unwrap().delivery;
    assert_eq!((delivery.published_at, delivery.delivery_attempt), (UnixMillis(1_795_938_240_123), 1));
    message.system_properties.as_mut().unwrap().born_timestamp = None;
    assert_eq!(decoded(message).unwrap().delivery.published_at, NOW);
}

#[test]
fn a_message_that_nobody_could_acknowledge_is_unreadable() {
    let check = |change: fn(&mut wire::SystemProperties)| {
        let mut message = delivered("receive_message");
        change(message.system_properties.as_mut().unwrap());
        assert_eq!(decoded(message), Err(Unreadable));
    };
    check(|system| system.message_id = String::new());
    check(|system| system.receipt_handle = None);
    check(|system| system.receipt_handle = Some("x".to_owned()));
    let none = wire::Message { system_properties: None, ..delivered("receive_message") };
    assert_eq!(decoded(none), Err(Unreadable));
}
