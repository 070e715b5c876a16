//! Files that need nothing else of the gateway but `model`.

#![allow(dead_code, unused_imports, missing_docs, reason = "what uses them is elsewhere")]

pub mod model;
pub mod retry_schedule;
pub mod signature;

mod embedded {
    mod handle;
}

mod http {
    mod api {
        mod compact;
    }
}

mod protocol {
    mod rocketmq {
        mod receipt_handle;
    }
}
