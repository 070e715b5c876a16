//! The published vectors of both protocols.

use serde_json::Value;

pub fn ons_http() -> Vec<Value> {
    read(include_str!("../../fixtures/ons-http-vectors.json"))
}

pub fn mq_http() -> Vec<Value> {
    read(include_str!("../../fixtures/mq-http-vectors.json"))
}

fn read(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).expect("vectors are JSON");
    file["vectors"].as_array().expect("vectors are an array").clone()
}
