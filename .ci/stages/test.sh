#!/usr/bin/env bash
# The README's test command.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
export INSTA_UPDATE=no
cargo test --locked
