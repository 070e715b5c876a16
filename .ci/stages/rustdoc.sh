#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked
