#!/usr/bin/env bash
# Tests that can fail: tests/mutants/run changes the files where a wrong line costs most, and their unit tests must notice. Areas may be
# named. Half an hour on two cores, and no part of `.ci/run` alone.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need python3 python3
cargo_tool cargo-mutants 27.1.0
PYTHONDONTWRITEBYTECODE=1 tests/mutants/run "$@"
