//! Files of `gateway` and `push`; all that they use is the library's.

#![allow(dead_code, unused_imports, missing_docs, reason = "what uses them is elsewhere")]

pub use mq_gateway::{config, context, model, signature, telemetry, upstream};

pub mod gateway {
    pub use mq_gateway::gateway::{GatewayError, GroupRoute, Routes};

    mod once_each;
    mod receipt_handle;
    #[cfg(test)]
    mod tests;

    use receipt_handle::ReceiptHandle;
}

pub mod push {
    pub mod retry_after;
    pub mod secrets;
    #[cfg(test)]
    mod tests;
}
