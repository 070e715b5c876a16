#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
cargo build --release --locked
ls -l target/release/mq-gateway
