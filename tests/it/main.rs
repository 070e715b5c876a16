//! The black-box suite: the real program, used as callers, operators and MQ endpoints use it.
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

mod ack;
mod architecture;
mod batch;
mod broken_json;
mod caller_headers;
mod chaos;
mod cloud_events;
mod command_line;
mod content_types;
mod dead_letters;
mod discovery;
mod doctor;
mod dropin_counts;
mod dropin_mq_http;
mod dropin_ons_http;
mod dropin_polls;
mod dropin_properties;
mod dropin_refusals;
mod embedded_deliveries;
mod embedded_endpoint;
mod embedded_verbs;
mod end_to_end;
mod expect_continue;
mod failed_operations;
mod failing_disk;
mod field_errors;
mod files_of_configuration;
mod framing;
mod full_disk;
mod half_close;
mod hang_up;
mod hang_up_at_embedded;
mod idle_connections;
mod injection;
mod isolation;
mod management;
mod memory;
mod moved_clock;
mod mq_away;
mod mq_http_endpoint;
mod mq_http_upstream;
mod nack_and_extend;
mod named_files;
mod ons_http_upstream;
mod open_files;
mod origins;
mod paths;
mod people;
mod problems_page;
mod protocol_table;
mod publish;
mod push;
mod readme;
mod receive;
mod request_bytes;
#[cfg(feature = "rocketmq")]
mod rocketmq;
mod secret_leaks;
mod shared_polls;
mod shutdown;
mod sign;
mod size_limits;
mod slow_clients;
mod streams;
mod support;
mod tls_faults;
#[cfg(feature = "traces")]
mod traces;
mod unusable_keys;
mod upstream_faults;
mod upstream_retries;
