//! How the gateway asks its own embedded endpoint for what the ONS HTTP protocol does not have: how long what a consume takes
//! is hidden, and that a delivery is kept longer or given back.
//!
//! A consume carries the time in a header. A change of a delivery is a request of its own, `PUT` with that header: a method
//! that no other MQ of the protocol knows, so that whoever gets one by mistake refuses it, and neither acknowledges nor
//! delivers anything. No other MQ is sent either.

/// The header's name; its value is milliseconds as digits.
pub const VISIBILITY_MARK: &str = "mq-gateway-visibility";
