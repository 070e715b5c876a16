//! The official Python client's own bytes, in both directions; metadata, ids and bodies by hand.

mod bodies;
mod deliveries;
mod message_ids;
mod metadata;
mod objections;
mod vectors;

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::limits::MAX_RECEIVE;
use crate::model::{Capabilities, Feature, Features, Message, OptionalFeatures, Protocol, ProtocolLimits, Topic};

const MESSAGE_ID: &str = "01A1B2C3D4E5F60F2B0B2A1C0000000007";
const HANDLE: &str = "3 1795938245000 30000 0 0 broker-a 2 17 4711";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../tests/fixtures/rocketmq5-vectors.json")).unwrap()
}

/// A serialised message of the fixture.
fn bytes(name: &str) -> Vec<u8> {
    let hex = vectors()["messages"][name].as_str().unwrap_or_else(|| panic!("no vector {name}")).to_owned();
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn message(body: impl Into<Bytes>) -> Message {
    Message::new(Topic::parse("T-normal").unwrap(), body.into())
}

fn able(max_message_bytes: usize) -> Capabilities {
    let limits = ProtocolLimits {
        max_message_bytes,
        max_receive_messages: MAX_RECEIVE,
        max_wait: Duration::from_secs(30),
        max_delay: Duration::from_secs(24 * 3600),
        visibility_timeouts: None,
    };
    let features = Features::NONE
        .with(Feature::Properties)
        .with(Feature::DelayedDelivery)
        .with(Feature::MessageGroups)
        .with(Feature::BinaryBodies);
    let optional = OptionalFeatures { features: Features::NONE, setting: "" };
    Capabilities { protocol: Protocol::RocketMq, limits, features, optional }
}
