#!/usr/bin/env bash
# Which lines and regions of src/ the unit tests run, for each room and in all; with `--test it`, those of the program from outside, too. A
# build of its own: ten minutes on two cores, and no part of `.ci/run` alone.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need python3 python3
cargo_tool cargo-llvm-cov 0.9.1
# LLVM reads what the same version wrote.
LLVM=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
need "llvm-cov-$LLVM" "llvm-$LLVM"
LLVM_COV=$(command -v "llvm-cov-$LLVM") LLVM_PROFDATA=$(command -v "llvm-profdata-$LLVM")
export LLVM_COV LLVM_PROFDATA
# What ran before is of other code.
cargo llvm-cov clean --profraw-only
cargo llvm-cov --locked --no-report --lib "$@"
cargo llvm-cov report --json --skip-functions --output-path "$WORK/coverage.json"
python3 .ci/coverage.py "$WORK/coverage.json"
