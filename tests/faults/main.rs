//! The fault suite: the real program under load while its MQ, its secrets and its own processes fail, and a check of what
//! was attempted, what was acknowledged and what the MQ applied.
//!
//! `cargo test --test faults` takes seconds. The same for ten minutes, with the seed of an earlier run:
//!
//! ```shell
//! MQ_GATEWAY_FAULT_SECONDS=600 MQ_GATEWAY_FAULT_SEED=4711 cargo test --release --test faults -- --test-threads 1
//! ```
//!
//! One test counts kills, three by default: `MQ_GATEWAY_FAULT_KILLS=100 cargo test --test faults kills -- --nocapture`.
//!
//! A run prints its seed when it fails (always with `--nocapture`). The seed decides bodies, which fault meets which
//! attempt, and when the endpoint goes away or freezes; the threads' interleaving stays the machine's own.
//!
//! The parts: [`oracle`] is the MQ and its memory, [`plan`] what it does to a request, [`driver`] the callers,
//! [`invariants`] what must hold, [`canary`] the search for secrets, [`balancer`] what distributes load over two gateways.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    clippy::format_push_string,
    clippy::let_underscore_must_use,
    let_underscore_drop,
    unreachable_pub,
    missing_docs,
    reason = "tests: a surprise is a failure, a table may be long, and nothing is exported"
)]

mod balancer;
mod canary;
mod driver;
mod invariants;
mod key_rotation;
mod key_state;
mod kills;
mod memory;
mod mounted_secret;
mod mq_outage;
mod oracle;
mod plan;
mod process;
mod protections;
mod random;
mod random_faults;
mod rolling_restarts;
mod settings;
mod stalled_profile;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the black-box suite, which uses the rest")]
mod support;
