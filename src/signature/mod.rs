//! The vendors' signatures, and that of Standard Webhooks: pure, text and secret and time in, signature out.
//!
//! Intermediate results have names ([`StringToSign`]) and are compared first, so that a mismatch tells where it began.

mod credentials;
mod digest;
mod hmac_sha1;
pub mod mq_http;
pub mod ons_http;
mod pair;
pub mod rocketmq;
pub mod standard_webhooks;
#[cfg(test)]
mod tests;

pub use credentials::{Credentials, Secret};
pub use digest::body_md5_hex;
pub use hmac_sha1::{HexSignature, Signature, SigningKey, StringToSign};
pub use pair::Pair;
