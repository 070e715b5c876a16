#!/usr/bin/env bash
# One version, one oldest Rust, one Cargo.lock: the same wherever they are said.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need git git
python3 .ci/versions.py
