#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
cargo clippy --all-targets --locked -- -D warnings
