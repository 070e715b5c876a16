//! The black-box suite: the real program, spoken to as callers, operators and MQ endpoints speak to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    clippy::format_push_string,
    clippy::let_underscore_must_use,
    let_underscore_drop,
    unreachable_pub,
    missing_docs,
    reason = "tests: a surprise is a failure, a table may be long, and nothing is exported"
)]

mod support;
