//! Files of `outbound` and `upstream`, with those of `upstream` that they share types with; all else is the library's.

#![allow(dead_code, unused_imports, missing_docs, reason = "what uses them is elsewhere")]

pub use mq_gateway::{change_report, clock, config, context, memory, protocol, random, signature, tasks, telemetry};

pub mod model {
    pub use mq_gateway::model::*;
    pub use words::Word;
    pub(crate) use words::words;

    mod words;
}

pub mod outbound {
    pub use breaker::{Breaker, BreakerSettings, CircuitChange, CircuitOpen, Permit, Verdict};
    pub use retry_budget::RetryBudget;

    mod breaker;
    mod retry_budget;
}

pub mod upstream {
    pub use acceptance::{Accepted, ConfiguredNames, Refused};
    pub use attempts::Attempted;
    pub use error::{UpstreamError, UpstreamErrorKind};
    pub use keys::{Keys, ReloadPolicy, Unchanged};
    pub use watch_keys::{KeyRecord, watch_keys};

    mod acceptance;
    mod attempts;
    mod error;
    mod keys;
    mod rocketmq {
        mod superseded;
    }
    mod watch_keys;
}
